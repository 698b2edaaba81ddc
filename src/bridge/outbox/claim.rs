//! Which parts go out now: new messages are cut into parts, and of each chat the first due part is claimed, as far as the pace allows.

use std::time::Duration;

use tokio::time::Instant;

use super::compose::{Said, parts};
use crate::bridge::pace::Pacer;
use crate::bridge::taps::{NOBODY, of_message, want_body};
use crate::channels::telegram::CHANNEL;
use crate::domain::Timestamp;
use crate::domain::fault::{Kind, Result};
use crate::domain::ids::{SessionId, SessionName};
use crate::domain::message::{Button, Message, MessageKind, PartBody};
use crate::store::{OutboxPart, Store, Tx};

/// Messages that are cut into parts in one transaction.
const PLAN_MAX: u32 = 50;
/// So many messages of a session that wait behind one another go out as one: one a second would be behind for ever.
const TOGETHER_MIN: usize = 8;
const TOGETHER_MAX: u32 = 1000;
/// A dialog that is told again so soon, and was answered by nobody, is the one before.
const SAME_QUESTION_SECONDS: i64 = 5;
const TOGETHER_BYTES_MAX: usize = 1024 * 1024;
/// Added to a stored time, whose unit is the millisecond: waking a moment early would be waking for nothing.
const ROUNDING: Duration = Duration::from_millis(2);

pub(super) struct Look {
    pub has_work: bool,
    /// How long until a part is due that is not yet.
    pub next_due: Option<Duration>,
}

/// A look without a write: most events concern no message.
pub(super) async fn look(store: &Store) -> Result<Look> {
    store
        .read(|tx| {
            let has_work = !tx.unplanned_messages(CHANNEL, 1)?.is_empty() || !tx.due_parts(CHANNEL)?.is_empty();
            Ok(Look {
                has_work,
                next_due: next_due(tx)?,
            })
        })
        .await
}

#[derive(Default)]
pub(super) struct Claimed {
    pub parts: Vec<OutboxPart>,
    /// When the pace allows the next part that is due already.
    pub ready_at: Option<Instant>,
    pub next_due: Option<Duration>,
}

/// Plans what is new and claims at most `room` parts: one transaction, so that a letter costs one sync on its way out.
pub(super) fn claim(tx: &Tx<'_>, pacer: &mut Pacer, room: usize, parts_max: usize, rich: bool) -> Result<Claimed> {
    let planned = plan(tx, parts_max, rich)?;
    let now = Instant::now();
    let mut claimed = Claimed::default();
    for part in tx.due_parts(CHANNEL)? {
        if claimed.parts.len() == room {
            break;
        }
        match pacer.try_take(part.to.chat_id, now) {
            Ok(()) => {
                tx.begin_sending(part.part.message, part.part.index)?;
                claimed.parts.push(part);
            }
            Err(ready) => claimed.ready_at = Some(claimed.ready_at.map_or(ready, |at| at.min(ready))),
        }
    }
    if planned == PLAN_MAX as usize {
        claimed.ready_at = Some(now);
    }
    claimed.next_due = next_due(tx)?;
    Ok(claimed)
}

/// Under the last text: what can be tapped stands where reading ends.
fn put_buttons(parts: &mut [PartBody], rows: Vec<Vec<Button>>) {
    let texts = parts.iter_mut().rev().filter_map(|part| match part {
        PartBody::Text { buttons, .. } => Some(buttons),
        _ => None,
    });
    if let Some(buttons) = texts.into_iter().next() {
        *buttons = rows;
    }
}

fn plan(tx: &Tx<'_>, parts_max: usize, rich: bool) -> Result<usize> {
    let messages = tx.unplanned_messages(CHANNEL, PLAN_MAX)?;
    for message in &messages {
        let name = message.session.as_ref().map(|id| name(tx, id)).transpose()?.flatten();
        let buttons = of_message(tx, message)?;
        let behind = match buttons.is_empty() {
            true => together(tx, message)?,
            false => vec![],
        };
        let said = Said {
            message,
            behind: &behind,
            name: name.as_ref(),
            hint: how_to_answer(tx, message)?,
        };
        // A message whose buttons come and go is edited as a text.
        let mut parts = parts(&said, parts_max, rich && buttons.is_empty());
        put_buttons(&mut parts, buttons);
        match tx.plan_message(message.id, &parts) {
            Err(fault) if fault.kind != Kind::Storage => tx.fail_message(message.id, &fault.message)?,
            planned => {
                planned?;
                if let ([body], Some(sent_id), Some(to)) = (&parts[..], stands_already(tx, message)?, &message.to) {
                    want_body(tx, CHANNEL, to.chat_id, sent_id, body)?;
                    tx.stands_already(message.id, sent_id)?;
                }
                behind.iter().try_for_each(|carried| tx.carry(message.id, carried.id))?;
            }
        }
    }
    Ok(messages.len())
}

/// How a dialog can be answered beside a tap on a choice.
fn how_to_answer(tx: &Tx<'_>, message: &Message) -> Result<Option<&'static str>> {
    let (Some(session), Some(digest)) = (&message.session, &message.dialog) else {
        return Ok(None);
    };
    let open = tx.dialog(session)?.filter(|open| open.dialog.digest == *digest);
    Ok(open.and_then(|open| match (open.dialog.multi, open.dialog.free_text) {
        (true, true) => Some("Tick and tap Send, or reply with numbers or in your own words."),
        (true, false) => Some("Tick and tap Send, or reply with the numbers."),
        (false, true) => Some("Tap one, or reply in your own words."),
        (false, false) => None,
    }))
}

/// A dialog that was gone for a moment (a hook came late, the screen was being drawn) is the same question: its message is changed, and
/// no second one makes a sound. The id under which that message stands.
fn stands_already(tx: &Tx<'_>, message: &Message) -> Result<Option<i64>> {
    let (Some(session), Some(digest)) = (&message.session, &message.dialog) else {
        return Ok(None);
    };
    for earlier in tx.messages_of_dialog(session, digest.as_str())? {
        let is_recent = |at: Timestamp| tx.now().as_second() - at.as_second() <= SAME_QUESTION_SECONDS;
        let told = tx.message(earlier)?;
        let by_nobody = tx
            .buttons_of(earlier)?
            .iter()
            .all(|button| button.used_by.as_deref().is_none_or(|by| by.starts_with(NOBODY)));
        if earlier != message.id && told.to == message.to && is_recent(told.created_at) && by_nobody {
            return Ok(tx.sent_parts(earlier)?.first().map(|(_, sent_id)| *sent_id));
        }
    }
    Ok(None)
}

/// What of the same session waits behind a reply, if that is so much that it goes out at once. What has something of its own (a file, a
/// question, a decision) ends it.
fn together(tx: &Tx<'_>, head: &Message) -> Result<Vec<Message>> {
    let is_plain = |message: &Message| {
        let alone = message.done.is_some() || message.dialog.is_some() || message.about.is_some();
        message.kind == MessageKind::Reply && !alone && message.files.is_empty()
    };
    if head.session.is_none() || !is_plain(head) {
        return Ok(vec![]);
    }
    let same = |message: &Message| is_plain(message) && message.session == head.session && message.to == head.to;
    let mut behind = tx.waiting_behind(head, TOGETHER_MAX, same)?;
    let mut bytes = 0;
    let fits = behind.iter().take_while(|message| {
        bytes += message.text.len();
        bytes <= TOGETHER_BYTES_MAX
    });
    let count = fits.count();
    behind.truncate(count);
    if behind.len() + 1 < TOGETHER_MIN {
        behind.clear();
    }
    Ok(behind)
}

fn name(tx: &Tx<'_>, id: &SessionId) -> Result<Option<SessionName>> {
    match tx.session(id) {
        Ok(session) => Ok(Some(session.name)),
        Err(fault) if fault.kind == Kind::NotFound => Ok(None),
        Err(fault) => Err(fault),
    }
}

fn next_due(tx: &Tx<'_>) -> Result<Option<Duration>> {
    let times = [tx.next_due_at(CHANNEL)?, tx.next_mark_at(CHANNEL)?];
    Ok(times.into_iter().flatten().min().map(until))
}

/// How long until a stored time.
fn until(at: Timestamp) -> Duration {
    let millis = at.as_millisecond() - Timestamp::now().as_millisecond();
    Duration::from_millis(millis.max(0).unsigned_abs()) + ROUNDING
}

/// A stored time on the clock of waiting.
pub(super) fn instant_of(at: Timestamp) -> Instant {
    Instant::now() + until(at)
}
