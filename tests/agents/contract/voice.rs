//! What the agent says reaches the person, once and from the right session.

use super::stage::{Far, Stage};
use super::under_test::Act;
use crate::support::eventually;

/// A prompt is answered, and the answer reaches the person although the agent did not run `notify`.
pub fn first_prompt(name: &str) {
    let stage = Stage::of(name);
    stage.run("s", &stage.agent.prompt(&[Act::Say("the first answer of all")]));
    let turns = stage.quiet("s");
    assert_eq!(turns[0]["state"], "finished", "{turns:#?}");
    assert_eq!(turns[0]["finalText"], "the first answer of all", "{turns:#?}");
    stage.wait_message("s", "the first answer of all");
    assert_eq!(stage.messages("s").len(), 1, "{:?}", stage.messages("s"));
    if name != "demo" {
        cost_is_told(&stage);
    }
    stage.end();
}

/// The model counts 100 tokens read and 20 written for each answer; the agent's own record has them, and the outcome says so.
fn cost_is_told(stage: &Stage) {
    let usage = eventually("the first turn has its outcome", || {
        let outcomes = stage.env.http().get("/v1/sessions/s/outcomes").json();
        outcomes.get(0).map(|outcome| outcome["usage"].clone())
    });
    let count = |key: &str| usage[key].as_u64().unwrap_or(0);
    let answers = count("outputTokens") / 20;
    assert!(answers >= 1, "{usage:#}");
    assert_eq!(
        (count("inputTokens"), count("outputTokens")),
        (answers * 100, answers * 20),
        "{usage:#}"
    );
}

/// `notify` runs without a question under the agent's own sandbox and permissions; no other command is waved through with it, and none
/// that only begins like it.
pub fn notify(name: &str) {
    let stage = Stage::of(name);
    stage.begin("s");
    let before = stage.messages("s").len();
    stage.send(
        "s",
        &stage
            .agent
            .prompt(&[Act::Run("telecoder notify 'said aloud'"), Act::Say("not to be relayed")]),
    );
    stage.quiet("s");
    stage.wait_message("s", "said aloud");
    let said = &stage.messages("s")[before..];
    assert_eq!(
        said.len(),
        1,
        "the final text is relayed only when there was no notify: {said:?}"
    );

    let outside = stage.env.root().join("far");
    let command = format!("touch {}", outside.display());
    stage.send("s", &stage.agent.prompt(&[Act::AskAndRun(&command), Act::Say("asked")]));
    stage.wait_dialog("s");
    assert!(!outside.exists(), "a command was waved through");
    stage.deny("s", None).ok();
    stage.quiet("s");
    assert!(!outside.exists(), "what was denied was done");
    if stage.agent.is_real() {
        nothing_but_notify(&stage);
    }
    stage.end();
}

/// Commands that begin like `notify` and do more: each is asked about, or its further part fails in the agent's sandbox.
fn nothing_but_notify(stage: &Stage) {
    let far = Far::new(stage);
    for smuggled in [
        format!("telecoder notify 'one'; touch {}", far.path()),
        format!("telecoder notify 'two' && touch {}", far.path()),
        format!("telecoder notify \"$(touch {})\"", far.path()),
    ] {
        stage.send("s", &stage.agent.prompt(&[Act::Run(&smuggled), Act::Say("tried")]));
        if stage.agent.asking_policy_asks() {
            stage.wait_dialog("s");
            assert!(!far.exists(), "waved through: {smuggled}");
            stage.deny("s", None).ok();
        }
        stage.quiet("s");
        assert!(!far.exists(), "done without permission: {smuggled}");
    }
}

/// Two sessions of one agent in one home at once: neither speaks for the other.
pub fn two_sessions(name: &str) {
    let stage = Stage::of(name);
    let prompt = |who: &str| {
        let command = format!("telecoder notify 'here is {who}'");
        stage
            .agent
            .prompt(&[Act::Run(&command), Act::Work(1), Act::Say(&format!("final of {who}"))])
    };
    stage.run("one", &prompt("one"));
    stage.run("two", &prompt("two"));
    for session in ["one", "two"] {
        stage.quiet(session);
        stage.wait_message(session, &format!("here is {session}"));
    }
    stage.send("one", &stage.agent.prompt(&[Act::Say("again from one")]));
    stage.send("two", &stage.agent.prompt(&[Act::Say("again from two")]));
    for session in ["one", "two"] {
        let turns = stage.quiet(session);
        let finals: Vec<String> = turns.iter().map(|turn| turn["finalText"].to_string()).collect();
        let other = if session == "one" { "two" } else { "one" };
        let said = stage.messages(session).join("\n");
        assert!(!said.contains(other), "`{session}` spoke for `{other}`: {said}");
        assert!(
            finals.iter().all(|text| text.contains(session)),
            "{session}: {finals:?}"
        );
    }
    stage.end();
}
