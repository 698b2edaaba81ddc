//! A conversation as a thing of its own: the agent's commands that act on it, and a second one that begins from it.

use super::life::{self, OLD};
use super::stage::Stage;
use super::under_test::Act;

/// Exit code of a command that was not declared.
const USAGE: i32 = 2;

/// Each declared command arrives as such and leaves a box into which the next prompt goes; others are refused.
pub fn commands(name: &str) {
    let stage = Stage::of(name);
    stage.begin("s");
    stage.env.cmd(&["command", "s", "/quit"]).exits(USAGE);
    for (i, (line, does)) in stage.agent.commands.iter().enumerate() {
        let before = stage.llm.exchanges().len();
        let sent = stage.env.json(&["command", "s", line]);
        if *does == Does::Ask {
            // Some ask whether it is meant.
            stage.wait_dialog("s");
            stage.approve("s", None).ok();
        }
        stage.quiet("s");
        let turn = stage.turn("s", &sent["id"]);
        assert_eq!(
            turn["state"],
            "delivered_unconfirmed",
            "{turn:#}\n{}",
            stage.picture("s")
        );
        let next = format!("next {i}\n{}", stage.agent.prompt(&[Act::Say("went on")]));
        let turn = stage.send("s", &next);
        stage.quiet("s");
        let turn = stage.turn("s", &turn["id"]);
        assert_eq!(turn["state"], "finished", "{}: {turn:#}\n{}", line, stage.picture("s"));
        assert_eq!(turn["finalText"], "went on", "{}: {turn:#}", line);
        let exchanges = &stage.llm.exchanges()[before..];
        let prompts = &exchanges.last().expect("the next prompt reached the model").prompts;
        assert!(
            prompts.last().is_some_and(|last| last.contains(&format!("next {i}"))),
            "{prompts:?}"
        );
        let earlier = match i {
            0 => "ready to begin".to_owned(),
            _ => format!("next {}", i - 1),
        };
        let forgot = !prompts.iter().any(|prompt| prompt.contains(&earlier));
        match does {
            Does::Nothing | Does::Ask => assert!(!forgot, "{}: {prompts:?}", line),
            Does::Forget => assert!(forgot, "{}: {prompts:?}", line),
            Does::AskTheModel => assert!(exchanges.len() > 1, "{}: {exchanges:#?}", line),
        }
    }
    stage.end();
}

/// What a command does to the conversation, as the model sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Does {
    Nothing,
    /// Nothing, and a person is asked first.
    Ask,
    /// The next prompt begins a conversation.
    Forget,
    /// The model sums up.
    AskTheModel,
}

/// A fork knows what was said, goes on by itself, and leaves the first conversation as it was.
pub fn forked(name: &str) {
    let stage = Stage::of(name);
    life::begin_with_memory(&stage);
    let asked = format!("asked in the fork\n{}", stage.agent.prompt(&[Act::Say("heliotrope")]));
    stage.env.cmd(&["fork", "s", "--name", "t", &asked]).ok();
    let turns = stage.quiet("t");
    assert_eq!(turns[0]["state"], "finished", "{turns:#?}\n{}", stage.picture("t"));
    let (first, second) = (stage.env.status("s"), stage.env.status("t"));
    assert_ne!(first["nativeId"], second["nativeId"], "{first:#}\n{second:#}");
    knows(&stage, "asked in the fork", &[OLD], &[]);

    let more = format!("asked in the first\n{}", stage.agent.prompt(&[Act::Say("here")]));
    stage.ask("s", &more);
    knows(&stage, "asked in the first", &[OLD], &["asked in the fork"]);

    stage.env.cmd(&["stop", "t"]).ok();
    stage.env.cmd(&["resume", "t"]).ok();
    let again = format!(
        "asked after a resume\n{}",
        stage.agent.prompt(&[Act::Say("still here")])
    );
    stage.ask("t", &again);
    knows(
        &stage,
        "asked after a resume",
        &[OLD, "asked in the fork"],
        &["asked in the first"],
    );
    stage.end();
}

/// The model saw these prompts with this one, once each, and none of those.
#[track_caller]
fn knows(stage: &Stage, asked: &str, known: &[&str], unknown: &[&str]) {
    if !stage.agent.is_real() {
        // Its own record is looked at in `tests/it/conversations.rs`.
        return;
    }
    let exchanges = stage.llm.exchanges();
    let last = exchanges
        .iter()
        .rev()
        .find(|exchange| exchange.main && exchange.prompt.contains(asked));
    let prompts = &last.expect("the prompt reached the model").prompts;
    let times = |text: &str| prompts.iter().filter(|prompt| prompt.contains(text)).count();
    for text in known {
        assert_eq!(times(text), 1, "{text:?} in {prompts:#?}");
    }
    for text in unknown {
        assert_eq!(times(text), 0, "{text:?} in {prompts:#?}");
    }
}
