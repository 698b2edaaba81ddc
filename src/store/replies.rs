//! Which message of ours a person replies to.

use super::Tx;
use crate::domain::fault::Result;
use crate::domain::message::Message;
use crate::domain::route::ChatRef;

impl Tx<'_> {
    /// The message, one of whose parts was sent to this chat under this id of the channel's.
    pub fn message_of_sent(&self, _chat: &ChatRef, _sent_id: i64) -> Result<Option<Message>> {
        todo!()
    }
}
