//! One attempt: the request, and what came of it, stored before anything else of the chat goes out.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::{STORE_PAUSE, Shared};
use crate::bridge::life;
use crate::channels::telegram::{CHANNEL, Outgoing};
use crate::domain::fault::Kind;
use crate::domain::message::{PartBody, PartStep, SendOutcome, after_attempt};
use crate::store::OutboxPart;

/// How long a request that is under way when the daemon is asked to end may still take. After that its end is unknown.
const STOP_GRACE: Duration = Duration::from_secs(5);

impl Shared {
    pub(super) async fn deliver(&self, part: OutboxPart) {
        let outcome = self.send(&part).await;
        crate::failpoint!("O6");
        self.note(&part, &outcome);
        let step = follow_up(&part, outcome);
        let about_topic = matches!(
            step,
            PartStep::LoseTopic | PartStep::SentAndLoseTopic { .. } | PartStep::OpenTopic
        );
        self.store_step(&part, step).await;
        if about_topic {
            self.topics_due.store(true, Ordering::Relaxed);
        }
        crate::failpoint!("O8");
    }

    async fn send(&self, part: &OutboxPart) -> SendOutcome {
        let outgoing = Outgoing {
            to: &part.to,
            reply_to: part.reply_to.filter(|_| part.part.index == 0),
            body: &part.part.body,
            plain: part.plain,
            marked: part.marked,
            silent: part.silent,
        };
        let stopped = async {
            self.cancel.cancelled().await;
            tokio::time::sleep(STOP_GRACE).await;
        };
        tokio::select! {
            outcome = self.client.send(&outgoing) => outcome,
            () = stopped => SendOutcome::Ambiguous("the daemon stopped while it was being sent".into()),
        }
    }

    /// Logs what a person should know, and lets the pace know what the server demands.
    fn note(&self, part: &OutboxPart, outcome: &SendOutcome) {
        let message = part.part.message.0;
        let problem = match outcome {
            SendOutcome::Sent { .. }
            | SendOutcome::SentElsewhere { .. }
            | SendOutcome::FormattingRefused
            | SendOutcome::RichRefused { unsupported: false }
            | SendOutcome::TopicGone
            | SendOutcome::TopicClosed
            | SendOutcome::Migrated { .. } => None,
            SendOutcome::RichRefused { unsupported: true } => {
                self.no_rich.store(true, Ordering::Relaxed);
                tracing::info!("telegram: the server knows no rich messages; they go out as texts");
                None
            }
            SendOutcome::RetryAfter { seconds, .. } => {
                let until = Instant::now() + Duration::from_secs(*seconds);
                self.pacer().pause(part.to.chat_id, until);
                tracing::info!(message.id = message, seconds, "telegram: told to wait");
                None
            }
            SendOutcome::NotReached(why)
            | SendOutcome::Ambiguous(why)
            | SendOutcome::Refused(why)
            | SendOutcome::TextRefused(why)
            | SendOutcome::Unreachable(why) => Some(why),
        };
        if let Some(why) = problem {
            let definite = matches!(outcome, SendOutcome::Refused(_));
            tracing::warn!(message.id = message, chat = %part.to, reason = %why, definite, "telegram: a message was not delivered");
        }
        self.health.send_ended(problem.cloned());
    }

    /// Until it is stored, the chat stands still: sending on could send twice.
    async fn store_step(&self, part: &OutboxPart, step: PartStep) {
        let (message, index) = (part.part.message, part.part.index);
        loop {
            let step = step.clone();
            let (chat_id, home) = (part.to.chat_id, self.rules.home.clone());
            let stored = self
                .store
                .write(move |tx| {
                    // That nobody can be reached in a chat is told in another one, once.
                    if let PartStep::Hold(why) = &step
                        && tx.unreachable(CHANNEL, chat_id)?.is_none()
                    {
                        life::chat_lost(tx, home.as_ref(), chat_id, why)?;
                    }
                    tx.finish_attempt(message, index, &step)
                })
                .await;
            match stored {
                Ok(()) => return,
                // It was given up meanwhile (damaged); there is nothing left to store.
                Err(fault) if fault.kind == Kind::RefusedByState => {
                    tracing::warn!(message.id = message.0, reason = %fault, "telegram: an attempt ended for nothing");
                    return;
                }
                Err(fault) => {
                    tracing::error!(message.id = message.0, reason = %fault, "telegram: the end of an attempt cannot be stored");
                    tokio::time::sleep(STORE_PAUSE).await;
                }
            }
        }
    }
}

/// The verdict of the domain; a mark, once earned, stays, and so does plainness.
fn follow_up(part: &OutboxPart, outcome: SendOutcome) -> PartStep {
    match after_attempt(part.part.attempts, outcome) {
        PartStep::Again { wait_ms, plain, marked } => PartStep::Again {
            wait_ms,
            plain: plain || part.plain,
            marked: marked || part.marked,
        },
        PartStep::Fail(reason) => match not_taken(&part.part.body, &reason) {
            Some(told) => PartStep::FailPart { reason, told },
            None => PartStep::Fail(reason),
        },
        step => step,
    }
}

/// What is said in the place of a file that the chat does not take; none for a text, which nothing can stand for.
fn not_taken(body: &PartBody, reason: &str) -> Option<String> {
    let (name, instead) = match body {
        PartBody::File { file } => (&file.name, "`telecoder messages --json` says where it is kept"),
        PartBody::Document { name, .. } => (name, "`telecoder messages` has the whole text"),
        PartBody::Text { .. } | PartBody::Rich { .. } => return None,
    };
    Some(format!("✖ {name} was not sent: {reason}\nOn the machine, {instead}."))
}
