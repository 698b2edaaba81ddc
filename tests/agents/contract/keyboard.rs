//! A person whose own settings turn on vim's keys: in a session they are off, so that a text is a text and Escape interrupts.

use super::stage::Stage;
use super::under_test::Act;
use crate::homes;

pub fn vim(name: &str) {
    let stage = Stage::of(name);
    let Some(settings) = homes::turn_on_vim(name, &stage.env.home()) else {
        // It has no such mode.
        return stage.end();
    };
    let before = std::fs::read_to_string(&settings).expect("the settings");
    stage.begin("s");
    let screen = stage.env.cmd(&["screen", "s"]).ok().stdout.to_uppercase();
    assert!(!screen.contains("INSERT") && !screen.contains("NORMAL"), "{screen}");
    let hang = stage.send("s", &format!("{}\nwith vim", stage.agent.prompt(&[Act::Hang])));
    stage.wait_status("s", "working");
    stage.env.cmd(&["interrupt", "s"]).ok();
    stage.quiet("s");
    assert_eq!(
        stage.turn("s", &hang["id"])["state"],
        "interrupted",
        "{}",
        stage.picture("s")
    );
    for text in ["dd is no command", "ggdG :q!\nand a second line"] {
        let prompt = format!("{text}\n{}", stage.agent.prompt(&[Act::Say("went on")]));
        stage.ask("s", &prompt);
        assert_eq!(stage.times_seen(&prompt), 1);
    }
    let after = std::fs::read_to_string(&settings).expect("the settings");
    // Some note there that a hint was shown; nothing that the person has set is changed.
    let kept = before.lines().all(|line| after.contains(line));
    assert!(kept, "the person's own settings were {before}, and are {after}");
    stage.llm.release("for-ever");
    stage.end();
}
