//! The command line against a running daemon and the bundled agent.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::support::TestEnv;

#[test]
fn version_and_usage_need_no_daemon() {
    let env = TestEnv::new();
    let version = env.cmd(&["--version"]).ok();
    assert_eq!(version.stdout, format!("telecoder {}\n", env!("CARGO_PKG_VERSION")));
    env.cmd(&["frobnicate"]).exits(2);
    env.cmd(&["run", "--json"]).exits(2);
    for shell in ["bash", "zsh", "fish"] {
        assert!(env.cmd(&["completions", shell]).ok().stdout.contains("telecoder"));
    }
    assert!(!env.data().exists());
}

#[test]
fn a_session_lives_from_run_to_rm() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let run = env.cmd(&["run", "--name", "one", "hello"]).ok();
    assert_eq!(run.stdout, "one\n");
    env.wait_turn("one", "finished");
    let shown = env.wait_status("one", "idle");
    assert_eq!(
        (&shown["agent"], &shown["turn"]["state"]),
        (&"demo".into(), &"finished".into())
    );
    let list = env.cmd(&["list"]).ok().stdout;
    assert!(list.starts_with("NAME") && list.contains("one"), "{list}");

    env.cmd(&["send", "one", "and again"]).ok();
    let logs = env.wait_log("one", "and again");
    assert!(logs.contains("hello"), "{logs}");

    env.cmd(&["stop", "one"]).ok();
    env.cmd(&["stop", "one"]).ok();
    assert_eq!(env.status("one")["status"], "stopped");
    assert_eq!(env.json(&["list"]), serde_json::json!([]));
    assert_eq!(env.json(&["list", "--all"])[0]["name"], "one");

    env.cmd(&["resume", "one"]).ok();
    env.wait_status("one", "idle");
    env.cmd(&["stop", "one"]).ok();
    env.cmd(&["rm", "one"]).ok();
    env.cmd(&["status", "one"]).exits(3);
}

#[test]
fn names_prefixes_and_misspellings() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    env.cmd(&["run", "--name", "fix-login", "hello"]).ok();
    let id = env.status("fix-login")["id"].as_str().expect("an id").to_owned();
    assert_eq!(env.status(&id[..4])["name"], "fix-login");
    let unknown = env.cmd(&["status", "fix-logn"]).exits(3);
    assert!(unknown.stderr.contains("fix-login"), "{unknown:#?}");
    let taken = env.cmd(&["run", "--name", "fix-login", "hello"]).exits(4);
    assert!(taken.stderr.contains("telecoder send fix-login"), "{taken:#?}");
}

#[test]
fn prompts_come_from_arguments_or_stdin_and_are_never_empty() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    env.cmd(&["run", ""]).exits(2);
    env.cmd_with_stdin(&["run", "-"], b" \n").exits(2);
    env.cmd_with_stdin(&["run", "--name", "s", "-"], b"line one\nline two")
        .ok();
    let turns = env.http().get("/v1/sessions/s/turns").json();
    assert_eq!(turns[0]["text"], "line one\nline two");
    env.cmd_with_stdin(&["send", "s"], b"piped").ok();
    env.cmd_with_stdin(&["send", "s"], b"\xff\xfe").exits(2);
}

#[test]
fn a_caller_in_a_repository_is_told_how_to_work_on_it() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let repo = env.git_repo("repo");
    let run = env.cmd_in(&repo, &["run", "--name", "desk", "hello"]).ok();
    assert!(run.stderr.contains("--repo"), "{run:#?}");
    let run = env
        .cmd_in(&repo, &["run", "--name", "in-repo", "--repo", ".", "hello"])
        .ok();
    assert!(!run.stderr.contains("--repo"), "{run:#?}");
    let shown = env.status("in-repo");
    assert!(
        shown["repo"].as_str().is_some_and(|path| path.ends_with("/repo")),
        "{shown:#}"
    );
}

#[test]
fn run_wait_returns_with_the_end_of_the_first_turn() {
    let env = TestEnv::new();
    let done = env
        .cmd(&["run", "--wait", "--name", "w", "hello", "--json"])
        .ok()
        .json();
    assert_eq!(
        (&done["turn"]["state"], &done["session"]["name"]),
        (&"finished".into(), &"w".into())
    );
}

#[test]
fn what_agents_print_cannot_reach_the_terminal_of_the_reader() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    env.cmd(&["run", "--name", "s", "hello"]).ok();
    env.wait_turn("s", "finished");
    for args in [&["screen", "s"][..], &["logs", "s"], &["status", "s"], &["messages"]] {
        let shown = env.cmd(args).ok().stdout;
        assert!(
            shown.chars().all(|c| c == '\n' || c == '\t' || !c.is_control()),
            "{args:?}: {shown:?}"
        );
    }
    let raw = env.cmd(&["logs", "--raw", "s"]).ok().stdout;
    assert!(raw.contains('\u{1b}'), "a pipe gets the terminal's own bytes");
}

#[test]
fn attach_prints_a_command_where_there_is_no_terminal() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    env.cmd(&["run", "--name", "s", "hello"]).ok();
    env.wait_status("s", "idle");
    let printed = env.cmd(&["attach", "s"]).ok().stdout;
    assert!(printed.contains(&env.tmux_sock().display().to_string()), "{printed}");
    env.cmd(&["stop", "s"]).ok();
    let ended = env.cmd(&["attach", "s"]).exits(4);
    assert!(ended.stderr.contains("telecoder resume s"), "{ended:#?}");
}

#[test]
fn a_follower_sees_what_happens_and_survives_a_restart() {
    let env = TestEnv::new();
    let daemon = env.serve();
    let mut follower = env
        .telecoder(&["events", "-f", "--after", "0", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("a follower");
    let mut lines = BufReader::new(follower.stdout.take().expect("its stdout")).lines();
    let mut next = || -> serde_json::Value {
        let line = lines.next().expect("a line").expect("text");
        serde_json::from_str(&line).expect("JSON")
    };
    let first = next();
    assert_eq!(first["type"], "daemon.started");
    let _daemon = daemon.restart(&env);
    let mut last = first["seq"].as_i64().expect("a number");
    loop {
        let event = next();
        let seq = event["seq"].as_i64().expect("a number");
        assert_eq!(seq, last + 1, "no gap and no repeat");
        last = seq;
        if event["type"] == "daemon.started" {
            break;
        }
    }
    follower.kill().expect("ending the follower");
    follower.wait().expect("its end");
}

#[test]
fn a_reader_that_has_had_enough_is_no_error() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let mut child = env
        .telecoder(&["events", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a command");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("its end");
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}
