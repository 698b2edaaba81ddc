//! What the program writes and the adapter reads: the records of the transcript. Hook payloads are in `agents::signal`,
//! because configured agents speak them too.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::domain::Timestamp;

/// One line of `<home>/<session-uuid>.jsonl`. Lines are only appended; a torn last line is a crash in the middle of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Record {
    Session {
        id: String,
        at: Timestamp,
        resumed: bool,
        cwd: PathBuf,
        mode: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        constitution_sha256: Option<String>,
    },
    /// Submitted while a turn ran; becomes a `Prompt` when its own turn begins.
    Queued {
        text: String,
        at: Timestamp,
    },
    /// Taken: the turn begins. Synced before the hook is fired.
    Prompt {
        prompt_id: String,
        text: String,
        at: Timestamp,
    },
    /// What a directive did.
    Action {
        what: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<i32>,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        output: String,
        at: Timestamp,
    },
    Final {
        text: String,
        at: Timestamp,
    },
    Interrupted {
        at: Timestamp,
    },
    /// What a request to a model would have counted.
    Usage {
        input: u64,
        output: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cost: Option<f64>,
        at: Timestamp,
    },
    /// A record of another version of the program.
    #[serde(other)]
    Other,
}

pub fn transcript_path(home: &Path, session_id: &str) -> PathBuf {
    home.join(format!("{session_id}.jsonl"))
}
