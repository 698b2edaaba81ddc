//! Questions as the real program drew them, and the keys that it was seen to take.

use super::super::tests::{agent, dialog, screen};
use super::*;
use crate::agents::Adapter;

macro_rules! captured {
    ($name:literal) => {
        dialog(&screen(include_str!(concat!("../screens/", $name, ".txt"))))
    };
}

fn labels(dialog: &Dialog) -> Vec<(&str, &str)> {
    let choices = dialog.choices.iter();
    choices
        .map(|choice| (choice.key.as_str(), choice.label.as_str()))
        .collect()
}

/// The steps in short: a text stands between quotation marks.
#[track_caller]
fn given(dialog: &Dialog, said: &str) -> String {
    let answer = dialog
        .understood(DialogAnswer::Said(said.to_owned()))
        .expect("an answer");
    let steps = agent().answer_steps(dialog, &answer).expect("steps");
    let words = steps.into_iter().map(|step| match step {
        AnswerStep::Key(key) => key,
        AnswerStep::Text(text) => format!("{text:?}"),
    });
    words.collect::<Vec<String>>().join(" ")
}

#[test]
fn one_of_a_list_that_is_all_there() {
    let (rule, question) = captured!("question");
    assert_eq!((rule.as_str(), question.kind), ("question", DialogKind::Question));
    assert_eq!(question.question, "Which colour?");
    assert_eq!(question.detail, "");
    assert_eq!(labels(&question), [("1", "Red"), ("2", "Blue"), ("3", OWN_WORDS)]);
    assert!(question.free_text && !question.multi);
    assert_eq!(given(&question, "blue"), "2");
    assert_eq!(given(&question, "green; 2 of them"), "Up \"green; 2 of them\" Enter");
    assert_eq!(question.understood(DialogAnswer::Said("3".into())), None);
}

#[test]
fn one_of_a_list_that_scrolls() {
    let (_, question) = captured!("question_cut");
    assert_eq!(labels(&question), [("1", "Red"), ("2", "Dark blue"), ("3", "Green")]);
    assert_eq!(given(&question, "3"), "3");
    assert_eq!(given(&question, "my own"), "Up \"my own\" Enter");
}

/// The hook that comes before has said them all.
#[test]
fn choices_out_of_sight_are_known_by_the_hook() {
    let agent = agent();
    let options =
        ["Red", "Dark blue", "Green", "Gold"].map(|label| serde_json::json!({"label": label, "description": ""}));
    let question = serde_json::json!({"question": "Which colour has the door?", "options": options});
    let hook = serde_json::json!({"session_id": "a", "tool_name": "ask_user", "tool_input": {"questions": [question]}});
    agent.interpret("BeforeTool", &hook, crate::domain::Timestamp::default());
    let read = |text: &str| match agent.explain(&screen(text)).reading {
        crate::domain::screen::ScreenReading::Dialog(dialog) => dialog,
        other => panic!("{other:?}"),
    };
    let question = read(include_str!("../screens/question_cut.txt"));
    let all = [
        ("1", "Red"),
        ("2", "Dark blue"),
        ("3", "Green"),
        ("4", "Gold"),
        ("5", OWN_WORDS),
    ];
    assert_eq!(labels(&question), all);
    assert_eq!((question.selected, given(&question, "gold").as_str()), (Some(0), "4"));
    assert_eq!(given(&question, "silver"), "Up \"silver\" Enter");
}

/// Somebody was about to answer at the terminal.
#[test]
fn a_text_that_stands_there_is_replaced() {
    let (_, question) = captured!("question_own");
    assert_eq!(question.question, "Which colour has the door?");
    assert!(question.is_in_own_words() && question.choices[2].checked);
    assert_eq!(given(&question, "my own"), "C-c \"my own\" Enter");
    assert_eq!(given(&question, "Green"), "Down 3");
}

#[test]
fn several_of_a_list() {
    let (rule, question) = captured!("question_multi");
    assert_eq!((rule.as_str(), question.multi), ("question-multi", true));
    assert_eq!(question.question, "Which colours has the door?");
    let long = "Green with a rather long name that goes on and on until it does not fit into the frame any more and wraps to 2. rows";
    assert_eq!(labels(&question), [("1", "Red"), ("2", "Dark blue"), ("3", long)]);
    let ticked: Vec<_> = question.choices.iter().map(|choice| choice.checked).collect();
    assert_eq!(ticked, [true, false, true]);
    // The mark is on the first one.
    assert_eq!(given(&question, "1,3"), "Up Enter");
    assert_eq!(given(&question, "2,3"), "1 2 Up Up Enter");
    assert_eq!(given(&question, "1, 3, and gold"), "Up Up \"and gold\" Enter");
    assert_eq!(given(&question, "only gold"), "1 3 Up Up Up Up \"only gold\" Enter");
}

#[test]
fn the_end_of_a_list_of_several() {
    let (_, question) = captured!("question_multi_end");
    assert_eq!(labels(&question), [("4", ALL), ("5", OWN_WORDS)]);
    assert_eq!(question.selected, Some(0));
    assert_eq!(given(&question, "gold"), "Up Up Up Up Up \"gold\" Enter");
}

#[test]
fn all_of_them_are_each_of_them() {
    let choice = |key: usize, label: &str| DialogChoice::new(&key.to_string(), label, None);
    let choices = vec![choice(1, "A"), choice(2, "B"), choice(3, ALL), choice(4, OWN_WORDS)];
    let mut question = Dialog::new(DialogKind::Question, "Which?", "", choices);
    (question.multi, question.free_text, question.selected) = (true, true, Some(0));
    question.choices[3].own_words = true;
    assert_eq!(given(&question, "3"), "1 2 Up Up Enter");
    assert_eq!(given(&question, "1,2"), "1 2 Up Up Enter");
    // The mark is on the row that ends it.
    question.selected = None;
    assert_eq!(given(&question, "1"), "1 Up Enter");
    // Somebody has typed there.
    question.choices[3].checked = true;
    assert_eq!(given(&question, "2"), "2 Up Up Up C-c Down Enter");
    question.selected = Some(3);
    assert_eq!(given(&question, "2"), "Down 2 Up Up Up C-c Down Enter");
}

#[test]
fn several_questions_and_their_review() {
    let (rule, first) = captured!("question_tabs");
    assert_eq!(rule, "question");
    assert_eq!(
        (first.question.as_str(), first.detail.as_str()),
        ("Which colour has the door?", "")
    );
    assert_eq!(labels(&first), [("1", "Red"), ("2", "Dark blue"), ("3", OWN_WORDS)]);
    let (rule, text) = captured!("question_text");
    assert_eq!(rule, "question-text");
    assert_eq!(
        (text.question.as_str(), text.detail.as_str()),
        ("What is its name?", "")
    );
    assert!(text.is_in_own_words() && text.choices[0].checked);
    assert_eq!(given(&text, "oak"), "C-c \"oak\" Enter");
    let (rule, review) = captured!("question_review");
    assert_eq!(rule, "question-review");
    assert_eq!(labels(&review), [("Enter", "submit")]);
    assert_eq!(agent().confirm_keys(&review), Some(vec!["Enter".to_owned()]));
    let (_, unanswered) = captured!("question_unanswered");
    assert!(
        unanswered.detail.contains("3 unanswered questions"),
        "{}",
        unanswered.detail
    );
    assert_eq!(agent().confirm_keys(&unanswered), None);
    assert_eq!(given(&unanswered, "1"), "Enter");
}

/// In a low window the upper edge is above the screen.
#[test]
fn a_question_in_a_low_window() {
    let (_, question) = captured!("question_low");
    assert_eq!(
        (question.question.as_str(), question.detail.as_str()),
        ("Which colour has the door?", "")
    );
    assert_eq!(labels(&question), [("1", "Red")]);
    assert_eq!(given(&question, "my own"), "Up \"my own\" Enter");
}

#[test]
fn a_long_text_comes_in_pieces() {
    let text = format!("{}\n\n{}", "é".repeat(CHUNK_CHARS_MAX + 1), "end");
    let pieces = chunks(&text);
    assert_eq!(pieces.concat(), text);
    assert_eq!(pieces.len(), 3);
    assert!(
        pieces
            .iter()
            .all(|piece| piece.matches('\n').count() <= CHUNK_LINES_MAX)
    );
}
