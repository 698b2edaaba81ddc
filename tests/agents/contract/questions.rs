//! Questions of the agent's own: a choice, a text, and several of them reach it as they were given.

use super::stage::Stage;
use super::under_test::Question;

/// More than a row, and more than what a field shows at once.
const LONG: &str = "not one of these but another colour, which is as dark as the night over the sea, and as light as what is seen of \
    the shore from there when 2 lamps burn; it was mixed for the last door, and there is enough of it left for the one that is asked about, \
    if nobody has used it for the 3 windows since; then 1 coat has to do";

pub fn answered(name: &str) {
    let stage = Stage::of(name);
    if stage.agent.asking(asked("any?", false)).is_none() {
        // Its questions are shown and taken by their choices; it has none that the tests can call for.
        return stage.end();
    }
    stage.begin("s");
    let cases = [
        (false, "2", "Dark blue"),
        (false, "gold", "Gold"),
        (false, "my own: purple; with $(signs)", "my own: purple; with $(signs)"),
        (false, LONG, LONG),
        (true, "3,1", "Red, Green"),
        (true, "dark blue, and silver", "Dark blue, and silver"),
        (true, "only my own", "only my own"),
    ];
    for (i, (several, said, expected)) in cases.into_iter().enumerate() {
        let text = format!("Which colour has door {i}?");
        let prompt = stage.agent.asking(asked(&text, several)).expect("a question");
        stage.send("s", &prompt);
        let dialog = stage.wait_dialog("s")["dialog"].clone();
        assert_eq!(dialog["kind"], "question", "{dialog:#}");
        assert_eq!(dialog["question"], text.as_str(), "{dialog:#}");
        assert_eq!(dialog["multi"], several, "{dialog:#}");
        stage.succeeds("s", &["answer", "s", said]);
        let turns = stage.quiet("s");
        let last = turns.last().expect("a turn");
        assert_eq!(last["state"], "finished", "{last:#}");
        let heard = match stage.agent.is_real() {
            true => stage.llm.exchanges().last().expect("a request").results.join("\n"),
            false => last["finalText"].to_string(),
        };
        assert!(heard.contains(expected), "round {i}: {heard}");
    }
    stage.end();
}

fn asked(text: &str, several: bool) -> Question<'_> {
    Question {
        text,
        choices: &["Red", "Dark blue", "Green", "Gold"],
        several,
    }
}
