//! What the Telegram channel has to remember: updates, the offset, which session a chat talks to, which session a sent
//! message belongs to.

use super::Tx;
use crate::domain::fault::Result;
use crate::domain::ids::SessionId;
use crate::domain::route::ChatRef;

/// An update whose row is stored and whose action is not done yet.
#[derive(Debug, Clone)]
pub struct StoredUpdate {
    pub update_id: i64,
    pub raw: serde_json::Value,
}

impl Tx<'_> {
    /// The offset for the next getUpdates; none before the first batch.
    pub fn telegram_offset(&self) -> Result<Option<i64>> {
        todo!()
    }
    pub fn set_telegram_offset(&self, _offset: i64) -> Result<()> {
        todo!()
    }
    /// Stores a raw update, state `pending`; false when its id is already stored.
    pub fn insert_update(&self, _update_id: i64, _raw: &serde_json::Value) -> Result<bool> {
        todo!()
    }
    /// Marks an update as done: nothing remains to be executed for it.
    pub fn finish_update(&self, _update_id: i64) -> Result<()> {
        todo!()
    }
    /// Updates whose action was not finished (a crash between storing and doing), oldest first.
    pub fn pending_updates(&self) -> Result<Vec<StoredUpdate>> {
        todo!()
    }
    /// The session that plain text of this chat goes to.
    pub fn active_session(&self, _chat: &ChatRef) -> Result<Option<SessionId>> {
        todo!()
    }
    pub fn set_active_session(&self, _chat: &ChatRef, _session: Option<&SessionId>) -> Result<()> {
        todo!()
    }
    /// The session that a message in a chat belongs to (one that we sent, or a person's prompt).
    pub fn session_of_message(&self, _chat: &ChatRef, _message_id: i64) -> Result<Option<SessionId>> {
        todo!()
    }
    pub fn remember_message(&self, _chat: &ChatRef, _message_id: i64, _session: &SessionId) -> Result<()> {
        todo!()
    }
    /// A group became a supergroup: routes, bindings and waiting messages move to the new id.
    pub fn migrate_chat(&self, _channel: &str, _from: i64, _to: i64) -> Result<()> {
        todo!()
    }
}
