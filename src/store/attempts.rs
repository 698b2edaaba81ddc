//! Attempts: a part on its way, and what came of it. The outcome is decided in `domain::message`; here it is stored.

use rusqlite::params;

use super::Tx;
use super::outbox::{read_message_id, refused};
use super::rows::Columns;
use crate::domain::fault::Result;
use crate::domain::ids::MessageId;
use crate::domain::message::{MessageState, PartBody, PartStep};
use crate::domain::route::ChatRef;

/// How long a part waits for its topic to be opened again.
const TOPIC_WAIT_MS: u64 = 1000;
const MAYBE_ARRIVED: &str = "the last attempt may have reached the chat";

impl Tx<'_> {
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
    /// parts behind it are failed too, except behind a [`PartStep::FailPart`]). A sent part is remembered as a route: a reply to it goes to the message's session.
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
            PartStep::FailPart { reason, told } => self.part_given_up(message, index, reason, told),
            PartStep::Migrate { to } => self.part_moves(message, index, *to),
            PartStep::Hold(reason) => self.part_held(message, index, reason),
            PartStep::AsFile => self.part_as_file(message, index),
            PartStep::Flatten => self.part_flattened(message, index),
            PartStep::LoseTopic => {
                self.part_again(message, index, 0, false, false)?;
                self.leave_topic(message)
            }
            PartStep::SentAndLoseTopic { sent_id } => {
                self.part_sent(message, index, *sent_id)?;
                self.leave_topic(message)
            }
            PartStep::OpenTopic => self.part_waits_for_topic(message, index),
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
        self.free_carried(message)?;
        self.set_message_state(message, MessageState::Failed, Some(reason))
    }

    /// What a message carried goes out by itself.
    fn free_carried(&self, message: MessageId) -> Result<()> {
        self.run(
            "UPDATE messages SET carried_by = NULL WHERE carried_by = ?1",
            [message.0],
        )?;
        Ok(())
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
            None => self.whole_sent(id),
            Some(_) => Ok(()),
        }
    }

    /// The only part of a message stands in the chat already, where another message said the same.
    pub fn stands_already(&self, id: MessageId, sent_id: i64) -> Result<()> {
        self.part_sent(id, 0, sent_id)
    }

    /// The last part is sent, and with it what the message carried.
    fn whole_sent(&self, id: MessageId) -> Result<()> {
        for carried in self.carried(id)? {
            self.set_message_state(carried, MessageState::Sent, None)?;
        }
        match self.failed_part(id)? {
            Some(reason) => self.set_message_state(id, MessageState::Failed, Some(&reason)),
            None => self.set_message_state(id, MessageState::Sent, None),
        }
    }

    /// A file that cannot be sent must not cost what stands behind it: a text says so in its place.
    fn part_given_up(&self, id: MessageId, index: u32, reason: &str, told: &str) -> Result<()> {
        let told = PartBody::Text {
            text: told.to_owned(),
            entities: vec![],
            buttons: vec![],
        };
        let given_up = self.part_body(id, index)?;
        self.replace_part(id, index, &[given_up, told])?;
        self.run(
            "UPDATE parts SET state = 'failed', reason = ?3 WHERE message = ?1 AND idx = ?2",
            params![id.0, index, reason],
        )?;
        self.free_carried(id)?;
        self.follow_head(id)
    }

    /// Why a part of a message was given up, if one was.
    fn failed_part(&self, id: MessageId) -> Result<Option<String>> {
        let sql = "SELECT reason FROM parts WHERE message = ?1 AND state = 'failed' ORDER BY idx LIMIT 1";
        Ok(self.maybe(sql, [id.0], |row| row.maybe_text("reason"))?.flatten())
    }

    fn part_again(&self, id: MessageId, index: u32, wait_ms: u64, plain: bool, marked: bool) -> Result<()> {
        let not_before = (wait_ms > 0).then(|| self.in_ms(wait_ms));
        self.run(
            "UPDATE parts SET plain = max(plain, ?3), marked = max(marked, ?4), not_before = ?5,
                 state = iif(max(marked, ?4), 'unknown', 'queued'), reason = iif(max(marked, ?4), ?6, NULL)
             WHERE message = ?1 AND idx = ?2",
            params![id.0, index, plain, marked, not_before, MAYBE_ARRIVED],
        )?;
        self.follow_head(id)
    }

    /// The chat cannot be reached: the part waits with all others of the chat.
    fn part_held(&self, id: MessageId, index: u32, reason: &str) -> Result<()> {
        self.part_again(id, index, 0, false, false)?;
        match self.message(id)?.to {
            Some(chat) => self
                .set_unreachable(&chat.channel, chat.chat_id, Some(reason))
                .map(drop),
            None => Ok(()),
        }
    }

    /// The text goes out as a file, whose content nobody looks at.
    fn part_as_file(&self, id: MessageId, index: u32) -> Result<()> {
        let body = self.part_body(id, index)?;
        if let PartBody::Text { text, .. } = body {
            let document = PartBody::Document {
                name: format!("message-{id}-{}.txt", index + 1),
                content: text,
            };
            self.set_part_body(id, index, &document)?;
        }
        self.part_again(id, index, 0, false, false)
    }

    /// The parts that a rich one holds take its place. An earlier doubt is theirs now.
    fn part_flattened(&self, id: MessageId, index: u32) -> Result<()> {
        if let PartBody::Rich { instead, .. } = self.part_body(id, index)? {
            self.replace_part(id, index, &instead)?;
        }
        self.part_again(id, index, 0, false, false)
    }

    /// The topic of a message is gone. A session's topic is made anew; another message stands in the chat itself.
    fn leave_topic(&self, id: MessageId) -> Result<()> {
        let message = self.message(id)?;
        let (Some(to), thread) = (&message.to, message.to.as_ref().and_then(|to| to.thread_id)) else {
            return Ok(());
        };
        let topic = message
            .session
            .as_ref()
            .map(|session| self.topic(session))
            .transpose()?
            .flatten();
        match (&message.session, topic) {
            (Some(session), Some(topic)) if topic.thread_id == thread && topic.chat_id == to.chat_id => {
                self.lose_topic(session)
            }
            _ => self.move_message(
                id,
                &ChatRef {
                    thread_id: None,
                    ..to.clone()
                },
            ),
        }
    }

    fn part_waits_for_topic(&self, id: MessageId, index: u32) -> Result<()> {
        let message = self.message(id)?;
        if let Some(session) = &message.session
            && let Some(topic) = self.topic(session)?
        {
            self.set_topic_shape(session, topic.title.as_deref().unwrap_or_default(), true)?;
        }
        self.part_again(id, index, TOPIC_WAIT_MS, false, false)
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
             WHERE mine.id = ?1 AND first.state IN ('queued', 'sending', 'unknown') AND first.carried_by IS NULL
             ORDER BY first.id LIMIT 1",
            [message.0],
            read_message_id,
        )
    }
}
