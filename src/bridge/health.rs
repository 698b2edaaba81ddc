//! What is known about the bridge's life. Only completed polls count: a watchdog that counts begun calls, or other traffic, calls
//! a deaf bot healthy.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

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
    silence: Mutex<Option<Silence>>,
}

/// How long no poll has completed, by the clock that nobody can move.
#[derive(Debug, Clone, Copy)]
struct Silence {
    since: Instant,
    longest: Duration,
}

impl Silence {
    /// Why this is too long, if it is.
    fn problem(&self, now: Instant) -> Option<String> {
        let silent = now.saturating_duration_since(self.since);
        (silent > self.longest).then(|| format!("no poll has completed for {} s", silent.as_secs()))
    }
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
    /// Why the last poll failed, or that none has completed for too long.
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
        let silence = *self.silence.lock().unwrap_or_else(PoisonError::into_inner);
        let too_silent = || silence.and_then(|silence| silence.problem(Instant::now()));
        HealthReport {
            last_poll_completed: *self.polled.borrow(),
            poll_error: errors.poll.clone().or_else(too_silent),
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

    /// From now on a poll completes at least so often, or something is wrong.
    pub(super) fn expect_polls(&self, longest: Duration) {
        let since = Instant::now();
        *self.silence.lock().unwrap_or_else(PoisonError::into_inner) = Some(Silence { since, longest });
    }

    /// True when it is news: the poll before had failed.
    pub(super) fn poll_completed(&self) -> bool {
        if let Some(silence) = &mut *self.silence.lock().unwrap_or_else(PoisonError::into_inner) {
            silence.since = Instant::now();
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bridge_that_hears_nothing_is_not_well() {
        let health = BridgeHealth::default();
        assert_eq!(health.report().poll_error, None, "nothing is expected yet");
        health.expect_polls(Duration::from_secs(80));
        assert_eq!(health.report().poll_error, None, "the first one may take its time");
        let silence = health.silence.lock().expect("no panic").expect("polls are expected");
        assert_eq!(silence.problem(silence.since + Duration::from_secs(80)), None);
        let problem = silence.problem(silence.since + Duration::from_secs(81));
        assert_eq!(problem.as_deref(), Some("no poll has completed for 81 s"));
    }

    #[test]
    fn a_completed_poll_ends_the_silence() {
        let health = BridgeHealth::default();
        let (Some(since), longest) = (
            Instant::now().checked_sub(Duration::from_secs(90)),
            Duration::from_secs(80),
        ) else {
            return;
        };
        *health.silence.lock().expect("no panic") = Some(Silence { since, longest });
        assert!(
            health
                .report()
                .poll_error
                .is_some_and(|error| error.starts_with("no poll"))
        );
        health.poll_failed("the server is gone");
        assert_eq!(health.report().poll_error.as_deref(), Some("the server is gone"));
        health.poll_completed();
        assert_eq!(health.report().poll_error, None);
    }
}
