//! The daemon is killed at every named hop and at seeded moments: no prompt is lost or doubled, no reply is lost, no repeat is
//! unmarked, and the agents never notice. The judges are the agents' own transcripts and the fake Telegram, not our database.

#![expect(clippy::print_stdout, reason = "seeds and times belong to a test's report")]

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;

use crate::delivery::{transcript, wait_until_quiet};
use crate::fakes::telegram::FakeTelegram;
use crate::support::{Daemon, TestEnv, WAIT_LIMIT, eventually};
use crate::telegram::Rig;

/// Kills in the long test; each is in the middle of one message and its reply.
const KILLS: u64 = 50;
const CHATS: [i64; 3] = [7, 8, 9];
/// The mark of a message that may have been sent before.
const REPEAT_MARK: &str = "possibly repeated";

/// xorshift64*: a kill's moment from its seed.
fn moment(seed: u64, below_ms: u64) -> Duration {
    let mut x = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    Duration::from_millis(x.wrapping_mul(0x2545_F491_4F6C_DD1D) % below_ms)
}

/// A daemon that dies at a hop, and has died when this returns. `act` is what leads it there.
pub fn die_at(env: &TestEnv, hop: &str, act: impl FnOnce()) {
    let mut daemon = Daemon::spawn_with(env, &[("TELECODER_FAILPOINT", hop)]);
    eventually("the daemon answers, or is dead", || {
        (std::os::unix::net::UnixStream::connect(env.api_sock()).is_ok() || daemon.has_ended()).then_some(())
    });
    act();
    let status = daemon.wait();
    assert!(!status.success(), "the daemon must die at {hop}: {status}");
}

/// The pid of the agent's pane, which changes with every launch.
fn pane_pid(env: &TestEnv, session: &Value) -> String {
    let pane = session["tmux"]["paneId"].as_str().expect("a pane").to_owned();
    env.tmux(&["display-message", "-p", "-t", &pane, "#{pane_pid}"])
        .ok()
        .stdout
}

#[test]
fn a_prompt_survives_a_kill_at_every_hop_of_its_way() {
    for hop in ["I3", "I4", "I5", "I6", "I7", "I8", "O1", "O2"] {
        let env = TestEnv::new();
        let daemon = env.serve();
        env.cmd(&["run", "--name", "s", "--wait", "first"]).ok();
        let before = pane_pid(&env, &env.status("s"));
        daemon.stop();
        die_at(&env, hop, || {
            // The request is durable, or the caller is told that it may not be; it is sent again under its own key then.
            env.cmd(&["send", "s", "second"]).ok();
        });
        let _daemon = env.serve();
        let session = wait_until_quiet(&env, "s");
        assert_eq!(transcript(&env, &session), ["first", "second"], "killed at {hop}");
        let replies = env
            .cmd(&["logs", "s"])
            .ok()
            .stdout
            .matches("demo: got 6 bytes, sha256")
            .count();
        // Each reply stands in the log as the message and as the turn's last words.
        assert_eq!(replies, 2, "killed at {hop}: {}", env.cmd(&["logs", "s"]).stdout);
        assert_eq!(pane_pid(&env, &session), before, "killed at {hop}: the agent noticed");
    }
}

#[test]
fn a_session_survives_a_kill_at_every_hop_of_its_start() {
    for hop in ["S1", "S2", "S3", "S4"] {
        let env = TestEnv::new();
        let repo = env.git_repo("repo");
        die_at(&env, hop, || {
            env.cmd(&["run", "--name", "s", "--repo", repo.to_str().expect("a path"), "first"])
                .ok();
        });
        let _daemon = env.serve();
        let session = wait_until_quiet(&env, "s");
        assert_eq!(transcript(&env, &session), ["first"], "killed at {hop}");
        assert_eq!(session["launch"], 1, "killed at {hop}");
        let windows = env.tmux(&["list-windows", "-F", "#{window_name}"]).ok().stdout;
        assert_eq!(
            windows.lines().filter(|name| *name == "s").count(),
            1,
            "killed at {hop}: {windows}"
        );
    }
}

/// Between the hops S3 and S4 the launch directory is made, part by part.
#[test]
fn a_launch_directory_that_is_half_made_is_completed() {
    for parts in [
        &["ctl"][..],
        &["mail", "mail/tmp"],
        &["ctl", "mail"],
        &["ctl", "mail", "mail/tmp", "mail/new"],
    ] {
        let env = TestEnv::new();
        die_at(&env, "S3", || {
            env.cmd(&["run", "--name", "s", "first"]).ok();
        });
        let sessions = env.data().join("sessions");
        let session = std::fs::read_dir(sessions)
            .expect("sessions")
            .flatten()
            .next()
            .expect("one");
        let launch = session.path().join("launches/1");
        std::fs::create_dir_all(&launch).expect("its directory");
        for part in parts {
            std::fs::create_dir(launch.join(part)).expect("a part of it");
        }
        let _daemon = env.serve();
        let session = wait_until_quiet(&env, "s");
        assert_eq!(transcript(&env, &session), ["first"], "{parts:?}");
    }
}

#[test]
fn an_end_survives_a_kill_at_every_hop_of_it() {
    for (hop, prompt, ended) in [("S6", "stay", "stopped"), ("S7", "demo: exit 3", "failed")] {
        let env = TestEnv::new();
        let daemon = env.serve();
        env.cmd(&["run", "--name", "s", "--wait", "first"]).ok();
        daemon.stop();
        die_at(&env, hop, || {
            if ended == "stopped" {
                env.cmd(&["stop", "s"]);
            } else {
                env.cmd(&["send", "s", prompt]).ok();
            }
        });
        let _daemon = env.serve();
        let session = env.wait_status("s", ended);
        if ended == "failed" {
            assert_eq!(session["exit"]["code"], 3, "{session}");
        }
    }
}

#[test]
fn kills_at_seeded_moments_lose_and_double_nothing() {
    let mut rig = Rig::with_chats(&CHATS);
    rig.env.set_env("TELECODER_TEST_PACE", "50");
    let mut pids: HashMap<String, String> = HashMap::new();
    {
        let _daemon = rig.serve();
        for chat in CHATS {
            rig.fake.push_text(chat, chat, &format!("hello from {chat}"));
        }
        eventually("three sessions are idle", || {
            let sessions = rig.sessions();
            (sessions.len() == CHATS.len() && sessions.iter().all(|s| s["status"] == "idle")).then_some(())
        });
        rig.quiet();
        for session in rig.sessions() {
            pids.insert(
                session["name"].to_string(),
                pane_pid(&rig.env, &rig.env.status(session["name"].as_str().expect("a name"))),
            );
        }
    }
    for seed in 1..=KILLS {
        let chat = CHATS[seed as usize % CHATS.len()];
        let wait = moment(seed, 600);
        println!("seed {seed}: killed after {wait:?}");
        rig.fake
            .push_text(chat, chat, &format!("message {seed}\ndemo: notify note {seed} end"));
        let daemon = Daemon::spawn(&rig.env, &[]);
        std::thread::sleep(wait);
        daemon.kill();
    }
    let _daemon = rig.serve();
    rig.fake.wait_until_confirmed(WAIT_LIMIT);
    for session in rig.sessions() {
        let name = session["name"].as_str().expect("a name");
        let shown = wait_until_quiet(&rig.env, name);
        assert_eq!(
            pane_pid(&rig.env, &shown),
            pids[&session["name"].to_string()],
            "the agent of {name} noticed"
        );
    }
    check_prompts(&rig);
    check_notes(&rig.fake);
}

/// Every message is in exactly one transcript, once, and in its chat's order.
fn check_prompts(rig: &Rig) {
    let mut all = Vec::new();
    for session in rig.sessions() {
        let prompts = transcript(&rig.env, &session);
        let numbers: Vec<u64> = prompts
            .iter()
            .filter_map(|prompt| number_after(prompt, "message "))
            .collect();
        assert!(numbers.is_sorted(), "out of order: {numbers:?}");
        all.extend(numbers);
    }
    all.sort_unstable();
    assert_eq!(all, (1..=KILLS).collect::<Vec<_>>());
}

/// Every note reached its own chat; a repeat is marked.
fn check_notes(fake: &FakeTelegram) {
    for seed in 1..=KILLS {
        let chat = CHATS[seed as usize % CHATS.len()];
        let part = format!("note {seed} end");
        fake.wait_for_send(WAIT_LIMIT, |sent| sent.text.contains(&part));
        let sent: Vec<_> = fake
            .sent()
            .into_iter()
            .filter(|sent| sent.text.contains(&part))
            .collect();
        assert!(
            sent.iter().all(|sent| sent.chat_id == chat),
            "in the wrong chat: {sent:#?}"
        );
        let unmarked = sent.iter().filter(|sent| !sent.text.contains(REPEAT_MARK)).count();
        assert!(unmarked <= 1, "a repeat without its mark: {sent:#?}");
    }
    assert_eq!(fake.violations(), Vec::<String>::new());
}

fn number_after(text: &str, word: &str) -> Option<u64> {
    text.lines().next()?.strip_prefix(word)?.parse().ok()
}
