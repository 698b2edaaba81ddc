//! How a dialog is answered: by what the permission hook prints, or on the screen.
//!
//! The hook waits while Claude Code shows the dialog, and what it prints closes the dialog. It allows and denies, and answers one
//! question; everything else is done on the screen. Allowing for good is a choice of the person's that only the screen has.
//!
//! A number chooses; where several may be taken it ticks. The row for a text of one's own has a number, too, and takes what is pasted
//! into it. Several questions come one after the other, and then the agent asks whether the answers are to be sent off.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

use crate::agents::squeezed;
use crate::domain::dialog::{AnswerStep, Dialog, DialogAnswer, DialogKind, Meaning};

const REVIEW: &str = "Review your answers";
const SUBMIT: &str = "Submit answers";
/// They take out of the row for a text what somebody began to write there, as far as it goes over three rows of the terminal.
const EMPTY_ROW: [&str; 4] = ["End", "C-u", "C-u", "C-u"];
/// The marked row of the list, without its number and its box.
static MARKED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\s*❯ \d\. (?:\[.\] )?(.*)$").expect("a constant pattern"));

/// What the hook prints.
pub fn decision(dialog: &Dialog, answer: &DialogAnswer) -> Option<String> {
    let asker = dialog.asker.as_ref()?;
    let decision = match dialog.kind {
        DialogKind::Permission => match dialog.choices.get(dialog.chosen(answer)?)?.meaning? {
            Meaning::Allow => json!({ "behavior": "allow" }),
            // As the choice on the screen does, it ends the turn.
            Meaning::Deny => json!({ "behavior": "deny", "message": "The person said no.", "interrupt": true }),
            Meaning::AllowAlways => return None,
        },
        DialogKind::Question => {
            let mut input = asker.input.clone();
            let (question, said) = answered(&input, dialog, answer)?;
            input["answers"] = json!({ question: said });
            json!({ "behavior": "allow", "updatedInput": input })
        }
        _ => return None,
    };
    let output = json!({ "hookSpecificOutput": { "hookEventName": "PermissionRequest", "decision": decision } });
    Some(output.to_string())
}

/// The one question, and the answer to it in the words that Claude Code itself would give. Several questions are answered on the screen,
/// one after the other.
fn answered(input: &Value, dialog: &Dialog, answer: &DialogAnswer) -> Option<(String, String)> {
    let [question] = input.get("questions")?.as_array()?.as_slice() else {
        return None;
    };
    let options = question.get("options")?.as_array()?;
    // The screen may cut a long name; its number is the option's.
    let label = |n: usize| {
        let number: usize = dialog.choices.get(n.checked_sub(1)?)?.key.parse().ok()?;
        options
            .get(number.checked_sub(1)?)?
            .get("label")?
            .as_str()
            .map(str::to_owned)
    };
    let said = match answer {
        DialogAnswer::Choice(n) => label(*n)?,
        DialogAnswer::Text(text) => text.clone(),
        DialogAnswer::Several { choices, text } => {
            let mut sorted = choices.clone();
            sorted.sort_unstable();
            let mut words = sorted.into_iter().map(label).collect::<Option<Vec<String>>>()?;
            words.extend(text.clone());
            words.join(", ")
        }
        _ => return None,
    };
    Some((question.get("question")?.as_str()?.to_owned(), said))
}

/// The steps, for the answers that are more than one choice.
pub fn steps(dialog: &Dialog, answer: &DialogAnswer) -> Option<Vec<AnswerStep>> {
    let key = |name: &str| AnswerStep::Key(name.to_owned());
    match answer {
        DialogAnswer::Text(text) => {
            let mut steps = Vec::new();
            if !dialog.is_in_own_words() {
                steps.push(key(&own_row(dialog)?));
            }
            steps.extend(EMPTY_ROW.map(key));
            steps.extend([AnswerStep::Text(text.clone()), key("Enter")]);
            Some(steps)
        }
        DialogAnswer::Several { choices, text } => {
            let mut steps = Vec::new();
            if dialog.is_in_own_words() {
                steps.push(key("Up"));
            }
            steps.extend(ticks(dialog, choices).into_iter().map(|name| key(&name)));
            let ticked = dialog.choices.iter().find(|choice| choice.own_words && choice.checked);
            match (text, ticked) {
                (None, None) => steps.push(key("Tab")),
                // What somebody typed there is not in the answer. A row with a text is ticked by its number like the others.
                (None, Some(own)) => steps.extend([key(&own.key), key("Tab")]),
                (Some(text), None) => {
                    let own = own_row(dialog)?;
                    steps.push(key(&own));
                    steps.extend(EMPTY_ROW.map(key));
                    steps.extend([AnswerStep::Text(text.clone()), key("Down"), key("Enter")]);
                }
                // Its number would not lead into the row.
                (Some(_), Some(_)) => return None,
            }
            Some(steps)
        }
        _ if dialog.is_in_own_words() => {
            // A No without a choice of its own leaves the dialog, from this row, too.
            let choice = &dialog.choices[dialog.chosen(answer)?];
            Some(vec![key("Up"), key(&choice.key)])
        }
        _ => None,
    }
}

/// Whether the row for a text, which is marked, begins as this text does: where something else stands before it, it is no answer.
pub fn begins_with(rows: &[String], text: &str) -> bool {
    let marked = rows.iter().rev().find_map(|row| MARKED.captures(row));
    let shown = marked.map(|found| squeezed(&found[1])).unwrap_or_default();
    !shown.is_empty() && squeezed(text).starts_with(&shown)
}

/// What has to be ticked, or unticked, so that exactly these are.
fn ticks(dialog: &Dialog, wanted: &[usize]) -> Vec<String> {
    let boxes = dialog
        .choices
        .iter()
        .enumerate()
        .filter(|(_, choice)| !choice.own_words);
    boxes
        .filter(|(at, choice)| choice.checked != wanted.contains(&(at + 1)))
        .map(|(_, choice)| choice.key.clone())
        .collect()
}

/// The key of the row for a text of one's own. In a low window it is out of sight, and stands before the last one all the same.
fn own_row(dialog: &Dialog) -> Option<String> {
    if !dialog.free_text {
        return None;
    }
    if let Some(own) = dialog.choices.iter().find(|choice| choice.own_words) {
        return Some(own.key.clone());
    }
    if dialog.kind != DialogKind::Question {
        return None;
    }
    let last: u32 = dialog.choices.last()?.key.parse().ok()?;
    Some(last.checked_sub(1)?.to_string())
}

/// The last question is whether to send the answers off: its person has just given them.
pub fn confirm_keys(dialog: &Dialog) -> Option<Vec<String>> {
    if dialog.question != REVIEW {
        return None;
    }
    let submit = dialog.choices.iter().find(|choice| choice.label == SUBMIT)?;
    Some(vec![submit.key.clone()])
}
