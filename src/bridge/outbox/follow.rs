//! What happened, turned into what a chat should show: receipts, decided questions, topics, progress. It reads the event log from
//! where it had come to; what it wishes is what is true now, so reading an event twice changes nothing.

use super::Rules;
use super::{progress, receipts};
use crate::bridge::taps::{NOBODY, SOMEBODY, ask_decided, decided};
use crate::channels::telegram::CHANNEL;
use crate::domain::ask::AskState;
use crate::domain::event::{Event, EventKind};
use crate::domain::fault::{Kind, Result};
use crate::domain::ids::{LetterId, SessionId, TurnId};
use crate::domain::route::PromptOrigin;
use crate::store::{Store, Tx};

const READER: &str = "telegram";
/// Events that are read at one time.
const EVENTS_MAX: u32 = 500;

/// Follows the log to its end. True when topics may have to change.
pub(super) async fn follow(store: &Store, rules: &Rules, seen: &mut Option<i64>) -> Result<bool> {
    let mut topics = false;
    loop {
        let from = *seen;
        let (from, events) = store
            .read(move |tx| {
                let from = match from {
                    Some(seq) => seq,
                    // Before the first word there is nothing to be caught up with.
                    None => tx.cursor(READER)?.map_or_else(|| tx.last_event_seq(), Ok)?,
                };
                Ok((from, tx.events_after(from, None, EVENTS_MAX)?))
            })
            .await?;
        let Some(last) = events.last().map(|event| event.seq) else {
            *seen = Some(from);
            return Ok(topics);
        };
        let full = events.len() == EVENTS_MAX as usize;
        topics |= events
            .iter()
            .any(|event| event.session.is_some() && !is_of_turns(event.kind));
        let wanted: Vec<Event> = events.into_iter().filter(concerns_us).collect();
        if !wanted.is_empty() {
            let rules = rules.clone();
            store
                .write(move |tx| {
                    for event in &wanted {
                        match wish(tx, &rules, event) {
                            // What it spoke of may be gone by now.
                            Err(fault) if fault.kind == Kind::NotFound => {}
                            wished => wished?,
                        }
                    }
                    tx.set_cursor(READER, last)
                })
                .await?;
        }
        *seen = Some(last);
        if !full {
            return Ok(topics);
        }
    }
}

fn is_of_turns(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::TurnState | EventKind::MessageCreated | EventKind::MessageState
    )
}

fn concerns_us(event: &Event) -> bool {
    matches!(
        event.kind,
        EventKind::TurnState | EventKind::AskAnswered | EventKind::DialogClosed | EventKind::SessionCreated
    )
}

fn wish(tx: &Tx<'_>, rules: &Rules, event: &Event) -> Result<()> {
    let id = || event.data["id"].as_str().unwrap_or_default();
    match (event.kind, &event.session) {
        (EventKind::TurnState, _) => turn_changed(tx, rules, &id().parse()?),
        (EventKind::AskAnswered, Some(session)) => ask_closed(tx, session, &id().parse()?, event.data["by"].as_str()),
        (EventKind::DialogClosed, Some(session)) => dialog_closed(tx, session, event),
        (EventKind::SessionCreated, Some(session)) => session_made(tx, rules, session),
        _ => Ok(()),
    }
}

fn turn_changed(tx: &Tx<'_>, rules: &Rules, id: &TurnId) -> Result<()> {
    let turn = tx.turn(id)?;
    if let PromptOrigin::Chat { chat, message_id } = &turn.origin
        && chat.channel == CHANNEL
        && rules.receipts.is_some()
    {
        let wanted = receipts::wanted(&turn);
        tx.want_mark(CHANNEL, chat.chat_id, *message_id, "receipt", &wanted)?;
    }
    progress::turn_changed(tx, rules, &turn)
}

fn ask_closed(tx: &Tx<'_>, session: &SessionId, id: &LetterId, by: Option<&str>) -> Result<()> {
    let ask = tx.ask(id)?;
    let Some(message) = tx.message_of_letter_id(session, id)? else {
        return Ok(());
    };
    decided(tx, CHANNEL, message, &ask_decided(ask.state, ask.answer.as_deref(), by))
}

/// A dialog that was answered by a tap is told by the tap; one that went away otherwise must lose its buttons.
fn dialog_closed(tx: &Tx<'_>, session: &SessionId, event: &Event) -> Result<()> {
    let digest = event.data["digest"].as_str().unwrap_or_default();
    // It came back meanwhile.
    if tx
        .dialog(session)?
        .is_some_and(|open| open.dialog.digest.as_str() == digest)
    {
        return Ok(());
    }
    for message in tx.messages_of_dialog(session, digest)? {
        let buttons = tx.buttons_of(message)?;
        if buttons.is_empty() || buttons.iter().any(|button| button.used_by.is_some()) {
            continue;
        }
        let (answer, by) = (event.data["answer"].as_str(), event.data["by"].as_str());
        let (what, by) = match event.data["state"].as_str() {
            Some("answered") => (
                ask_decided(AskState::Answered, answer, by),
                format!("{SOMEBODY}{}", by.unwrap_or("somebody elsewhere")),
            ),
            _ => ("✖ it moved on".into(), format!("{NOBODY}nobody")),
        };
        if tx.use_buttons(message, &by)? {
            decided(tx, CHANNEL, message, &what)?;
        }
    }
    Ok(())
}

/// A session that was made elsewhere reports home; where home has topics, it gets one.
fn session_made(tx: &Tx<'_>, rules: &Rules, id: &SessionId) -> Result<()> {
    let session = tx.session(id)?;
    match &rules.home {
        Some(home) if session.chat.is_none() && rules.home_has_topics() => {
            tx.bind_chat(id, home)?;
            tx.want_topic(id, CHANNEL, home.chat_id)
        }
        _ => Ok(()),
    }
}
