//! Which buttons a message gets, and what it says when one of them was taken.

use uuid::Uuid;

use super::Action;
use crate::channels::telegram::rich::units;
use crate::domain::ask::AskState;
use crate::domain::dialog::Meaning;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::{MessageId, TurnId};
use crate::domain::message::{About, Button, Entity, EntityStyle, Message, MessageKind, Offer, PartBody};
use crate::domain::turn::TurnState;
use crate::store::{ButtonRow, Tx};

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
    let choices = open.dialog.choices.iter().enumerate().take(CHOICES_MAX);
    // The row for a text of one's own is taken by a reply.
    let choices = choices.filter(|(_, choice)| !choice.own_words);
    if open.dialog.multi {
        let ticks = choices.map(|(i, choice)| {
            let tick = Action::Tick {
                session: session.clone(),
                digest: digest.clone(),
                choice: i + 1,
            };
            tick.offer(&ticked_label(&label(i, &choice.label), choice.checked))
        });
        let mut rows = in_rows(ticks.collect::<Result<_>>()?);
        let send = Action::Ticked {
            session: session.clone(),
            digest: digest.clone(),
        };
        rows.push(vec![send.offer("Send")?]);
        return Ok(rows);
    }
    let offers = choices.map(|(i, choice)| {
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

const TICKED: &str = "☑ ";
const OPEN: &str = "☐ ";

fn ticked_label(label: &str, is_ticked: bool) -> String {
    format!("{}{label}", if is_ticked { TICKED } else { OPEN })
}

/// Turns the tick of a button over, and wishes that its message shows it. What the person is told.
pub fn tick(tx: &Tx<'_>, channel: &str, button: &ButtonRow) -> Result<String> {
    let is_ticked = button.label.starts_with(TICKED);
    let label = button.label.trim_start_matches([TICKED, OPEN][usize::from(!is_ticked)]);
    tx.change_button(&button.id, &ticked_label(label, !is_ticked), &button.action)?;
    show_labels(tx, channel, button.message)?;
    let what = if is_ticked { "Taken out" } else { "Ticked" };
    Ok(format!("{what}: {label}. Then tap Send."))
}

/// The choices (from 1) that are ticked under a message.
pub fn ticked(tx: &Tx<'_>, message: MessageId) -> Result<Vec<(usize, String)>> {
    let buttons = tx.buttons_of(message)?.into_iter();
    let ticked = buttons.filter_map(|button| {
        let label = button.label.strip_prefix(TICKED)?.to_owned();
        match Action::read(&button.action) {
            Ok(Action::Tick { choice, .. }) => Some((choice, label)),
            _ => None,
        }
    });
    let mut ticked: Vec<(usize, String)> = ticked.collect();
    ticked.sort_unstable();
    Ok(ticked)
}

/// The labels of a message's buttons as they are now.
fn show_labels(tx: &Tx<'_>, channel: &str, message: MessageId) -> Result<()> {
    let (Some((mut body, id)), Some(to)) = (with_buttons(tx, message)?, tx.message(message)?.to) else {
        return Ok(());
    };
    if let PartBody::Text { buttons, .. } = &mut body {
        for button in buttons.iter_mut().flatten() {
            if let Some(row) = tx.button(&button.data)? {
                button.label = row.label;
            }
        }
    }
    want_body(tx, channel, to.chat_id, id, &body)
}

/// The part of a message that has buttons, and the id under which it stands.
fn with_buttons(tx: &Tx<'_>, message: MessageId) -> Result<Option<(PartBody, i64)>> {
    let has_buttons = |body: &PartBody| matches!(body, PartBody::Text { buttons, .. } if !buttons.is_empty());
    Ok(tx
        .sent_parts(message)?
        .into_iter()
        .rev()
        .find(|(body, _)| has_buttons(body)))
}

/// Wishes that a message of the bot's stands so.
pub fn want_body(tx: &Tx<'_>, channel: &str, chat_id: i64, message_id: i64, body: &PartBody) -> Result<()> {
    let wanted = serde_json::to_string(body).map_err(|error| Fault::new(Kind::Failure, error.to_string()))?;
    tx.want_mark(channel, chat_id, message_id, "edit", &wanted)
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
    let (
        Some((
            PartBody::Text {
                mut text, mut entities, ..
            },
            id,
        )),
        Some(to),
    ) = (with_buttons(tx, message)?, tx.message(message)?.to)
    else {
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
    want_body(tx, channel, to.chat_id, id, &body)
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
