//! What outlives what: agents the daemon, conversations tmux, queues both.

#![expect(clippy::print_stdout, reason = "seeds and times belong to a test's report")]

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::delivery::{transcript, wait_until_quiet};
use crate::support::{TestEnv, eventually, eventually_within, of_session, signal};

/// Sessions that live through the daemon's stop.
const SESSIONS: usize = 20;
/// "Status is the truth within two seconds."
const TRUTH_LIMIT: Duration = Duration::from_secs(2);

fn sessions(env: &TestEnv) -> Vec<Value> {
    env.json(&["list", "--all"]).as_array().cloned().unwrap_or_default()
}

fn config(max: usize) -> String {
    format!("default_agent = \"demo\"\nmax_active_sessions = {max}\n")
}

#[test]
fn twenty_sessions_outlive_the_daemon() {
    let env = TestEnv::new();
    env.write_config(&config(SESSIONS));
    let daemon = env.serve();
    for i in 0..SESSIONS {
        let prompt = if i % 4 == 0 { "demo: hang" } else { "hello" };
        env.cmd(&["run", "--name", &format!("s{i}"), prompt]).ok();
    }
    let settled = |sessions: &[Value]| {
        sessions.iter().enumerate().all(|(i, s)| match i % 4 {
            0 => s["status"] == "working",
            // An agent that is idle before its prompt was typed has not settled.
            _ => s["status"] == "idle" && s["turn"]["state"] == "finished",
        })
    };
    eventually("all sessions have settled", || settled(&sessions(&env)).then_some(()));
    let before = env
        .tmux(&["list-panes", "-a", "-F", "#{pane_id} #{pane_pid}"])
        .ok()
        .stdout;
    daemon.stop();
    let daemon = env.serve();
    assert!(settled(&sessions(&env)), "{:#?}", sessions(&env));
    let daemon = daemon.restart(&env);
    assert!(settled(&sessions(&env)), "{:#?}", sessions(&env));
    assert_eq!(
        env.tmux(&["list-panes", "-a", "-F", "#{pane_id} #{pane_pid}"])
            .ok()
            .stdout,
        before
    );
    env.cmd(&["send", "s1", "still there?"]).ok();
    let session = wait_until_quiet(&env, "s1");
    assert_eq!(transcript(&env, &session), ["hello", "still there?"]);
    drop(daemon);
}

#[test]
fn an_end_while_the_daemon_is_down_is_known_exactly() {
    let env = TestEnv::new();
    let daemon = env.serve();
    for (name, prompt) in [
        ("code", "demo: sleep 1s\ndemo: exit 7"),
        ("good", "demo: sleep 1s\ndemo: exit 0"),
        ("signal", "demo: sleep 1s\ndemo: crash SEGV"),
    ] {
        env.cmd(&["run", "--name", name, prompt]).ok();
        env.wait_status(name, "working");
    }
    daemon.kill();
    eventually("every agent has ended", || {
        let panes = env.tmux(&["list-windows", "-F", "#{window_name}"]).stdout;
        (panes.lines().count() <= 1).then_some(())
    });
    let _daemon = env.serve();
    let code = env.wait_status("code", "failed");
    assert_eq!(code["exit"]["code"], 7);
    env.wait_status("good", "complete");
    let signal = env.wait_status("signal", "failed");
    assert_eq!(signal["exit"]["signal"], 11);
}

#[test]
fn a_notify_while_the_daemon_is_down_is_delivered_after() {
    let env = TestEnv::new();
    let daemon = env.serve();
    env.cmd(&["run", "--name", "s", "demo: sleep 1s\ndemo: notify said in the dark"])
        .ok();
    env.wait_status("s", "working");
    daemon.kill();
    let mail = env.data().join("sessions");
    eventually("the letter lies in the mailbox", || {
        let mut found = env.program("find");
        found.args([mail.to_str()?, "-path", "*/mail/new/*.json"]);
        let found = env.finish(found, &["find"], None).stdout;
        (found.lines().count() >= 2).then_some(())
    });
    let _daemon = env.serve();
    env.wait_log("s", "said in the dark");
}

#[test]
fn when_tmux_dies_status_is_true_within_two_seconds_and_resume_brings_the_conversation_back() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    for name in ["a", "b", "c"] {
        env.cmd(&["run", "--name", name, "--wait", "remember the number 41"])
            .ok();
    }
    let native = env.status("a")["nativeId"].clone();
    env.tmux(&["kill-server"]);
    let killed = Instant::now();
    eventually_within(TRUTH_LIMIT, "nobody is shown as alive", || {
        sessions(&env).iter().all(|s| s["status"] == "failed").then_some(())
    });
    println!("true after {:?}", killed.elapsed());
    let shown = env.status("a");
    assert_eq!(shown["exit"]["cause"], "terminal_lost", "{shown}");
    env.cmd(&["resume", "a"]).ok();
    env.wait_status("a", "idle");
    env.cmd(&["send", "a", "which number?"]).ok();
    let shown = wait_until_quiet(&env, "a");
    assert_eq!(shown["nativeId"], native);
    assert_eq!(shown["launch"], 2);
    assert_eq!(transcript(&env, &shown), ["remember the number 41", "which number?"]);
}

#[test]
fn a_killed_tmux_server_is_seen_as_well() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    env.cmd(&["run", "--name", "s", "--wait", "hello"]).ok();
    let pid = env.tmux(&["display-message", "-p", "#{pid}"]).ok().stdout;
    signal(pid.trim().parse().expect("a process id"), Signal::KILL);
    eventually_within(TRUTH_LIMIT, "the session is shown as failed", || {
        (env.status("s")["status"] == "failed").then_some(())
    });
    // The next session has a server again.
    env.cmd(&["run", "--name", "t", "--wait", "hello"]).ok();
}

#[test]
fn a_killed_shim_ends_its_agent_and_is_told() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    env.cmd(&["run", "--name", "s", "--wait", "hello"]).ok();
    let session = env.status("s");
    let shim = crate::adversity::shim_record(&env, &session);
    let agent = shim["agent"]["pid"].to_string();
    let shim = shim["shim"]["pid"].as_u64().expect("the shim's process");
    signal(u32::try_from(shim).expect("a process id"), Signal::KILL);
    env.wait_status("s", "lost");
    // Where process 1 does not reap, a zombie may stay of it.
    let stat = std::fs::read_to_string(format!("/proc/{agent}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next());
    assert!(matches!(state, None | Some("Z")), "the agent outlived its shim: {stat}");
}

#[test]
fn a_stop_ends_the_whole_tree_and_may_be_repeated() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    env.cmd(&["run", "--name", "s", "demo: spawn-orphan sleep 1000\ndemo: hang"])
        .ok();
    env.wait_status("s", "working");
    env.cmd(&["stop", "s"]).ok();
    let shown = env.status("s");
    assert_eq!(shown["status"], "stopped", "{shown}");
    env.cmd(&["stop", "s"]).ok();
    // Its log writer reads to the end of what the pane said; nobody waits for it.
    let id = shown["id"].as_str().expect("an id");
    eventually("no process of the session is left", || {
        of_session(id).is_empty().then_some(())
    });
}

#[test]
fn queued_sessions_start_in_order_when_a_slot_is_free() {
    let env = TestEnv::new();
    env.write_config(&config(2));
    let _daemon = env.serve();
    for name in ["a", "b", "c", "d"] {
        env.cmd(&["run", "--name", name, "hello"]).ok();
    }
    env.wait_status("a", "idle");
    env.wait_status("b", "idle");
    assert_eq!(env.status("c")["status"], "queued");
    assert_eq!(env.status("d")["status"], "queued");
    env.cmd(&["stop", "b"]).ok();
    env.wait_status("c", "idle");
    assert_eq!(env.status("d")["status"], "queued");
    env.cmd(&["stop", "d"]).ok();
    assert_eq!(env.status("d")["status"], "stopped");
}
