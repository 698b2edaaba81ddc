//! Which message of ours a person replies to.

use rusqlite::params;

use super::Tx;
use super::rows::Columns;
use crate::domain::fault::Result;
use crate::domain::ids::MessageId;
use crate::domain::message::Message;
use crate::domain::route::ChatRef;

impl Tx<'_> {
    /// The message, one of whose parts was sent to this chat under this id of the channel's. Ids are unique in a chat, whatever
    /// its threads; those of another bot, before, may be the same: the newest counts.
    pub fn message_of_sent(&self, chat: &ChatRef, sent_id: i64) -> Result<Option<Message>> {
        let id = self.maybe(
            "SELECT messages.id AS id FROM parts JOIN messages ON messages.id = parts.message
             WHERE parts.sent_id = ?3 AND messages.channel = ?1 AND messages.chat_id = ?2
             ORDER BY messages.id DESC LIMIT 1",
            params![chat.channel, chat.chat_id, sent_id],
            |row| row.integer("id"),
        )?;
        id.map(|id| self.message(MessageId(id))).transpose()
    }
}
