//! Letters that were taken: what makes a repeated letter one letter.

use jiff::SignedDuration;
use rusqlite::params;
use serde_json::json;

use super::Tx;
use super::rows::micros;
use crate::domain::Timestamp;
use crate::domain::event::EventKind;
use crate::domain::fault::Result;
use crate::domain::ids::{LetterId, SessionId};

/// How long a letter's id and key are remembered.
const LETTERS_REMEMBERED: SignedDuration = SignedDuration::from_hours(30 * 24);

impl Tx<'_> {
    /// Remembers a letter. False when its id, or its key within the session, is already known (remembered 30 days).
    pub fn take_letter(&self, session: &SessionId, id: &LetterId, key: Option<&str>) -> Result<bool> {
        let horizon = self.now.checked_sub(LETTERS_REMEMBERED).unwrap_or(Timestamp::MIN);
        self.run("DELETE FROM letters WHERE taken_at < ?1", [micros(horizon)])?;
        let new = self.run(
            "INSERT INTO letters (session, id, key, taken_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO NOTHING",
            params![session.as_str(), id.as_str(), key, micros(self.now)],
        )?;
        Ok(new == 1)
    }

    /// Appends `letter.quarantined` with the reason and the file's name.
    pub fn quarantine_letter(&self, session: &SessionId, file: &str, reason: &str) -> Result<()> {
        let data = json!({ "file": file, "reason": reason });
        self.append_event(EventKind::LetterQuarantined, Some(session), data)?;
        Ok(())
    }
}
