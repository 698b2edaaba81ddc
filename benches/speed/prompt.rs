//! A prompt's way in: from the stored update to the bytes in the terminal, and from the Bot API to Enter in the agent.

use std::path::PathBuf;
use std::time::{Instant, SystemTime};

use serde_json::Value;

use crate::api;
use crate::floor::{Database, Pane};
use crate::report::Report;
use crate::rig::{CHATS, READER, READER_CHAT, Rig};
use crate::stats::Samples;
use crate::support::eventually;

const SAMPLES: usize = 60;
/// Taken first and thrown away: caches, connections, lazily made things.
const WARM_UP: usize = 5;
/// The best program of this kind that was measured on such a machine: update to submitted.
const FIELD_MS: f64 = 34.0;

pub fn measure(rig: &Rig, report: &mut Report) {
    into_the_terminal(rig, report);
    from_telegram(rig, report);
    to_enter(rig, report);
}

/// A prompt of 200 bytes that nobody else sends.
fn text(token: &str) -> String {
    format!("{token} {:a<180}", "")
}

fn into_the_terminal(rig: &Rig, report: &mut Report) {
    let (socket, database) = (rig.socket(), Database::open(&rig.env.root().join("floor.db")));
    let mut pane = Pane::open(rig);
    let [
        mut floor,
        mut floor_of_two,
        mut from_answer,
        mut from_stamp,
        mut commits,
    ] = <[Samples; 5]>::default();
    for number in 0..SAMPLES + WARM_UP {
        let token = format!("floor-{number}-end");
        let began = Instant::now();
        database.commit(&text(&token));
        let committed = began.elapsed();
        let floor_took = pane.paste(&text(&token), &token) - began;

        let token = format!("prompt-{number}-end");
        api::wait_idle(&socket, READER);
        let answered = api::prompt(&socket, READER, &text(&token));
        let arrived = rig.tap.arrival(&token);
        if number < WARM_UP {
            continue;
        }
        commits.push(committed);
        floor.push(floor_took);
        floor_of_two.push(floor_took + committed);
        // The bytes may be there before the answer was read: then no time passed.
        from_answer.push(arrived.saturating_duration_since(answered.answered_at));
        from_stamp.push(arrived - answered.created_at());
    }
    report.heading("a prompt: stored → read from its terminal by the program in it (custom agent, 200 bytes)");
    report.against(
        "the API's answer (after its commit) → bytes in the pty",
        &from_answer,
        "one FULL commit + load and paste by a control client",
        &floor,
        2.0,
    );
    report.against(
        "the inbox transaction's begin → bytes in the pty",
        &from_stamp,
        "two FULL commits + load and paste by a control client",
        &floor_of_two,
        2.0,
    );
    report.figure("of the floor, the commit", &commits);
}

fn from_telegram(rig: &Rig, report: &mut Report) {
    let mut samples = Samples::default();
    for number in 0..SAMPLES + WARM_UP {
        api::wait_idle(&rig.socket(), READER);
        let token = format!("update-{number}-end");
        let began = Instant::now();
        rig.fake.push_text(READER_CHAT, READER_CHAT, &text(&token));
        let took = rig.tap.arrival(&token) - began;
        if number >= WARM_UP {
            samples.push(took);
        }
    }
    report.heading("a prompt: from the Bot API (a poll waits there), with both commits and every look at the screen");
    report.figure("update given to the Bot API → bytes in the pty", &samples);
}

/// The bundled agent stamps its record of a prompt as the first thing after Enter.
fn to_enter(rig: &Rig, report: &mut Report) {
    let mut samples = Samples::default();
    for number in 0..SAMPLES + WARM_UP {
        let chat = CHATS[number % CHATS.len()];
        let session = api::wait_idle(&rig.socket(), &Rig::chat_session(chat));
        let token = format!("enter-{number}-end");
        let began = SystemTime::now();
        rig.fake.push_text(chat, chat, &format!("demo: say {token}"));
        let entered = entered_at(&transcript(rig, &session), &token);
        if number >= WARM_UP {
            samples.push(entered.duration_since(began).expect("the clock goes forward"));
        }
    }
    report.figure("update given to the Bot API → Enter in the agent", &samples);
    report.at_most(
        "update → submitted, median (half of the field's best)",
        samples.quantile(0.5),
        FIELD_MS / 2.0,
        "ms",
    );
}

fn transcript(rig: &Rig, session: &Value) -> PathBuf {
    let (id, native) = (&session["id"], &session["nativeId"]);
    let of = |value: &Value| value.as_str().expect("a text").to_owned();
    let dir = rig.env.data().join("sessions").join(of(id));
    dir.join("demo").join(format!("{}.jsonl", of(native)))
}

fn entered_at(transcript: &std::path::Path, token: &str) -> SystemTime {
    eventually("the agent records the prompt", || {
        let text = std::fs::read_to_string(transcript).ok()?;
        let record: Value =
            text.lines()
                .filter_map(|line| serde_json::from_str(line).ok())
                .find(|record: &Value| {
                    record["type"] == "prompt" && record["text"].as_str().is_some_and(|text| text.contains(token))
                })?;
        let at: telecoder::domain::Timestamp = record["at"].as_str()?.parse().ok()?;
        Some(at.into())
    })
}
