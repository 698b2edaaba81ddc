//! A reply's way out: the process that the agent starts, and the request that reaches the Bot API.

use std::process::Command;
use std::time::Instant;

use serde_json::Value;

use crate::api;
use crate::floor::{run, static_program};
use crate::report::Report;
use crate::rig::{CHATS, Rig};
use crate::stats::Samples;
use crate::support::{TestEnv, WAIT_LIMIT};

const SAMPLES: usize = 100;
const SENDS: usize = 60;
const WARM_UP: usize = 5;
/// The best program of this kind that was measured on such a machine: the agent's reply to the request.
const FIELD_MS: f64 = 270.0;

pub fn measure(rig: &Rig, report: &mut Report) {
    process(rig, report);
    to_the_bot_api(rig, report);
}

/// A mailbox that nobody reads, so that nothing else runs.
fn process(rig: &Rig, report: &mut Report) {
    let mail = rig.env.root().join("mail");
    for part in ["tmp", "new", "att", "answers"] {
        std::fs::create_dir_all(mail.join(part)).expect("a mailbox");
    }
    let program = static_program(rig.env.root());
    let [mut figure, mut floor, mut start] = <[Samples; 3]>::default();
    for number in 0..SAMPLES + WARM_UP {
        let floor_took = run(Command::new(&program).arg(&mail).arg(format!("floor-{number}")));
        let mut notify = rig
            .env
            .telecoder(&["notify", "The tests pass now; the branch is pushed."]);
        notify
            .env("TELECODER_SESSION", "abcdefghij23")
            .env("TELECODER_LAUNCH", "1")
            .env("TELECODER_MAILBOX", &mail);
        let took = run(&mut notify);
        let start_took = run(&mut rig.env.telecoder(&["--version"]));
        if number >= WARM_UP {
            floor.push(floor_took);
            figure.push(took);
            start.push(start_took);
        }
    }
    report.heading("`telecoder notify`: the process from its start to its end");
    let floor_is = "a static program: start, write, fsync, rename, fsync";
    report.against("`telecoder notify TEXT`", &figure, floor_is, &floor, 2.0);
    report.figure("for comparison, `telecoder --version`", &start);
}

fn to_the_bot_api(rig: &Rig, report: &mut Report) {
    let mut samples = Samples::default();
    for number in 0..SENDS + WARM_UP {
        let chat = CHATS[number % CHATS.len()];
        let session = api::wait_idle(&rig.socket(), &Rig::chat_session(chat));
        let text = format!("reply-{number}-end");
        let mut notify = notify_of(&rig.env, &session, &text);
        let began = Instant::now();
        run(&mut notify);
        let sent = rig.fake.wait_for_send(WAIT_LIMIT, |sent| sent.text.contains(&text));
        if number >= WARM_UP {
            samples.push(sent.at - began);
        }
        std::thread::sleep(PACE);
    }
    report.heading("a reply: `telecoder notify` started → its `sendMessage` at the Bot API (two fsyncs, two commits)");
    report.figure("`notify` started → sendMessage received", &samples);
    report.at_most(
        "reply → API call, median (half of the field's best)",
        samples.quantile(0.5),
        FIELD_MS / 2.0,
        "ms",
    );
}

/// The bot may speak once a second in a chat; with [`CHATS`] taking turns, nobody has to wait.
const PACE: std::time::Duration = std::time::Duration::from_millis(150);

/// As the session's own agent would say it: the agent's native id vouches for the letter.
fn notify_of(env: &TestEnv, session: &Value, text: &str) -> Command {
    let id = session["id"].as_str().expect("an id");
    let launch = session["launch"].to_string();
    let mail = env
        .data()
        .join("sessions")
        .join(id)
        .join("launches")
        .join(&launch)
        .join("mail");
    let mut command = env.telecoder(&["notify", text]);
    command
        .env("TELECODER_SESSION", id)
        .env("TELECODER_LAUNCH", launch)
        .env("TELECODER_MAILBOX", mail)
        .env(
            "TELECODER_NATIVE_ID",
            session["nativeId"].as_str().expect("a native id"),
        );
    command
}
