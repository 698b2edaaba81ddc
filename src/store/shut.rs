//! Chats that are not allowed any more. Nothing goes there from the transaction on in which they are shut; what agents have to say
//! there is said elsewhere. A chat is open again when [`Tx::set_unreachable`] takes the reason away.

use rusqlite::params;

use super::Tx;
use super::outbox::read_message_id;
use super::rows::Columns;
use crate::domain::fault::Result;
use crate::domain::ids::MessageId;
use crate::domain::message::{MessageKind, MessageState};
use crate::domain::route::ChatRef;

/// Why a shut chat cannot be written to. It is how such a chat is known, so it stays as it is.
const SHUT: &str = "it is not allowed any more";

impl Tx<'_> {
    /// Shuts a chat: its sessions are bound to none, and it talks to none; its topics are forgotten, and no progress is shown in it.
    /// Returns how many sessions reported there. What waits for it is left to [`Tx::stranded_messages`].
    pub fn shut_chat(&self, channel: &str, chat_id: i64) -> Result<usize> {
        self.run(
            "INSERT INTO chats (channel, chat_id, unreachable) VALUES (?1, ?2, ?3)
             ON CONFLICT (channel, chat_id) DO UPDATE SET unreachable = excluded.unreachable",
            params![channel, chat_id, SHUT],
        )?;
        let chat = params![channel, chat_id];
        self.run("DELETE FROM bindings WHERE channel = ?1 AND chat_id = ?2", chat)?;
        self.run("DELETE FROM topics WHERE channel = ?1 AND chat_id = ?2", chat)?;
        self.run(
            "UPDATE progress SET state = 'over' WHERE channel = ?1 AND chat_id = ?2 AND state <> 'over'",
            chat,
        )?;
        self.run(
            "UPDATE sessions SET channel = NULL, chat_id = NULL, thread_id = NULL, chat_seal = NULL
             WHERE channel = ?1 AND chat_id = ?2",
            chat,
        )
    }

    /// The chats that are shut.
    pub fn shut_chats(&self, channel: &str) -> Result<Vec<i64>> {
        self.all(
            "SELECT chat_id FROM chats WHERE channel = ?1 AND unreachable = ?2",
            params![channel, SHUT],
            |row| row.integer("chat_id"),
        )
    }

    /// Chats that talk to a session, or to which a session talks, or for which something waits.
    pub fn chats_in_use(&self, channel: &str) -> Result<Vec<i64>> {
        self.all(
            "SELECT chat_id FROM sessions WHERE channel = ?1
             UNION SELECT chat_id FROM bindings WHERE channel = ?1
             UNION SELECT chat_id FROM topics WHERE channel = ?1
             UNION SELECT chat_id FROM progress WHERE channel = ?1 AND state <> 'over'
             UNION SELECT chat_id FROM marks WHERE channel = ?1 AND done IS NOT wanted
             UNION SELECT chat_id FROM messages WHERE channel = ?1 AND state IN ('queued', 'sending', 'unknown')",
            [channel],
            |row| row.integer("chat_id"),
        )
    }

    /// Messages that stand or wait in shut chats and concern somebody still: those that are not sent, and questions that nobody has
    /// answered. One that is being sent right now is found when its end is known.
    pub fn stranded_messages(&self, channel: &str) -> Result<Vec<MessageId>> {
        self.all(
            "WITH shut AS (SELECT chat_id FROM chats WHERE channel = ?1 AND unreachable = ?2)
             SELECT id FROM messages WHERE channel = ?1 AND chat_id IN shut AND state IN ('queued', 'sending', 'unknown')
                AND NOT EXISTS (SELECT 1 FROM parts WHERE parts.message = messages.id AND parts.state = 'sending')
             UNION SELECT messages.id FROM asks JOIN messages ON messages.session = asks.session AND messages.letter = asks.id
                WHERE asks.state = 'open' AND channel = ?1 AND chat_id IN shut AND messages.state = 'sent'
             UNION SELECT messages.id FROM dialogs
                JOIN messages ON messages.session = dialogs.session AND messages.dialog = dialogs.digest
                WHERE dialogs.state = 'open' AND messages.created_at >= dialogs.opened_at
                  AND channel = ?1 AND chat_id IN shut AND messages.state = 'sent'
             ORDER BY 1",
            params![channel, SHUT],
            read_message_id,
        )
    }

    /// Says a stranded message in another chat as if for the first time; without one it is kept for `telecoder messages`. What was the
    /// answer to a command of somebody who is out is said nowhere.
    pub fn say_elsewhere(&self, id: MessageId, to: Option<&ChatRef>) -> Result<()> {
        // Sealing it anew must not make a damaged row a good one: reading it comes first.
        let message = self.message(id)?;
        if message.kind == MessageKind::Answer {
            return self.fail_message(id, SHUT);
        }
        if let (Some(session), Some(old)) = (&message.session, &message.to) {
            // It may have been made in the chat while that was being shut.
            self.run(
                "UPDATE sessions SET channel = NULL, chat_id = NULL, thread_id = NULL, chat_seal = NULL
                 WHERE id = ?1 AND channel = ?2 AND chat_id = ?3",
                params![session.as_str(), old.channel, old.chat_id],
            )?;
        }
        self.run("DELETE FROM parts WHERE message = ?1", [id.0])?;
        self.run("DELETE FROM buttons WHERE message = ?1", [id.0])?;
        self.run(
            "UPDATE messages SET carried_by = NULL WHERE id = ?1 OR carried_by = ?1",
            [id.0],
        )?;
        self.run(
            "UPDATE messages SET channel = ?2, chat_id = ?3, thread_id = ?4, reply_to = NULL WHERE id = ?1",
            params![
                id.0,
                to.map(|to| &to.channel),
                to.map(|to| to.chat_id),
                to.and_then(|to| to.thread_id)
            ],
        )?;
        self.seal_message(id)?;
        let state = match to {
            Some(_) => MessageState::Queued,
            None => MessageState::Sent,
        };
        self.set_message_state(id, state, None)
    }
}
