//! The event log: what happened, as the world may read it. Ids, states and reasons; never a prompt or a message.

use rusqlite::params;

use super::Tx;
use super::rows::{Columns, Row, micros, word};
use crate::domain::event::{Event, EventKind};
use crate::domain::fault::Result;
use crate::domain::ids::SessionId;

/// How many events are kept; older ones are forgotten.
pub(super) const EVENTS_MAX: i64 = 100_000;
/// Old events are deleted once in so many new ones.
const EVENTS_PRUNED_EVERY: i64 = 64;

impl Tx<'_> {
    /// Appends an event; its `seq`, which follows the one before without a gap.
    pub fn append_event(&self, kind: EventKind, session: Option<&SessionId>, data: serde_json::Value) -> Result<i64> {
        self.run(
            "INSERT INTO events (at, type, session, data) VALUES (?1, ?2, ?3, ?4)",
            params![
                micros(self.now),
                word(&kind)?,
                session.map(SessionId::as_str),
                data.to_string()
            ],
        )?;
        let seq = self.conn.last_insert_rowid();
        if seq % EVENTS_PRUNED_EVERY == 0 {
            self.run("DELETE FROM events WHERE seq <= ?1", [seq - EVENTS_MAX])?;
        }
        Ok(seq)
    }

    /// Events after `seq`, oldest first, at most `limit`.
    pub fn events_after(&self, seq: i64, session: Option<&SessionId>, limit: u32) -> Result<Vec<Event>> {
        match session {
            None => self.all(
                "SELECT * FROM events WHERE seq > ?1 ORDER BY seq LIMIT ?2",
                params![seq, limit],
                read_event,
            ),
            Some(session) => self.all(
                "SELECT * FROM events WHERE session = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
                params![session.as_str(), seq, limit],
                read_event,
            ),
        }
    }

    /// The `seq` of the newest event, also when it is not kept any more; 0 before the first.
    pub fn last_event_seq(&self) -> Result<i64> {
        self.count("SELECT seq FROM sqlite_sequence WHERE name = 'events'", [])
    }
}

fn read_event(row: &Row<'_>) -> Result<Event> {
    Ok(Event {
        seq: row.integer("seq")?,
        at: row.time("at")?,
        kind: row.word("type")?,
        session: row.maybe_id("session")?,
        data: row.json("data")?,
    })
}
