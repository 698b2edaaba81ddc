//! Long polling with an offset of the caller's: the server forgets the updates before it, and no others.

use serde::Serialize;
use serde_json::Value;
use teloxide::requests::Payload;

use super::call::{CallError, call};
use super::client::Client;

/// The most updates that one answer may hold; the API's own limit.
pub const UPDATES_MAX: u8 = 100;

/// The kinds of updates that we read. Whatever else a person or a stranger does never reaches us.
const KINDS: [&str; 4] = ["message", "edited_message", "callback_query", "my_chat_member"];

/// Why a poll brought nothing. Every kind passes by itself or with a person's help; none is fatal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PollError {
    /// Another program polls with this token, or a webhook is set.
    Conflict(String),
    /// The token is not valid (any more).
    Unauthorized(String),
    RetryAfter {
        seconds: u64,
    },
    Failed(String),
}

/// `getUpdates` with raw updates as its result: what we store is what the server said.
#[derive(Serialize)]
struct RawGetUpdates {
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<i64>,
    limit: u8,
    /// Seconds.
    timeout: u64,
    allowed_updates: [&'static str; 4],
}

impl Payload for RawGetUpdates {
    type Output = Vec<Value>;
    const NAME: &'static str = "getUpdates";
}

impl Client {
    /// Confirms the updates before `offset` and waits for nothing.
    pub async fn poll_once(&self, offset: Option<i64>) -> Result<(), PollError> {
        let payload = RawGetUpdates {
            offset,
            limit: 1,
            timeout: 0,
            allowed_updates: KINDS,
        };
        call(&self.poller(), &payload, self.poll_limit())
            .await
            .map(drop)
            .map_err(poll_error)
    }

    /// Waits for updates from `offset` on (none: from the oldest that the server has). Cancel safe: an update is confirmed only
    /// by a later call with an offset above it.
    pub async fn poll(&self, offset: Option<i64>) -> Result<Vec<Value>, PollError> {
        let payload = RawGetUpdates {
            offset,
            limit: UPDATES_MAX,
            timeout: self.poll_timeout.as_secs(),
            allowed_updates: KINDS,
        };
        call(&self.poller(), &payload, self.poll_limit())
            .await
            .map_err(poll_error)
    }
}

fn poll_error(error: CallError) -> PollError {
    match error {
        CallError::Refused { code: 409, description } => PollError::Conflict(description),
        CallError::Refused {
            code: 401 | 404,
            description,
        } => PollError::Unauthorized(description),
        CallError::RetryAfter { seconds } => PollError::RetryAfter { seconds },
        CallError::Refused { description, .. } => PollError::Failed(description),
        CallError::Migrated { to } => PollError::Failed(format!("the chat moved to {to}")),
        CallError::NotReached(why) | CallError::Ambiguous(why) => PollError::Failed(why),
    }
}
