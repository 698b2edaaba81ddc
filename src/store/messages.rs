//! Messages: the outbox. A message is a row, cut into parts by the outbox of its channel.

use super::Tx;
use crate::domain::Timestamp;
use crate::domain::fault::Result;
use crate::domain::ids::{LetterId, MessageId, SessionId};
use crate::domain::letter::Done;
use crate::domain::message::{Message, MessageFile, MessageKind, Part, PartBody, PartStep};
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
}

/// A part with what its delivery needs to know of its message.
#[derive(Debug, Clone)]
pub struct OutboxPart {
    pub part: Part,
    pub session: Option<SessionId>,
    pub to: ChatRef,
    pub reply_to: Option<i64>,
    /// The last attempt was ambiguous: show the possible-repeat mark.
    pub marked: bool,
    /// Formatting was refused: send without entities.
    pub plain: bool,
}

impl Tx<'_> {
    /// State `queued` when `to` is some, else `sent` at once. Event `message.created`. A message for a session whose `letter` is already there is the one that is there.
    pub fn insert_message(&self, _new: NewMessage) -> Result<Message> {
        todo!()
    }
    pub fn message(&self, _id: MessageId) -> Result<Message> {
        todo!()
    }
    /// Messages of a session, oldest first; the last `limit` when given.
    pub fn messages(&self, _session: &SessionId, _limit: Option<u32>) -> Result<Vec<Message>> {
        todo!()
    }
    /// Messages of kind reply, ask and notice of all sessions that were not read yet, oldest first.
    pub fn unread_messages(&self) -> Result<Vec<Message>> {
        todo!()
    }
    /// The last `limit` messages of all sessions, oldest first.
    pub fn recent_messages(&self, _limit: u32) -> Result<Vec<Message>> {
        todo!()
    }
    pub fn mark_read(&self, _ids: &[MessageId]) -> Result<()> {
        todo!()
    }

    // Delivery.

    /// Queued messages to a channel that are not cut into parts yet, oldest first.
    pub fn unplanned_messages(&self, _channel: &str, _limit: u32) -> Result<Vec<Message>> {
        todo!()
    }
    /// Stores what the channel will be asked to send, in order. At least one part.
    pub fn plan_message(&self, _id: MessageId, _parts: &[PartBody]) -> Result<()> {
        todo!()
    }
    /// Per chat, the first part that is not sent or failed, if its `not_before` has passed and none of the chat is `sending`.
    pub fn due_parts(&self, _channel: &str) -> Result<Vec<OutboxPart>> {
        todo!()
    }
    /// The earliest `not_before` in the future, so that the outbox knows when to wake.
    pub fn next_due_at(&self, _channel: &str) -> Result<Option<Timestamp>> {
        todo!()
    }
    /// `queued|unknown → sending`, attempts + 1. Committed before the request goes out.
    pub fn begin_sending(&self, _message: MessageId, _index: u32) -> Result<()> {
        todo!()
    }
    /// Stores what `after_attempt` decided. The message is `sent` when its last part is, `failed` when one of its parts is (the
    /// parts behind it are failed too). A sent part is remembered as a route: a reply to it goes to the message's session.
    pub fn finish_attempt(&self, _message: MessageId, _index: u32, _step: &PartStep) -> Result<()> {
        todo!()
    }
    /// After a crash: every part that was `sending` becomes `unknown` and will go out marked. Returns how many.
    pub fn settle_sending(&self, _channel: &str) -> Result<u32> {
        todo!()
    }
}
