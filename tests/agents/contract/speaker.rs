//! Whose word a hook is: an agent that a tool of the session's agent runs is not the session, and a conversation that a person begins at
//! the terminal is.

use std::time::Duration;

use super::stage::Stage;
use super::under_test::Act;

/// An agent opens its list of commands over the box, and changes its conversation, without a sign that all of them give.
const LIST_OPENS: Duration = Duration::from_secs(1);
const CONVERSATION_CHANGES: Duration = Duration::from_secs(2);

pub fn whose_word(name: &str) {
    let stage = Stage::of(name);
    stage.begin("s");
    let ours = stage.env.status("s")["nativeId"].clone();
    let nested = stage
        .agent
        .prompt(&[Act::AskAndRun(stage.agent.once), Act::Say("the outer word")]);
    let turn = stage.send("s", &nested);
    stage.wait_dialog("s");
    stage.approve("s", None).ok();
    stage.quiet("s");
    let told = stage.turn("s", &turn["id"]);
    assert_eq!(told["state"], "finished", "{}", stage.picture("s"));
    assert_eq!(told["finalText"], "the outer word", "{}", stage.picture("s"));
    assert_eq!(stage.env.status("s")["nativeId"], ours, "{}", stage.picture("s"));
    let relayed = stage.messages("s");
    assert!(
        !relayed.iter().any(|text| text.trim() == "the inner word"),
        "{relayed:?}"
    );
    if stage.agent.is_real() {
        let asked = |text: &str| {
            stage
                .llm
                .exchanges()
                .iter()
                .any(|asked| asked.prompts.iter().any(|p| p.contains(text)))
        };
        assert!(
            asked("say the inner word"),
            "the inner agent was not run: {}",
            stage.picture("s")
        );
    }

    let Some(command) = stage.agent.begins_anew else {
        return stage.end();
    };
    let pane = stage.env.status("s")["tmux"]["paneId"]
        .as_str()
        .expect("a pane")
        .to_owned();
    stage.env.tmux(&["send-keys", "-t", &pane, "-l", command]);
    std::thread::sleep(LIST_OPENS);
    stage.env.tmux(&["send-keys", "-t", &pane, "Enter"]);
    std::thread::sleep(CONVERSATION_CHANGES);
    stage.ask(
        "s",
        &format!("a new one\n{}", stage.agent.prompt(&[Act::Say("went on")])),
    );
    assert_ne!(stage.env.status("s")["nativeId"], ours, "{}", stage.picture("s"));
    let prompts = stage.llm.exchanges().pop().expect("an exchange").prompts;
    assert!(
        !prompts.iter().any(|prompt| prompt.contains("ready to begin")),
        "{prompts:?}"
    );
    stage.end();
}
