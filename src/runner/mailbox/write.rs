//! The agent's half: `notify`, `notify --ask`, `hook`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::domain::fault::Result;
use crate::domain::ids::LetterId;
use crate::domain::letter::{Answer, Done, LetterKind};

/// What is to be said; the rest of the letter comes from the environment and the process.
pub struct Draft {
    pub kind: LetterKind,
    pub text: Option<String>,
    pub done: Option<Done>,
    pub choices: Vec<String>,
    pub expires_in: Option<Duration>,
    pub key: Option<String>,
    pub files: Vec<DraftFile>,
    pub event: Option<String>,
    pub data: Option<serde_json::Value>,
    pub native_id: Option<String>,
}

pub struct DraftFile {
    pub path: PathBuf,
    pub caption: Option<String>,
}

/// Whether the letter must survive a power cut (notify, ask, evidence) or a crash of ours only (progress hooks).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    Synced,
    Renamed,
}

/// The mailbox that the environment names (`TELECODER_MAILBOX`). Error `NoMailbox` outside a session.
pub fn own_mailbox() -> Result<PathBuf> {
    todo!()
}

/// tmp → fsync → rename → fsync of `new/`. When it returns `Ok`, the letter is durable.
///
/// Errors: `NoMailbox`, `OverLimit`, `Storage` (disk full, read-only), `NotFound` for an attached file.
pub fn write_letter(_mail: &Path, _draft: Draft, _durability: Durability) -> Result<LetterId> {
    todo!()
}

/// Waits for `answers/<id>.json` (inotify) and claims it by rename. Error `Timeout` when `timeout` passes; then the waiter has
/// given up its claim, and a later answer becomes a prompt.
pub fn wait_for_answer(_mail: &Path, _id: &LetterId, _timeout: Option<Duration>) -> Result<Answer> {
    todo!()
}
