//! What rules see and what they must not be fooled by, on pictures of no agent in particular.

use super::*;
use crate::domain::dialog::{DialogKind, Meaning};

const RULES: &str = r#"
version = "1.2.3"

[[rule]]
name = "permission"
reads = "dialog"
kind = "permission"
top = '^─{8,}'
bottom = '^ Esc to cancel'
choice = '^ (?P<selected>❯)? *(?P<key>\d)\. (?P<label>.+)$'
question = '\?$'
always = "don.t ask again"
deny = '^No'
allow = '^Yes'

[[rule]]
name = "composer"
reads = "composer"
top = '^─{8,}'
bottom = '^─{8,}'
slack = 2
first = '^❯(?: (.*))?$'
rest = '^  (.*)$'
busy = '^✻ \w+…'
"#;

#[track_caller]
fn read(picture: &str) -> Explained {
    let rules = Rules::parse(RULES, "test").unwrap();
    rules.read(&Screen::styled(picture, 30))
}

const IDLE: &str = "● done\n\n──────────\n❯ \u{1b}[2mTry this\u{1b}[0m\n──────────\n  ? for shortcuts\n";
const ASKS: &str = "● ok\n──────────\n Bash command\n\n   rm -rf build\n\n Do you want to proceed?\n ❯ 1. Yes\n   2. Yes, and don't ask again for\n      rm commands\n   3. No\n\n Esc to cancel · Tab to amend\n";

#[test]
fn a_box_its_text_and_work() {
    assert_eq!(read(IDLE).reading, ScreenReading::ComposerEmpty);
    assert_eq!(read(IDLE).rule.as_deref(), Some("composer"));
    let holds = "──────────\n❯ fix it\n  and test\n──────────\n  ? for shortcuts\n";
    let expected = ScreenReading::ComposerHolds {
        shown: "fix it\nand test".into(),
    };
    assert_eq!(read(holds).reading, expected);
    let works = format!("✻ Thinking… (3s)\n{}", &IDLE["● done\n".len()..]);
    assert_eq!(read(&works).reading, ScreenReading::Busy);
}

#[test]
fn a_dialog_is_parsed() {
    let ScreenReading::Dialog(dialog) = read(ASKS).reading else {
        panic!("no dialog");
    };
    assert_eq!(dialog.kind, DialogKind::Permission);
    assert_eq!(dialog.question, "Do you want to proceed?");
    assert_eq!(dialog.detail, "Bash command\nrm -rf build");
    let choices: Vec<_> = dialog
        .choices
        .iter()
        .map(|c| (c.key.as_str(), c.label.as_str(), c.meaning))
        .collect();
    let expected = [
        ("1", "Yes", Some(Meaning::Allow)),
        (
            "2",
            "Yes, and don't ask again for rm commands",
            Some(Meaning::AllowAlways),
        ),
        ("3", "No", Some(Meaning::Deny)),
    ];
    assert_eq!(choices, expected);
    assert_eq!(dialog.selected, Some(0));
}

#[test]
fn an_echoed_dialog_is_none() {
    assert_eq!(read(&format!("{ASKS}\n{IDLE}")).reading, ScreenReading::ComposerEmpty);
    let echoed = ASKS.replace("──────────\n", "");
    assert_eq!(read(&echoed).reading, ScreenReading::Unknown);
}

#[test]
fn mistakes_in_a_rules_file_are_named() {
    for (text, part) in [
        (
            "[[rule]]\nname = 'x'\nreads = 'composer'\nbottom = 'a'",
            "rule `x`: a composer needs",
        ),
        ("[[rule]]\nname = 'x'\nreads = 'busy'", "an anchor"),
        ("[[rule]]\nname = 'x'\nreads = 'busy'\ntop = '('", "rule `x`: `(`"),
        ("nonsense = 1", "unknown field"),
    ] {
        let fault = Rules::parse(text, "mine").unwrap_err();
        assert!(fault.message.contains(part), "{}", fault.message);
        assert!(fault.message.starts_with("the screen rules mine: "));
    }
}
