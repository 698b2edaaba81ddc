//! Which message of ours a person replies to.

use rusqlite::params;

use super::Tx;
use super::rows::Columns;
use crate::domain::fault::Result;
use crate::domain::ids::{LetterId, MessageId, SessionId};
use crate::domain::message::Message;
use crate::domain::route::ChatRef;

impl Tx<'_> {
    /// The message that a letter of a session became.
    pub fn message_of_letter_id(&self, session: &SessionId, letter: &LetterId) -> Result<Option<MessageId>> {
        let sql = "SELECT id FROM messages WHERE session = ?1 AND letter = ?2";
        let id = self.maybe(sql, [session.as_str(), letter.as_str()], |row| row.integer("id"))?;
        Ok(id.map(MessageId))
    }

    /// Messages that show a dialog of a session, the newest of them: an older one of the same words was answered long ago.
    pub fn messages_of_dialog(&self, session: &SessionId, digest: &str) -> Result<Vec<MessageId>> {
        self.all(
            "SELECT id FROM messages WHERE session = ?1 AND dialog = ?2 ORDER BY id DESC LIMIT 4",
            [session.as_str(), digest],
            |row| Ok(MessageId(row.integer("id")?)),
        )
    }

    /// How many messages of a session are still to be sent.
    pub fn open_messages(&self, session: &SessionId) -> Result<i64> {
        self.count(
            "SELECT count(*) FROM messages WHERE session = ?1 AND state IN ('queued', 'sending', 'unknown')",
            [session.as_str()],
        )
    }

    /// Whether a message that is replied to may be one of ours whose id is not known yet: something is on its way to the chat.
    pub fn may_be_on_its_way(&self, chat: &ChatRef, replied_to: i64) -> Result<bool> {
        if self.session_of_message(chat, replied_to)?.is_some() || self.message_of_sent(chat, replied_to)?.is_some() {
            return Ok(false);
        }
        let sending = self.count(
            "SELECT count(*) FROM messages JOIN parts ON parts.message = messages.id
             WHERE messages.channel = ?1 AND messages.chat_id = ?2 AND messages.state IN ('queued', 'sending', 'unknown')
               AND parts.state = 'sending'",
            params![chat.channel, chat.chat_id],
        )?;
        Ok(sending > 0)
    }

    /// The place of a person's message that became a prompt; its topic is known from there.
    pub fn place_of_prompt(&self, channel: &str, chat_id: i64, message_id: i64) -> Result<Option<ChatRef>> {
        let chat = ChatRef {
            channel: channel.to_owned(),
            chat_id,
            thread_id: None,
        };
        let Some(session) = self.session_of_message(&chat, message_id)? else {
            return Ok(None);
        };
        Ok(self.session(&session)?.chat.filter(|place| place.chat_id == chat_id))
    }

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
