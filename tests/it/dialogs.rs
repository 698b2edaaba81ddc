//! Dialogs of agents, why a session has its state, and how a turn's last words reach the person.

use rustix::process::Signal;
use serde_json::Value;

use crate::adversity::shim_record;
use crate::support::{TestEnv, eventually, signal};

/// Waits until the session shows a dialog that a person can answer; its JSON.
#[track_caller]
fn open_dialog(env: &TestEnv, session: &str) -> Value {
    eventually("a dialog is shown", || {
        let dialog = env.status(session)["dialog"].clone();
        // What a hook announces has no place on the screen yet; the choices of this agent come with both.
        (dialog["choices"].as_array().map_or(0, Vec::len) == 2).then_some(dialog)
    })
}

fn asks(file: &std::path::Path) -> String {
    format!(
        "demo: ask make {0}?\ndemo: sh touch {0}\ndemo: say made it",
        file.display()
    )
}

#[test]
fn an_approved_dialog_goes_on_and_a_denied_one_does_not() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let (yes, no) = (env.root().join("yes"), env.root().join("no"));
    env.cmd(&["run", "--name", "s", &asks(&yes)]).ok();
    let dialog = open_dialog(&env, "s");
    assert_eq!(dialog["kind"], "permission");
    assert_eq!(dialog["choices"][0]["meaning"], "allow");
    assert!(dialog["question"].as_str().is_some_and(|text| text.contains("make ")));
    let refused = env.cmd(&["send", "s", "typed into a dialog"]).exits(4);
    assert!(refused.stderr.contains("telecoder approve s"), "{refused:#?}");
    let named = env.cmd(&["approve", "s"]).ok().stderr.clone();
    assert!(named.contains(&format!("make {}?", yes.display())), "{named}");
    env.wait_turn("s", "finished");
    assert!(yes.exists());

    env.cmd(&["send", "s", &asks(&no)]).ok();
    open_dialog(&env, "s");
    env.cmd(&["deny", "s"]).ok();
    env.wait_turn("s", "finished");
    env.wait_status("s", "idle");
    assert!(!no.exists());
    let none = env.cmd(&["approve", "s"]).exits(4);
    assert!(none.stderr.contains("shows no dialog"), "{none:#?}");
}

#[test]
fn a_stale_answer_is_refused_and_presses_nothing() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let (one, two) = (env.root().join("one"), env.root().join("two"));
    env.cmd(&["run", "--name", "s", &asks(&one)]).ok();
    let stale = open_dialog(&env, "s")["digest"].as_str().expect("a digest").to_owned();
    env.cmd(&["approve", "s", "--dialog", &stale]).ok();
    env.wait_turn("s", "finished");
    env.cmd(&["send", "s", &asks(&two)]).ok();
    let fresh = open_dialog(&env, "s")["digest"].as_str().expect("a digest").to_owned();
    assert_ne!(stale, fresh);
    let refused = env.cmd(&["approve", "s", "--dialog", &stale]).exits(4);
    assert!(refused.stderr.contains("it moved on"), "{refused:#?}");
    assert_eq!(env.status("s")["dialog"]["digest"], *fresh);
    assert!(!two.exists());
    env.cmd(&["answer", "s", "9"]).exits(2);
    env.cmd(&["answer", "s", "no"]).ok();
    env.wait_status("s", "idle");
    assert!(!two.exists());
}

#[test]
fn an_answer_that_meets_a_repaint_waits_for_its_end() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let yes = env.root().join("yes");
    env.cmd(&["run", "--name", "s", &asks(&yes)]).ok();
    open_dialog(&env, "s");
    let session = env.status("s");
    let pane = session["tmux"]["paneId"].as_str().expect("a pane");
    let tty = env
        .tmux(&["display-message", "-p", "-t", pane, "#{pane_tty}"])
        .ok()
        .stdout;
    std::fs::write(tty.trim(), "\x1b[2J").expect("clearing the screen");
    eventually("the screen is blank", || {
        env.cmd(&["screen", "s"]).ok().stdout.trim().is_empty().then_some(())
    });
    let agent = shim_record(&env, &session)["agent"]["pid"].as_u64().expect("a process");
    std::thread::scope(|scope| {
        let answer = scope.spawn(|| env.cmd(&["approve", "s"]));
        std::thread::sleep(std::time::Duration::from_millis(500));
        // It draws everything anew.
        signal(u32::try_from(agent).expect("a process id"), Signal::WINCH);
        answer.join().expect("an answer").ok();
    });
    env.wait_turn("s", "finished");
    assert!(yes.exists());
}

#[test]
fn a_decision_reaches_the_hook_where_no_key_would() {
    let env = TestEnv::new();
    let daemon = env.serve();
    let (yes, no) = (env.root().join("yes"), env.root().join("no"));
    env.cmd(&["run", "--name", "s", &asks(&yes)]).ok();
    open_dialog(&env, "s");
    // A person looks back in the window: keys would go to the copy mode.
    let pane = env.status("s")["tmux"]["paneId"].as_str().expect("a pane").to_owned();
    env.tmux(&["copy-mode", "-t", &pane]).ok();
    env.cmd(&["approve", "s"]).ok();
    env.wait_turn("s", "finished");
    assert!(yes.exists());
    env.tmux(&["send-keys", "-t", &pane, "-X", "cancel"]).ok();
    env.wait_status("s", "idle");

    // The hook waits on while the daemon is down, and takes the answer of the next one.
    env.cmd(&["send", "s", &asks(&no)]).ok();
    open_dialog(&env, "s");
    let _daemon = daemon.restart(&env);
    env.cmd(&["deny", "s"]).ok();
    env.wait_turn("s", "finished");
    env.wait_status("s", "idle");
    assert!(!no.exists());
}

/// An agent may forget the hook of a dialog that was answered at its terminal: it would wait for hours, and take a later answer.
#[test]
fn a_hook_is_released_when_its_dialog_was_answered_at_the_terminal() {
    let env = TestEnv::new();
    env.write_config("default_agent = \"demo\"\n[agents.demo]\nargs = [\"--quirk\", \"leave-hook\"]\n");
    let _daemon = env.serve();
    let (one, two) = (env.root().join("one"), env.root().join("two"));
    env.cmd(&["run", "--name", "s", &asks(&one)]).ok();
    open_dialog(&env, "s");
    eventually("the hook waits", || (waiting_hooks(&env) == 1).then_some(()));
    let pane = env.status("s")["tmux"]["paneId"].as_str().expect("a pane").to_owned();
    env.tmux(&["send-keys", "-t", &pane, "1"]).ok();
    env.wait_turn("s", "finished");
    assert!(one.exists());
    eventually("the hook is released", || (waiting_hooks(&env) == 0).then_some(()));

    env.cmd(&["send", "s", &asks(&two)]).ok();
    open_dialog(&env, "s");
    env.cmd(&["deny", "s"]).ok();
    env.wait_turn("s", "finished");
    assert!(!two.exists());
}

/// Hooks of this installation that wait for a decision; one that has ended has no command line any more.
fn waiting_hooks(env: &TestEnv) -> usize {
    let data = env.data().into_os_string().into_encoded_bytes();
    let lines = std::fs::read_dir("/proc").expect("/proc").flatten();
    let lines = lines.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines
        .filter(|line| {
            let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
            words.contains(&b"--decisions".as_slice())
                && words.get(1) == Some(&b"hook".as_slice())
                && words.iter().any(|word| word.starts_with(&data))
        })
        .count()
}

#[test]
fn where_no_hook_waits_keys_answer() {
    let env = TestEnv::new();
    env.write_config(
        "default_agent = \"demo\"\n[agents.demo]\nargs = [\"--quirk\", \"mute-hook=PermissionRequest\"]\n",
    );
    let _daemon = env.serve();
    let (yes, no) = (env.root().join("yes"), env.root().join("no"));
    env.cmd(&["run", "--name", "s", &asks(&yes)]).ok();
    open_dialog(&env, "s");
    env.cmd(&["approve", "s"]).ok();
    env.wait_turn("s", "finished");
    assert!(yes.exists());
    env.cmd(&["send", "s", &asks(&no)]).ok();
    open_dialog(&env, "s");
    let pane = env.status("s")["tmux"]["paneId"].as_str().expect("a pane").to_owned();
    env.tmux(&["copy-mode", "-t", &pane]).ok();
    let refused = env.cmd(&["approve", "s"]).exits(4);
    assert!(refused.stderr.contains("copy mode"), "{refused:#?}");
    env.tmux(&["send-keys", "-t", &pane, "-X", "cancel"]).ok();
    env.cmd(&["deny", "s"]).ok();
    env.wait_turn("s", "finished");
    assert!(!no.exists());
}

#[test]
fn a_dialog_that_is_answered_at_the_terminal_is_gone() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    env.cmd(&["run", "--name", "s", &asks(&env.root().join("x"))]).ok();
    let digest = open_dialog(&env, "s")["digest"].as_str().expect("a digest").to_owned();
    env.cmd(&["keys", "s", "2"]).ok();
    env.wait_status("s", "idle");
    env.cmd(&["approve", "s", "--dialog", &digest]).exits(4);
    let told = env.json(&["messages"]);
    let questions = told.as_array().expect("messages").iter();
    let questions = questions.filter(|message| {
        message["text"]
            .as_str()
            .is_some_and(|text| text.contains("Needs your input"))
    });
    assert_eq!(questions.count(), 1, "{told:#}");
}

/// A program of a version that nobody has seen, with a screen that no rule knows: that is said, so that nobody looks for the fault in
/// the wrong place.
#[test]
fn explain_says_that_the_agent_is_newer_than_its_rules() {
    let env = TestEnv::new();
    let package = env.root().join("package");
    std::fs::create_dir(&package).expect("a directory");
    std::fs::write(package.join("package.json"), r#"{"version": "99.1.0"}"#).expect("a file");
    let program = package.join("gemini");
    std::fs::write(
        &program,
        "#!/bin/sh\necho 'a box as it was never drawn before'\nexec sleep 600\n",
    )
    .expect("a file");
    let may_run = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, may_run).expect("a program");
    env.write_config(&format!("[agents.gemini]\ncommand = \"{}\"\n", program.display()));
    let _daemon = env.serve();
    env.cmd(&["run", "--agent", "gemini", "--name", "s", "hello"]).ok();
    env.wait_screen("s", "never drawn before");
    let told = env.json(&["explain", "s"]);
    let warnings = told["warnings"].to_string();
    assert!(
        warnings.contains("no screen rule matches, and the agent (99.1.0) is newer than"),
        "{told:#}"
    );
    assert_eq!(env.status("s")["status"], "starting", "it is not taken for ready");
}

/// Codex asks "Implement this plan?" when its hook has told the end of its turn.
#[test]
fn a_dialog_behind_the_end_of_a_turn_is_told() {
    let env = TestEnv::new();
    env.write_config("default_agent = \"demo\"\n[agents.demo]\nargs = [\"--quirk\", \"late-dialog=3s\"]\n");
    let _daemon = env.serve();
    env.cmd(&["run", "--wait", "--name", "s", "demo: say first"]).ok();
    let dialog = open_dialog(&env, "s");
    assert!(dialog["question"].as_str().is_some_and(|text| text.contains("trust")));
    env.cmd(&["answer", "s", "2"]).ok();
    env.wait_status("s", "idle");
}

#[test]
fn a_dialog_over_an_idle_box_is_the_persons() {
    let env = TestEnv::new();
    // Later than an idle screen is looked at.
    env.write_config("default_agent = \"demo\"\n[agents.demo]\nargs = [\"--quirk\", \"late-dialog=7s\"]\n");
    let _daemon = env.serve();
    env.cmd(&["run", "--wait", "--name", "s", "demo: say first"]).ok();
    eventually("the dialog is there", || {
        let screen = env.cmd(&["screen", "s"]).stdout;
        screen.contains("Do you trust this directory?").then_some(())
    });
    env.cmd(&["send", "s", "demo: say second"]).ok();
    // Nothing is typed into it, and the status says whose turn it is.
    env.wait_status("s", "needs_input");
    let dialog = open_dialog(&env, "s");
    assert!(dialog["question"].as_str().is_some_and(|text| text.contains("trust")));
    env.cmd(&["answer", "s", "2"]).ok();
    eventually("the prompt that waited was answered", || {
        let turns = env.http().get("/v1/sessions/s/turns").json();
        (turns[1]["finalText"] == "second").then_some(())
    });
    assert_eq!(crate::delivery::transcript(&env, &env.status("s")).len(), 2);
}

#[test]
fn what_is_left_on_the_screen_of_an_answered_dialog_is_no_new_one() {
    let env = TestEnv::new();
    env.write_config("default_agent = \"demo\"\n[agents.demo]\nargs = [\"--quirk\", \"late-screen=2500ms\"]\n");
    let _daemon = env.serve();
    // While the turn goes on, and after it, where the next prompt meets it.
    for (session, rest) in [("works", "demo: sleep 4s"), ("idle", "demo: say done")] {
        env.cmd(&["run", "--name", session, &format!("demo: ask sure?\n{rest}")])
            .ok();
        open_dialog(&env, session);
        env.cmd(&["deny", session]).ok();
    }
    env.wait_status("idle", "idle");
    env.cmd(&["send", "idle", "demo: ask sure?"]).ok();
    // The same question asked again is a new one.
    open_dialog(&env, "idle");
    env.cmd(&["approve", "idle"]).ok();
    for (session, asked) in [("works", 1), ("idle", 2)] {
        env.wait_turn(session, "finished");
        env.wait_status(session, "idle");
        let events = env.http().get(&format!("/v1/events?session={session}")).json();
        let of = |wanted: &str| {
            let events = events.as_array().into_iter().flatten();
            events.filter(|event| event["type"] == wanted).count()
        };
        assert_eq!(
            (of("dialog.opened"), of("dialog.closed")),
            (asked, asked),
            "{session}: {events:#}"
        );
    }
}

#[test]
fn explain_says_who_spoke_and_what_waits() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    env.cmd(&["run", "--name", "s", "demo: sleep 3m"]).ok();
    env.wait_turn("s", "accepted");
    env.cmd(&["send", "s", "later"]).ok();
    let told = env.json(&["explain", "s"]);
    assert_eq!(told["session"]["statusSource"], "hook");
    assert_eq!(told["screen"]["reading"], "busy");
    assert_eq!(told["running"][0]["state"], "accepted");
    assert_eq!(told["waiting"]["state"], "queued");
    let shown = env.cmd(&["explain", "s"]).ok().stdout;
    assert!(shown.contains("the agent's own hook said so"), "{shown}");
    let refused = env.cmd(&["command", "s", "/compact"]).exits(2);
    assert!(refused.stderr.contains("declares no commands"), "{refused:#?}");
}

/// Replies of a session, oldest first.
fn replies(env: &TestEnv, session: &str) -> Vec<String> {
    let log = env.json(&["logs", session]);
    let replies = log
        .as_array()
        .expect("entries")
        .iter()
        .filter(|entry| entry["kind"] == "reply");
    replies
        .map(|entry| entry["text"].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn the_final_message_is_relayed_when_the_agent_said_nothing_else() {
    let env = TestEnv::new();
    let daemon = env.serve();
    env.cmd(&["run", "--name", "s", "demo: say only this"]).ok();
    env.wait_turn("s", "finished");
    assert_eq!(replies(&env, "s"), ["only this"]);
    env.cmd(&["send", "s", "demo: notify told\ndemo: say and this is not relayed"])
        .ok();
    env.wait_turn("s", "finished");
    assert_eq!(replies(&env, "s"), ["only this", "told"]);

    env.write_config("default_agent = \"demo\"\nreply = \"notify\"\n");
    let daemon = daemon.restart(&env);
    env.cmd(&["run", "--wait", "--name", "quiet", "demo: say nothing of this"])
        .ok();
    assert!(replies(&env, "quiet").is_empty());
    env.write_config("default_agent = \"demo\"\nreply = \"both\"\n");
    let _daemon = daemon.restart(&env);
    env.cmd(&["run", "--wait", "--name", "both", "demo: notify one\ndemo: say two"])
        .ok();
    assert_eq!(replies(&env, "both"), ["one", "two"]);
}

#[test]
fn an_agent_that_left_the_configuration_goes_on_and_the_person_is_told() {
    let env = TestEnv::new();
    env.write_config("default_agent = \"mine\"\n[agents.mine]\nkind = \"demo\"\n");
    let daemon = env.serve();
    env.cmd(&["run", "--name", "s", "demo: sleep 2s\ndemo: notify still here"])
        .ok();
    env.wait_turn("s", "accepted");
    env.write_config("default_agent = \"demo\"\n");
    let _daemon = daemon.restart(&env);
    env.wait_log("s", "still here");
    env.wait_log("s", "not configured any more");
    let shown = env.status("s");
    assert!(shown["endedAt"].is_null(), "{shown:#}");
    env.cmd(&["stop", "s"]).ok();
    env.wait_status("s", "stopped");
    env.cmd(&["resume", "s"]).ok();
    env.wait_status("s", "failed");
}

#[test]
fn a_lost_terminal_is_resumed_where_the_configuration_says_so() {
    let env = TestEnv::new();
    env.write_config("default_agent = \"demo\"\nafter_loss = \"resume\"\n");
    let _daemon = env.serve();
    env.cmd(&["run", "--wait", "--name", "s", "remember the word xyzzy"])
        .ok();
    env.tmux(&["kill-server"]);
    let back = eventually("the session is back in its conversation", || {
        let shown = env.status("s");
        (shown["status"] == "idle" && shown["launch"] == 2).then_some(shown)
    });
    assert_eq!(back["turn"]["state"], "finished", "the first prompt is not sent again");
    env.cmd(&["send", "--wait", "s", "another"]).ok();
    env.cmd(&["stop", "s"]).ok();
    env.cmd(&["resume", "--last"]).ok();
    env.wait_status("s", "idle");
}

#[test]
fn a_shutdown_ends_no_session_for_good() {
    let env = TestEnv::new();
    env.write_config("default_agent = \"demo\"\nafter_loss = \"resume\"\n");
    let _daemon = env.serve();
    env.cmd(&["run", "--name", "s", "demo: hang"]).ok();
    env.wait_turn("s", "accepted");
    env.cmd(&["send", "s", "demo: say after it"]).ok();
    // What a service manager sends to each process of the tmux server's unit.
    let record = shim_record(&env, &env.status("s"));
    for process in ["shim", "agent"] {
        let pid = record[process]["pid"].as_u64().expect("a process");
        signal(u32::try_from(pid).expect("a process id"), Signal::TERM);
    }
    let back = eventually("the session is back and takes what waited", || {
        let turns = env.http().get("/v1/sessions/s/turns").json();
        (turns[1]["finalText"] == "after it").then(|| env.status("s"))
    });
    assert_eq!(back["launch"], 2);
    let prompts = crate::delivery::transcript(&env, &back);
    assert_eq!(prompts.len(), 2, "the first prompt is not sent again: {prompts:?}");
}

#[test]
fn after_a_limit_the_turn_is_continued_once_and_before_what_waits() {
    let env = TestEnv::new();
    let daemon = env.serve();
    env.cmd(&[
        "run",
        "--name",
        "s",
        "demo: say the limit is reached\ndemo: fail limit 8s",
    ])
    .ok();
    env.wait_status("s", "limited");
    env.cmd(&["send", "s", "second"]).ok();
    // What is held is held on disk.
    let _daemon = daemon.restart(&env);
    assert_eq!(env.status("s")["status"], "limited");
    env.wait_turn("s", "finished");
    env.wait_status("s", "idle");
    let turns = env.http().get("/v1/sessions/s/turns").json();
    let turns: Vec<(&str, &str)> = turns
        .as_array()
        .expect("turns")
        .iter()
        .map(|turn| {
            (
                turn["state"].as_str().unwrap_or(""),
                turn["text"].as_str().unwrap_or(""),
            )
        })
        .collect();
    assert_eq!(turns.len(), 3, "{turns:?}");
    assert_eq!(turns[0].0, "failed");
    let continuation = turns
        .iter()
        .position(|(_, text)| text.contains("cut off before its end"));
    assert!(turns[1..].iter().all(|(state, _)| *state == "finished"), "{turns:?}");
    let session = env.status("s");
    let taken = crate::delivery::transcript(&env, &session);
    assert_eq!(taken.len(), 3, "{taken:?}");
    assert!(
        taken[1].contains("cut off before its end") && continuation.is_some(),
        "{taken:?}"
    );
    assert_eq!(taken[2], "second");
}

#[test]
fn a_login_that_expired_waits_for_a_person_and_burns_no_prompt() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    env.cmd(&[
        "run",
        "--name",
        "s",
        "demo: sleep 1s\ndemo: say please run /login\ndemo: fail login",
    ])
    .ok();
    env.wait_turn("s", "accepted");
    env.cmd(&["send", "s", "waits"]).ok();
    let shown = env.wait_status("s", "needs_input");
    assert_eq!(shown["reason"]["code"], "login");
    assert_eq!(shown["queuedPrompts"], 1);
    env.wait_log("s", "please run /login");
    env.cmd(&["send", "s", "go on"]).ok();
    env.wait_status("s", "idle");
    eventually("both prompts were taken", || {
        (crate::delivery::transcript(&env, &env.status("s")).len() == 3).then_some(())
    });
}
