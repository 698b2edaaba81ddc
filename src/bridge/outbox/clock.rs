//! The clock on the wall, held against the time that passed: what waits until a time must not wait for one that was moved away.

use std::time::Duration;

use jiff::SignedDuration;
use rustix::time::{ClockId, clock_gettime};

use crate::bridge::inbox::LAST_POLL;
use crate::bridge::life;
use crate::bridge::words::how_long;
use crate::domain::Timestamp;
use crate::domain::fault::Result;
use crate::domain::route::ChatRef;
use crate::store::Store;

/// A smaller step is how a clock is kept right.
const STEP_MIN: Duration = Duration::from_secs(2);
/// From this step on a person is told.
const TOLD_FROM: Duration = Duration::from_secs(60);

/// One look at both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clocks {
    wall: Timestamp,
    /// Since the machine started, its sleep included: nobody can move it.
    passed: SignedDuration,
}

impl Clocks {
    pub fn now() -> Self {
        let passed = clock_gettime(ClockId::Boottime);
        Self {
            wall: Timestamp::now(),
            passed: SignedDuration::from_secs(passed.tv_sec) + SignedDuration::from_nanos(passed.tv_nsec),
        }
    }

    /// By how much the clock on the wall was moved since an earlier look; none when it went as time does.
    fn moved_since(&self, earlier: &Clocks) -> Option<SignedDuration> {
        let moved = self.wall.duration_since(earlier.wall) - (self.passed - earlier.passed);
        (moved.unsigned_abs() >= STEP_MIN).then_some(moved)
    }

    /// Looks again. A clock that was moved takes what waits along, and a big step is told.
    pub async fn look_again(&mut self, store: &Store, home: Option<&ChatRef>) -> Result<()> {
        let now = Self::now();
        if let Some(moved) = now.moved_since(self) {
            tracing::warn!(seconds = moved.as_secs(), "the machine's clock was moved");
            let home = home.cloned();
            store
                .write(move |tx| {
                    tx.move_waits(moved)?;
                    // Nor was anybody away meanwhile.
                    if let Some(last) = tx.cursor(LAST_POLL)? {
                        tx.set_cursor(LAST_POLL, last + moved.as_secs())?;
                    }
                    if moved.unsigned_abs() < TOLD_FROM {
                        return Ok(());
                    }
                    life::tell_home(tx, home.as_ref(), in_words(moved))
                })
                .await?;
        }
        *self = now;
        Ok(())
    }
}

fn in_words(moved: SignedDuration) -> String {
    let start = Timestamp::UNIX_EPOCH;
    let by = how_long(start, start.saturating_add(moved.abs()).unwrap_or(start));
    let way = if moved.is_negative() { "back" } else { "forward" };
    format!("This machine's clock was set {way} by {by}. What waits goes on as before.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clock_that_was_moved_is_noticed() {
        let earlier = Clocks {
            wall: Timestamp::from_second(1_000_000).expect("a time"),
            passed: SignedDuration::from_secs(500),
        };
        let moved = |wall, passed| {
            let later = Clocks {
                wall: Timestamp::from_second(wall).expect("a time"),
                passed: SignedDuration::from_secs(passed),
            };
            later.moved_since(&earlier).map(|moved| moved.as_secs())
        };
        assert_eq!(moved(1_000_030, 530), None);
        assert_eq!(moved(1_000_031, 530), None, "it is kept right");
        assert_eq!(moved(1_086_400, 86_900), None, "the machine slept");
        assert_eq!(moved(913_630, 530), Some(-86_400));
        assert_eq!(moved(1_003_630, 530), Some(3600));
    }

    #[test]
    fn a_step_is_told_in_words() {
        assert_eq!(
            in_words(SignedDuration::from_secs(-86_400)),
            "This machine's clock was set back by 1 d 0 h. What waits goes on as before."
        );
        assert!(in_words(SignedDuration::from_secs(90)).contains("set forward by 1 min"));
    }
}
