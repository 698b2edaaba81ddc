//! Dialogs, and why a session has its state.

use serde::{Deserialize, Serialize};

use super::{Reason, Session, TurnSummary};
use crate::domain::agent::{Conversation, Evidence, Login};
use crate::domain::dialog::{self, DialogKind, DialogOutcome, Meaning};
use crate::domain::{Timestamp, agent};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dialog {
    /// Names exactly this dialog: an answer with it never goes to another one.
    pub digest: String,
    pub kind: DialogKind,
    pub question: String,
    pub detail: String,
    pub choices: Vec<DialogChoice>,
    pub multi: bool,
    pub free_text: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DialogChoice {
    pub label: String,
    pub meaning: Option<Meaning>,
    /// Not chosen by its number but by a text of one's own.
    #[serde(default)]
    pub own_words: bool,
}

impl From<&dialog::Dialog> for Dialog {
    fn from(dialog: &dialog::Dialog) -> Self {
        let choices = dialog.choices.iter().map(|choice| DialogChoice {
            label: choice.label.clone(),
            meaning: choice.meaning,
            own_words: choice.own_words,
        });
        Self {
            digest: dialog.digest.to_string(),
            kind: dialog.kind,
            question: dialog.question.clone(),
            detail: dialog.detail.clone(),
            choices: choices.collect(),
            multi: dialog.multi,
            free_text: dialog.free_text,
        }
    }
}

/// The answer to `POST /v1/sessions/SESSION/dialog`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answered {
    pub answered: bool,
    /// The dialog that came at once behind it.
    pub next: Option<Dialog>,
}

impl From<&DialogOutcome> for Answered {
    fn from(outcome: &DialogOutcome) -> Self {
        let next = match outcome {
            DialogOutcome::Answered => None,
            DialogOutcome::Next(next) => Some(Dialog::from(&**next)),
        };
        Self { answered: true, next }
    }
}

/// The answer to `POST /v1/sessions/SESSION/interrupt`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Interrupted {
    #[serde(flatten)]
    pub session: Session,
    /// The prompt came back into the agent's box, and was taken out of it.
    pub text_returned: bool,
}

/// `GET /v1/sessions/SESSION/explain`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    pub session: Session,
    /// How the agent proves that it took a prompt.
    pub evidence: Evidence,
    /// What the screen says now; none without a window.
    pub screen: Option<Reading>,
    pub dialog: Option<Dialog>,
    /// Typed, and not ended.
    pub running: Vec<TurnSummary>,
    /// The next prompt, and why it waits.
    pub waiting: Option<TurnSummary>,
    pub agent: Option<Agent>,
    /// The newest version of the agent that the screen rules were proven with.
    pub rules_version: Option<String>,
    pub warnings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reading {
    /// `empty holds dialog busy unknown`
    pub reading: String,
    /// The rule that spoke.
    pub rule: Option<String>,
    /// Somebody has the pane in copy mode.
    pub in_mode: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Agent {
    pub path: String,
    pub version: Option<String>,
    pub minimum: Option<String>,
    pub login: Login,
}

impl From<&agent::Detection> for Agent {
    fn from(detection: &agent::Detection) -> Self {
        Self {
            path: detection.path.display().to_string(),
            version: detection.version.clone(),
            minimum: detection.minimum.clone(),
            login: detection.login,
        }
    }
}

/// One line of `GET /v1/sessions/SESSION/history`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    pub native_id: String,
    pub title: String,
    pub last_at: Option<Timestamp>,
    /// The session goes on with this one.
    pub current: bool,
}

impl HistoryEntry {
    pub fn of(conversation: &Conversation, current: Option<&str>) -> Self {
        Self {
            native_id: conversation.native_id.clone(),
            title: conversation.title.clone(),
            last_at: conversation.last_at,
            current: current == Some(conversation.native_id.as_str()),
        }
    }
}

impl From<&crate::sessions::Explanation> for Option<Reading> {
    fn from(explanation: &crate::sessions::Explanation) -> Self {
        explanation.screen.as_ref().map(|screen| Reading {
            reading: screen.reading.word().to_owned(),
            rule: screen.rule.clone(),
            in_mode: explanation.in_mode,
        })
    }
}

/// A reason as one line of talk.
pub fn reason_text(reason: Option<&Reason>) -> String {
    reason.map_or_else(String::new, |reason| format!(": {}", reason.text))
}
