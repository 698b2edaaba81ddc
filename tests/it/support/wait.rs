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
pub fn eventually_within<T>(limit: Duration, what: &str, look: impl FnMut() -> Option<T>) -> T {
    found_within(limit, look).unwrap_or_else(|| panic!("not within {limit:?}: {what}"))
}

/// What `look` finds within the limit, if it finds anything.
pub fn found_within<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    loop {
        let found = look();
        if found.is_some() || begun.elapsed() >= limit {
            return found;
        }
        std::thread::sleep(LOOK_EVERY);
    }
}
