//! Which parts go out now: new messages are cut into parts, and of each chat the first due part is claimed, as far as the pace allows.

use std::time::Duration;

use tokio::time::Instant;

use super::compose::parts;
use crate::bridge::pace::Pacer;
use crate::bridge::taps::of_message;
use crate::channels::telegram::CHANNEL;
use crate::domain::Timestamp;
use crate::domain::fault::{Kind, Result};
use crate::domain::ids::{SessionId, SessionName};
use crate::domain::message::{Button, PartBody};
use crate::store::{OutboxPart, Store, Tx};

/// Messages that are cut into parts in one transaction.
const PLAN_MAX: u32 = 50;
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
        // A message whose buttons come and go is edited as a text.
        let mut parts = parts(message, name.as_ref(), parts_max, rich && buttons.is_empty());
        put_buttons(&mut parts, buttons);
        match tx.plan_message(message.id, &parts) {
            Err(fault) if fault.kind != Kind::Storage => tx.fail_message(message.id, &fault.message)?,
            planned => planned?,
        }
    }
    Ok(messages.len())
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
