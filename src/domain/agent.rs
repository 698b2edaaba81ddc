//! What an agent's adapter promises and what it reports.

use serde::{Deserialize, Serialize};

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
    DialogOpened {
        text: String,
        choices: Vec<String>,
    },
    DialogClosed,
    /// The turn is over; `final_text` is the last message of the agent's.
    TurnEnded {
        final_text: Option<String>,
    },
    /// The turn was cut short by a person.
    TurnInterrupted,
    /// The provider refuses; `until` is the agent's own word for the time.
    Limited {
        text: String,
    },
    /// Known and of no consequence.
    Nothing,
}

/// Which prompt the agent says that it got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PromptProof {
    /// The exact text.
    Text(String),
    /// For a prompt that is too long for a letter: its SHA-256 in lower-case hex and its length.
    Digest { sha256_hex: String, bytes: u64 },
}

impl PromptProof {
    /// Whether the agent got exactly `text`, to the byte.
    pub fn matches(&self, text: &str) -> bool {
        match self {
            PromptProof::Text(prompt) => prompt == text,
            PromptProof::Digest { sha256_hex: hex, bytes } => {
                *bytes == text.len() as u64 && *hex == sha256_hex(text.as_bytes())
            }
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
