//! A session's log.

use serde::{Deserialize, Serialize};

use super::{Message, Reason, Turn};
use crate::domain::Timestamp;
use crate::domain::message::MessageKind;
use crate::domain::outcome;

/// What a line of a session's log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogKind {
    /// What a person (or another program) said to the agent.
    Prompt,
    /// What the agent said.
    Reply,
    /// A question of the agent's.
    Ask,
    /// What TeleCoder said about the session.
    Notice,
    /// What became of a prompt.
    Turn,
    /// What was measured and checked after it.
    Outcome,
}

/// One entry of `telecoder logs`: a prompt, a reply, or the end of a turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogEntry {
    /// Unique within the session and stable, so that a follower can tell what it has already shown.
    pub key: String,
    pub at: Timestamp,
    pub kind: LogKind,
    pub text: Option<String>,
    /// For prompts and turns: the turn's state. For messages: the message's.
    pub state: String,
    pub reason: Option<Reason>,
    /// For prompts: how many control characters were taken out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stripped: Option<u32>,
    /// For prompts and turns: it went into the turn that ran.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub steered: bool,
}

impl LogEntry {
    /// A prompt, and its end when it has one.
    pub fn of_turn(turn: &Turn) -> Vec<Self> {
        let mut entries = vec![Self {
            key: format!("prompt:{}", turn.id),
            at: turn.created_at,
            kind: LogKind::Prompt,
            text: Some(turn.text.clone()),
            state: turn.state.to_string(),
            reason: None,
            stripped: Some(turn.stripped),
            steered: turn.steered,
        }];
        if let Some(at) = turn.ended_at {
            entries.push(Self {
                key: format!("turn:{}:{}", turn.id, turn.state),
                at,
                kind: LogKind::Turn,
                text: turn.final_text.clone(),
                state: turn.state.to_string(),
                reason: turn.reason.clone(),
                stripped: None,
                steered: turn.steered,
            });
        }
        entries
    }

    /// None when nothing was measured, checked or contradicted.
    pub fn of_outcome(outcome: &outcome::Outcome) -> Option<Self> {
        let lines = outcome::summary(&outcome.detail);
        (!lines.is_empty()).then(|| Self {
            // With its checks it is shown once more.
            key: format!("outcome:{}:{}", outcome.id, outcome.detail.checks.len()),
            at: outcome.created_at,
            kind: LogKind::Outcome,
            text: Some(lines.join("\n")),
            state: outcome.verdict.as_str().to_owned(),
            reason: None,
            stripped: None,
            steered: false,
        })
    }

    pub fn of_message(message: &Message) -> Self {
        let kind = match message.kind {
            MessageKind::Reply => LogKind::Reply,
            MessageKind::Ask => LogKind::Ask,
            MessageKind::Notice | MessageKind::Answer => LogKind::Notice,
        };
        Self {
            key: format!("message:{}", message.id),
            at: message.created_at,
            kind,
            text: Some(message.text.clone()),
            state: message.state.clone(),
            reason: None,
            stripped: None,
            steered: false,
        }
    }
}
