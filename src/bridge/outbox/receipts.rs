//! The one reaction that says how a prompt stands, and the short reply that says it where a chat takes no reactions.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Rules, STORE_PAUSE, Shared};
use crate::bridge::router::{Reply, say};
use crate::channels::telegram::{ActEnd, CHANNEL};
use crate::config::Receipts;
use crate::domain::fault::Result;
use crate::domain::ids::MessageId;
use crate::domain::message::{About, PartBody};
use crate::domain::route::ChatRef;
use crate::domain::turn::{Turn, TurnState};
use crate::store::Mark;

/// Marks that are looked at in one round.
const MARKS_MAX: u32 = 64;
const BACKOFF_MS_MIN: u64 = 500;
const BACKOFF_MS_MAX: u64 = 60_000;
/// How long the change of a short reply waits for the reply itself to be sent.
const UNSENT_WAIT_MS: u64 = 1000;
/// Begins what is wanted of a steered prompt.
const STEERED: &str = "steered ";
/// After so many attempts a mark is given up: it is an ornament, and the chat has its messages.
const ATTEMPTS_MAX: u32 = 12;

/// Sets off what may be carried out now. Returns when to look again, if something waits for the pace.
pub(super) async fn round(shared: &Arc<Shared>) -> Result<Option<Instant>> {
    let marks = shared.store.read(|tx| tx.due_marks(CHANNEL, MARKS_MAX)).await?;
    let mut wake = None;
    for mark in marks {
        let key = (mark.chat_id, mark.message_id, mark.kind.clone());
        if shared.is_marking(&key) {
            continue;
        }
        let ready = {
            let mut pacer = shared.pacer();
            match mark.kind.as_str() {
                "edit" => pacer.try_take(mark.chat_id, Instant::now()),
                _ => pacer.try_take_bot(mark.chat_id, Instant::now()),
            }
        };
        if let Err(ready) = ready {
            wake = Some(wake.map_or(ready, |at: Instant| at.min(ready)));
            continue;
        }
        shared.begin_marking(&key);
        let shared = shared.clone();
        shared.tracker.clone().spawn(async move {
            shared.carry_out(&mark).await;
            shared.end_marking(&key);
            shared.ended.notify_one();
        });
    }
    Ok(wake)
}

impl Shared {
    async fn carry_out(&self, mark: &Mark) {
        let done = match mark.kind.as_str() {
            "receipt" => self.receipt(mark).await,
            _ => self.edit(mark).await,
        };
        if let Err(fault) = done {
            tracing::error!(reason = %fault, "telegram: what came of a mark cannot be stored");
            tokio::time::sleep(STORE_PAUSE).await;
        }
    }

    async fn receipt(&self, mark: &Mark) -> Result<()> {
        let Some(receipts) = &self.rules.receipts else {
            return self.settle_mark(mark, None).await;
        };
        let chat = mark.chat_id;
        if self.store.read(move |tx| tx.has_no_reactions(CHANNEL, chat)).await? {
            return self.receipt_in_words(mark).await;
        }
        let emoji = emoji(receipts, &mark.wanted);
        if Some(emoji) == mark.shown.as_deref() {
            return self.settle_mark(mark, Some(emoji)).await;
        }
        match self.client.react(mark.chat_id, mark.message_id, Some(emoji)).await {
            ActEnd::Done => self.settle_mark(mark, Some(emoji)).await,
            ActEnd::Refused(why) if takes_no_reactions(&why) => {
                self.store.write(move |tx| tx.set_no_reactions(CHANNEL, chat)).await?;
                self.receipt_in_words(mark).await
            }
            end => self.other_end(mark, end).await,
        }
    }

    /// One short reply that changes, in the place of one reaction that changes.
    async fn receipt_in_words(&self, mark: &Mark) -> Result<()> {
        let words = words(&mark.wanted);
        let known = mark.shown.as_deref().and_then(|shown| shown.strip_prefix("reply:"));
        let Some(reply) = known.and_then(|id| id.parse().ok()).map(MessageId) else {
            let mark = mark.clone();
            return self
                .store
                .write(move |tx| {
                    let to = tx
                        .place_of_prompt(CHANNEL, mark.chat_id, mark.message_id)?
                        .unwrap_or(ChatRef {
                            channel: CHANNEL.into(),
                            chat_id: mark.chat_id,
                            thread_id: None,
                        });
                    let reply = say(tx, &to, Some(mark.message_id), &Reply::new(words))?;
                    let message_id = mark.message_id;
                    tx.set_about(reply, &About::Receipt { message_id })?;
                    tx.mark_done(CHANNEL, &mark, Some(&format!("reply:{}", reply.0)))
                })
                .await;
        };
        let sent = self.store.read(move |tx| tx.sent_parts(reply)).await?;
        let shown = format!("reply:{}", reply.0);
        let Some((_, sent_id)) = sent.first() else {
            return match mark.attempts {
                ATTEMPTS_MAX.. => self.settle_mark(mark, Some(&shown)).await,
                _ => self.later(mark, UNSENT_WAIT_MS).await,
            };
        };
        match self.client.edit(mark.chat_id, *sent_id, words, &[], &[]).await {
            ActEnd::Done => self.settle_mark(mark, Some(&shown)).await,
            end => self.other_end(mark, end).await,
        }
    }

    async fn edit(&self, mark: &Mark) -> Result<()> {
        let Ok(PartBody::Text {
            text,
            entities,
            buttons,
        }) = serde_json::from_str(&mark.wanted)
        else {
            return self.settle_mark(mark, None).await;
        };
        let formatted = if mark.attempts == 0 { &entities[..] } else { &[] };
        match self
            .client
            .edit(mark.chat_id, mark.message_id, &text, formatted, &buttons)
            .await
        {
            ActEnd::Done => self.settle_mark(mark, None).await,
            // The formatting may be what is refused: once more without it.
            ActEnd::Refused(_) if mark.attempts == 0 && !entities.is_empty() => self.later(mark, 0).await,
            end => self.other_end(mark, end).await,
        }
    }

    async fn other_end(&self, mark: &Mark, end: ActEnd) -> Result<()> {
        match end {
            ActEnd::Done => self.settle_mark(mark, None).await,
            ActEnd::RetryAfter(seconds) => {
                let until = Instant::now() + Duration::from_secs(seconds);
                self.pacer().pause(mark.chat_id, until);
                self.later(mark, seconds.saturating_mul(1000)).await
            }
            ActEnd::Again(why) if mark.attempts < ATTEMPTS_MAX => {
                tracing::debug!(chat.id = mark.chat_id, reason = %why, "telegram: a mark was not set; again later");
                let wait = BACKOFF_MS_MIN
                    .saturating_mul(1 << mark.attempts.min(10))
                    .min(BACKOFF_MS_MAX);
                self.later(mark, wait).await
            }
            ActEnd::Again(why) | ActEnd::Refused(why) => {
                tracing::info!(chat.id = mark.chat_id, kind = %mark.kind, reason = %why, "telegram: a mark was given up");
                self.settle_mark(mark, None).await
            }
        }
    }

    async fn settle_mark(&self, mark: &Mark, shown: Option<&str>) -> Result<()> {
        let (mark, shown) = (mark.clone(), shown.map(str::to_owned));
        self.store
            .write(move |tx| tx.mark_done(CHANNEL, &mark, shown.as_deref()))
            .await
    }

    async fn later(&self, mark: &Mark, wait_ms: u64) -> Result<()> {
        let mark = mark.clone();
        self.store.write(move |tx| tx.mark_later(CHANNEL, &mark, wait_ms)).await
    }
}

impl Rules {
    /// Whether sessions that report home get a topic there.
    pub fn home_has_topics(&self) -> bool {
        self.home_forum.get().copied().unwrap_or(false)
    }
}

fn takes_no_reactions(why: &str) -> bool {
    let why = why.to_ascii_lowercase();
    why.contains("reaction_invalid") || why.contains("reactions_disabled") || why.contains("not enough rights to set")
}

/// What the mark of a prompt should say: its state, and whether it goes into the turn that runs.
pub(super) fn wanted(turn: &Turn) -> String {
    match turn.steered {
        true => format!("{STEERED}{}", turn.state),
        false => turn.state.to_string(),
    }
}

fn state(wanted: &str) -> Option<TurnState> {
    let word = wanted.strip_prefix(STEERED).unwrap_or(wanted);
    TurnState::ALL.into_iter().find(|state| state.as_str() == word)
}

fn emoji<'a>(receipts: &'a Receipts, wanted: &str) -> &'a str {
    use TurnState as S;
    match state(wanted) {
        None | Some(S::Queued | S::Held | S::Typing) => &receipts.stored,
        Some(S::Typed | S::DeliveredUnconfirmed) => &receipts.typed,
        Some(S::Accepted) => &receipts.accepted,
        Some(S::Finished) => &receipts.answered,
        Some(S::Uncertain) => &receipts.uncertain,
        Some(S::Refused | S::Cancelled | S::Failed | S::Interrupted) => &receipts.refused,
    }
}

fn words(wanted: &str) -> &'static str {
    use TurnState as S;
    match state(wanted) {
        None | Some(S::Queued | S::Typing) => "Stored.",
        Some(S::Held) => "Stored; it waits for its turn.",
        Some(S::Accepted) if wanted.starts_with(STEERED) => "Taken by the agent, into the turn that runs.",
        Some(S::Typed) => "Typed.",
        Some(S::DeliveredUnconfirmed) => "Typed; this agent confirms nothing.",
        Some(S::Accepted) => "Taken by the agent.",
        Some(S::Finished) => "Answered.",
        Some(S::Uncertain) => "Uncertain.",
        Some(S::Refused) => "Refused.",
        Some(S::Cancelled) => "Not sent.",
        Some(S::Failed) => "Failed.",
        Some(S::Interrupted) => "Interrupted.",
    }
}
