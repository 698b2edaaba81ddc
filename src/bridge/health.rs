//! What is known about the bridge's life. Only completed polls count: a watchdog that counts begun calls, or other traffic, calls
//! a deaf bot healthy.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::watch;

use crate::domain::Timestamp;

use super::gate::Gate;

#[derive(Debug, Default)]
pub struct BridgeHealth {
    pub(super) gate: Gate,
    errors: Mutex<Errors>,
    /// When the last poll came back with a proper answer that was stored.
    polled: watch::Sender<Option<Timestamp>>,
    username: OnceLock<String>,
}

#[derive(Debug, Default)]
struct Errors {
    poll: Option<String>,
    send: Option<String>,
}

/// A snapshot of the health.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HealthReport {
    pub last_poll_completed: Option<Timestamp>,
    /// Why the last poll failed; none after one that did not.
    pub poll_error: Option<String>,
    /// Why the last send failed; none after one that did not.
    pub send_error: Option<String>,
}

impl BridgeHealth {
    pub(super) fn of(gate: Gate) -> Self {
        Self {
            gate,
            ..Self::default()
        }
    }

    pub fn report(&self) -> HealthReport {
        let errors = self.lock();
        HealthReport {
            last_poll_completed: *self.polled.borrow(),
            poll_error: errors.poll.clone(),
            send_error: errors.send.clone(),
        }
    }

    /// What the bot is called; none until the server said it.
    pub fn username(&self) -> Option<String> {
        self.username.get().cloned()
    }

    pub(super) fn set_username(&self, name: &str) {
        // It never changes while we run.
        let _ = self.username.set(name.to_owned());
    }

    /// The time of the last completed poll, for whoever waits for the next.
    pub fn last_poll(&self) -> watch::Receiver<Option<Timestamp>> {
        self.polled.subscribe()
    }

    /// True when it is news: the poll before had failed.
    pub(super) fn poll_completed(&self) -> bool {
        self.polled.send_replace(Some(Timestamp::now()));
        self.lock().poll.take().is_some()
    }

    /// True when it is news: the error was another one, or none, before.
    pub(super) fn poll_failed(&self, why: &str) -> bool {
        let mut errors = self.lock();
        let news = errors.poll.as_deref() != Some(why);
        errors.poll = Some(why.to_owned());
        news
    }

    pub(super) fn send_ended(&self, error: Option<String>) {
        self.lock().send = error;
    }

    fn lock(&self) -> MutexGuard<'_, Errors> {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
