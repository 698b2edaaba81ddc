//! What an agent's adapter promises and what it reports.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Timestamp;
use super::dialog::Dialog;
use super::text::sha256_hex;

/// How an agent proves that it took a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// Its prompt-submitted hook.
    Hook,
    /// Its transcript.
    Transcript,
    /// Nothing: turns end as `delivered_unconfirmed`.
    None,
}

/// What a hook event of an agent means, in our words. Made by the adapter from the agent's own event and payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentSignal {
    /// The agent runs; its own session id, if it names one. Its box may not be there yet.
    Started {
        native_id: Option<String>,
    },
    /// The agent took a prompt: the evidence of delivery.
    PromptAccepted {
        prompt: PromptProof,
    },
    /// The agent shows a dialog.
    DialogOpened(Dialog),
    DialogClosed,
    /// The turn is over; `final_text` is the last message of the agent's.
    TurnEnded {
        final_text: Option<String>,
    },
    /// The turn was cut short by a person.
    TurnInterrupted,
    /// The agent works: which tool it uses now, and on what.
    Progress {
        tool: String,
        detail: String,
    },
    /// The provider refuses for a time and the agent waits for its end; `text` is the agent's own word for it, `until` the time where it names one.
    Limited {
        text: String,
        until: Option<Timestamp>,
    },
    /// The turn could not go on, in the agent's own words.
    Failed {
        kind: FailureKind,
        text: String,
    },
    /// Known and of no consequence.
    Nothing,
}

/// Why a turn could not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The login expired, or the key is refused: a person has to log in.
    Login,
    /// The model is unknown, or refused to this account.
    Model,
    /// The conversation is too long.
    ContextFull,
    /// The provider refuses until a time, and the agent gave the turn up.
    Limit {
        until: Option<Timestamp>,
    },
    /// The provider could not be reached, or failed.
    Provider,
    Other,
}

impl FailureKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            FailureKind::Login => "login",
            FailureKind::Model => "model",
            FailureKind::ContextFull => "context_full",
            FailureKind::Limit { .. } => "usage_limit",
            FailureKind::Provider => "provider",
            FailureKind::Other => "agent_error",
        }
    }
}

/// What is known of an installed agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Detection {
    pub path: PathBuf,
    pub version: Option<String>,
    pub login: Login,
    /// The oldest version that the adapter was proven with.
    pub minimum: Option<String>,
}

/// Whether the agent has what it needs to reach its provider, as far as it can be told without asking the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Login {
    Present,
    Missing,
    Unknown,
}

/// What becomes of a text that is typed while the agent works, for agents that say by themselves that they took it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Steering {
    /// It goes into the running turn, and the agent says so when its model gets it.
    IntoTurn,
    /// The agent takes it into a queue of its own and says so at once; from there it goes into the running turn, or begins one
    /// right behind it.
    OwnQueue,
}

/// A command of the agent's own that may be sent as such (`/compact`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AgentCommand {
    /// With its slash.
    pub word: &'static str,
    /// Whether words may follow.
    pub takes_text: bool,
    pub what: &'static str,
}

/// How an agent's turn is cut short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interrupt {
    /// tmux key names.
    pub keys: Vec<String>,
    /// The interrupted prompt may come back into the box.
    pub returns_text_to_box: bool,
    /// Keys that empty the box; never ones that could end the agent.
    pub clear_keys: Vec<String>,
}

/// A prompt in the form in which it goes into the agent's box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    pub text: String,
}

/// Where one session's agent lives: what an adapter needs in order to find its own records.
#[derive(Debug, Clone, Copy)]
pub struct AgentPlace<'a> {
    pub session_dir: &'a Path,
    pub work_dir: &'a Path,
    pub native_id: Option<&'a str>,
}

/// A conversation that the agent could go on with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Conversation {
    pub native_id: String,
    /// Its first prompt or its title.
    pub title: String,
    pub last_at: Option<Timestamp>,
}

/// Which prompt the agent says that it got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PromptProof {
    /// The exact text.
    Text(String),
    /// For a prompt that is too long for a letter: its SHA-256 in lower-case hex and its length.
    Digest { sha256_hex: String, bytes: u64 },
    /// The beginning of a long text that was cut on its way.
    Beginning(String),
}

impl PromptProof {
    /// Whether the agent got exactly `text`, to the byte; of a cut one, as far as it reaches.
    pub fn matches(&self, text: &str) -> bool {
        match self {
            PromptProof::Text(prompt) => prompt == text,
            PromptProof::Digest { sha256_hex: hex, bytes } => {
                *bytes == text.len() as u64 && *hex == sha256_hex(text.as_bytes())
            }
            PromptProof::Beginning(beginning) => text.starts_with(beginning),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_holds_for_its_own_text_only() {
        let text = "fix the login\n";
        let digest = |text: &str, bytes| PromptProof::Digest {
            sha256_hex: sha256_hex(text.as_bytes()),
            bytes,
        };
        assert!(PromptProof::Text(text.into()).matches(text));
        assert!(!PromptProof::Text(text.into()).matches("fix the login"));
        assert!(digest(text, 14).matches(text));
        assert!(!digest(text, 13).matches(text));
        assert!(!digest("fix the logon\n", 14).matches(text));
    }
}
