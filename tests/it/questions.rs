//! Questions of an agent's own: a choice, a text, several choices; by the command line and by the API.

use serde_json::{Value, json};

use crate::support::{TestEnv, eventually};

/// Waits until the session shows a question; its JSON.
#[track_caller]
fn open_question(env: &TestEnv, session: &str) -> Value {
    eventually("a question is shown", || {
        let dialog = env.status(session)["dialog"].clone();
        (dialog["kind"] == "question").then_some(dialog)
    })
}

#[track_caller]
fn ends_with(env: &TestEnv, session: &str, expected: &str) {
    eventually(expected, || {
        let turns = env.http().get(&format!("/v1/sessions/{session}/turns")).json();
        let last = turns.as_array().and_then(|turns| turns.last().cloned())?;
        (last["state"] == "finished" && last["finalText"] == expected).then_some(())
    });
    env.wait_status(session, "idle");
}

#[test]
fn a_question_takes_a_choice_or_a_text() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    env.cmd(&["run", "--name", "s", "demo: choose which? | red | dark blue"])
        .ok();
    let question = open_question(&env, "s");
    assert_eq!(
        (&question["multi"], &question["freeText"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(question["choices"][2]["ownWords"], true, "{question:#}");
    let refused = env.cmd(&["answer", "s", "3"]);
    // A number that is no choice is a text like any other, but not the number of the row for texts.
    refused.exits(2);
    env.cmd(&["answer", "s", "2"]).ok();
    ends_with(&env, "s", "demo: you said dark blue");

    for (said, expected) in [
        ("RED", "red"),
        (
            "a text of my own, with; $(signs) and 42",
            "a text of my own, with; $(signs) and 42",
        ),
        ("2026", "2026"),
    ] {
        env.cmd(&["send", "s", "demo: choose and now? | red | dark blue"]).ok();
        open_question(&env, "s");
        env.cmd(&["answer", "s", said]).ok();
        ends_with(&env, "s", &format!("demo: you said {expected}"));
    }
    // A dialog is told once, whatever was typed into it.
    let told = env.json(&["messages"]);
    let told = told.as_array().expect("messages").iter();
    let told = told.filter(|message| {
        message["text"]
            .as_str()
            .is_some_and(|text| text.contains("Needs your input"))
    });
    assert_eq!(told.count(), 4);
}

#[test]
fn several_choices_are_ticked_and_sent_together() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    env.cmd(&["run", "--name", "s", "demo: pick which? | red | blue | green"])
        .ok();
    assert_eq!(open_question(&env, "s")["multi"], true);
    // Somebody at the terminal ticked one, and left the mark in the row for texts.
    env.cmd(&["keys", "s", "2", "Down", "Down", "Down"]).ok();
    eventually("the keys arrived", || {
        let screen = env.cmd(&["screen", "s"]).stdout;
        (screen.contains("[x] blue") && screen.contains("❯ 4.")).then_some(())
    });
    env.cmd(&["answer", "s", "3,1"]).ok();
    ends_with(&env, "s", "demo: you said red, green");

    for (said, expected) in [
        ("2", "blue"),
        ("red, 3, and pink", "red, green, and pink"),
        ("only pink", "only pink"),
    ] {
        env.cmd(&["send", "s", "demo: pick and now? | red | blue | green"]).ok();
        open_question(&env, "s");
        env.cmd(&["answer", "s", said]).ok();
        ends_with(&env, "s", &format!("demo: you said {expected}"));
    }

    env.cmd(&["send", "s", "demo: pick by the API? | red | blue"]).ok();
    let digest = open_question(&env, "s")["digest"].clone();
    let url = "/v1/sessions/s/dialog";
    let both = json!({"digest": digest, "choices": [2], "text": "and gold"});
    let stale = json!({"digest": "000000000000", "choices": [2]});
    assert_eq!(env.http().post(url, &stale).status, 409);
    assert_eq!(
        env.http().post(url, &json!({"digest": digest, "choices": [7]})).status,
        400
    );
    assert_eq!(env.http().post(url, &json!({"choice": 1, "text": "x"})).status, 400);
    assert_eq!(env.http().post(url, &both).status, 200);
    ends_with(&env, "s", "demo: you said blue, and gold");
}

#[test]
fn a_question_is_refused_by_leaving_it() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    env.cmd(&["run", "--name", "s", "demo: choose which? | red | blue"])
        .ok();
    open_question(&env, "s");
    env.cmd(&["approve", "s"]).exits(2);
    env.cmd(&["deny", "s"]).ok();
    env.wait_turn("s", "interrupted");
}

/// A bundled agent whose dialogs lose what is typed within this time.
fn deaf(time: &str) -> TestEnv {
    let env = TestEnv::new();
    env.write_config(&format!(
        "default_agent = \"demo\"\n[agents.demo]\nargs = [\"--quirk\", \"deaf-dialog={time}\"]\n"
    ));
    env
}

#[test]
fn a_key_that_came_too_early_is_pressed_again() {
    let env = deaf("4500ms");
    let daemon = env.serve();
    env.cmd(&["run", "--name", "s", "demo: choose which? | red | blue"])
        .ok();
    open_question(&env, "s");
    env.cmd(&["answer", "s", "2"]).ok();
    ends_with(&env, "s", "demo: you said blue");

    env.cmd(&["send", "s", "demo: choose and now? | red | blue"]).ok();
    open_question(&env, "s");
    env.cmd(&["answer", "s", "1 of each"]).ok();
    ends_with(&env, "s", "demo: you said 1 of each");
    let log = daemon.log();
    assert_eq!(
        log.matches("a key did nothing and is pressed again").count(),
        2,
        "{log}"
    );
}

#[test]
fn an_answer_that_waits_for_its_agent_holds_up_no_other_session() {
    let env = deaf("60s");
    let _daemon = env.serve();
    for name in ["slow", "quick"] {
        env.cmd(&["run", "--name", name, "demo: choose which? | red | blue"])
            .ok();
        open_question(&env, name);
    }
    std::thread::scope(|scope| {
        // The key is lost twice, which takes more than 10 s.
        let slow = scope.spawn(|| env.cmd(&["answer", "slow", "2"]));
        let db = rusqlite::Connection::open(env.data().join("telecoder.db")).expect("the database");
        let begun = "SELECT count(*) FROM dialogs WHERE state = 'open' AND answer = 'blue'";
        eventually("the answer is on its way", || {
            let count: i64 = db.query_row(begun, [], |row| row.get(0)).expect("a count");
            (count == 1).then_some(())
        });
        // What the dialog makes of this is known once it is its turn.
        env.cmd(&["answer", "quick", "3"]).exits(2);
        assert!(!slow.is_finished(), "it had nothing to wait for");
        slow.join().expect("the command ran").exits(12);
    });
}

#[test]
fn an_answer_that_does_nothing_is_told_and_the_question_stays() {
    let env = deaf("60s");
    let _daemon = env.serve();
    env.cmd(&["run", "--name", "s", "demo: choose which? | red | blue"])
        .ok();
    let digest = open_question(&env, "s")["digest"].clone();
    let refused = env.cmd(&["answer", "s", "2 of each"]).exits(12);
    assert!(refused.stderr.contains("nothing more was pressed"), "{refused:?}");
    assert_eq!(open_question(&env, "s")["digest"], digest);
}
