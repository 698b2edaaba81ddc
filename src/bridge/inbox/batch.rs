//! A batch of updates, in one transaction: the rows, what they did, and the offset behind them.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::Shared;
use crate::channels::telegram::inbound::{self, Content, Update};
use crate::domain::fault::{Kind, Result};
use crate::domain::ids::SessionId;
use crate::domain::route::ChatRef;
use crate::sessions::{NewSessionRequest, RawRequest};
use crate::store::Tx;

use crate::bridge::commands::{self, Addressed};
use crate::bridge::prompt::live_active;
use crate::bridge::router::{Known, Routed, Router, here};

#[derive(Clone)]
struct Batch {
    updates: Vec<(Update, Value)>,
    /// Chats in which something earlier is still to be done: what follows has to wait for it.
    busy: HashSet<ChatRef>,
    default: Option<Result<NewSessionRequest>>,
    bot: i64,
    next: i64,
}

#[derive(Default)]
struct Stored {
    wake: Vec<SessionId>,
    later: Vec<Update>,
    /// Taps with which nothing is done.
    taps_over: Vec<String>,
}

/// Stores a batch, and sets off what follows from it. Returns the offset to go on from; none for an empty batch.
pub(super) async fn take(shared: &std::sync::Arc<Shared>, raw: Vec<Value>) -> Result<Option<i64>> {
    let updates: Vec<(Update, Value)> = raw.into_iter().filter_map(read).collect();
    let Some(last) = updates.iter().map(|(update, _)| update.update_id).max() else {
        return Ok(None);
    };
    // From here on every tap is answered in time, however long the rest takes.
    for (update, _) in &updates {
        if let Content::Tap { id, .. } = &update.content {
            shared.answers.begin(&shared.client, &shared.tracker, id);
        }
    }
    let busy = shared.lanes.busy();
    let default = shared.default_request(updates.iter().map(|(update, _)| update)).await?;
    let batch = Batch {
        updates,
        busy,
        default,
        bot: shared.bot,
        next: last + 1,
    };
    crate::failpoint!("I1");
    let stored = match shared.store_batch(batch.clone(), true).await {
        Ok(stored) => stored,
        // Either the disk refuses, and then it refuses this too, or one update stumbled over a damaged row: that one is left to
        // its own lane, where it does not stand in the way of all others.
        Err(fault) if fault.kind == Kind::Storage => shared.store_batch(batch, false).await?,
        Err(fault) => return Err(fault),
    };
    crate::failpoint!("I2");
    for session in &stored.wake {
        shared.router.engine.wake(session);
    }
    for tap in &stored.taps_over {
        shared.answers.say(tap, "");
    }
    for update in stored.later {
        shared.enqueue(update, false);
    }
    Ok(Some(last + 1))
}

fn read(raw: Value) -> Option<(Update, Value)> {
    let update = inbound::read(&raw);
    if update.is_none() {
        tracing::warn!("telegram: an update without an id was skipped");
    }
    Some((update?, raw))
}

/// Whether an update replies to what may be a message of ours that is still on its way, by the server's answer: whose it is will be
/// known then.
pub(super) fn replies_too_soon(tx: &Tx<'_>, update: &Update) -> Result<bool> {
    match here(update) {
        Some(here) => here
            .reply_to
            .map_or(Ok(false), |id| tx.may_be_on_its_way(&here.chat, id)),
        None => Ok(false),
    }
}

/// With `route` unset, what the allowed sent is only stored, and all of it left for later.
fn store(tx: &Tx<'_>, router: &Router, batch: Batch, route: bool) -> Result<Stored> {
    let mut busy = batch.busy;
    let known = Known {
        default: batch.default,
        ..Known::default()
    };
    let mut stored = Stored::default();
    for (update, raw) in batch.updates {
        let admitted = router.admits(tx, &update)?;
        // Of strangers nothing is kept but that they were there.
        let kept = if admitted {
            raw
        } else {
            json!({"update_id": update.update_id})
        };
        if !tx.insert_update(update.update_id, &kept)? {
            continue;
        }
        let is_tap = matches!(update.content, Content::Tap { .. });
        let is_behind = !is_tap && update.chat.as_ref().is_some_and(|chat| busy.contains(chat));
        let waits = !route || is_behind || replies_too_soon(tx, &update)?;
        let routed = match admitted && waits {
            true => Routed::Later,
            false => router.route(tx, &update, &known)?,
        };
        match routed {
            Routed::Done(wake) => {
                stored.wake.extend(wake);
                if let Content::Tap { id, .. } = update.content {
                    stored.taps_over.push(id);
                }
            }
            Routed::Later => {
                if !is_tap {
                    busy.extend(update.chat.clone());
                }
                stored.later.push(update);
            }
        }
    }
    tx.set_telegram_offset(batch.bot, batch.next)?;
    Ok(stored)
}

impl Shared {
    async fn store_batch(&self, batch: Batch, route: bool) -> Result<Stored> {
        let router = self.router.clone();
        self.store.write(move |tx| store(tx, &router, batch, route)).await
    }

    /// Looks up what a session of the default kind would be, if one of the updates may need one: that is plain text in a chat
    /// that talks to no live session.
    pub(super) async fn default_request<'a>(
        &self,
        updates: impl Iterator<Item = &'a Update>,
    ) -> Result<Option<Result<NewSessionRequest>>> {
        let prompts: Vec<Update> = updates.filter(|update| is_plain_text(update)).cloned().collect();
        if prompts.is_empty() {
            return Ok(None);
        }
        let router = self.router.clone();
        let missing = self
            .store
            .read(move |tx| {
                for update in &prompts {
                    let Some(here) = here(update).filter(|_| router.admits(tx, update).unwrap_or(false)) else {
                        continue;
                    };
                    if live_active(tx, &here)?.is_none() {
                        return Ok(true);
                    }
                }
                Ok(false)
            })
            .await?;
        Ok(match missing {
            true => Some(self.router.engine.check(&RawRequest::default()).await),
            false => None,
        })
    }
}

fn is_plain_text(update: &Update) -> bool {
    matches!(&update.content, Content::Text(message) if matches!(commands::parse(&message.text, None), Addressed::Nobody))
}
