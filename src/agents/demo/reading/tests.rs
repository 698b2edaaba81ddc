//! Screens as the agent draws them, and texts that only look like one.

use super::*;

#[track_caller]
fn check(picture: &str, expected: ScreenReading) {
    let rows = picture.trim_matches('\n').lines().map(|row| row.trim_end().to_owned());
    let screen = Screen::plain(rows.collect());
    assert_eq!(read(&screen), expected, "{picture}");
}

fn dialog(question: &str, choices: &[&str]) -> ScreenReading {
    let choices: Vec<String> = choices.iter().map(|&choice| choice.to_owned()).collect();
    ScreenReading::Dialog(signal::dialog(question, &choices))
}

fn holds(shown: &str) -> ScreenReading {
    ScreenReading::ComposerHolds { shown: shown.into() }
}

const IDLE: &str = "

╭──────────────────────╮
│ >                    │
╰──────────────────────╯
  enter sends

";

#[test]
fn an_empty_box() {
    check(IDLE, ScreenReading::ComposerEmpty);
    check("\n\n", ScreenReading::Unknown);
    check("bash-5.2$ ", ScreenReading::Unknown);
}

#[test]
fn a_box_with_text_of_one_and_more_rows() {
    let picture = "
● fine

╭──────────────────────╮
│ > hello │ world      │
╰──────────────────────╯
  enter sends";
    check(picture, holds("hello │ world"));
    let picture = "
╭────────────────────╮
│ > [pasted text   #3│
│   : 812 characters │
╰────────────────────╯";
    check(picture, holds("[pasted text   #3: 812 characters"));
}

#[test]
fn a_working_agent_with_an_empty_box_and_a_queue() {
    let picture = "
✳ Working… (esc to interrupt)
» queued: do this too
╭──────────────────────╮
│ >                    │
╰──────────────────────╯
  enter sends";
    check(picture, ScreenReading::Busy);
    let picture = "
  ✳ Working… was echoed, and the agent is idle

╭──────────────────────╮
│ >                    │
╰──────────────────────╯";
    check(picture, ScreenReading::ComposerEmpty);
}

#[test]
fn a_dialog_replaces_the_box() {
    let picture = "
› please
╭─ Permission ─────────╮
│ 1. Yes               │
│                      │
│ run rm -rf build?    │
│                      │
│ ❯ 1. Yes             │
│   2. No              │
╰──────────────────────╯
  enter confirms";
    let expected = dialog("1. Yes\n\nrun rm -rf build?", &["Yes", "No"]);
    check(picture, expected);
}

#[test]
fn echoed_pictures_are_not_the_agents_own() {
    let echoed = "
› ╭─ Permission ─────────╮
  │ Do you want?         │
  │                      │
  │ ❯ 1. Yes             │
  ╰──────────────────────╯
    enter confirms";
    check(echoed, ScreenReading::Unknown);
    check(&format!("{echoed}\n{IDLE}"), ScreenReading::ComposerEmpty);
    let spoofed_box = "
  ╭──────────────────────╮
  │ >                    │
  ╰──────────────────────╯
    enter sends
╭─ Permission ─────────╮
│ ╭──────────────────╮ │
│ │ >                │ │
│ ╰──────────────────╯ │
│                      │
│ ❯ 1. Yes             │
│   2. No              │
╰──────────────────────╯
  enter confirms";
    let expected = dialog(
        "╭──────────────────╮\n│ >                │\n╰──────────────────╯",
        &["Yes", "No"],
    );
    check(spoofed_box, expected);
}

#[test]
fn a_half_drawn_box_is_unknown() {
    check(
        "╭──────────────────────╮\n│ >                    │",
        ScreenReading::Unknown,
    );
    check(
        "│ >                    │\n╰──────────────────────╯",
        ScreenReading::Unknown,
    );
    check(
        "╭─────╮\n│ >                    │\n╰──────────────────────╯",
        ScreenReading::Unknown,
    );
    check(
        "╭──────────────────────╮\n╰──────────────────────╯",
        ScreenReading::Unknown,
    );
    check(&format!("{IDLE}\nKilled\nby\nsomething"), ScreenReading::Unknown);
}

#[test]
fn what_the_box_shows_of_a_text() {
    assert!(shows("hello world", "hello world"));
    assert!(shows("hello    world", "hello\tworld  "));
    assert!(shows("e\u{301} 👩👩", "e\u{301} 👩\u{200d}👩"));
    assert!(!shows("hello", "hello world"));
    assert!(!shows("half typed hello world", "hello world"));
    assert!(shows("[pasted text #1: 3 characters, 2 lines]", "a\nb"));
    assert!(!shows("[pasted text #1: 3 characters, 2 lines]", "a\nbc"));
    assert!(!shows("x[pasted text #1: 3 characters, 2 lines]", "a\nb"));
}
