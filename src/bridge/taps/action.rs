//! What a button does, as it is stored.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::dialog::DialogDigest;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::{LetterId, SessionId, TurnId};
use crate::domain::message::Offer;
use crate::domain::route::ChatRef;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Action {
    /// Answers a question of an agent's.
    Answer { ask: LetterId, text: String },
    /// Takes a choice (from 1) of exactly this dialog.
    Dialog {
        session: SessionId,
        digest: DialogDigest,
        choice: usize,
        allows: bool,
    },
    /// Ticks a choice (from 1) of a dialog that takes several, or takes the tick away; the label shows which.
    Tick {
        session: SessionId,
        digest: DialogDigest,
        choice: usize,
    },
    /// Sends what is ticked under the message.
    Ticked { session: SessionId, digest: DialogDigest },
    /// Presses Enter under a prompt that stands in the agent's box.
    Submit { turn: TurnId },
    /// Empties the agent's box.
    Clear { turn: TurnId },
    /// The same prompt once more.
    Again { turn: TurnId },
    /// A prompt that was not taken, or other words for one that was.
    Prompt {
        session: SessionId,
        text: String,
        key: String,
        chat: ChatRef,
        message_id: i64,
    },
    /// Something about an entry of the inbox.
    Entry { id: i64, does: EntryAct },
    /// News of a pull request were seen.
    SeenNews { id: i64 },
    /// An update that waited too long to be carried out unasked; `more` are the other parts of its album.
    Run {
        update: Value,
        #[serde(default)]
        more: Vec<Value>,
    },
    /// Nothing; the words say what was decided by it.
    Leave { words: String },
}

/// What can be done about an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryAct {
    Diff,
    Logs,
    Publish,
    Rerun,
    Done,
}

impl Action {
    /// The entry that a tap is about, and what it does, where its buttons stay for the next tap.
    pub fn lasting(&self) -> Option<(i64, EntryAct)> {
        match self {
            Action::Entry {
                does: EntryAct::Done, ..
            } => None,
            Action::Entry { id, does } => Some((*id, *does)),
            _ => None,
        }
    }

    pub fn leave(words: &str) -> Self {
        Action::Leave { words: words.into() }
    }

    /// As a button of that name.
    pub fn offer(&self, label: &str) -> Result<Offer> {
        let action = serde_json::to_value(self)
            .map_err(|error| Fault::new(Kind::Failure, format!("writing a button's action: {error}")))?;
        Ok(Offer {
            label: label.to_owned(),
            action,
        })
    }

    pub fn read(value: &Value) -> Result<Self> {
        Action::deserialize(value).map_err(|_| {
            Fault::new(
                Kind::RefusedByState,
                "this button is of another version and does nothing any more",
            )
        })
    }
}
