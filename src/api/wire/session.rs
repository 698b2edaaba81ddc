//! A session.

use serde::{Deserialize, Serialize};

use super::{Ask, Dialog, Reason};
use crate::domain::Timestamp;
use crate::domain::exit::{ExitCause, ExitRecord};
use crate::domain::launch::Placement;
use crate::domain::policy::Policy;
use crate::domain::route::ChatRef;
use crate::domain::session::{SessionState, Source};
use crate::domain::turn::{TurnState, in_words};
use crate::store::{Glance, TurnGlance};

/// A session as docs/contract.md shows it. `last_screen`, `dialog` and `asks` are there in `show` only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    pub id: String,
    pub name: String,
    pub agent: String,
    pub policy: Policy,
    pub status: SessionState,
    pub reason: Reason,
    pub status_since: Timestamp,
    pub status_source: Source,
    pub launch: Option<u32>,
    pub native_id: Option<String>,
    pub repo: Option<String>,
    pub work_dir: String,
    pub branch: Option<String>,
    pub chat: Option<Chat>,
    pub parent_id: Option<String>,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub exit: Option<Exit>,
    /// The newest turn.
    pub turn: Option<TurnSummary>,
    /// Prompts that wait for their turn at the keyboard.
    pub queued_prompts: u32,
    /// None while no window is there.
    pub tmux: Option<Place>,
    /// The last lines of the agent's screen when its last launch ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_screen: Option<String>,
    /// What came of the newest turn that has an outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<super::Outcome>,
    /// The session's pull request, or the branch that it pushed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull: Option<super::Pull>,
    /// The dialog that the agent shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialog: Option<Dialog>,
    /// What a person should know of the workspace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Open questions, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<Ask>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Chat {
    pub channel: String,
    pub chat_id: i64,
    pub thread_id: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exit {
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub cause: ExitCause,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TurnSummary {
    pub id: String,
    pub state: TurnState,
    pub reason: Option<Reason>,
    /// It went into the turn that ran.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub steered: bool,
}

impl TurnSummary {
    /// Its state, and that it was steered.
    pub fn in_words(&self) -> String {
        in_words(self.state, self.steered)
    }
}

/// Where a running session's window is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    pub window_id: String,
    pub pane_id: String,
}

impl From<&Glance> for Session {
    fn from(glance: &Glance) -> Self {
        let session = &glance.session;
        Self {
            id: session.id.to_string(),
            name: session.name.to_string(),
            agent: session.agent.clone(),
            policy: session.policy,
            status: session.status.state,
            reason: Reason::from(&session.status.reason),
            status_since: session.status_since,
            status_source: session.status.source,
            launch: session.launch.map(|no| no.0),
            native_id: session.native_id.clone(),
            repo: session.repo.clone(),
            work_dir: session.work_dir.display().to_string(),
            branch: session.branch.clone(),
            chat: session.chat.as_ref().map(Chat::from),
            parent_id: session.parent.as_ref().map(ToString::to_string),
            created_at: session.created_at,
            started_at: session.started_at,
            ended_at: session.ended_at,
            exit: session.exit.as_ref().map(Exit::from),
            turn: glance.turn.as_ref().map(TurnSummary::from),
            queued_prompts: glance.waiting,
            tmux: glance.placement.as_ref().map(Place::from),
            last_screen: None,
            outcome: None,
            pull: None,
            dialog: None,
            notes: Vec::new(),
            asks: Vec::new(),
        }
    }
}

impl From<&Placement> for Place {
    fn from(placement: &Placement) -> Self {
        Self {
            window_id: placement.window.to_string(),
            pane_id: placement.pane.to_string(),
        }
    }
}

impl From<&ChatRef> for Chat {
    fn from(chat: &ChatRef) -> Self {
        Self {
            channel: chat.channel.clone(),
            chat_id: chat.chat_id,
            thread_id: chat.thread_id,
        }
    }
}

impl From<&ExitRecord> for Exit {
    fn from(exit: &ExitRecord) -> Self {
        Self {
            code: exit.code,
            signal: exit.signal,
            cause: exit.cause,
            detail: exit.detail.clone(),
        }
    }
}

impl From<&TurnGlance> for TurnSummary {
    fn from(turn: &TurnGlance) -> Self {
        Self {
            id: turn.id.to_string(),
            state: turn.state,
            reason: turn.reason.as_ref().map(Reason::from),
            steered: turn.steered,
        }
    }
}
