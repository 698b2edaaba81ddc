//! Delivery: messages cut into parts, sent one after the other.
//!
//! Each chat of a channel is a lane. The head of a lane is the first open part of its oldest open message; nothing behind the
//! head moves before the head is sent or failed, whatever holds it (a pause, an attempt in flight, a message not yet cut).
//!
//! A message is open while it is `queued`, `sending` or `unknown`. It says what its head part says, except that it stays
//! `sending` between two parts of which the first was sent.

use rusqlite::{Row, params};

use super::Tx;
use super::fault::damaged;
use super::rows::{Columns, micros, to_json};
use super::seal::Seal;
use crate::domain::Timestamp;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::{MessageId, SessionId};
use crate::domain::message::{Message, MessageState, Part, PartBody, PartStep};
use crate::domain::route::ChatRef;

const MAYBE_ARRIVED: &str = "the last attempt may have reached the chat";
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
}

impl Tx<'_> {
    /// Queued messages to a channel that are not cut into parts yet, oldest first.
    ///
    /// A damaged message is left out while there are others; when there are no others, it is the `Storage` fault.
    pub fn unplanned_messages(&self, channel: &str, limit: u32) -> Result<Vec<Message>> {
        let ids = self.all(
            "SELECT id FROM messages
             WHERE channel = ?1 AND state IN ('queued', 'sending', 'unknown')
               AND NOT EXISTS (SELECT 1 FROM parts WHERE message = messages.id)
             ORDER BY id LIMIT ?2",
            params![channel, limit],
            read_message_id,
        )?;
        intact(ids.into_iter().map(|id| self.message(id).map(Some)))
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
        for (index, body) in (0i64..).zip(parts) {
            let body = to_json(body)?;
            self.run(
                "INSERT INTO parts (message, idx, body, state, attempts, marked, plain, seal)
                 VALUES (?1, ?2, ?3, 'queued', 0, 0, 0, ?4)",
                params![id.0, index, body, sealing(id.0, index, &body).finish()],
            )?;
        }
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
             WHERE channel = ?1 AND state IN ('queued', 'sending', 'unknown')
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

    /// `queued|unknown → sending`, attempts + 1. Committed before the request goes out. `RefusedByState` when the part is not the
    /// head of its chat, or is being sent.
    pub fn begin_sending(&self, message: MessageId, index: u32) -> Result<()> {
        let head = self.open_part(message)?;
        let ready = head.is_some_and(|(i, state)| i == index && state != MessageState::Sending);
        if !ready || self.lane_head(message)? != Some(message) {
            return Err(refused(format!(
                "part {index} of message {message} is not next in its chat"
            )));
        }
        self.run(
            "UPDATE parts SET state = 'sending', attempts = attempts + 1, not_before = NULL WHERE message = ?1 AND idx = ?2",
            params![message.0, index],
        )?;
        self.set_message_state(message, MessageState::Sending, None)
    }

    /// Stores what `after_attempt` decided. The message is `sent` when its last part is, `failed` when one of its parts is (the
    /// parts behind it are failed too). A sent part is remembered as a route: a reply to it goes to the message's session.
    ///
    /// A mark stays until the part is sent: a later attempt that surely failed does not take the earlier doubt away.
    /// `RefusedByState` when the part is not `sending`.
    pub fn finish_attempt(&self, message: MessageId, index: u32, step: &PartStep) -> Result<()> {
        let sending = matches!(self.open_part(message)?, Some((i, MessageState::Sending)) if i == index);
        if !sending {
            return Err(refused(format!("part {index} of message {message} is not being sent")));
        }
        match step {
            PartStep::Sent { sent_id } => self.part_sent(message, index, *sent_id),
            PartStep::Again { wait_ms, plain, marked } => self.part_again(message, index, *wait_ms, *plain, *marked),
            PartStep::Fail(reason) => self.fail_message(message, reason),
            PartStep::Migrate { to } => self.part_moves(message, index, *to),
        }
    }

    /// Gives an open message up: it and its open parts are `failed`. Parts that were sent stay sent. For a message that cannot be
    /// cut into parts, too. `RefusedByState` when the message is sent or failed already.
    pub fn fail_message(&self, message: MessageId, reason: &str) -> Result<()> {
        let open = "SELECT count(*) FROM messages WHERE id = ?1 AND state IN ('queued', 'sending', 'unknown')";
        if self.count(open, [message.0])? == 0 {
            return Err(refused(format!("message {message} is not open")));
        }
        self.run(
            "UPDATE parts SET state = 'failed', reason = ?2, not_before = NULL
             WHERE message = ?1 AND state IN ('queued', 'sending', 'unknown')",
            params![message.0, reason],
        )?;
        self.set_message_state(message, MessageState::Failed, Some(reason))
    }

    /// After a crash: every part that was `sending` becomes `unknown` and will go out marked. Returns how many. Damaged rows are
    /// failed on the way.
    pub fn settle_sending(&self, channel: &str) -> Result<u32> {
        self.fail_damaged(channel)?;
        let messages = self.all(
            "SELECT DISTINCT messages.id AS id FROM messages JOIN parts ON parts.message = messages.id
             WHERE channel = ?1 AND messages.state IN ('queued', 'sending', 'unknown') AND parts.state = 'sending'
             ORDER BY 1",
            [channel],
            read_message_id,
        )?;
        let mut settled = 0;
        for message in messages {
            settled += self.run(
                "UPDATE parts SET state = 'unknown', marked = 1, reason = ?2 WHERE message = ?1 AND state = 'sending'",
                params![message.0, MAYBE_ARRIVED],
            )?;
            self.set_message_state(message, MessageState::Unknown, Some(MAYBE_ARRIVED))?;
        }
        Ok(u32::try_from(settled).unwrap_or(u32::MAX))
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

    fn part_sent(&self, id: MessageId, index: u32, sent_id: i64) -> Result<()> {
        self.run(
            "UPDATE parts SET state = 'sent', sent_id = ?3, reason = NULL WHERE message = ?1 AND idx = ?2",
            params![id.0, index, sent_id],
        )?;
        let message = self.message(id)?;
        if let (Some(session), Some(to)) = (&message.session, &message.to) {
            self.remember_message(to, sent_id, session)?;
        }
        match self.open_part(id)? {
            None => self.set_message_state(id, MessageState::Sent, None),
            Some(_) => Ok(()),
        }
    }

    fn part_again(&self, id: MessageId, index: u32, wait_ms: u64, plain: bool, marked: bool) -> Result<()> {
        let not_before = (wait_ms > 0).then(|| {
            let wait = i64::try_from(wait_ms.saturating_mul(1000)).unwrap_or(i64::MAX);
            micros(self.now).saturating_add(wait).min(micros(Timestamp::MAX))
        });
        self.run(
            "UPDATE parts SET plain = max(plain, ?3), marked = max(marked, ?4), not_before = ?5,
                 state = iif(max(marked, ?4), 'unknown', 'queued'), reason = iif(max(marked, ?4), ?6, NULL)
             WHERE message = ?1 AND idx = ?2",
            params![id.0, index, plain, marked, not_before, MAYBE_ARRIVED],
        )?;
        self.follow_head(id)
    }

    fn part_moves(&self, id: MessageId, index: u32, to: i64) -> Result<()> {
        self.part_again(id, index, 0, false, false)?;
        let chat = self.message(id)?.to;
        match chat {
            Some(chat) => self.migrate_chat(&chat.channel, chat.chat_id, to),
            None => Ok(()),
        }
    }

    /// The message says what its head part says.
    fn follow_head(&self, id: MessageId) -> Result<()> {
        match self.open_part(id)? {
            Some((_, MessageState::Unknown)) => self.set_message_state(id, MessageState::Unknown, Some(MAYBE_ARRIVED)),
            Some((_, state)) => self.set_message_state(id, state, None),
            None => Ok(()),
        }
    }

    /// Index and state of the first open part of a message.
    fn open_part(&self, message: MessageId) -> Result<Option<(u32, MessageState)>> {
        self.maybe(
            "SELECT idx, state FROM parts
             WHERE message = ?1 AND state IN ('queued', 'sending', 'unknown') ORDER BY idx LIMIT 1",
            [message.0],
            |row| Ok((row.number("idx")?, row.word("state")?)),
        )
    }

    /// The oldest open message of the chat to which `message` goes.
    fn lane_head(&self, message: MessageId) -> Result<Option<MessageId>> {
        self.maybe(
            "SELECT first.id AS id FROM messages AS mine
             JOIN messages AS first ON first.channel = mine.channel AND first.chat_id = mine.chat_id
             WHERE mine.id = ?1 AND first.state IN ('queued', 'sending', 'unknown')
             ORDER BY first.id LIMIT 1",
            [message.0],
            read_message_id,
        )
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
        let to = message.to.ok_or_else(|| damaged(format_args!("message {head}")))?;
        Ok(Some(OutboxPart {
            part,
            session: message.session,
            to,
            reply_to: message.reply_to,
            marked,
            plain,
        }))
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

fn refused(message: String) -> Fault {
    Fault::new(Kind::RefusedByState, message)
}

fn sealing(message: i64, index: i64, body: &str) -> Seal {
    Seal::of("parts").integer(message).integer(index).text(body)
}

fn read_message_id(row: &Row<'_>) -> Result<MessageId> {
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
