//! Times until which something waits to go out. They are times of the clock on the wall, so that they outlive a restart; when that
//! clock is moved they move with it.

use jiff::SignedDuration;
use rusqlite::params;

use super::Tx;
use super::rows::micros;
use crate::domain::fault::Result;

/// The tables with such times.
const TABLES: [&str; 4] = ["parts", "marks", "topics", "progress"];
/// Nothing is stored to wait longer: whatever seems to was stored under another time of the day.
const WAIT_MAX: SignedDuration = SignedDuration::from_hours(1);

impl Tx<'_> {
    /// The time so long from now, in the unit of the store.
    pub(super) fn in_ms(&self, wait_ms: u64) -> i64 {
        let wait = SignedDuration::from_millis(i64::try_from(wait_ms).unwrap_or(i64::MAX));
        let wait = i64::try_from(wait.min(WAIT_MAX).as_micros()).unwrap_or(i64::MAX);
        micros(self.now).saturating_add(wait)
    }

    /// The clock was moved by so much: what waits goes on to wait as long as it was to.
    pub fn move_waits(&self, by: SignedDuration) -> Result<()> {
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        for table in TABLES {
            self.run(
                &format!("UPDATE {table} SET not_before = not_before + ?1 WHERE not_before IS NOT NULL"),
                [by],
            )?;
        }
        Ok(())
    }

    /// Ends waits that are longer than any: the clock was set back while nobody looked. Returns how many.
    pub fn end_far_waits(&self) -> Result<usize> {
        let mut ended = 0;
        for table in TABLES {
            ended += self.run(
                &format!("UPDATE {table} SET not_before = ?1 WHERE not_before > ?2"),
                params![micros(self.now), self.in_ms(u64::MAX)],
            )?;
        }
        Ok(ended)
    }
}
