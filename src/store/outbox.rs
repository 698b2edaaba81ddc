//! The outbox: messages cut into parts, and which part is next. What comes of sending one is in `attempts`.
//!
//! Each chat of a channel is a lane. The head of a lane is the first open part of its oldest open message; nothing behind the
//! head moves before the head is sent or failed, whatever holds it (a pause, an attempt in flight, a message not yet cut). A message
//! is cut into parts when it is the head: until then it can be carried by the one before it.
//!
//! A message is open while it is `queued`, `sending` or `unknown`. It says what its head part says, except that it stays
//! `sending` between two parts of which the first was sent.

use rusqlite::params;

use super::Tx;
use super::fault::damaged;
use super::rows::{Columns, Row, micros, to_json};
use super::seal::Seal;
use crate::domain::Timestamp;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::{MessageId, SessionId};
use crate::domain::message::{Message, MessageKind, MessageState, Part, PartBody};
use crate::domain::route::ChatRef;

const NOT_INTACT: &str = "its stored content was damaged on the disk, so it was not sent";

/// A part with what its delivery needs to know of its message.
#[derive(Debug, Clone)]
pub struct OutboxPart {
    pub part: Part,
    pub session: Option<SessionId>,
    pub to: ChatRef,
    pub reply_to: Option<i64>,
    /// An earlier attempt was ambiguous: show the possible-repeat mark.
    pub marked: bool,
    /// Formatting was refused: send without entities.
    pub plain: bool,
    /// Without a sound: an answer to a command disturbs nobody.
    pub silent: bool,
}

impl Tx<'_> {
    /// The heads of a channel's lanes that are not cut into parts yet, oldest first.
    ///
    /// A damaged message is left out while there are others; when there are no others, it is the `Storage` fault.
    pub fn unplanned_messages(&self, channel: &str, limit: u32) -> Result<Vec<Message>> {
        let ids = self.all(
            "SELECT id FROM (SELECT min(id) AS id FROM messages
                 WHERE channel = ?1 AND state IN ('queued', 'sending', 'unknown') AND carried_by IS NULL GROUP BY chat_id) AS heads
             WHERE NOT EXISTS (SELECT 1 FROM parts WHERE message = heads.id)
             ORDER BY id LIMIT ?2",
            params![channel, limit],
            read_message_id,
        )?;
        intact(ids.into_iter().map(|id| self.message(id).map(Some)))
    }

    /// What waits behind a message in the same place (a topic, or a chat without), in order, as long as `fits` says so; nothing of it is
    /// cut into parts. What stands between them in the lane goes elsewhere, and loses nothing by waiting.
    pub fn waiting_behind(&self, head: &Message, limit: u32, fits: impl Fn(&Message) -> bool) -> Result<Vec<Message>> {
        let Some(to) = &head.to else {
            return Ok(vec![]);
        };
        let ids = self.all(
            "SELECT id FROM messages WHERE channel = ?1 AND chat_id = ?2 AND thread_id IS ?3 AND id > ?4 AND carried_by IS NULL
               AND state IN ('queued', 'sending', 'unknown') ORDER BY id LIMIT ?5",
            params![to.channel, to.chat_id, to.thread_id, head.id.0, limit],
            read_message_id,
        )?;
        let mut behind = vec![];
        for id in ids {
            match self.message(id) {
                Ok(message) if message.state == MessageState::Queued && fits(&message) => behind.push(message),
                // A damaged one is found when it is the head.
                Ok(_) | Err(_) => break,
            }
        }
        Ok(behind)
    }

    /// From now on `carried` goes out within `head`: it is sent when that is, and stands by itself again if that fails.
    pub fn carry(&self, head: MessageId, carried: MessageId) -> Result<()> {
        self.run(
            "UPDATE messages SET carried_by = ?2 WHERE id = ?1",
            params![carried.0, head.0],
        )?;
        Ok(())
    }

    /// What goes out within a message.
    pub(super) fn carried(&self, head: MessageId) -> Result<Vec<MessageId>> {
        self.all(
            "SELECT id FROM messages WHERE carried_by = ?1 AND state IN ('queued', 'sending', 'unknown') ORDER BY id",
            [head.0],
            read_message_id,
        )
    }

    /// Stores what the channel will be asked to send, in order. At least one part. `RefusedByState` when that was done before.
    pub fn plan_message(&self, id: MessageId, parts: &[PartBody]) -> Result<()> {
        if parts.is_empty() {
            return Err(Fault::new(Kind::Failure, format!("message {id} has nothing to send")));
        }
        let planned = self.count("SELECT count(*) FROM parts WHERE message = ?1", [id.0])?;
        if planned > 0 || self.message(id)?.state != MessageState::Queued {
            return Err(refused(format!("message {id} is already on its way")));
        }
        self.insert_parts(id, 0, parts)
    }

    fn insert_parts(&self, id: MessageId, first: u32, parts: &[PartBody]) -> Result<()> {
        for (index, body) in (i64::from(first)..).zip(parts) {
            let body = to_json(body)?;
            self.run(
                "INSERT INTO parts (message, idx, body, state, attempts, marked, plain, seal)
                 VALUES (?1, ?2, ?3, 'queued', 0, 0, 0, ?4)",
                params![id.0, index, body, sealing(id.0, index, &body).finish()],
            )?;
        }
        Ok(())
    }

    /// Puts other parts in the place of one that is next to go out; those behind it, of which none was tried yet, move on. Its
    /// mark of a possible repeat goes to the first of them.
    pub(super) fn replace_part(&self, id: MessageId, index: u32, instead: &[PartBody]) -> Result<()> {
        let open = self.parts_of(id)?;
        let marked = open.iter().any(|(part, marked, _)| part.index == index && *marked);
        let behind = open.into_iter().filter(|(part, ..)| part.index > index);
        let bodies: Vec<PartBody> = instead
            .iter()
            .cloned()
            .chain(behind.map(|(part, ..)| part.body))
            .collect();
        self.run(
            "DELETE FROM parts WHERE message = ?1 AND idx >= ?2",
            params![id.0, index],
        )?;
        self.insert_parts(id, index, &bodies)?;
        self.run(
            "UPDATE parts SET marked = ?3 WHERE message = ?1 AND idx = ?2",
            params![id.0, index, marked],
        )?;
        Ok(())
    }

    /// Per chat, the first part that is not sent or failed, if its `not_before` has passed and none of the chat is `sending`.
    /// The chat that waits longest comes first.
    ///
    /// A damaged part or message holds up its own chat only: it is left out while other chats have something due; when none has,
    /// it is the `Storage` fault. [`Tx::fail_damaged`] clears the way.
    pub fn due_parts(&self, channel: &str) -> Result<Vec<OutboxPart>> {
        let heads = self.all(
            "SELECT min(id) AS id FROM messages
             WHERE channel = ?1 AND state IN ('queued', 'sending', 'unknown') AND carried_by IS NULL
               AND NOT EXISTS (SELECT 1 FROM chats WHERE chats.channel = messages.channel AND chats.chat_id = messages.chat_id
                               AND unreachable IS NOT NULL)
             GROUP BY chat_id ORDER BY 1",
            [channel],
            read_message_id,
        )?;
        intact(heads.into_iter().map(|head| self.due_part_of(head)))
    }

    /// The earliest `not_before` in the future, so that the outbox knows when to wake.
    pub fn next_due_at(&self, channel: &str) -> Result<Option<Timestamp>> {
        self.maybe(
            "SELECT parts.not_before FROM messages JOIN parts ON parts.message = messages.id
             WHERE channel = ?1 AND messages.state IN ('queued', 'sending', 'unknown')
               AND parts.state IN ('queued', 'unknown') AND parts.not_before > ?2
             ORDER BY parts.not_before LIMIT 1",
            params![channel, micros(self.now)],
            |row| row.time("not_before"),
        )
    }

    /// Gives up every open message of a channel whose row, or one of whose open parts, does not match its checksum: `failed`,
    /// with the reason. Returns them. The row is sealed again as it stands, so that it can be read; it is never sent.
    pub fn fail_damaged(&self, channel: &str) -> Result<Vec<MessageId>> {
        let open = self.all(
            "SELECT id FROM messages WHERE channel = ?1 AND state IN ('queued', 'sending', 'unknown') ORDER BY id",
            [channel],
            read_message_id,
        )?;
        let mut failed = Vec::new();
        for message in open {
            let looked_at = self.message(message).and_then(|_| self.parts_of(message));
            match looked_at {
                Ok(_) => {}
                Err(fault) if fault.kind == Kind::Storage => {
                    self.seal_message(message)?;
                    self.fail_message(message, NOT_INTACT)?;
                    failed.push(message);
                }
                Err(fault) => return Err(fault),
            }
        }
        Ok(failed)
    }

    /// Open messages to a chat that has got another id. What they answered has another id there too, so they answer nothing.
    pub(super) fn move_open_messages(&self, channel: &str, from: i64, to: i64) -> Result<()> {
        let open = self.all(
            "SELECT id FROM messages
             WHERE channel = ?1 AND chat_id = ?2 AND state IN ('queued', 'sending', 'unknown') ORDER BY id",
            params![channel, from],
            read_message_id,
        )?;
        for message in open {
            // Sealing it anew must not make a damaged row a good one.
            if self.message(message).is_err() {
                self.seal_message(message)?;
                self.fail_message(message, NOT_INTACT)?;
                continue;
            }
            self.run(
                "UPDATE messages SET chat_id = ?2, reply_to = NULL WHERE id = ?1",
                params![message.0, to],
            )?;
            self.seal_message(message)?;
        }
        Ok(())
    }

    fn due_part_of(&self, head: MessageId) -> Result<Option<OutboxPart>> {
        let Some((part, marked, plain)) = self.parts_of(head)?.into_iter().next() else {
            return Ok(None);
        };
        let waits = part.not_before.is_some_and(|at| at > self.now);
        if part.state == MessageState::Sending || waits {
            return Ok(None);
        }
        let message = self.message(head)?;
        if self.waits_for_topic(&message)? {
            return Ok(None);
        }
        let silent = message.kind == MessageKind::Answer;
        let to = message.to.ok_or_else(|| damaged(format_args!("message {head}")))?;
        Ok(Some(OutboxPart {
            part,
            session: message.session,
            to,
            reply_to: message.reply_to,
            marked,
            plain,
            silent,
        }))
    }

    /// A message of a session whose topic is being made stands in that topic, and nowhere else meanwhile.
    fn waits_for_topic(&self, message: &Message) -> Result<bool> {
        let (Some(session), Some(to)) = (&message.session, &message.to) else {
            return Ok(false);
        };
        let topic = self.topic(session)?;
        Ok(topic
            .is_some_and(|topic| topic.thread_id.is_none() && topic.refused.is_none() && topic.chat_id == to.chat_id))
    }

    /// Open messages of a session that wait in a chat go to another place of it.
    pub(super) fn move_open_messages_to(&self, session: &SessionId, place: &ChatRef) -> Result<()> {
        let open = self.all(
            "SELECT id FROM messages WHERE session = ?1 AND channel = ?2 AND chat_id = ?3
             AND state IN ('queued', 'sending', 'unknown') ORDER BY id",
            params![session.as_str(), place.channel, place.chat_id],
            read_message_id,
        )?;
        open.into_iter()
            .try_for_each(|message| self.move_message(message, place))
    }

    /// Another place of the same chat. Sealing it anew must not make a damaged row a good one: reading it comes first.
    pub(super) fn move_message(&self, message: MessageId, place: &ChatRef) -> Result<()> {
        self.message(message)?;
        self.run(
            "UPDATE messages SET thread_id = ?2 WHERE id = ?1",
            params![message.0, place.thread_id],
        )?;
        self.seal_message(message)
    }

    /// What one part says.
    pub(super) fn part_body(&self, message: MessageId, index: u32) -> Result<PartBody> {
        let found = self.maybe(
            "SELECT * FROM parts WHERE message = ?1 AND idx = ?2",
            params![message.0, index],
            read_part,
        )?;
        found
            .map(|part| part.body)
            .ok_or_else(|| refused(format!("message {message} has no part {index}")))
    }

    pub(super) fn set_part_body(&self, message: MessageId, index: u32, body: &PartBody) -> Result<()> {
        let body = to_json(body)?;
        let seal = sealing(message.0, index.into(), &body).finish();
        self.run(
            "UPDATE parts SET body = ?3, seal = ?4 WHERE message = ?1 AND idx = ?2",
            params![message.0, index, body, seal],
        )?;
        Ok(())
    }

    /// The parts of a message that were sent, in order: what they say and under which id of the channel's they stand.
    pub fn sent_parts(&self, message: MessageId) -> Result<Vec<(PartBody, i64)>> {
        self.all(
            "SELECT * FROM parts WHERE message = ?1 AND sent_id IS NOT NULL ORDER BY idx",
            [message.0],
            |row| Ok((read_part(row)?.body, row.integer("sent_id")?)),
        )
    }

    /// The open parts of a message in order, with `marked` and `plain`.
    fn parts_of(&self, message: MessageId) -> Result<Vec<(Part, bool, bool)>> {
        self.all(
            "SELECT * FROM parts WHERE message = ?1 AND state IN ('queued', 'sending', 'unknown') ORDER BY idx",
            [message.0],
            |row| Ok((read_part(row)?, row.flag("marked")?, row.flag("plain")?)),
        )
    }
}

/// Keeps damaged rows from hiding the good ones: they are the error only when there is nothing else.
fn intact<T>(found: impl Iterator<Item = Result<Option<T>>>) -> Result<Vec<T>> {
    let mut good = Vec::new();
    let mut bad = None;
    for item in found {
        match item {
            Ok(item) => good.extend(item),
            Err(fault) if fault.kind == Kind::Storage => {
                bad.get_or_insert(fault);
            }
            Err(fault) => return Err(fault),
        }
    }
    match bad {
        Some(fault) if good.is_empty() => Err(fault),
        _ => Ok(good),
    }
}

pub(super) fn refused(message: String) -> Fault {
    Fault::new(Kind::RefusedByState, message)
}

fn sealing(message: i64, index: i64, body: &str) -> Seal {
    Seal::of("parts").integer(message).integer(index).text(body)
}

pub(super) fn read_message_id(row: &Row<'_>) -> Result<MessageId> {
    Ok(MessageId(row.integer("id")?))
}

fn read_part(row: &Row<'_>) -> Result<Part> {
    let (message, index, body) = (row.integer("message")?, row.integer("idx")?, row.text("body")?);
    sealing(message, index, &body).check(&row.bytes("seal")?, format_args!("part {index} of message {message}"))?;
    Ok(Part {
        message: MessageId(message),
        index: row.number("idx")?,
        body: row.json("body")?,
        state: row.word("state")?,
        attempts: row.number("attempts")?,
        not_before: row.maybe_time("not_before")?,
        sent_id: row.maybe_integer("sent_id")?,
    })
}
