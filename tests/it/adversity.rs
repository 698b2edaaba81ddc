//! What an agent, or chance, can do to a session: nothing of it may make the session lie, hang, or touch another one.

use serde_json::{Value, json};

use crate::delivery::{transcript, wait_until_quiet};
use crate::support::{TestEnv, eventually};

#[test]
fn an_agent_that_destroys_its_mailbox_is_still_seen_to_end() {
    for harm in [
        "rm -rf \"$TELECODER_MAILBOX\"",
        "rm -rf \"$TELECODER_MAILBOX/new\"; touch \"$TELECODER_MAILBOX/new\"",
    ] {
        let env = TestEnv::new();
        let _daemon = env.serve();
        env.cmd(&[
            "run",
            "--name",
            "s",
            "--policy",
            "yolo",
            &format!("demo: sh {harm}\ndemo: exit 3"),
        ])
        .ok();
        let session = env.wait_status("s", "failed");
        assert_eq!(session["exit"]["code"], 3, "{harm}: {session}");
    }
}

#[test]
fn an_agent_that_destroys_its_mailbox_can_be_stopped() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    env.cmd(&["run", "--name", "s", "--wait", "--policy", "yolo", "first"])
        .ok();
    let session = env.status("s");
    let mail = mailbox(&env, &session);
    std::fs::remove_dir_all(&mail).expect("the mailbox");
    env.cmd(&["stop", "s"]).ok();
    env.wait_status("s", "stopped");
}

fn mailbox(env: &TestEnv, session: &Value) -> std::path::PathBuf {
    launch_dir(env, session).join("mail")
}

fn launch_dir(env: &TestEnv, session: &Value) -> std::path::PathBuf {
    let id = session["id"].as_str().expect("an id");
    env.data().join(format!("sessions/{id}/launches/{}", session["launch"]))
}

/// The processes of the session's launch.
pub fn shim_record(env: &TestEnv, session: &Value) -> Value {
    let shim = std::fs::read(launch_dir(env, session).join("ctl/shim.json")).expect("the shim's record");
    serde_json::from_slice(&shim).expect("JSON")
}

/// A letter as an agent of this session could forge it.
fn post(env: &TestEnv, session: &Value, id: &str, letter: Value) {
    let shim = shim_record(env, session);
    let mut letter = letter;
    letter["v"] = json!(1);
    letter["id"] = json!(id);
    letter["at"] = json!("2026-01-01T00:00:00Z");
    letter["session"] = session["id"].clone();
    letter["launch"] = session["launch"].clone();
    letter["origin"] = json!({"pid": 1, "start": 1, "ancestors": [shim["shim"]]});
    let mail = mailbox(env, session);
    let tmp = mail.join("tmp").join(id);
    std::fs::write(&tmp, letter.to_string()).expect("a letter");
    std::fs::rename(tmp, mail.join(format!("new/{id}.json"))).expect("posting a letter");
}

#[test]
fn a_letter_that_cannot_be_taken_does_not_hold_up_the_others() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    for name in ["one", "two"] {
        env.cmd(&["run", "--name", name, "--wait", "first"]).ok();
    }
    let (one, two) = (env.status("one"), env.status("two"));
    let id = "0197f000-0000-7000-8000-000000000001";
    post(&env, &one, id, json!({"kind": "ask", "text": "mine?"}));
    eventually("the first question is open", || {
        (env.status("one")["asks"].as_array()?.len() == 1).then_some(())
    });
    post(&env, &two, id, json!({"kind": "ask", "text": "mine, too?"}));
    post(
        &env,
        &two,
        "0197f000-0000-7000-8000-000000000002",
        json!({"kind": "notify", "text": "behind it"}),
    );
    env.wait_log("two", "behind it");
}

#[test]
fn the_end_of_an_old_launch_leaves_the_windows_of_a_new_tmux_server_alone() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    // It takes the shim its whole grace to end this one.
    env.cmd(&[
        "run",
        "--name",
        "old",
        "--policy",
        "yolo",
        "demo: sh trap '' HUP TERM; echo deaf; while :; do sleep 1; done",
    ])
    .ok();
    env.wait_screen("old", "deaf");
    let window = env.status("old")["tmux"]["windowId"].clone();
    env.tmux(&["kill-server"]).ok();
    eventually("a new tmux server", || {
        (env.tmux(&["list-windows"]).code == 0).then_some(())
    });
    env.cmd(&["run", "--name", "new", "--wait", "first"]).ok();
    assert_eq!(
        env.status("new")["tmux"]["windowId"],
        window,
        "the new server counts anew"
    );
    env.wait_status("old", "failed");
    env.cmd(&["send", "new", "second"]).ok();
    let session = wait_until_quiet(&env, "new");
    assert_eq!(session["status"], "idle", "{session}");
    assert_eq!(transcript(&env, &session), ["first", "second"]);
}

#[test]
fn a_turn_whose_end_the_agent_never_tells_ends_all_the_same() {
    let env = TestEnv::new();
    env.write_config(
        "default_agent = \"mute\"\n[agents.mute]\nkind = \"demo\"\nargs = [\"--quirk\", \"mute-hook=Stop,mute-hook=Interrupted\"]\n",
    );
    let _daemon = env.serve();
    env.cmd(&["run", "--name", "s", "first"]).ok();
    let shown = env.wait_turn("s", "interrupted");
    assert_eq!(shown["status"], "idle", "{shown}");
    env.cmd(&["send", "s", "demo: ask may I?"]).ok();
    env.wait_status("s", "needs_input");
    env.cmd(&["keys", "s", "Escape"]).ok();
    let shown = env.wait_turn("s", "interrupted");
    assert_eq!(shown["turn"]["reason"]["code"], "no_end_signal", "{shown}");
    assert_eq!(transcript(&env, &shown), ["first", "demo: ask may I?"]);
}
