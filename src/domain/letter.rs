//! A letter: what an agent says, one JSON file in its launch's mailbox. docs/contract.md has the shape.

use serde::{Deserialize, Serialize};

use super::Timestamp;
use super::ids::{LaunchNo, LetterId, SessionId};
use super::launch::ShimRecord;

pub const LETTER_VERSION: u32 = 1;
/// A letter's file is at most this long.
pub const LETTER_BYTES_MAX: usize = 256 * 1024;
/// One attached file is at most this long.
pub const FILE_BYTES_MAX: u64 = 50_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LetterKind {
    /// A message to the person.
    Notify,
    /// A question to the person; the answer comes back as `answers/<id>.json`.
    Ask,
    /// An event of the agent's own hooks (`telecoder hook`).
    Hook,
    /// A wish that only the daemon can grant (a sub-agent). Its place is kept; nothing sends it yet.
    Request,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Letter {
    pub v: u32,
    pub id: LetterId,
    pub kind: LetterKind,
    pub at: Timestamp,
    pub session: SessionId,
    pub launch: LaunchNo,
    /// The sender's own key: two letters of a session with one key are one message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<Done>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Attachment>,
    /// For hooks: the agent's own event name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// For hooks: the agent's own payload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<serde_json::Value>,
    pub origin: Origin,
}

/// `notify --done`: the work of this turn is finished, in the agent's words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Done {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncertain: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A file copied into the mailbox's `att/` before the letter existed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    /// File name inside `att/`.
    pub att: String,
    /// The name that the person sees.
    pub name: String,
    pub size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
}

/// A process, told apart from a later one with the same number by its start time (field 22 of /proc/PID/stat, in
/// clock ticks since boot).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProcessRef {
    pub pid: u32,
    pub start: u64,
}

/// Who wrote a letter: the process, its ancestors from the parent up, the agent's native session id where its environment names
/// one, and whether it wrote from a sandbox that was opened for this mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    pub pid: u32,
    pub start: u64,
    pub ancestors: Vec<ProcessRef>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native_id: Option<String>,
    /// The mailbox, or what it lies in of its session alone, is a mount of its own where the writer is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_mount: bool,
}

impl Origin {
    /// Whether the letter leads to this launch: its shim is an ancestor, or the native id is the one that we know.
    pub fn leads_to(&self, shim: Option<ProcessRef>, native_id: Option<&str>) -> bool {
        let by_ancestry = shim.is_some_and(|shim| self.ancestors.contains(&shim));
        let by_native_id = match (&self.native_id, native_id) {
            (Some(theirs), Some(ours)) => theirs == ours,
            _ => false,
        };
        by_ancestry || by_native_id
    }

    /// Whether it comes from a sandbox that was opened for this mailbox, where that counts and no other agent's id speaks for it.
    pub fn is_vouched_for(&self, launch: &ShimRecord) -> bool {
        launch.mount_counts && self.by_mount && self.native_id.is_none()
    }
}

/// `answers/<id>.json`: what the person said to an ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    pub v: u32,
    pub id: LetterId,
    pub text: String,
    pub at: Timestamp,
}
