//! How long we were deaf, and what that means for people: another poller that stays, a token that is not accepted, an absence longer
//! than the server keeps messages.

use std::time::Duration;

use tokio::time::Instant;

use super::Shared;
use crate::bridge::life;
use crate::bridge::words::how_long;
use crate::channels::telegram::PollError;
use crate::domain::Timestamp;
use crate::domain::fault::Result;

/// A conflict that lasts so long is no predecessor of ours that is about to end.
const CONFLICT_TOLD_AFTER: Duration = Duration::from_secs(60);
/// The server forgets a message a day after it was sent; this much absence may have cost some.
const GAP_TOLD_AFTER: Duration = Duration::from_secs(23 * 60 * 60);
/// When the last completed poll is written down, at the latest.
const NOTED_EVERY: Duration = Duration::from_secs(10 * 60);
/// The name under which its time is kept, in seconds since 1970.
pub(in crate::bridge) const LAST_POLL: &str = "telegram.last_poll";

pub(super) struct Watch {
    conflict_limit: Duration,
    conflict_since: Option<Instant>,
    conflict_told: bool,
    refused_told: bool,
    /// By the clock on the wall: the other one stands still while the machine sleeps. None after a poll that failed.
    noted: Option<Timestamp>,
}

impl Watch {
    pub fn new(shared: &Shared) -> Self {
        Self {
            conflict_limit: CONFLICT_TOLD_AFTER / shared.router.rules.scale.max(1),
            conflict_since: None,
            conflict_told: false,
            refused_told: false,
            noted: None,
        }
    }

    /// A poll came back. The first one after a start, a failure or a sleep says how long we were away.
    pub async fn polled(&mut self, shared: &Shared, offset: Option<i64>) {
        self.conflict_since = None;
        (self.conflict_told, self.refused_told) = (false, false);
        let is_recent = |noted: Timestamp| Timestamp::now().duration_since(noted).unsigned_abs() < NOTED_EVERY;
        if self.noted.is_some_and(is_recent) {
            return;
        }
        match note(shared, offset).await {
            Ok(()) => self.noted = Some(Timestamp::now()),
            Err(fault) => tracing::error!(reason = %fault, "telegram: the time of the last poll cannot be stored"),
        }
    }

    pub async fn failed(&mut self, shared: &Shared, error: &PollError) {
        self.noted = None;
        match error {
            PollError::Conflict(why) => {
                let since = *self.conflict_since.get_or_insert_with(Instant::now);
                if !self.conflict_told && since.elapsed() >= self.conflict_limit {
                    self.conflict_told = true;
                    let text = format!(
                        "I hear nothing here: another program polls with this bot's token, or a webhook is set ({why}). What you \
                         write may go to that program. I keep trying; I can still speak.",
                    );
                    tell(shared, text).await;
                }
            }
            PollError::Unauthorized(why) if !self.refused_told => {
                self.refused_told = true;
                let text = format!(
                    "The bot's token is not accepted ({why}). Get a new one from @BotFather and put it into the file that `[telegram] \
                     token_file` names: I look there, and go on without a restart."
                );
                tell(shared, text).await;
            }
            _ => self.conflict_since = None,
        }
    }
}

async fn tell(shared: &Shared, text: String) {
    let home = shared.router.rules.home.clone();
    let told = shared
        .store
        .write(move |tx| life::tell_home(tx, home.as_ref(), text))
        .await;
    if let Err(fault) = told {
        tracing::error!(reason = %fault, "telegram: that we are deaf cannot be stored");
    }
}

/// Writes down that we hear, and tells of an absence that was too long.
async fn note(shared: &Shared, offset: Option<i64>) -> Result<()> {
    let home = shared.router.rules.home.clone();
    shared
        .store
        .write(move |tx| {
            let now = tx.now();
            let last = tx
                .cursor(LAST_POLL)?
                .and_then(|seconds| Timestamp::from_second(seconds).ok());
            tx.set_cursor(LAST_POLL, now.as_second())?;
            let Some(last) = last else {
                return Ok(());
            };
            let away = now.as_second() - last.as_second();
            if away < i64::try_from(GAP_TOLD_AFTER.as_secs()).unwrap_or(i64::MAX) {
                return Ok(());
            }
            let from = offset.map_or_else(String::new, |offset| format!(" I go on with update {offset}."));
            let text = format!(
                "I was away for {}. Telegram keeps messages for 24 hours: older ones may be lost.{from}",
                how_long(last, now)
            );
            life::tell_home(tx, home.as_ref(), text)
        })
        .await
}
