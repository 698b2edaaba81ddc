//! The inbox: poll, store, route. Telegram forgets an update only when a later poll names an offset above it, and that offset is
//! stored in the transaction that holds the update; so a crash anywhere repeats a poll and loses nothing.

mod batch;
mod files;
mod lanes;
mod perform;
mod watch;

pub(super) use files::with_caption;
pub(super) use watch::LAST_POLL;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::channels::telegram::{Client, PollError};
use crate::config::{TelegramConfig, Transcriber, read_token};
use crate::domain::fault::Result;
use crate::store::Store;

use super::health::BridgeHealth;
use super::router::Router;
use super::taps::Answers;
use lanes::Lanes;
use watch::Watch;

/// How much longer than the server holds it a poll may take, with all that is done about it, before we count as deaf.
const POLL_SLACK: Duration = Duration::from_secs(30);
/// First pause after a failed poll, doubled up to the limit.
const PAUSE_MIN: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// Another program that polls with our token ends soon if it is our own predecessor.
const CONFLICT_PAUSE_MAX: Duration = Duration::from_secs(10);
/// A token that is not valid does not become so by asking often; another one in its file ends the pause.
const UNAUTHORIZED_PAUSE: Duration = Duration::from_secs(60);
const TOKEN_LOOK_PAUSE: Duration = Duration::from_secs(2);
/// A server that answers an empty poll sooner than this is not waiting; asking it again at once would be a tight loop.
const EMPTY_POLL_MIN: Duration = Duration::from_millis(100);

pub(super) struct Inbox {
    shared: Arc<Shared>,
    client: Client,
    config: TelegramConfig,
    health: Arc<BridgeHealth>,
}

/// What the poll loop and the lanes have in common.
struct Shared {
    store: Store,
    router: Arc<Router>,
    client: Client,
    transcriber: Option<Transcriber>,
    /// What taps are answered with.
    answers: Answers,
    /// The bot's own number: the offset is good for its updates only.
    bot: i64,
    lanes: Lanes,
    cancel: CancellationToken,
    tracker: TaskTracker,
}

impl Inbox {
    pub fn new(
        store: Store,
        client: Client,
        router: Arc<Router>,
        config: TelegramConfig,
        cancel: CancellationToken,
        tracker: TaskTracker,
    ) -> Self {
        let health = router.health.clone();
        let shared = Shared {
            store,
            client: client.clone(),
            transcriber: config.transcriber.clone(),
            answers: Answers::default(),
            router,
            bot: client.bot_id(),
            lanes: Lanes::default(),
            cancel,
            tracker,
        };
        Self {
            shared: Arc::new(shared),
            client,
            config,
            health,
        }
    }

    /// Polls until the bridge is cancelled.
    pub async fn run(self) {
        let cancel = self.shared.cancel.clone();
        self.health.expect_polls(self.config.poll_timeout + POLL_SLACK);
        let polling = async {
            let mut offset = self.recover().await;
            let mut failures = 0;
            let mut watch = Watch::new(&self.shared);
            loop {
                match self.step(&mut offset).await {
                    None => {
                        failures = 0;
                        watch.polled(&self.shared, offset).await;
                    }
                    Some(error) => {
                        failures += 1;
                        watch.failed(&self.shared, &error).await;
                        self.wait(&error, failures).await;
                    }
                }
            }
        };
        // A poll that is dropped half way confirmed nothing; a transaction runs to its end on the writer's thread.
        cancel.run_until_cancelled(polling).await;
    }

    async fn wait(&self, error: &PollError, failures: u32) {
        let until = Instant::now() + pause(error, failures);
        while matches!(error, PollError::Unauthorized(_)) && Instant::now() < until {
            match read_token(&self.config).and_then(|token| self.client.renew(&token)) {
                Ok(true) => {
                    tracing::info!("telegram: there is another token; trying it");
                    return;
                }
                Ok(false) => {}
                Err(fault) => self.failed(&fault.to_string()),
            }
            tokio::time::sleep(TOKEN_LOOK_PAUSE).await;
        }
        tokio::time::sleep_until(until).await;
    }

    /// What a crash left pending is done before anything new is taken. Returns the offset to go on from.
    async fn recover(&self) -> Option<i64> {
        let (mut failures, bot) = (0, self.shared.bot);
        loop {
            let read = self
                .shared
                .store
                .read(move |tx| Ok((tx.telegram_offset(bot)?, tx.pending_updates()?)))
                .await;
            match read {
                Ok((offset, pending)) => {
                    self.shared.resume(pending);
                    return offset;
                }
                Err(fault) => {
                    failures += 1;
                    self.failed(&fault.to_string());
                    tokio::time::sleep(backoff(failures, PAUSE_MAX)).await;
                }
            }
        }
    }

    /// One poll and what it brought. The offset moves only when the batch is stored.
    async fn step(&self, offset: &mut Option<i64>) -> Option<PollError> {
        let began = Instant::now();
        let raw = match self.client.poll(*offset).await {
            Ok(raw) => raw,
            Err(error) => {
                self.report(&error);
                return Some(error);
            }
        };
        let empty = raw.is_empty();
        match self.take(raw).await {
            Ok(next) => *offset = next.or(*offset),
            Err(fault) => {
                self.failed(&format!("updates cannot be stored: {fault}"));
                return Some(PollError::Failed(fault.message));
            }
        }
        if self.health.poll_completed() {
            tracing::info!("telegram: receiving again");
        }
        if empty && began.elapsed() < EMPTY_POLL_MIN {
            tokio::time::sleep(EMPTY_POLL_MIN).await;
        }
        None
    }

    async fn take(&self, raw: Vec<serde_json::Value>) -> Result<Option<i64>> {
        batch::take(&self.shared, raw).await
    }

    fn report(&self, error: &PollError) {
        self.failed(&match error {
            PollError::Conflict(why) => {
                format!("another program polls with this bot's token, or a webhook is set: {why}")
            }
            PollError::Unauthorized(why) => {
                format!("the bot's token is not accepted: {why}; check `[telegram] token_file` and `api_url`")
            }
            PollError::RetryAfter { seconds } => format!("told to wait {seconds} s"),
            PollError::Failed(why) => why.clone(),
        });
    }

    /// Logs a failure once, until it is another one.
    fn failed(&self, why: &str) {
        if self.health.poll_failed(why) {
            tracing::warn!(reason = why, "telegram: receiving failed; trying again");
        }
    }
}

fn pause(error: &PollError, failures: u32) -> Duration {
    match error {
        PollError::RetryAfter { seconds } => Duration::from_secs(*seconds),
        PollError::Unauthorized(_) => UNAUTHORIZED_PAUSE,
        PollError::Conflict(_) => backoff(failures, CONFLICT_PAUSE_MAX),
        PollError::Failed(_) => backoff(failures, PAUSE_MAX),
    }
}

/// Doubling from [`PAUSE_MIN`] to `max` with the count of failures in a row, from 1.
fn backoff(failures: u32, max: Duration) -> Duration {
    PAUSE_MIN
        .saturating_mul(1 << failures.saturating_sub(1).min(10))
        .min(max)
}
