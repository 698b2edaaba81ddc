//! Hooks that come through the right window and speak of something else: of an earlier turn, of another conversation.

use std::path::Path;

use serde_json::{Value, json};

use crate::delivery::wait_until_quiet;
use crate::steer::{go, own_turns, turns, until};
use crate::support::{TestEnv, eventually};

/// A prompt during which the agent fires a hook with this payload, says that it did, and goes on until the file is there.
fn firing(event: &str, payload: &Value, file: &Path) -> String {
    format!(
        "demo: sh echo '{payload}' | telecoder hook {event}\ndemo: notify fired\n{}",
        until(file)
    )
}

/// The letters of a mailbox are taken in their order: what was fired before this was said has been taken.
fn wait_fired(env: &TestEnv) {
    eventually("the hook was fired", || {
        let said = env.json(&["messages"]).to_string();
        said.contains("fired").then_some(())
    });
}

#[track_caller]
fn goes_on_and_ends_by_itself(env: &TestEnv, file: &Path) {
    wait_fired(env);
    let shown = env.status("s");
    assert_eq!(
        (&shown["status"], &shown["turn"]["state"]),
        (&"working".into(), &"accepted".into()),
        "{shown:#}"
    );
    go(file);
    wait_until_quiet(env, "s");
    let last = turns(env).pop().expect("a turn");
    assert_eq!(
        (&last["state"], &last["finalText"]),
        (&"finished".into(), &"main".into()),
        "{last:#}"
    );
}

#[test]
fn a_late_end_of_an_earlier_turn_does_not_end_the_one_that_runs() {
    for event in ["Stop", "Interrupted", "StopFailure"] {
        let env = TestEnv::new();
        let _daemon = env.serve();
        env.cmd(&["run", "--name", "s", "--wait", "first"]).ok();
        let earlier = own_turns(&env).remove(0);
        let payload = json!({"prompt_id": earlier, "last_assistant_message": "late", "error": "login"});
        let file = env.root().join("go");
        env.cmd(&["send", "s", &firing(event, &payload, &file)]).ok();
        goes_on_and_ends_by_itself(&env, &file);
    }
}

#[test]
fn a_background_job_of_another_conversation_does_not_speak_for_the_session() {
    for event in ["SessionStart", "Stop", "Interrupted", "UserPromptSubmit"] {
        let env = TestEnv::new();
        let _daemon = env.serve();
        env.cmd(&["run", "--name", "s", "--wait", "first"]).ok();
        let native = env.status("s")["nativeId"].clone();
        let payload = json!({"session_id": "another", "last_assistant_message": "not mine", "prompt": "waits"});
        let file = env.root().join("go");
        env.cmd(&["send", "s", &firing(event, &payload, &file)]).ok();
        env.cmd(&["send", "s", "waits"]).ok();
        wait_fired(&env);
        assert_eq!(env.status("s")["queuedPrompts"], 1, "{event}: nobody took it");
        assert_eq!(
            env.status("s")["nativeId"],
            native,
            "{event}: it is the same conversation"
        );
        go(&file);
        wait_until_quiet(&env, "s");
        let texts: Vec<Value> = turns(&env).into_iter().map(|turn| turn["finalText"].clone()).collect();
        assert_eq!(texts[1], "main", "{event}: {texts:?}");
        assert!(!env.json(&["messages"]).to_string().contains("not mine"), "{event}");
    }
}

#[test]
fn a_question_of_an_agent_that_a_tool_started_is_not_the_sessions() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    env.cmd(&["run", "--name", "s", "--wait", "first"]).ok();
    // Some hooks name no conversation: from how deep they come says whose they are.
    let payload = json!({"tool_name": "Bash", "tool_input": {"command": "ls"}, "choices": ["Yes", "No"]});
    let file = env.root().join("go");
    env.cmd(&["send", "s", &firing("PermissionRequest", &payload, &file)])
        .ok();
    goes_on_and_ends_by_itself(&env, &file);
}
