//! How a turn goes, without a sound: in a private chat a draft, which the answer takes the place of, where the server has drafts; else
//! one message for each turn, edited in place. The last state wins; a progress message that may have been sent is not sent again,
//! because better none than two. A draft is no message, and is shown anew until the turn ends.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::{Rules, Shared};
use crate::bridge::commands::Level;
use crate::bridge::words::how_long;
use crate::channels::telegram::{ActEnd, CHANNEL, Outgoing, is_unknown_method};
use crate::domain::Timestamp;
use crate::domain::fault::Result;
use crate::domain::ids::TurnId;
use crate::domain::message::{PartBody, SendOutcome};
use crate::domain::text::sha256_hex;
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
    // What a steered text makes the agent do is shown with the turn that it went into.
    if turn.state == TurnState::Accepted && turn.steered {
        return Ok(());
    }
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

/// The same for all of a turn, and never 0.
fn draft_id(turn: &TurnId) -> u32 {
    let digest = sha256_hex(turn.as_str().as_bytes());
    let head = digest.get(..7).and_then(|head| u32::from_str_radix(head, 16).ok());
    head.unwrap_or_default() + 1
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
            let again = match progress.message_id {
                Some(_) => self.refresh(progress).await?,
                None => self.refresh_draft(progress).await?,
            };
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
        let is_draft = self.may_draft(&progress).await?;
        let shared = self.clone();
        self.tracker.spawn(async move {
            match is_draft {
                true => shared.send_draft(&progress, &text).await,
                false => shared.send_progress(&progress, text).await,
            }
            shared.ended.notify_one();
        });
        Ok(())
    }

    /// Whoever wants to see every step wants to find them later, too.
    async fn may_draft(&self, progress: &Progress) -> Result<bool> {
        let chat = progress.to.chat_id;
        if chat < 0 || !self.rules.drafts || self.no_drafts.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let level = self.store.read(move |tx| Level::of(tx, chat)).await?;
        Ok(level != Level::Verbose)
    }

    async fn send_draft(&self, progress: &Progress, text: &str) {
        self.note_refresh(&progress.turn, Instant::now());
        let end = self.client.draft(&progress.to, draft_id(&progress.turn), text).await;
        let id = progress.turn.clone();
        let stored = match end {
            ActEnd::Refused(why) => {
                if is_unknown_method(&why) {
                    self.no_drafts.store(true, Ordering::Relaxed);
                    tracing::info!("telegram: the server knows no drafts; progress is shown in messages");
                }
                return self.send_progress(progress, text.to_owned()).await;
            }
            ActEnd::RetryAfter(seconds) => {
                self.pacer()
                    .pause(progress.to.chat_id, Instant::now() + Duration::from_secs(seconds));
                self.store.write(move |tx| tx.progress_stands(&id, None)).await
            }
            // What did not get through is shown with the next look.
            ActEnd::Done | ActEnd::Again(_) => self.store.write(move |tx| tx.progress_stands(&id, None)).await,
        };
        if let Err(fault) = stored {
            tracing::warn!(reason = %fault, "telegram: what came of a draft cannot be stored");
        }
    }

    /// A draft is gone after half a minute: it is shown anew sooner.
    async fn refresh_draft(self: &Arc<Self>, progress: Progress) -> Result<Instant> {
        let every = self.rules.scaled(EDIT_EVERY);
        let now = Instant::now();
        if let Some(next) = self.last_refresh(&progress.turn).map(|last| last + every)
            && next > now
        {
            return Ok(next);
        }
        if let Err(ready) = self.pacer().try_take(progress.to.chat_id, now) {
            return Ok(ready);
        }
        self.note_refresh(&progress.turn, now);
        let id = progress.turn.clone();
        let shown = self
            .store
            .write(move |tx| {
                let (turn, progress) = (tx.turn(&id)?, tx.progress(&id)?);
                match (turn.state.is_ended(), progress) {
                    (false, Some(progress)) => text(tx, &progress, &turn).map(Some),
                    _ => tx.end_progress(&id).map(|()| None),
                }
            })
            .await?;
        if let Some(text) = shown {
            let shared = self.clone();
            self.tracker
                .spawn(async move { shared.send_draft(&progress, &text).await });
        }
        Ok(now + every)
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
                        tx.progress_stands(&id, Some(sent_id))?;
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
