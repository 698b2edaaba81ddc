//! Waiting with a limit.

use std::time::{Duration, Instant};

/// How long a test waits for what must come. Generous: a loaded machine is no failure, and what holds does not wait.
pub const WAIT_LIMIT: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Looks until `look` finds something; panics with `what` after the limit.
#[track_caller]
pub fn eventually<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    eventually_within(WAIT_LIMIT, what, look)
}

#[track_caller]
pub fn eventually_within<T>(limit: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::sleep(LOOK_EVERY);
    }
}
