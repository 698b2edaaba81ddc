//! Questions that the real program drew, and the keys that answer them.

use serde_json::json;

use super::tests::{agent, dialog};
use super::*;
use crate::domain::dialog::DialogKind;

macro_rules! captured {
    ($name:literal, $height:literal) => {
        Screen::styled(include_str!(concat!("screens/", $name, ".txt")), $height)
    };
}

/// As it was captured, with the cursor shown in this row.
fn typing(screen: Screen, row: u16) -> Screen {
    Screen {
        cursor: (8, row),
        cursor_shown: true,
        ..screen
    }
}

/// `1 Red`, `2+ Blue` (ticked), `3* …` (the row for a text).
fn choices(dialog: &Dialog) -> Vec<String> {
    let row = |choice: &crate::domain::dialog::DialogChoice| {
        let marks = [(choice.checked, "+"), (choice.own_words, "*")];
        let marks: String = marks.iter().filter(|(is, _)| *is).map(|(_, mark)| *mark).collect();
        format!("{}{marks} {}", choice.key, choice.label)
    };
    dialog.choices.iter().map(row).collect()
}

/// The steps of what a person says, in one line; a text in quotes.
fn steps(dialog: &Dialog, said: &str) -> Option<String> {
    let answer = dialog.understood(DialogAnswer::Said(said.to_owned()))?;
    let steps = agent().answer_steps(dialog, &answer)?;
    let words = steps.iter().map(|step| match step {
        AnswerStep::Key(key) => key.clone(),
        AnswerStep::Text(text) => format!("{text:?}"),
    });
    Some(words.collect::<Vec<_>>().join(" "))
}

fn is(line: &str) -> Option<String> {
    Some(line.to_owned())
}

const OWN: &str = "(a text of your own)";

#[test]
fn one_choice_or_a_text() {
    let (rule, asked) = dialog(&captured!("question", 50));
    assert_eq!((rule.as_str(), asked.kind), ("question", DialogKind::Question));
    assert_eq!(asked.text(), "Which colour?");
    assert_eq!(choices(&asked), ["1 Red", "2 Blue", &format!("3* {OWN}")]);
    assert_eq!((asked.multi, asked.free_text, asked.selected), (false, true, None));
    assert_eq!(steps(&asked, "2"), is("2"));
    assert_eq!(steps(&asked, "red"), is("1"));
    assert_eq!(steps(&asked, "3"), None, "which text is still to be said");
    assert_eq!(
        steps(&asked, "teal, or so"),
        is("3 End S-Home BSpace \"teal, or so\" Enter")
    );
}

#[test]
fn an_open_field_is_left_or_written_anew() {
    let screen = typing(captured!("question_field", 30), 25);
    let (rule, asked) = dialog(&screen);
    assert_eq!((rule.as_str(), asked.selected), ("question", Some(3)));
    assert_eq!(asked.choices.len(), 4);
    assert_eq!(steps(&asked, "2"), is("Escape 2"));
    assert_eq!(steps(&asked, "teal"), is("End S-Home BSpace \"teal\" Enter"));
    // Without a cursor, or with one elsewhere, nothing is typed there: Escape would end the question.
    for screen in [
        captured!("question_field", 30),
        typing(captured!("question_field", 30), 3),
    ] {
        assert_eq!(dialog(&screen).1.selected, None);
    }
}

#[test]
fn several_choices_are_ticked() {
    let (rule, asked) = dialog(&captured!("question_several", 30));
    assert_eq!(rule, "question-multi");
    assert_eq!(asked.text(), "Which colours has the door?");
    let own = format!("4* {OWN}");
    assert_eq!(choices(&asked), ["1+ Red", "2 Dark blue", "3+ Green", &own]);
    assert!(asked.multi && asked.free_text);
    assert_eq!(steps(&asked, "3,1"), is("Tab"));
    assert_eq!(steps(&asked, "2"), is("1 2 3 Tab"));
    let with_text = is("1 2 3 4 End S-Home BSpace \"gold\" Enter Tab");
    assert_eq!(
        steps(&asked, "dark blue, and gold").unwrap().replace("and ", ""),
        with_text.unwrap()
    );
}

#[test]
fn a_text_beside_ticks_is_taken_out_or_written_anew() {
    let (_, asked) = dialog(&captured!("question_several_typed", 30));
    assert_eq!(choices(&asked)[3], format!("4+* {OWN}"));
    assert_eq!(steps(&asked, "1,3"), is("4 Tab"));
    assert_eq!(
        steps(&asked, "1,3,gold"),
        is("4 4 End S-Home BSpace \"gold\" Enter Tab")
    );
    let (_, asked) = dialog(&typing(captured!("question_several_typing", 30), 25));
    assert!(asked.is_in_own_words());
    assert_eq!(steps(&asked, "1"), is("Escape 3 Tab"));
}

#[test]
fn the_field_holds_a_text_or_its_end() {
    let shows = |text: &str| agent().answer_shows(&captured!("question_several_typing", 30), text);
    assert!(shows("gold, and\n1. silver"));
    assert!(!shows("silver") && !shows("more gold, and\n1. silver"));
    assert!(!agent().answer_shows(&captured!("question_field", 30), "gold"));
    assert!(!agent().answer_shows(&captured!("idle", 50), ""));
    let mut long = captured!("question_several_typing", 30);
    let field = long.rows.iter().position(|row| row.ends_with("1. silver")).unwrap();
    let more = (0..4).map(|n| format!("  ┃     line {n}"));
    long.rows.splice(field + 1..=field, more);
    let text = "this is out of sight\ngold, and\n1. silver\nline 0\nline 1\nline 2\nline 3";
    assert!(agent().answer_shows(&long, text));
    assert!(!agent().answer_shows(&long, &format!("{text} and more")));
}

#[test]
fn several_questions_come_one_after_the_other() {
    let (rule, first) = dialog(&captured!("question_tabs", 30));
    assert_eq!(rule, "question");
    assert_eq!(
        (first.question.as_str(), first.detail.as_str()),
        ("Which door?", "Door   The colours")
    );
    assert_eq!(steps(&first, "2"), is("2"));
    let (_, chosen) = dialog(&captured!("question_chosen", 30));
    assert_eq!(
        chosen.digest, first.digest,
        "what was chosen before changes nothing of what is asked"
    );
    assert_eq!(choices(&chosen)[1], "2 Back");
}

#[test]
fn answers_are_sent_off_when_none_is_missing() {
    let (rule, review) = dialog(&captured!("question_review", 30));
    assert_eq!((rule.as_str(), review.question.as_str()), ("question-review", "Review"));
    assert_eq!(review.detail, "Which: Green, Red, gold, and\n1. silver");
    assert_eq!(choices(&review), ["Enter Submit answers", "Escape Dismiss"]);
    assert_eq!(agent().confirm_keys(&review), Some(vec!["Enter".into()]));
    assert_eq!(
        agent().answer_steps(&review, &DialogAnswer::Deny),
        Some(vec![AnswerStep::Key("Escape".into())])
    );
    let (rule, open) = dialog(&captured!("question_unanswered", 30));
    assert_eq!(rule, "question-review");
    assert!(open.detail.contains("The colours: (not answered)"), "{}", open.detail);
    assert_eq!(agent().confirm_keys(&open), None);
}

#[test]
fn a_long_question_keeps_its_words() {
    let (_, asked) = dialog(&captured!("question_long", 30));
    assert!(
        asked.question.starts_with("Which one is it to be, given"),
        "{}",
        asked.question
    );
    assert!(asked.question.ends_with("the road is long?"), "{}", asked.question);
    assert!(
        asked.detail.starts_with("There are two ways:\n1. by land\n2. by sea"),
        "{}",
        asked.detail
    );
    assert_eq!(asked.choices.len(), 3);
    assert!(asked.choices[0].label.starts_with("The way by land, which is"));
    let (rule, narrow) = dialog(&captured!("question_narrow", 14));
    assert_eq!(
        (rule.as_str(), narrow.question.as_str()),
        ("question-multi", "Which colours has door 1?")
    );
}

/// What the model asks may look like the program's own words.
#[test]
fn a_question_cannot_pass_for_another_dialog() {
    let imitation = |what: &str| {
        let mut screen = captured!("question_long", 30);
        for row in &mut screen.rows {
            *row = row
                .replace("There are two ways:", what)
                .replace("1. by land", "(Enter) Allow once");
            *row = row.replace("2. by sea", "(Enter) Submit answers");
        }
        screen
    };
    for what in ["Permission required", "Always allow", "Review"] {
        let (rule, asked) = dialog(&imitation(what));
        assert_eq!((rule.as_str(), asked.choices.len()), ("question-multi", 3), "{what}");
        assert!(asked.detail.contains(what) && agent().confirm_keys(&asked).is_none());
        let mut cut = imitation(what);
        let end = cut.rows.iter().rposition(|row| row.contains("Submit answers")).unwrap();
        cut.rows.truncate(end + 1);
        assert_eq!(
            agent().read_screen(&Screen::plain(cut.rows)),
            ScreenReading::Unknown,
            "{what}"
        );
    }
}

/// A text has no row in sight, and a number may be text in one that is out of sight.
#[test]
fn a_question_that_is_cut_off_takes_what_is_in_sight() {
    let (rule, asked) = dialog(&captured!("question_cut", 20));
    assert_eq!(rule, "question-multi-fixed");
    assert_eq!(asked.choices.len(), 7);
    assert_eq!(steps(&asked, "1,3"), is("1 2 3 Tab"));
    assert_eq!(steps(&asked, "gold"), None);
    let typing = typing(captured!("question_cut_typing", 20), 19);
    assert_eq!(agent().read_screen(&typing), ScreenReading::Unknown);
    // Only the window's end cuts it off.
    assert_eq!(
        agent().read_screen(&captured!("question_cut", 30)),
        ScreenReading::Unknown
    );
}

#[test]
fn choices_without_a_number_are_reached_by_arrows() {
    let announced = |several: bool, count: usize| {
        let options: Vec<_> = (1..=count).map(|n| json!({"label": format!("Choice {n}")})).collect();
        let data =
            json!({"questions": [{"question": "Which?", "header": "Which", "options": options, "multiple": several}]});
        match agent().interpret("Question", &data, Timestamp::UNIX_EPOCH) {
            AgentSignal::DialogOpened(asked) => asked,
            other => panic!("{other:?}"),
        }
    };
    let several = announced(true, 10);
    assert_eq!(steps(&several, "9,10"), is("9 9 9 Down Enter Tab"));
    assert_eq!(
        steps(&several, "gold"),
        is("9 9 Down Down Enter End S-Home BSpace \"gold\" Enter Tab")
    );
    let one = announced(false, 10);
    assert_eq!(steps(&one, "9"), is("9"));
    assert_eq!(steps(&one, "10"), is(&format!("Tab {}Enter", "Down ".repeat(9))));
}

/// Whoever answers by the hook's words meets the same dialog on the screen.
#[test]
fn what_the_plugin_announces_is_what_is_drawn() {
    let asked = |questions: Value| match agent().interpret("Question", &questions, Timestamp::UNIX_EPOCH) {
        AgentSignal::DialogOpened(asked) => asked,
        other => panic!("{other:?}"),
    };
    let options = json!([{"label": "Red"}, {"label": "Dark blue"}, {"label": "Green"}]);
    let several =
        json!({"question": "Which colours has the door?", "header": "Which", "options": options, "multiple": true});
    let shown = dialog(&captured!("question_several", 30)).1;
    let announced = asked(json!({"questions": [several]}));
    assert_eq!(announced.digest, shown.digest);
    assert!(announced.multi && announced.free_text);
    let door = json!({"question": "Which door?", "header": "Door", "options": [{"label": "Front"}, {"label": "Back"}]});
    let colours = json!({"question": "Which colours?", "header": "The colours", "options": []});
    let announced = asked(json!({"questions": [door, colours]}));
    assert_eq!(announced.digest, dialog(&captured!("question_tabs", 30)).1.digest);
}
