//! `run --wait`, replies, questions, keys, interrupts: a turn as the command line shows it.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::support::{TestEnv, eventually};

#[test]
fn wait_prints_what_the_agent_said() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let run = env
        .cmd(&["run", "--wait", "--name", "s", "demo: notify the answer is 42"])
        .ok();
    assert_eq!(run.stdout, "the answer is 42\n");
    let messages = env.json(&["messages", "--unread"]);
    assert_eq!(messages.as_array().map(Vec::len), Some(1), "{messages:#}");
    assert_eq!(messages[0]["text"], "the answer is 42");
    assert_eq!(
        env.json(&["messages", "--unread"]),
        serde_json::json!([]),
        "each is shown once"
    );
    assert_eq!(env.json(&["messages"])[0]["text"], "the answer is 42");
}

#[test]
fn wait_ends_with_20_when_the_session_fails() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let failed = env
        .cmd(&["run", "--wait", "--name", "s", "demo: exit 3", "--json"])
        .exits(20);
    assert_eq!(failed.json_error()["kind"], "session_failed");
    assert_eq!(failed.json()["session"]["exit"]["code"], 3);
    let shown = env.status("s");
    assert_eq!(
        (&shown["status"], &shown["tmux"]),
        (&"failed".into(), &serde_json::Value::Null)
    );
}

#[test]
fn wait_ends_with_21_at_a_dialog_and_keys_answer_it() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let asked = env.cmd(&["run", "--wait", "--name", "s", "demo: ask may I?"]).exits(21);
    assert!(asked.stderr.contains("telecoder keys s"), "{asked:#?}");
    assert_eq!(env.status("s")["status"], "needs_input");
    let typed = env.cmd(&["send", "s", "this would answer it"]).exits(4);
    assert!(typed.stderr.contains("hint:"), "{typed:#?}");
    env.cmd(&["keys", "s", "Enter"]).ok();
    env.wait_turn("s", "finished");
    env.cmd(&["keys", "s", "NoSuchKey"]).exits(2);
}

#[test]
fn an_answer_reaches_the_agent_that_asked() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let file = env.root().join("answer");
    let prompt = format!(
        "demo: sh telecoder notify --ask 'which one?' --timeout 50s > {}",
        file.display()
    );
    let asked = env.cmd(&["run", "--wait", "--name", "s", &prompt]).exits(21);
    assert!(
        asked.stderr.contains("which one?") && asked.stderr.contains("telecoder answer s"),
        "{asked:#?}"
    );
    let ask = env.status("s")["asks"][0]["id"].as_str().expect("an id").to_owned();
    env.cmd(&["answer", "s", ""]).exits(2);
    env.cmd(&["answer", "s", "the left one"]).ok();
    env.wait_turn("s", "finished");
    assert_eq!(std::fs::read_to_string(&file).expect("the answer"), "the left one\n");
    env.cmd(&["answer", "s", "too late"]).exits(4);
    env.cmd(&["answer", &ask, "too late"]).exits(4);
}

#[test]
fn an_interrupt_ends_the_turn_and_not_the_session() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    env.cmd(&["run", "--name", "s", "demo: sleep 3m"]).ok();
    env.wait_turn("s", "accepted");
    env.cmd(&["interrupt", "s"]).ok();
    env.wait_turn("s", "interrupted");
    env.wait_status("s", "idle");
    env.cmd(&["interrupt", "s"]).exits(4);
}

/// Claude Code, early in its turn: no word, no hook, an empty box, and a while later the prompt in it again.
fn cut_short_with_the_prompt_coming_back_after(delay: &str) -> (TestEnv, crate::support::Daemon, String) {
    let env = TestEnv::new();
    env.write_config(&format!(
        "default_agent = \"demo\"\n[agents.demo]\nargs = [\"--quirk\", \"late-restore={delay},mute-hook=Interrupted\"]\n"
    ));
    let daemon = env.serve();
    env.cmd(&["run", "--name", "s", "demo: sleep 3m"]).ok();
    env.wait_turn("s", "accepted");
    let said = env.cmd(&["interrupt", "s"]).ok().stderr.clone();
    (env, daemon, said)
}

#[test]
fn a_prompt_that_comes_back_after_the_empty_box_is_taken_out() {
    let (env, _daemon, said) = cut_short_with_the_prompt_coming_back_after("1s");
    assert!(said.contains("taken out"), "{said}");
    let turn = env.wait_turn("s", "interrupted");
    assert_eq!(turn["turn"]["reason"]["code"], "interrupted", "{turn:#}");
    env.cmd(&["send", "s", "demo: say next"]).ok();
    env.wait_turn("s", "finished");
}

#[test]
fn a_prompt_that_comes_back_when_the_interrupt_was_told_is_taken_out_too() {
    let (env, _daemon, said) = cut_short_with_the_prompt_coming_back_after("7s");
    assert!(!said.contains("taken out"), "{said}");
    // Told soon, and as what it was, before the text comes.
    let turn = env.wait_turn("s", "interrupted");
    assert_eq!(turn["turn"]["reason"]["text"], "interrupted by a person", "{turn:#}");
    env.wait_screen("s", "> demo: sleep 3m");
    env.cmd(&["send", "s", "demo: say next"]).ok();
    env.wait_turn("s", "finished");
}

#[test]
fn unpublished_work_is_removed_by_force_only() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let repo = env.git_repo("repo");
    let commit = "demo: sh echo x > new && git add new && git -c user.name=T -c user.email=t@localhost commit -qm work";
    let repo = repo.display().to_string();
    env.cmd(&["run", "--wait", "--name", "s", "--repo", &repo, commit]).ok();
    let work = env.status("s")["workDir"].as_str().expect("a path").to_owned();
    env.cmd(&["stop", "s"]).ok();
    let refused = env.cmd(&["rm", "s"]).exits(4);
    assert!(refused.stderr.contains("--force"), "{refused:#?}");
    assert!(std::path::Path::new(&work).join("new").exists());
    env.cmd(&["rm", "s", "--force"]).ok();
    assert!(!std::path::Path::new(&work).exists());
}

#[test]
fn a_follower_of_the_log_sees_each_entry_once() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    env.cmd(&["run", "--wait", "--name", "s", "demo: notify first"]).ok();
    let mut follower = env
        .telecoder(&["logs", "s", "-f", "--tail", "1", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("a follower");
    let mut lines = BufReader::new(follower.stdout.take().expect("its stdout")).lines();
    let mut next = || -> serde_json::Value {
        let line = lines.next().expect("a line").expect("text");
        serde_json::from_str(&line).expect("JSON")
    };
    let mut keys = vec![next()["key"].clone()];
    env.cmd(&["send", "s", "--wait", "demo: notify second"]).ok();
    let texts: Vec<String> = (0..3)
        .map(|_| {
            let entry = next();
            keys.push(entry["key"].clone());
            format!("{} {}", entry["kind"], entry["text"])
        })
        .collect();
    assert!(
        texts.iter().any(|text| text == "\"prompt\" \"demo: notify second\""),
        "{texts:?}"
    );
    assert!(texts.iter().any(|text| text == "\"reply\" \"second\""), "{texts:?}");
    assert!(!texts.iter().any(|text| text.contains("first")), "{texts:?}");
    keys.sort_by_key(ToString::to_string);
    keys.dedup();
    assert_eq!(keys.len(), 4, "each once");
    follower.kill().expect("ending the follower");
    follower.wait().expect("its end");
}

#[test]
fn a_wait_goes_on_over_the_daemons_crash() {
    let env = TestEnv::new();
    let daemon = env.serve();
    let mut waiting = env
        .telecoder(&[
            "run",
            "--wait",
            "--name",
            "s",
            "demo: sh sleep 2\ndemo: notify over the gap",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a command");
    eventually("the turn runs", || {
        let shown = env.cmd(&["status", "s", "--json"]);
        (shown.code == 0 && shown.json()["turn"]["state"] == "accepted").then_some(())
    });
    let _daemon = daemon.restart(&env);
    let mut said = String::new();
    std::io::Read::read_to_string(&mut waiting.stdout.take().expect("its stdout"), &mut said).expect("text");
    assert_eq!(
        (waiting.wait().expect("its end").code(), said.as_str()),
        (Some(0), "over the gap\n")
    );
}
