//! A prompt for the turn that runs: typed while the agent works, accepted by its own word, ended with that turn; never into a dialog,
//! never twice, never before a prompt that waited already.

use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;

use crate::delivery::{transcript, wait_until_quiet};
use crate::faults::die_at;
use crate::support::{TestEnv, WAIT_LIMIT, eventually, of_session, signal};
use crate::telegram::{ME, Rig};

const STEERS: &str = "[agents.demo]\nargs = [\"--quirk\", \"steer\"]\n";

fn env_with(agents: &str) -> TestEnv {
    let env = TestEnv::new();
    env.write_config(&format!("default_agent = \"demo\"\n{agents}"));
    env
}

/// A prompt whose turn goes on until the file is there, and then for two more steps.
pub fn until(file: &Path) -> String {
    let file = file.display();
    format!("demo: sh while [ ! -e {file} ]; do sleep 0.02; done\ndemo: sleep 10ms\ndemo: say main")
}

pub fn go(file: &Path) {
    std::fs::write(file, "").expect("a file");
}

pub fn turns(env: &TestEnv) -> Vec<Value> {
    let answer = env.http().get("/v1/sessions/s/turns").json();
    answer.as_array().cloned().unwrap_or_default()
}

/// The ids of the agent's own turns, one for each prompt that it took.
pub fn own_turns(env: &TestEnv) -> Vec<String> {
    let id = env.status("s")["id"].as_str().expect("an id").to_owned();
    let dir = env.data().join("sessions").join(id).join("demo");
    let file = std::fs::read_dir(dir)
        .expect("its directory")
        .flatten()
        .next()
        .expect("one");
    let text = std::fs::read_to_string(file.path()).expect("its transcript");
    let records = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    records
        .filter(|record| record["type"] == "prompt")
        .map(|record| record["prompt_id"].as_str().expect("an id").to_owned())
        .collect()
}

#[test]
fn it_goes_into_the_running_turn_and_ends_with_it() {
    let env = env_with(STEERS);
    let _daemon = env.serve();
    let file = env.root().join("go");
    let main = until(&file);
    env.cmd(&["run", "--name", "s", &main]).ok();
    env.wait_status("s", "working");
    let sent = env.json(&["send", "s", "--steer", "mind the tests"]);
    assert_eq!(
        (&sent["steered"], &sent["state"]),
        (&true.into(), &"queued".into()),
        "{sent}"
    );
    let typed = env.wait_turn("s", "typed");
    assert_eq!(
        (&typed["status"], &typed["turn"]["steered"]),
        (&"working".into(), &true.into()),
        "the agent has not said that it took it: {typed}"
    );
    assert!(env.cmd(&["status", "s"]).ok().stdout.contains("steered, typed"));
    go(&file);
    let session = wait_until_quiet(&env, "s");
    assert_eq!(transcript(&env, &session), [main.as_str(), "mind the tests"]);
    let own = own_turns(&env);
    assert_eq!(own[0], own[1], "one turn of the agent's");
    let turns = turns(&env);
    assert_eq!(
        (&turns[0]["finalText"], &turns[1]["finalText"]),
        (&"main".into(), &Value::Null),
        "the answer is that of the turn that it went into: {turns:#?}"
    );
    let log = env.cmd(&["logs", "s"]).ok().stdout;
    assert!(log.contains("prompt (steered, finished)"), "{log}");
    let outcomes = log.matches("  outcome (").count();
    assert!(outcomes <= 1, "{log}");
}

#[test]
fn what_an_agent_queues_by_itself_is_its_next_turn() {
    let env = env_with("[agents.demo]\nargs = [\"--quirk\", \"accept-when-queued\"]\n");
    let _daemon = env.serve();
    let file = env.root().join("go");
    env.cmd(&["run", "--name", "s", &until(&file)]).ok();
    env.wait_status("s", "working");
    env.cmd(&["send", "s", "--steer", "demo: sleep 300ms\ndemo: say other"])
        .ok();
    let taken = env.wait_turn("s", "accepted");
    assert_eq!(
        (&taken["status"], &taken["turn"]["steered"]),
        (&"working".into(), &true.into())
    );
    go(&file);
    wait_until_quiet(&env, "s");
    let turns = turns(&env);
    let finals: Vec<&str> = turns.iter().filter_map(|turn| turn["finalText"].as_str()).collect();
    assert_eq!(finals, ["main", "other"], "{turns:#?}");
    let replies = env.json(&["messages"]).to_string();
    assert!(
        replies.contains("\"main\"") && replies.contains("\"other\""),
        "{replies}"
    );
}

#[test]
fn an_interrupt_does_not_take_it_along_without_a_word() {
    // With a hook for an interrupt, and without one: then the id of the turn that follows says that the agent left this one.
    for quirk in [
        "steer",
        "accept-when-queued",
        "steer,mute-hook=Interrupted",
        "accept-when-queued,mute-hook=Interrupted",
    ] {
        let env = env_with(&format!("[agents.demo]\nargs = [\"--quirk\", \"{quirk}\"]\n"));
        let _daemon = env.serve();
        env.cmd(&["run", "--name", "s", "demo: sleep 60s"]).ok();
        env.wait_status("s", "working");
        env.cmd(&["send", "s", "--steer", "demo: sleep 300ms\ndemo: say other"])
            .ok();
        let queues = quirk.starts_with("accept-when-queued");
        let sent = if queues { "accepted" } else { "typed" };
        env.wait_turn("s", sent);
        env.cmd(&["interrupt", "s"]).ok();
        // The agent goes on with what it had: a turn of its own, with its own answer.
        wait_until_quiet(&env, "s");
        let turns = turns(&env);
        let states: Vec<&Value> = turns.iter().map(|turn| &turn["state"]).collect();
        assert_eq!(states, ["interrupted", "finished"], "{quirk}: {turns:#?}");
        assert_eq!(turns[1]["finalText"], "other", "{quirk}: {turns:#?}");
        assert!(turns[1].get("steered").is_none(), "{quirk}: {turns:#?}");
    }
}

#[test]
fn an_agent_that_does_not_steer_refuses_and_says_the_way_out() {
    let env = env_with("[agents.plain]\nkind = \"demo\"\n");
    let _daemon = env.serve();
    let file = env.root().join("go");
    env.cmd(&["run", "--agent", "plain", "--name", "s", &until(&file)]).ok();
    env.wait_status("s", "working");
    let refused = env.cmd(&["send", "s", "--steer", "more"]).exits(4);
    for part in ["`plain`", "cannot be steered", "without --steer"] {
        assert!(refused.stderr.contains(part), "{part}: {refused:#?}");
    }
    go(&file);
    let session = wait_until_quiet(&env, "s");
    assert_eq!(transcript(&env, &session).len(), 1);
}

#[test]
fn with_nothing_running_it_is_a_usual_prompt() {
    let env = env_with(STEERS);
    let _daemon = env.serve();
    env.cmd(&["run", "--name", "s", "--wait", "first"]).ok();
    let sent = env.cmd(&["send", "s", "--steer", "second"]).ok();
    assert!(sent.stderr.contains("no turn runs"), "{sent:#?}");
    let session = wait_until_quiet(&env, "s");
    assert_eq!(transcript(&env, &session), ["first", "second"]);
    assert!(session["turn"].get("steered").is_none(), "{session}");
}

#[test]
fn it_is_never_typed_into_a_dialog() {
    let env = env_with(STEERS);
    let _daemon = env.serve();
    let (file, yes) = (env.root().join("go"), env.root().join("yes"));
    let main = format!("{}\ndemo: ask May I?\ndemo: sh touch {}", until(&file), yes.display());
    env.cmd(&["run", "--name", "s", &main]).ok();
    env.wait_status("s", "working");
    // A person's own text holds it, and then the dialog is there.
    env.cmd(&["keys", "s", "h", "a", "l", "f"]).ok();
    env.wait_screen("s", "half");
    env.cmd(&["send", "s", "--steer", "steered"]).ok();
    let held = env.wait_turn("s", "held");
    assert_eq!(held["turn"]["reason"]["code"], "box_not_empty", "{held}");
    go(&file);
    env.wait_status("s", "needs_input");
    let refused = env.cmd(&["send", "s", "--steer", "yes please"]).exits(4);
    assert!(refused.stderr.contains("May I?"), "{refused:#?}");
    assert_eq!(env.status("s")["turn"]["state"], "held");
    assert!(!yes.exists());
    env.cmd(&["deny", "s"]).ok();
    env.wait_status("s", "idle");
    env.cmd(&["keys", "s", "C-u"]).ok();
    let session = wait_until_quiet(&env, "s");
    assert_eq!(transcript(&env, &session), [main.as_str(), "steered"]);
    assert!(!yes.exists());
}

#[test]
fn steered_prompts_keep_their_order_and_overtake_nobody() {
    let env = env_with(STEERS);
    let _daemon = env.serve();
    let file = env.root().join("go");
    let main = until(&file);
    env.cmd(&["run", "--name", "s", &main]).ok();
    env.wait_status("s", "working");
    for text in ["one", "two"] {
        env.cmd(&["send", "s", "--steer", text]).ok();
    }
    env.cmd(&["send", "s", "three"]).ok();
    let refused = env.cmd(&["send", "s", "--steer", "four"]).exits(4);
    for part in ["overtake", "without --steer"] {
        assert!(refused.stderr.contains(part), "{part}: {refused:#?}");
    }
    go(&file);
    let session = wait_until_quiet(&env, "s");
    assert_eq!(transcript(&env, &session), [main.as_str(), "one", "two", "three"]);
    let own = own_turns(&env);
    assert_eq!(own[0], own[1]);
    assert_ne!(own[0], own[3], "a usual prompt begins a turn of its own");
}

#[test]
fn an_agent_that_is_killed_before_its_word_leaves_it_uncertain_and_told() {
    let env = env_with(STEERS);
    let _daemon = env.serve();
    env.cmd(&["run", "--name", "s", "demo: hang"]).ok();
    let session = env.wait_status("s", "working");
    env.cmd(&["send", "s", "--steer", "never taken"]).ok();
    env.wait_turn("s", "typed");
    for pid in of_session(session["id"].as_str().expect("an id")) {
        signal(pid, Signal::KILL);
    }
    let ended = env.wait_turn("s", "uncertain");
    assert_eq!(ended["turn"]["steered"], true, "{ended}");
    env.wait_log("s", "It is uncertain whether the agent got this prompt");
    assert_eq!(transcript(&env, &session), ["demo: hang"]);
}

#[test]
fn a_kill_of_the_daemon_at_every_hop_neither_loses_nor_doubles_it() {
    for hop in ["I3", "I4", "I5", "I6", "I7", "I8"] {
        let env = env_with(STEERS);
        let daemon = env.serve();
        let file = env.root().join("go");
        let main = until(&file);
        env.cmd(&["run", "--name", "s", &main]).ok();
        env.wait_turn("s", "accepted");
        daemon.stop();
        die_at(&env, hop, || {
            env.cmd(&["send", "s", "--steer", "steered"]).ok();
            if hop == "I8" {
                go(&file);
            }
        });
        let _daemon = env.serve();
        // While the agent works it may still take it; one that died before its claim was stored is typed now.
        eventually("the new daemon has it in hand", || {
            let shown = env.status("s");
            let state = shown["turn"]["state"].as_str().unwrap_or_default();
            let settled = if hop == "I8" {
                &["finished"][..]
            } else {
                &["typing", "typed"]
            };
            settled.contains(&state).then_some(())
        });
        go(&file);
        let session = wait_until_quiet(&env, "s");
        assert_eq!(
            transcript(&env, &session),
            [main.as_str(), "steered"],
            "killed at {hop}"
        );
    }
}

#[test]
fn from_a_chat_it_is_told_on_the_message() {
    let rig = Rig::new();
    rig.configure_with(&[ME], "standard", "", STEERS);
    let _daemon = rig.serve();
    let file = rig.env.root().join("go");
    let first = rig.say(&until(&file));
    rig.fake.wait_for_reaction(WAIT_LIMIT, ME, first, "⚡");
    let steered = rig.say("/steer mind\nthe tests");
    rig.fake.wait_for_reaction(WAIT_LIMIT, ME, steered, "✍");
    go(&file);
    rig.fake.wait_for_reaction(WAIT_LIMIT, ME, steered, "👍");
    rig.hears("demo: got 14 bytes");
    eventually("both prompts are finished", || {
        let sessions = rig.sessions();
        (sessions[0]["status"] == "idle").then_some(())
    });
    rig.say("/logs");
    rig.hears("steered, finished");
}
