//! How a question of the agent's own is answered on its screen: texts, and several choices.
//!
//! A number chooses; where several may be taken it ticks. The row for a text of one's own has a number, too, and takes what is pasted
//! into it. Several questions come one after the other, and then the agent asks whether the answers are to be sent off.

use crate::domain::dialog::{AnswerStep, Dialog, DialogAnswer, DialogKind};

const REVIEW: &str = "Review your answers";
const SUBMIT: &str = "Submit answers";

/// The steps, for the answers that are more than one choice.
pub fn steps(dialog: &Dialog, answer: &DialogAnswer) -> Option<Vec<AnswerStep>> {
    let key = |name: &str| AnswerStep::Key(name.to_owned());
    match answer {
        DialogAnswer::Text(text) => {
            let own = own_row(dialog)?;
            Some(vec![key(&own), AnswerStep::Text(text.clone()), key("Enter")])
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
                    steps.extend([key(&own), AnswerStep::Text(text.clone()), key("Down"), key("Enter")]);
                }
                // Its number would not lead into the row.
                (Some(_), Some(_)) => return None,
            }
            Some(steps)
        }
        DialogAnswer::Choice(_) if dialog.is_in_own_words() => {
            let choice = &dialog.choices[dialog.chosen(answer)?];
            Some(vec![key("Up"), key(&choice.key)])
        }
        _ => None,
    }
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
    if dialog.kind != DialogKind::Question || !dialog.free_text {
        return None;
    }
    if let Some(own) = dialog.choices.iter().find(|choice| choice.own_words) {
        return Some(own.key.clone());
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
