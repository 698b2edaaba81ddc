//! The outbox: plan, claim, deliver. A part is claimed (`sending`, committed) before its request goes out, one at a time in a chat, and
//! what came of it is committed before the next one. After a crash whatever was `sending` goes out again, marked.

mod claim;
mod clock;
mod compose;
mod deliver;
mod follow;
mod progress;
mod receipts;
mod topics;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::channels::telegram::{CHANNEL, Client};
use crate::config::Receipts;
use crate::domain::fault::Result;
use crate::domain::ids::TurnId;
use crate::domain::route::ChatRef;
use crate::store::Store;

use super::health::BridgeHealth;
use super::life;
use super::pace::{PaceLimits, Pacer};
use super::shut;
use clock::Clocks;

/// Requests under way at the same time, over all chats.
const IN_FLIGHT_MAX: usize = 16;
/// The outbox looks at the store at least so often, also when nothing called it.
const SWEEP: Duration = Duration::from_secs(30);
/// Turns whose last refresh is remembered.
const REFRESHED_MAX: usize = 1000;
const CLOCK_SET_BACK: &str =
    "This machine's clock was set back while I was away. What waited for a time of before goes out now.";
/// The pause after the store failed.
const STORE_PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Outbox {
    shared: Arc<Shared>,
    slots: Arc<Semaphore>,
}

/// What the configuration says about what goes out.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub receipts: Option<Receipts>,
    pub parts_max: usize,
    /// Rich messages, and drafts that show progress, where the server has them.
    pub rich: bool,
    pub drafts: bool,
    pub home: Option<ChatRef>,
    /// Whether the home chat has topics that may be used; set as soon as the server said it.
    pub home_forum: Arc<OnceLock<bool>>,
    /// How much faster than the world the clock of waiting runs.
    pub scale: u32,
}

impl Rules {
    fn scaled(&self, wait: Duration) -> Duration {
        wait / self.scale.max(1)
    }

    fn scaled_ms(&self, wait: u64) -> u64 {
        wait / u64::from(self.scale.max(1))
    }
}

/// Chat, message and kind of a mark.
type MarkKey = (i64, i64, String);

struct Shared {
    store: Store,
    client: Client,
    pacer: Mutex<Pacer>,
    health: Arc<BridgeHealth>,
    rules: Rules,
    cancel: CancellationToken,
    tracker: TaskTracker,
    /// An attempt ended: its chat is free, and a slot is.
    ended: Notify,
    /// A message found its topic gone or closed.
    topics_due: AtomicBool,
    /// The server said that it knows no rich messages, or no drafts.
    no_rich: AtomicBool,
    no_drafts: AtomicBool,
    /// Marks that are being carried out.
    marking: Mutex<HashSet<MarkKey>>,
    /// When the progress of a turn was written down last.
    refreshed: Mutex<HashMap<TurnId, Instant>>,
}

impl Shared {
    /// What came into a chat while it was being shut is said at home.
    async fn bring_home(&self) -> Result<()> {
        if self.store.read(|tx| tx.stranded_messages(CHANNEL)).await?.is_empty() {
            return Ok(());
        }
        let home = self.rules.home.clone();
        self.store.write(move |tx| shut::bring_home(tx, home.as_ref())).await
    }

    fn pacer(&self) -> MutexGuard<'_, Pacer> {
        self.pacer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn marking(&self) -> MutexGuard<'_, HashSet<MarkKey>> {
        self.marking.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_marking(&self, key: &MarkKey) -> bool {
        self.marking().contains(key)
    }

    fn begin_marking(&self, key: &MarkKey) {
        self.marking().insert(key.clone());
    }

    fn end_marking(&self, key: &MarkKey) {
        self.marking().remove(key);
    }

    fn last_refresh(&self, turn: &TurnId) -> Option<Instant> {
        self.refreshed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(turn)
            .copied()
    }

    fn note_refresh(&self, turn: &TurnId, at: Instant) {
        let mut refreshed = self.refreshed.lock().unwrap_or_else(PoisonError::into_inner);
        if refreshed.len() > REFRESHED_MAX {
            refreshed.clear();
        }
        refreshed.insert(turn.clone(), at);
    }
}

impl Outbox {
    pub fn new(
        store: Store,
        client: Client,
        limits: PaceLimits,
        rules: Rules,
        health: Arc<BridgeHealth>,
        cancel: CancellationToken,
        tracker: TaskTracker,
    ) -> Self {
        let shared = Shared {
            store,
            client,
            pacer: Mutex::new(Pacer::new(limits, Instant::now())),
            rules,
            health,
            cancel,
            tracker,
            ended: Notify::new(),
            topics_due: AtomicBool::new(false),
            no_rich: AtomicBool::new(false),
            no_drafts: AtomicBool::new(false),
            marking: Mutex::default(),
            refreshed: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
            slots: Arc::new(Semaphore::new(IN_FLIGHT_MAX)),
        }
    }

    /// Delivers until the bridge is cancelled.
    pub async fn run(self) {
        let cancel = self.shared.cancel.clone();
        cancel.run_until_cancelled(self.work()).await;
    }

    async fn work(&self) {
        let mut events = self.shared.store.event_seq();
        self.settle().await;
        let mut seen = None;
        let mut topics_due = true;
        let mut clocks = Clocks::now();
        loop {
            // Seen before looking: what is stored while we look calls us again.
            events.borrow_and_update();
            let wake_at = match self.look_after(&mut clocks, &mut seen, &mut topics_due).await {
                Ok(wake_at) => wake_at,
                Err(fault) => {
                    tracing::error!(reason = %fault, "telegram: the outbox cannot be read; trying again");
                    self.clear_damaged().await;
                    Instant::now() + STORE_PAUSE
                }
            };
            tokio::select! {
                changed = events.changed() => if changed.is_err() {
                    return;
                },
                () = self.shared.ended.notified() => {}
                () = tokio::time::sleep_until(wake_at) => {}
            }
        }
    }

    /// Rows that the disk has damaged are given up, so that they do not hold up the rest; the log says which.
    async fn clear_damaged(&self) {
        match self.shared.store.write(|tx| tx.fail_damaged(CHANNEL)).await {
            Ok(failed) if failed.is_empty() => {}
            Ok(failed) => tracing::error!(messages = ?failed, "telegram: damaged messages were given up"),
            Err(fault) => tracing::error!(reason = %fault, "telegram: damaged messages cannot be given up"),
        }
    }

    /// What was being sent when the daemon died may have arrived, and what waits may wait for a time that was moved away since.
    async fn settle(&self) {
        loop {
            let home = self.shared.rules.home.clone();
            let settled = self.shared.store.write(move |tx| {
                if tx.end_far_waits()? > 0 {
                    life::tell_home(tx, home.as_ref(), CLOCK_SET_BACK.into())?;
                }
                tx.settle_sending(CHANNEL)
            });
            match settled.await {
                Ok(0) => return,
                Ok(count) => {
                    tracing::info!(
                        count,
                        "telegram: parts were being sent when the daemon stopped; they go out again, marked"
                    );
                    return;
                }
                Err(fault) => {
                    tracing::error!(reason = %fault, "telegram: the outbox cannot be settled; trying again");
                    tokio::time::sleep(STORE_PAUSE).await;
                }
            }
        }
    }

    /// One look at everything: the clock, what happened, then messages, then what stands at messages. Returns when to look again at the latest.
    async fn look_after(&self, clocks: &mut Clocks, seen: &mut Option<i64>, topics_due: &mut bool) -> Result<Instant> {
        let shared = &self.shared;
        clocks.look_again(&shared.store, shared.rules.home.as_ref()).await?;
        shared.bring_home().await?;
        *topics_due |= follow::follow(&shared.store, &shared.rules, seen).await?;
        *topics_due |= shared.topics_due.swap(false, Ordering::Relaxed);
        let mut wake_at = self.round().await?;
        if *topics_due {
            let again = shared.look_after_topics().await?;
            *topics_due = again.is_some();
            wake_at = again.map_or(wake_at, |at| at.min(wake_at));
        }
        for again in [shared.look_after_progress().await?, receipts::round(shared).await?] {
            wake_at = again.map_or(wake_at, |at| at.min(wake_at));
        }
        Ok(wake_at)
    }

    /// Claims what may go out now and sets it off. Returns when to look again at the latest.
    async fn round(&self) -> Result<Instant> {
        let look = claim::look(&self.shared.store).await?;
        if !look.has_work {
            return Ok(wake_at(look.next_due));
        }
        let room = self.slots.available_permits();
        let shared = self.shared.clone();
        let claimed = self
            .shared
            .store
            .write(move |tx| {
                let rich = shared.rules.rich && !shared.no_rich.load(Ordering::Relaxed);
                claim::claim(tx, &mut shared.pacer(), room, shared.rules.parts_max, rich)
            })
            .await?;
        for part in claimed.parts {
            crate::failpoint!("O4");
            // There are as many slots as parts were claimed: only this task takes slots.
            let slot = self.slots.clone().try_acquire_owned().ok();
            let shared = self.shared.clone();
            self.shared.tracker.spawn(async move {
                shared.deliver(part).await;
                drop(slot);
                shared.ended.notify_one();
            });
        }
        let paced = claimed.ready_at.unwrap_or_else(|| Instant::now() + SWEEP);
        Ok(paced.min(wake_at(claimed.next_due)))
    }
}

fn wake_at(next_due: Option<Duration>) -> Instant {
    Instant::now() + next_due.unwrap_or(SWEEP).min(SWEEP)
}

#[cfg(test)]
mod tests;
