//! People and groups that were let in, and the one-time codes that let them in.

use rusqlite::params;

use super::Tx;
use super::rows::{Columns, Row, micros, word};
use super::seal::Seal;
use crate::domain::Timestamp;
use crate::domain::fault::Result;
use crate::domain::ids::SessionId;
use crate::domain::person::{Person, Role};

/// Codes that can be open at one time; the oldest goes first.
const PAIRINGS_MAX: i64 = 32;

impl Tx<'_> {
    /// None: nobody that was let in.
    pub fn person(&self, channel: &str, id: i64) -> Result<Option<Person>> {
        self.maybe(
            "SELECT * FROM people WHERE channel = ?1 AND id = ?2",
            params![channel, id],
            read_person,
        )
    }

    pub fn people(&self, channel: &str) -> Result<Vec<Person>> {
        self.all(
            "SELECT * FROM people WHERE channel = ?1 ORDER BY added_at, id",
            [channel],
            read_person,
        )
    }

    /// Lets somebody in, or gives another role.
    pub fn put_person(&self, channel: &str, id: i64, role: Role, name: Option<&str>, by: &str) -> Result<()> {
        let role = word(&role)?;
        self.run(
            "INSERT OR REPLACE INTO people (channel, id, role, name, added_by, added_at, seal) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![channel, id, role, name, by, micros(self.now), sealing(channel, id, &role).finish()],
        )?;
        Ok(())
    }

    /// False when nobody of that id was let in.
    pub fn remove_person(&self, channel: &str, id: i64) -> Result<bool> {
        Ok(self.run(
            "DELETE FROM people WHERE channel = ?1 AND id = ?2",
            params![channel, id],
        )? > 0)
    }

    /// Remembers whose message became a prompt.
    pub fn remember_sender(&self, channel: &str, chat_id: i64, message_id: i64, person: i64) -> Result<()> {
        self.run(
            "INSERT OR REPLACE INTO senders (channel, chat_id, message_id, person) VALUES (?1, ?2, ?3, ?4)",
            params![channel, chat_id, message_id, person],
        )?;
        Ok(())
    }

    pub fn sender(&self, channel: &str, chat_id: i64, message_id: i64) -> Result<Option<i64>> {
        self.maybe(
            "SELECT person FROM senders WHERE channel = ?1 AND chat_id = ?2 AND message_id = ?3",
            params![channel, chat_id, message_id],
            |row| row.integer("person"),
        )
    }

    /// Remembers who had a session made with a tap, where no message says it. The first one counts.
    pub fn remember_starter(&self, channel: &str, session: &SessionId, person: i64) -> Result<()> {
        self.run(
            "INSERT OR IGNORE INTO senders (channel, chat_id, message_id, person) VALUES (?1, 0, 0, ?2)",
            params![starter_of(channel, session), person],
        )?;
        Ok(())
    }

    pub fn starter(&self, channel: &str, session: &SessionId) -> Result<Option<i64>> {
        self.sender(&starter_of(channel, session), 0, 0)
    }

    /// Keeps a one-time code by its digest.
    pub fn put_pairing(&self, channel: &str, digest: &str, role: Role, expires_at: Timestamp) -> Result<()> {
        self.run(
            "INSERT INTO pairings (digest, channel, role, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![digest, channel, word(&role)?, micros(self.now), micros(expires_at)],
        )?;
        self.run(
            "DELETE FROM pairings WHERE expires_at < ?1 OR digest NOT IN
                 (SELECT digest FROM pairings ORDER BY created_at DESC LIMIT ?2)",
            params![micros(self.now), PAIRINGS_MAX],
        )?;
        Ok(())
    }

    /// The role that a code gives; none for one that is unknown, used or too old.
    pub fn pairing(&self, channel: &str, digest: &str) -> Result<Option<Role>> {
        self.maybe(
            "SELECT role FROM pairings WHERE digest = ?1 AND channel = ?2 AND used_at IS NULL AND expires_at > ?3",
            params![digest, channel, micros(self.now)],
            |row| row.word("role"),
        )
    }

    /// From now on the code gives nothing.
    pub fn use_pairing(&self, digest: &str) -> Result<()> {
        self.run(
            "UPDATE pairings SET used_at = ?2 WHERE digest = ?1",
            params![digest, micros(self.now)],
        )?;
        Ok(())
    }
}

/// Stands in the place of a channel in the row of who had a session made.
fn starter_of(channel: &str, session: &SessionId) -> String {
    format!("{channel} session {session}")
}

fn sealing(channel: &str, id: i64, role: &str) -> Seal {
    Seal::of("people").text(channel).integer(id).text(role)
}

fn read_person(row: &Row<'_>) -> Result<Person> {
    let (channel, id, role) = (row.text("channel")?, row.integer("id")?, row.text("role")?);
    sealing(&channel, id, &role).check(&row.bytes("seal")?, format_args!("person {id} of {channel}"))?;
    Ok(Person {
        channel,
        id,
        role: row.word("role")?,
        name: row.maybe_text("name")?,
        added_by: row.text("added_by")?,
        added_at: row.time("added_at")?,
    })
}
