//! What an agent's adapter promises and what it reports.

use serde::{Deserialize, Serialize};

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
    /// The agent took a prompt: the evidence of delivery. `prompt` is the exact text that the agent got.
    PromptAccepted {
        prompt: String,
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
