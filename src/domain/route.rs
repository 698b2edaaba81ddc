//! Where prompts come from and where messages go.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ids::SessionId;

/// A place in a channel: for Telegram a chat and, in chats with topics, a thread. Ids are numeric, never names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChatRef {
    /// The channel's folder name, e.g. `telegram`.
    pub channel: String,
    pub chat_id: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<i64>,
}

impl fmt::Display for ChatRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.channel, self.chat_id)?;
        match self.thread_id {
            Some(thread) => write!(f, "/{thread}"),
            None => Ok(()),
        }
    }
}

/// Who asked for a turn. Kept with the turn, so that receipts and answers find their way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PromptOrigin {
    Cli,
    Api,
    /// A channel message; `message_id` is the person's own message.
    Chat {
        chat: ChatRef,
        message_id: i64,
    },
    /// Another session's agent (a sub-agent's parent).
    Agent {
        session: SessionId,
    },
    /// A late answer to an ask that nobody waits for any more.
    Answer,
}
