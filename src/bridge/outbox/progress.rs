//! One message for each turn that shows how it goes, edited in place and without a sound. The last state wins; a progress message that
//! may have been sent is not sent again, because better none than two.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Rules, Shared};
use crate::bridge::commands::Level;
use crate::bridge::words::how_long;
use crate::channels::telegram::{CHANNEL, Outgoing};
use crate::domain::Timestamp;
use crate::domain::fault::Result;
use crate::domain::message::{PartBody, SendOutcome};
use crate::domain::turn::{Turn, TurnState};
use crate::store::{Progress, Tx};

/// A turn that is over sooner shows no progress, and in a verbose chat one that is over sooner than the second.
const SHOWN_AFTER_MS: u64 = 8000;
const SHOWN_AFTER_VERBOSE_MS: u64 = 500;
/// Between two edits in a private chat, and in a group, whose limit is lower.
const EDIT_EVERY: Duration = Duration::from_secs(6);
const EDIT_EVERY_GROUP: Duration = Duration::from_secs(20);
/// Steps that are shown, the newest last.
const STEPS_MAX: usize = 8;

/// A turn changed its state: its progress begins, or ends.
pub(super) fn turn_changed(tx: &Tx<'_>, rules: &Rules, turn: &Turn) -> Result<()> {
    if turn.state == TurnState::Accepted {
        let session = tx.session(&turn.session)?;
        let Some(to) = session
            .chat
            .or_else(|| rules.home.clone())
            .filter(|to| to.channel == CHANNEL)
        else {
            return Ok(());
        };
        let wait = match Level::of(tx, to.chat_id)? {
            Level::Quiet => return Ok(()),
            Level::Normal => SHOWN_AFTER_MS,
            Level::Verbose => SHOWN_AFTER_VERBOSE_MS,
        };
        return tx.want_progress(&turn.id, &to, rules.scaled_ms(wait));
    }
    if !turn.state.is_ended() {
        return Ok(());
    }
    if let Some(progress) = tx.progress(&turn.id)? {
        want_text(tx, &progress, turn)?;
        tx.end_progress(&turn.id)?;
    }
    Ok(())
}

/// What the message says now becomes what it should say.
fn want_text(tx: &Tx<'_>, progress: &Progress, turn: &Turn) -> Result<()> {
    let Some(message_id) = progress.message_id else {
        return Ok(());
    };
    let body = PartBody::Text {
        text: text(tx, progress, turn)?,
        entities: vec![],
        buttons: vec![],
    };
    // A text without formatting cannot fail to become JSON.
    let wanted = serde_json::to_string(&body).unwrap_or_default();
    tx.want_mark(CHANNEL, progress.to.chat_id, message_id, "edit", &wanted)
}

fn text(tx: &Tx<'_>, progress: &Progress, turn: &Turn) -> Result<String> {
    let name = tx.session(&turn.session)?.name;
    let since = turn.accepted_at.unwrap_or(turn.created_at);
    let upto: Timestamp = turn.ended_at.unwrap_or(tx.now());
    let long = how_long(since, upto);
    let head = match turn.state {
        TurnState::Finished => format!("{name}: done after {long}"),
        state if state.is_ended() => format!("{name}: {state} after {long}"),
        _ => format!("{name}: works for {long}"),
    };
    let skipped = progress.steps.len().saturating_sub(STEPS_MAX);
    let mut lines = vec![head];
    if skipped > 0 {
        lines.push(format!("({skipped} steps before)"));
    }
    lines.extend(progress.steps.iter().skip(skipped).map(|step| format!("• {step}")));
    Ok(lines.join("\n"))
}

impl Shared {
    /// Sends what is due, and wishes new texts for what stands. Returns when to look again, if there is anything to show.
    pub(super) async fn look_after_progress(self: &Arc<Self>) -> Result<Option<Instant>> {
        let (due, standing, next) = self
            .store
            .read(|tx| {
                Ok((
                    tx.due_progress(CHANNEL)?,
                    tx.standing_progress(CHANNEL)?,
                    tx.next_progress_at(CHANNEL)?,
                ))
            })
            .await?;
        let mut wake = next.map(super::claim::instant_of);
        for progress in due {
            if let Err(ready) = self.pacer().try_take(progress.to.chat_id, Instant::now()) {
                wake = Some(wake.map_or(ready, |at| at.min(ready)));
                continue;
            }
            self.begin_progress(progress).await?;
        }
        for progress in standing {
            let again = self.refresh(progress).await?;
            wake = Some(wake.map_or(again, |at| at.min(again)));
        }
        Ok(wake)
    }

    async fn begin_progress(self: &Arc<Self>, progress: Progress) -> Result<()> {
        let id = progress.turn.clone();
        let begun = self
            .store
            .write(move |tx| {
                let turn = tx.turn(&id)?;
                if turn.state.is_ended() {
                    tx.end_progress(&id)?;
                    return Ok(None);
                }
                let progress = tx.progress(&id)?;
                tx.begin_progress(&id)?;
                progress.map(|progress| text(tx, &progress, &turn)).transpose()
            })
            .await?;
        let Some(text) = begun else {
            return Ok(());
        };
        let shared = self.clone();
        self.tracker.spawn(async move {
            shared.send_progress(&progress, text).await;
            shared.ended.notify_one();
        });
        Ok(())
    }

    async fn send_progress(&self, progress: &Progress, text: String) {
        let body = PartBody::Text {
            text,
            entities: vec![],
            buttons: vec![],
        };
        let part = Outgoing {
            to: &progress.to,
            reply_to: None,
            body: &body,
            plain: true,
            marked: false,
            silent: true,
        };
        let outcome = self.client.send(&part).await;
        let id = progress.turn.clone();
        let stored = match outcome {
            SendOutcome::Sent { sent_id } | SendOutcome::SentElsewhere { sent_id } => {
                self.store
                    .write(move |tx| {
                        tx.progress_stands(&id, sent_id)?;
                        let turn = tx.turn(&id)?;
                        if let Some(progress) = tx.progress(&id)? {
                            tx.remember_message(&progress.to, sent_id, &turn.session)?;
                            if turn.state.is_ended() {
                                want_text(tx, &progress, &turn)?;
                            }
                        }
                        Ok(())
                    })
                    .await
            }
            SendOutcome::RetryAfter { seconds, .. } => {
                self.pacer()
                    .pause(progress.to.chat_id, Instant::now() + Duration::from_secs(seconds));
                self.store.write(move |tx| tx.end_progress(&id)).await
            }
            _ => self.store.write(move |tx| tx.end_progress(&id)).await,
        };
        if let Err(fault) = stored {
            tracing::warn!(reason = %fault, "telegram: what came of a progress message cannot be stored");
        }
    }

    /// A new text, not more often than the chat's limit bears.
    async fn refresh(&self, progress: Progress) -> Result<Instant> {
        let every = self.rules.scaled(if progress.to.chat_id < 0 {
            EDIT_EVERY_GROUP
        } else {
            EDIT_EVERY
        });
        let now = Instant::now();
        let last = self.last_refresh(&progress.turn);
        if let Some(last) = last.filter(|last| *last + every > now) {
            return Ok(last + every);
        }
        self.note_refresh(&progress.turn, now);
        self.store
            .write(move |tx| {
                let turn = tx.turn(&progress.turn)?;
                want_text(tx, &progress, &turn)?;
                match turn.state.is_ended() {
                    true => tx.end_progress(&turn.id),
                    false => Ok(()),
                }
            })
            .await?;
        Ok(now + every)
    }
}
