//! Which buttons a message gets, and what it says when one of them was taken.

use uuid::Uuid;

use super::Action;
use crate::channels::telegram::rich::units;
use crate::domain::ask::AskState;
use crate::domain::dialog::Meaning;
use crate::domain::fault::Result;
use crate::domain::ids::{MessageId, TurnId};
use crate::domain::message::{About, Button, Entity, EntityStyle, Message, MessageKind, Offer, PartBody};
use crate::domain::turn::TurnState;
use crate::store::Tx;

/// More choices than this are answered by a number.
const CHOICES_MAX: usize = 24;
/// A longer label would be cut by the phone; the list in the text has it whole.
const LABEL_CHARS_MAX: usize = 40;
/// Labels as short as this stand side by side.
const SHORT_CHARS_MAX: usize = 14;
/// Room that every part keeps free for its dress is also what the decision may take.
const DECISION_UNITS_MAX: usize = 90;

/// Makes the buttons of a message, stored before the message goes out.
pub fn of_message(tx: &Tx<'_>, message: &Message) -> Result<Vec<Vec<Button>>> {
    let rows = match (&message.about, message.kind) {
        (Some(About::Offer { rows }), _) => rows.clone(),
        (Some(About::Turn { turn }), _) => of_turn(tx, turn)?,
        (Some(About::Outcome { id }), _) => super::entry::buttons(tx, *id)?,
        (_, MessageKind::Ask) => of_ask(message)?,
        _ if message.dialog.is_some() => of_dialog(tx, message)?,
        _ => vec![],
    };
    let mut made = vec![];
    for row in rows {
        let mut buttons = vec![];
        for offer in row {
            let id = Uuid::new_v4().simple().to_string();
            tx.insert_button(&id, message.id, &offer.label, &offer.action)?;
            buttons.push(Button {
                label: offer.label,
                data: id,
            });
        }
        made.push(buttons);
    }
    Ok(made)
}

fn of_ask(message: &Message) -> Result<Vec<Vec<Offer>>> {
    let Some(ask) = &message.letter else {
        return Ok(vec![]);
    };
    let offers = message.choices.iter().enumerate().take(CHOICES_MAX).map(|(i, choice)| {
        let text = choice.clone();
        Action::Answer { ask: ask.clone(), text }.offer(&label(i, choice))
    });
    Ok(in_rows(offers.collect::<Result<_>>()?))
}

fn of_dialog(tx: &Tx<'_>, message: &Message) -> Result<Vec<Vec<Offer>>> {
    let (Some(session), Some(digest)) = (&message.session, &message.dialog) else {
        return Ok(vec![]);
    };
    let Some(open) = tx.dialog(session)?.filter(|open| open.dialog.digest == *digest) else {
        return Ok(vec![]);
    };
    let offers = open
        .dialog
        .choices
        .iter()
        .enumerate()
        .take(CHOICES_MAX)
        .map(|(i, choice)| {
            let allows = matches!(choice.meaning, Some(Meaning::Allow | Meaning::AllowAlways));
            let action = Action::Dialog {
                session: session.clone(),
                digest: digest.clone(),
                choice: i + 1,
                allows,
            };
            action.offer(&label(i, &choice.label))
        });
    Ok(in_rows(offers.collect::<Result<_>>()?))
}

fn of_turn(tx: &Tx<'_>, id: &TurnId) -> Result<Vec<Vec<Offer>>> {
    let turn = tx.turn(id)?;
    let again = Action::Again { turn: id.clone() }.offer("Send again")?;
    Ok(match turn.state {
        TurnState::Uncertain => vec![vec![
            Action::Submit { turn: id.clone() }.offer("Submit")?,
            Action::Clear { turn: id.clone() }.offer("Clear")?,
            again,
        ]],
        TurnState::Refused | TurnState::Failed | TurnState::Cancelled | TurnState::Interrupted => vec![vec![again]],
        _ => vec![],
    })
}

fn label(i: usize, choice: &str) -> String {
    let line = choice.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.chars().count() {
        0 => format!("{}", i + 1),
        count if count <= LABEL_CHARS_MAX => line,
        _ => format!(
            "{}. {}…",
            i + 1,
            line.chars().take(LABEL_CHARS_MAX - 6).collect::<String>()
        ),
    }
}

/// Short ones stand two in a row.
fn in_rows(offers: Vec<Offer>) -> Vec<Vec<Offer>> {
    let short = offers
        .iter()
        .all(|offer| offer.label.chars().count() <= SHORT_CHARS_MAX);
    let width = if short { 2 } else { 1 };
    let mut rows = vec![];
    let mut offers = offers.into_iter().peekable();
    while offers.peek().is_some() {
        rows.push(offers.by_ref().take(width).collect());
    }
    rows
}

/// Wishes that the message stands as decided: its text, what was decided and by whom, and no buttons. Nothing happens when it has
/// none, or was not sent.
pub fn decided(tx: &Tx<'_>, channel: &str, message: MessageId, what: &str) -> Result<()> {
    let sent = tx.sent_parts(message)?;
    let found = sent.into_iter().rev().find_map(|(body, id)| match body {
        PartBody::Text {
            text,
            entities,
            buttons,
        } if !buttons.is_empty() => Some((text, entities, id)),
        _ => None,
    });
    let (Some((mut text, mut entities, id)), Some(to)) = (found, tx.message(message)?.to) else {
        return Ok(());
    };
    text.push_str("\n\n");
    let offset = units(&text);
    text.extend(fitting(what));
    entities.push(Entity {
        offset,
        length: units(&text) - offset,
        style: EntityStyle::Italic,
    });
    let body = PartBody::Text {
        text,
        entities,
        buttons: vec![],
    };
    let wanted = serde_json::to_string(&body)
        .map_err(|error| crate::domain::fault::Fault::new(crate::domain::fault::Kind::Failure, error.to_string()))?;
    tx.want_mark(channel, to.chat_id, id, "edit", &wanted)
}

/// As much of it as has room behind every text.
fn fitting(what: &str) -> impl Iterator<Item = char> {
    let mut left = DECISION_UNITS_MAX;
    what.trim()
        .chars()
        .map(|c| if c == '\n' { ' ' } else { c })
        .take_while(move |c| {
            let fits = c.len_utf16() <= left;
            left = left.saturating_sub(c.len_utf16());
            fits
        })
        .collect::<Vec<_>>()
        .into_iter()
}

/// What became of a question, in the words under its message.
pub fn ask_decided(state: AskState, answer: Option<&str>, by: Option<&str>) -> String {
    match (state, answer, by) {
        (AskState::Answered, Some(answer), Some(by)) => format!("✔ {answer}, {by}"),
        (AskState::Answered, Some(answer), None) => format!("✔ {answer}"),
        (AskState::Answered, None, _) => "✔ answered".into(),
        (AskState::Expired, ..) => "✖ nobody answered in time".into(),
        (AskState::Open, ..) => String::new(),
    }
}
