//! Messages: the rows of the outbox, and what a person reads of them without a channel. Their delivery is in `outbox`.

use rusqlite::params;
use serde_json::json;

use super::Tx;
use super::rows::{Columns, Row, micros, to_json, word};
use super::seal::Seal;
use crate::domain::Timestamp;
use crate::domain::dialog::DialogDigest;
use crate::domain::event::EventKind;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::{LetterId, MessageId, SessionId};
use crate::domain::letter::Done;
use crate::domain::message::{About, Message, MessageFile, MessageKind, MessageState};
use crate::domain::route::ChatRef;

pub struct NewMessage {
    pub session: Option<SessionId>,
    pub kind: MessageKind,
    pub text: String,
    pub done: Option<Done>,
    pub choices: Vec<String>,
    pub files: Vec<MessageFile>,
    pub to: Option<ChatRef>,
    pub reply_to: Option<i64>,
    pub letter: Option<LetterId>,
    /// The dialog that it shows.
    pub dialog: Option<DialogDigest>,
}

impl Tx<'_> {
    /// State `queued` when `to` is some, else `sent` at once. Event `message.created`. A message for a session whose `letter` is
    /// already there is the one that is there.
    pub fn insert_message(&self, new: NewMessage) -> Result<Message> {
        if let Some(found) = self.message_of_letter(&new)? {
            return Ok(found);
        }
        // The id is part of what is sealed, so it is taken before the row is written; there is only one writer.
        let id = MessageId(self.count("SELECT seq FROM sqlite_sequence WHERE name = 'messages'", [])? + 1);
        let state = match new.to {
            Some(_) => MessageState::Queued,
            None => MessageState::Sent,
        };
        self.insert_row(id, &new, state)?;
        self.seal_message(id)?;
        let data = json!({ "id": id, "kind": new.kind, "state": state });
        self.append_event(EventKind::MessageCreated, new.session.as_ref(), data)?;
        self.message(id)
    }

    /// Says what a message concerns, before it is cut into parts.
    pub fn set_about(&self, id: MessageId, about: &About) -> Result<()> {
        self.run(
            "UPDATE messages SET about = ?2 WHERE id = ?1",
            params![id.0, to_json(about)?],
        )?;
        Ok(())
    }

    /// `NotFound` when there is no such message.
    pub fn message(&self, id: MessageId) -> Result<Message> {
        self.maybe("SELECT * FROM messages WHERE id = ?1", [id.0], read_message)?
            .ok_or_else(|| no_message(id))
    }

    /// Messages of a session, oldest first; the last `limit` when given.
    pub fn messages(&self, session: &SessionId, limit: Option<u32>) -> Result<Vec<Message>> {
        let limit = limit.map_or(-1, i64::from);
        let mut messages = self.all(
            "SELECT * FROM messages WHERE session = ?1 ORDER BY id DESC LIMIT ?2",
            params![session.as_str(), limit],
            read_message,
        )?;
        messages.reverse();
        Ok(messages)
    }

    /// Messages of kind reply, ask and notice of all sessions that were not read yet, oldest first.
    pub fn unread_messages(&self) -> Result<Vec<Message>> {
        self.all(
            "SELECT * FROM messages WHERE read_at IS NULL AND kind IN ('reply', 'ask', 'notice') ORDER BY id",
            [],
            read_message,
        )
    }

    /// The last `limit` messages of all sessions, oldest first.
    pub fn recent_messages(&self, limit: u32) -> Result<Vec<Message>> {
        let mut messages = self.all(
            "SELECT * FROM messages ORDER BY id DESC LIMIT ?1",
            [limit],
            read_message,
        )?;
        messages.reverse();
        Ok(messages)
    }

    /// Whether the agent said something to the person (`notify`) since then.
    pub fn has_said_since(&self, session: &SessionId, since: Timestamp) -> Result<bool> {
        let said = self.count(
            "SELECT count(*) FROM messages WHERE session = ?1 AND created_at >= ?2 AND kind IN ('reply', 'ask')",
            params![session.as_str(), micros(since)],
        )?;
        Ok(said > 0)
    }

    /// Ids that are read already or unknown change nothing.
    pub fn mark_read(&self, ids: &[MessageId]) -> Result<()> {
        for id in ids {
            self.run(
                "UPDATE messages SET read_at = ?2 WHERE id = ?1 AND read_at IS NULL",
                params![id.0, micros(self.now)],
            )?;
        }
        Ok(())
    }

    /// Stores a new state with its reason, with the event `message.state` when the state is a new one.
    pub(super) fn set_message_state(&self, id: MessageId, state: MessageState, reason: Option<&str>) -> Result<()> {
        let (session, before) = self
            .maybe("SELECT session, state FROM messages WHERE id = ?1", [id.0], |row| {
                Ok((
                    row.maybe_id::<SessionId>("session")?,
                    row.word::<MessageState>("state")?,
                ))
            })?
            .ok_or_else(|| no_message(id))?;
        let sent_at = (state == MessageState::Sent).then_some(micros(self.now));
        self.run(
            "UPDATE messages SET state = ?2, reason = ?3, sent_at = ?4 WHERE id = ?1",
            params![id.0, state.as_str(), reason, sent_at],
        )?;
        if before != state {
            let data = json!({ "id": id, "state": state, "reason": reason });
            self.append_event(EventKind::MessageState, session.as_ref(), data)?;
        }
        Ok(())
    }

    /// Seals the row as it stands now.
    pub(super) fn seal_message(&self, id: MessageId) -> Result<()> {
        let seal = self
            .maybe("SELECT * FROM messages WHERE id = ?1", [id.0], |row| {
                Ok(sealing(row)?.finish())
            })?
            .ok_or_else(|| no_message(id))?;
        self.run("UPDATE messages SET seal = ?2 WHERE id = ?1", params![id.0, seal])?;
        Ok(())
    }

    fn message_of_letter(&self, new: &NewMessage) -> Result<Option<Message>> {
        let (Some(session), Some(letter)) = (&new.session, &new.letter) else {
            return Ok(None);
        };
        self.maybe(
            "SELECT * FROM messages WHERE session = ?1 AND letter = ?2",
            [session.as_str(), letter.as_str()],
            read_message,
        )
    }

    fn insert_row(&self, id: MessageId, new: &NewMessage, state: MessageState) -> Result<()> {
        let to = new.to.as_ref();
        let sent_at = (state == MessageState::Sent).then_some(micros(self.now));
        self.run(
            "INSERT INTO messages (id, session, kind, text, done, choices, files, channel, chat_id, thread_id, reply_to,
                 letter, state, created_at, sent_at, dialog, seal)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, x'')",
            params![
                id.0,
                new.session.as_ref().map(SessionId::as_str),
                word(&new.kind)?,
                new.text,
                new.done.as_ref().map(to_json).transpose()?,
                to_json(&new.choices)?,
                to_json(&new.files)?,
                to.map(|t| &t.channel),
                to.map(|t| t.chat_id),
                to.and_then(|t| t.thread_id),
                new.reply_to,
                new.letter.as_ref().map(LetterId::as_str),
                state.as_str(),
                micros(self.now),
                sent_at,
                new.dialog.as_ref().map(DialogDigest::as_str),
            ],
        )?;
        Ok(())
    }
}

fn no_message(id: MessageId) -> Fault {
    Fault::new(Kind::NotFound, format!("there is no message {id}"))
}

/// What a message's seal covers: what is said, and to whom.
fn sealing(row: &Row<'_>) -> Result<Seal> {
    let seal = Seal::of("messages")
        .integer(row.integer("id")?)
        .maybe_text(row.maybe_text("session")?.as_deref())
        .text(&row.text("kind")?)
        .text(&row.text("text")?)
        .maybe_text(row.maybe_text("done")?.as_deref())
        .text(&row.text("choices")?)
        .text(&row.text("files")?)
        .maybe_text(row.maybe_text("channel")?.as_deref())
        .maybe_integer(row.maybe_integer("chat_id")?)
        .maybe_integer(row.maybe_integer("thread_id")?)
        .maybe_integer(row.maybe_integer("reply_to")?);
    // Messages from before there were dialogs keep the seal that they have.
    Ok(match row.maybe_text("dialog")? {
        Some(dialog) => seal.text(&dialog),
        None => seal,
    })
}

fn read_message(row: &Row<'_>) -> Result<Message> {
    let id = MessageId(row.integer("id")?);
    sealing(row)?.check(&row.bytes("seal")?, format_args!("message {id}"))?;
    Ok(Message {
        id,
        session: row.maybe_id("session")?,
        kind: row.word("kind")?,
        text: row.text("text")?,
        done: row.maybe_json("done")?,
        choices: row.json("choices")?,
        files: row.json("files")?,
        to: read_to(row)?,
        reply_to: row.maybe_integer("reply_to")?,
        letter: row.maybe_id("letter")?,
        dialog: row.maybe_id("dialog")?,
        state: row.word("state")?,
        reason: row.maybe_text("reason")?,
        created_at: row.time("created_at")?,
        sent_at: row.maybe_time("sent_at")?,
        read_at: row.maybe_time("read_at")?,
        about: row.maybe_json("about")?,
    })
}

fn read_to(row: &Row<'_>) -> Result<Option<ChatRef>> {
    let Some(channel) = row.maybe_text("channel")? else {
        return Ok(None);
    };
    Ok(Some(ChatRef {
        channel,
        chat_id: row.integer("chat_id")?,
        thread_id: row.maybe_integer("thread_id")?,
    }))
}
