//! The audit log: who was refused what, and who answered which dialog.

use rusqlite::params;
use serde_json::json;

use super::Tx;
use super::rows::{Columns, micros};
use crate::domain::Timestamp;
use crate::domain::event::EventKind;
use crate::domain::fault::Result;

/// How many rows are kept; a stranger who knocks for days must not fill the disk.
const AUDIT_ROWS_MAX: i64 = 10_000;

/// One refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    pub at: Timestamp,
    pub channel: String,
    pub who: String,
    pub what: String,
}

impl Tx<'_> {
    /// One row of the audit log: who was refused what. Also the event `access.refused`. Never a message's text.
    pub fn audit_refused(&self, channel: &str, who: &str, what: &str) -> Result<()> {
        self.audit(channel, who, what)?;
        let data = json!({ "channel": channel, "who": who, "what": what });
        self.append_event(EventKind::AccessRefused, None, data)?;
        Ok(())
    }

    /// One row of the audit log about something that was done.
    pub fn audit(&self, channel: &str, who: &str, what: &str) -> Result<()> {
        self.run(
            "INSERT INTO audit (at, channel, who, what) VALUES (?1, ?2, ?3, ?4)",
            params![micros(self.now), channel, who, what],
        )?;
        let newest = self.conn.last_insert_rowid();
        self.run("DELETE FROM audit WHERE id <= ?1", [newest - AUDIT_ROWS_MAX])?;
        Ok(())
    }

    /// The last `limit` rows, oldest first.
    pub fn audit_rows(&self, limit: u32) -> Result<Vec<AuditRow>> {
        let mut rows = self.all("SELECT * FROM audit ORDER BY id DESC LIMIT ?1", [limit], |row| {
            Ok(AuditRow {
                at: row.time("at")?,
                channel: row.text("channel")?,
                who: row.text("who")?,
                what: row.text("what")?,
            })
        })?;
        rows.reverse();
        Ok(rows)
    }
}
