//! What happened, as the world may read it: rows of the event log, lines of `telecoder events`, SSE.

use serde::{Deserialize, Serialize};

use super::Timestamp;
use super::ids::SessionId;

/// One row of the event log. `seq` grows without gaps within one database and is the SSE id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub seq: i64,
    pub at: Timestamp,
    #[serde(rename = "type")]
    pub kind: EventKind,
    pub session: Option<SessionId>,
    pub data: serde_json::Value,
}

/// The types of docs/contract.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EventKind {
    #[serde(rename = "session.created")]
    SessionCreated,
    #[serde(rename = "session.status")]
    SessionStatus,
    #[serde(rename = "session.removed")]
    SessionRemoved,
    #[serde(rename = "launch.started")]
    LaunchStarted,
    #[serde(rename = "launch.exited")]
    LaunchExited,
    #[serde(rename = "turn.state")]
    TurnState,
    #[serde(rename = "turn.progress")]
    TurnProgress,
    #[serde(rename = "message.created")]
    MessageCreated,
    #[serde(rename = "message.state")]
    MessageState,
    #[serde(rename = "ask.opened")]
    AskOpened,
    #[serde(rename = "ask.answered")]
    AskAnswered,
    /// An outcome was recorded, or its checks ended.
    #[serde(rename = "outcome.created")]
    OutcomeCreated,
    #[serde(rename = "inbox.acked")]
    InboxAcked,
    #[serde(rename = "pull.state")]
    PullState,
    #[serde(rename = "pull.news")]
    PullNews,
    #[serde(rename = "dialog.opened")]
    DialogOpened,
    #[serde(rename = "dialog.closed")]
    DialogClosed,
    #[serde(rename = "letter.quarantined")]
    LetterQuarantined,
    #[serde(rename = "tmux.lost")]
    TmuxLost,
    #[serde(rename = "tmux.back")]
    TmuxBack,
    #[serde(rename = "daemon.started")]
    DaemonStarted,
    #[serde(rename = "access.refused")]
    AccessRefused,
}
