//! The JSON of docs/contract.md: camelCase keys, snake_case values, RFC 3339 times in UTC.
//!
//! Domain types are converted by hand, so that a change of the domain never changes the wire by accident. Within a version
//! keys are only added.

mod dialog;
mod event;
mod gc;
mod health;
mod log;
mod message;
mod outcome;
mod people;
mod request;
mod session;
mod turn;

pub use dialog::{Agent, Answered, Dialog, DialogChoice, Explanation, HistoryEntry, Interrupted, Reading, reason_text};
pub use event::Event;
pub use gc::{GcItem, GcReport, GcRequest};
pub use health::{Health, HealthPart, TelegramHealth};
pub use log::{LogEntry, LogKind};
pub use message::{Ask, Message, MessageFile};
pub use outcome::{Diff, Entry, EntryKind, Outcome, Published, Pull, Relative};
pub use people::{Pairing, PairingRequest, ShutOut};
pub use request::{
    AckRequest, Acked, AnswerRequest, CommandRequest, CreateRequest, DialogRequest, Done, ForkRequest, KeysRequest,
    PromptRequest, PublishRequest, ReadRequest, Removed, RepoFile, RerunRequest, TrustRequest, VerifyRequest,
};
pub use session::{Chat, Exit, Place, Session, TurnSummary};
pub use turn::{Reason, Turn};

use serde::{Deserialize, Serialize};

use crate::domain::fault::Fault;
use crate::domain::screen;

/// Every error: `{"error":{"kind","message","hint"}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    pub error: Fault,
}

/// What a person would see in the session's pane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Screen {
    pub rows: Vec<String>,
    /// Zero-based column and row.
    pub cursor: (u16, u16),
    /// Somebody has the pane in copy mode: keys would go there.
    pub in_mode: bool,
}

impl From<&screen::Screen> for Screen {
    fn from(screen: &screen::Screen) -> Self {
        Self {
            rows: screen.rows.clone(),
            cursor: screen.cursor,
            in_mode: screen.in_mode,
        }
    }
}

#[cfg(test)]
mod tests;
