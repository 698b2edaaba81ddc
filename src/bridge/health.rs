//! What is known about the bridge's life. Only completed polls count: a watchdog that counts begun calls, or other traffic, calls
//! a deaf bot healthy.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::Timestamp;

#[derive(Debug, Default)]
pub struct BridgeHealth {
    report: Mutex<HealthReport>,
}

/// A snapshot of the health.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HealthReport {
    /// When the last poll came back with a proper answer.
    pub last_poll_completed: Option<Timestamp>,
    /// Why the last poll failed; none after one that did not.
    pub poll_error: Option<String>,
    /// Why the last send failed; none after one that did not.
    pub send_error: Option<String>,
}

impl BridgeHealth {
    pub fn report(&self) -> HealthReport {
        self.lock().clone()
    }

    pub(super) fn poll_completed(&self) {
        let mut report = self.lock();
        report.last_poll_completed = Some(Timestamp::now());
        report.poll_error = None;
    }

    /// True when it is news: the error was another one, or none, before.
    pub(super) fn poll_failed(&self, why: &str) -> bool {
        let mut report = self.lock();
        let news = report.poll_error.as_deref() != Some(why);
        report.poll_error = Some(why.to_owned());
        news
    }

    pub(super) fn send_ended(&self, error: Option<String>) {
        self.lock().send_error = error;
    }

    fn lock(&self) -> MutexGuard<'_, HealthReport> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
