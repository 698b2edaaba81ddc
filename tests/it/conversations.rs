//! Conversations of an agent beyond one session: `history` and `fork`.

use crate::delivery::transcript;
use crate::support::TestEnv;

#[test]
fn a_fork_begins_from_the_conversation_and_leaves_it_as_it_was() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    env.cmd(&["run", "--wait", "--name", "first", "remember the word xyzzy"])
        .ok();
    let history = env.json(&["history", "first"]);
    assert_eq!(history.as_array().map(Vec::len), Some(1), "{history:#}");
    assert_eq!(history[0]["title"], "remember the word xyzzy");
    assert_eq!(history[0]["current"], true);
    let shown = env.cmd(&["history", "first"]).ok().stdout;
    assert!(shown.starts_with("* ") && shown.contains("xyzzy"), "{shown}");

    env.cmd(&["fork", "first", "--name", "second", "which word was it?"])
        .ok();
    env.wait_turn("second", "finished");
    let taken = |name: &str| transcript(&env, &env.status(name));
    assert_eq!(taken("second"), ["remember the word xyzzy", "which word was it?"]);
    assert_eq!(taken("first"), ["remember the word xyzzy"]);
    let (first, second) = (env.status("first"), env.status("second"));
    assert_ne!(first["nativeId"], second["nativeId"]);
    assert_ne!(first["workDir"], second["workDir"]);

    // It goes on with its own conversation, not with the first one's.
    env.cmd(&["stop", "second"]).ok();
    env.wait_status("second", "stopped");
    env.cmd(&["resume", "second"]).ok();
    env.cmd(&["send", "--wait", "second", "and now?"]).ok();
    assert_eq!(taken("second").len(), 3);
    assert_eq!(taken("first").len(), 1);

    let refused = env.cmd(&["fork", "nobody"]).exits(3);
    assert!(refused.stderr.contains("nobody"), "{refused:#?}");
}

#[test]
fn yolo_is_for_one_session_and_not_for_those_that_come_from_it() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    env.cmd(&["run", "--wait", "--name", "y", "--policy", "yolo", "hello"])
        .ok();
    let policy = |args: &[&str]| env.json(args)["policy"].clone();
    assert_eq!(policy(&["fork", "y"]), "standard");
    assert_eq!(policy(&["rerun", "y"]), "standard");
    assert_eq!(policy(&["fork", "y", "--policy", "locked"]), "locked");
    assert_eq!(policy(&["rerun", "y", "--policy", "yolo"]), "yolo");
    env.cmd(&["fork", "y", "--policy", "wild"]).exits(2);
}
