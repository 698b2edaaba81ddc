//! Marks: what should stand at a message that is already in a chat. Only the last wish counts, and carrying it out twice does no
//! harm, so a crash between the two costs one repetition that nobody sees.

use rusqlite::params;

use super::Tx;
use super::rows::{Columns, Row, micros};
use crate::domain::Timestamp;
use crate::domain::fault::Result;

/// Marks that are settled are forgotten after this many newer ones.
const MARKS_MAX: i64 = 20_000;

/// A wish that is not carried out yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    pub chat_id: i64,
    pub message_id: i64,
    pub kind: String,
    pub wanted: String,
    /// What the channel shows now, in the words of whoever carried it out.
    pub shown: Option<String>,
    pub attempts: u32,
}

impl Tx<'_> {
    /// The last wish wins. Nothing changes when it is the wish already.
    pub fn want_mark(&self, channel: &str, chat_id: i64, message_id: i64, kind: &str, wanted: &str) -> Result<()> {
        self.run(
            "INSERT INTO marks (channel, chat_id, message_id, kind, wanted, wanted_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (channel, chat_id, message_id, kind) DO UPDATE
             SET wanted = excluded.wanted, attempts = 0, wanted_at = excluded.wanted_at WHERE wanted <> excluded.wanted",
            params![channel, chat_id, message_id, kind, wanted, micros(self.now)],
        )?;
        Ok(())
    }

    /// Open marks that are due, oldest wish first.
    pub fn due_marks(&self, channel: &str, limit: u32) -> Result<Vec<Mark>> {
        self.all(
            "SELECT * FROM marks WHERE channel = ?1 AND done IS NOT wanted AND (not_before IS NULL OR not_before <= ?2)
             AND NOT EXISTS (SELECT 1 FROM chats WHERE chats.channel = marks.channel AND chats.chat_id = marks.chat_id
                             AND unreachable IS NOT NULL)
             ORDER BY wanted_at LIMIT ?3",
            params![channel, micros(self.now), limit],
            read_mark,
        )
    }

    /// When the next open mark that is not due yet will be.
    pub fn next_mark_at(&self, channel: &str) -> Result<Option<Timestamp>> {
        self.maybe(
            "SELECT not_before FROM marks WHERE channel = ?1 AND done IS NOT wanted AND not_before > ?2
             ORDER BY not_before LIMIT 1",
            params![channel, micros(self.now)],
            |row| row.time("not_before"),
        )
    }

    /// The wish was carried out, or cannot be: it is settled, unless there is a newer one.
    pub fn mark_done(&self, channel: &str, mark: &Mark, shown: Option<&str>) -> Result<()> {
        self.run(
            "UPDATE marks SET done = ?5, shown = ?6, not_before = NULL
             WHERE channel = ?1 AND chat_id = ?2 AND message_id = ?3 AND kind = ?4",
            params![channel, mark.chat_id, mark.message_id, mark.kind, mark.wanted, shown],
        )?;
        self.run(
            "DELETE FROM marks WHERE channel = ?1 AND done IS wanted AND wanted_at <
                 (SELECT wanted_at FROM marks WHERE channel = ?1 ORDER BY wanted_at DESC LIMIT 1 OFFSET ?2)",
            params![channel, MARKS_MAX],
        )?;
        Ok(())
    }

    /// Not before so long from now.
    pub fn mark_later(&self, channel: &str, mark: &Mark, wait_ms: u64) -> Result<()> {
        self.run(
            "UPDATE marks SET attempts = attempts + 1, not_before = ?5
             WHERE channel = ?1 AND chat_id = ?2 AND message_id = ?3 AND kind = ?4",
            params![channel, mark.chat_id, mark.message_id, mark.kind, self.in_ms(wait_ms)],
        )?;
        Ok(())
    }

    /// How far a reader of the event log has come; none before its first word.
    pub fn cursor(&self, reader: &str) -> Result<Option<i64>> {
        self.maybe("SELECT seq FROM cursors WHERE reader = ?1", [reader], |row| {
            row.integer("seq")
        })
    }

    pub fn set_cursor(&self, reader: &str, seq: i64) -> Result<()> {
        self.run(
            "INSERT INTO cursors (reader, seq) VALUES (?1, ?2) ON CONFLICT (reader) DO UPDATE SET seq = excluded.seq",
            params![reader, seq],
        )?;
        Ok(())
    }
}

fn read_mark(row: &Row<'_>) -> Result<Mark> {
    Ok(Mark {
        chat_id: row.integer("chat_id")?,
        message_id: row.integer("message_id")?,
        kind: row.text("kind")?,
        wanted: row.text("wanted")?,
        shown: row.maybe_text("shown")?,
        attempts: row.number("attempts")?,
    })
}
