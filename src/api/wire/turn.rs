//! A turn and its reason.

use serde::{Deserialize, Serialize};

use crate::domain::Timestamp;
use crate::domain::route::PromptOrigin;
use crate::domain::session;
use crate::domain::turn::{self, TurnState};

/// A code for programs, a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    pub code: String,
    pub text: String,
}

impl From<&session::Reason> for Reason {
    fn from(reason: &session::Reason) -> Self {
        Self {
            code: reason.code.clone(),
            text: reason.text.clone(),
        }
    }
}

/// One prompt and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Turn {
    pub id: String,
    pub session: String,
    /// Order within the session, from 1.
    pub seq: u32,
    pub state: TurnState,
    pub reason: Option<Reason>,
    pub text: String,
    /// How many control characters were taken out of what was sent.
    pub stripped: u32,
    /// It was meant for the turn that ran then, and went into it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub steered: bool,
    /// `cli`, `api`, `chat`, `agent` or `answer`.
    pub origin: String,
    pub launch: Option<u32>,
    pub created_at: Timestamp,
    pub typed_at: Option<Timestamp>,
    pub accepted_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub final_text: Option<String>,
}

impl Turn {
    /// Its state, and that it was steered.
    pub fn in_words(&self) -> String {
        turn::in_words(self.state, self.steered)
    }
}

impl From<&turn::Turn> for Turn {
    fn from(turn: &turn::Turn) -> Self {
        Self {
            id: turn.id.to_string(),
            session: turn.session.to_string(),
            seq: turn.seq,
            state: turn.state,
            reason: turn.reason.as_ref().map(Reason::from),
            text: turn.text.clone(),
            stripped: turn.stripped,
            steered: turn.steered,
            origin: origin_word(&turn.origin).into(),
            launch: turn.launch.map(|no| no.0),
            created_at: turn.created_at,
            typed_at: turn.typed_at,
            accepted_at: turn.accepted_at,
            ended_at: turn.ended_at,
            final_text: turn.final_text.clone(),
        }
    }
}

fn origin_word(origin: &PromptOrigin) -> &'static str {
    match origin {
        PromptOrigin::Cli => "cli",
        PromptOrigin::Api => "api",
        PromptOrigin::Chat { .. } => "chat",
        PromptOrigin::Agent { .. } => "agent",
        PromptOrigin::Answer => "answer",
    }
}
