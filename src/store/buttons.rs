//! Buttons under messages. What a tap does stands here, not in the tap: what comes back from a chat is an id that nobody can guess.

use rusqlite::params;

use super::Tx;
use super::rows::{Columns, Row, micros, to_json};
use super::seal::Seal;
use crate::domain::Timestamp;
use crate::domain::fault::Result;
use crate::domain::ids::MessageId;

/// A button as it was made.
#[derive(Debug, Clone, PartialEq)]
pub struct ButtonRow {
    pub id: String,
    pub message: MessageId,
    pub label: String,
    pub action: serde_json::Value,
    pub used_at: Option<Timestamp>,
    pub used_by: Option<String>,
}

impl Tx<'_> {
    /// `id` is random and new.
    pub fn insert_button(&self, id: &str, message: MessageId, label: &str, action: &serde_json::Value) -> Result<()> {
        let action = to_json(action)?;
        self.run(
            "INSERT INTO buttons (id, message, label, action, created_at, seal) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                id,
                message.0,
                label,
                action,
                micros(self.now),
                sealing(id, message.0, label, &action).finish()
            ],
        )?;
        Ok(())
    }

    pub fn button(&self, id: &str) -> Result<Option<ButtonRow>> {
        self.maybe("SELECT * FROM buttons WHERE id = ?1", [id], read_button)
    }

    /// All buttons of a message, in the order in which they were made.
    pub fn buttons_of(&self, message: MessageId) -> Result<Vec<ButtonRow>> {
        self.all(
            "SELECT * FROM buttons WHERE message = ?1 ORDER BY created_at, id",
            [message.0],
            read_button,
        )
    }

    /// Marks every button of a message as used; false when one of them was used before.
    pub fn use_buttons(&self, message: MessageId, by: &str) -> Result<bool> {
        let used = "SELECT count(*) FROM buttons WHERE message = ?1 AND used_at IS NOT NULL";
        if self.count(used, [message.0])? > 0 {
            return Ok(false);
        }
        self.run(
            "UPDATE buttons SET used_at = ?2, used_by = ?3 WHERE message = ?1",
            params![message.0, micros(self.now), by],
        )?;
        Ok(true)
    }

    /// What was used turned out to have done nothing: it may be used again.
    pub fn free_buttons(&self, message: MessageId) -> Result<()> {
        self.run(
            "UPDATE buttons SET used_at = NULL, used_by = NULL WHERE message = ?1",
            [message.0],
        )?;
        Ok(())
    }

    /// Another label and action for a button (a choice that is ticked).
    pub fn change_button(&self, id: &str, label: &str, action: &serde_json::Value) -> Result<()> {
        let Some(button) = self.button(id)? else {
            return Ok(());
        };
        let action = to_json(action)?;
        self.run(
            "UPDATE buttons SET label = ?2, action = ?3, seal = ?4 WHERE id = ?1",
            params![
                id,
                label,
                action,
                sealing(id, button.message.0, label, &action).finish()
            ],
        )?;
        Ok(())
    }
}

fn sealing(id: &str, message: i64, label: &str, action: &str) -> Seal {
    Seal::of("buttons").text(id).integer(message).text(label).text(action)
}

fn read_button(row: &Row<'_>) -> Result<ButtonRow> {
    let (id, message) = (row.text("id")?, row.integer("message")?);
    let (label, action) = (row.text("label")?, row.text("action")?);
    sealing(&id, message, &label, &action).check(&row.bytes("seal")?, format_args!("a button of message {message}"))?;
    Ok(ButtonRow {
        id,
        message: MessageId(message),
        label,
        action: row.json("action")?,
        used_at: row.maybe_time("used_at")?,
        used_by: row.maybe_text("used_by")?,
    })
}
