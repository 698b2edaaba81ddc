//! A launch: one start of a session's agent, in one window.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Timestamp;
use super::ids::{LaunchNo, PaneId, SessionId, WindowId};
use super::letter::ProcessRef;

/// Beneath a launch's directory: what its agent's hooks wait for. The daemon writes it, and no sandbox reaches it.
pub const DECISIONS_DIR: &str = "decisions";
/// How long a hook waits for a decision. The dialog stays on the screen afterwards, and is answered by keys.
pub const DECISION_WAIT_S: u64 = 3600;

/// Set to [`BY_MOUNT`] in a launch's environment by an adapter whose agent's own sandbox leaves neither ancestors nor an id of the
/// agent's in sight. A fact of the launch: the shim puts it on record, and whoever writes and whoever reads a letter goes by that.
pub const ORIGIN_VAR: &str = "TELECODER_ORIGIN";
pub const BY_MOUNT: &str = "mount";

/// What the runner needs in order to start an agent: made by the agent's adapter, written out by `runner`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchSpec {
    /// Program (absolute path, or a name searched in `env`'s PATH) and arguments. Never a prompt, never a secret.
    pub argv: Vec<String>,
    /// Plain environment, visible in `run.sh`.
    pub env: BTreeMap<String, String>,
    /// Secrets for the agent, written to the 0600 `env` file that `run.sh` reads.
    pub secret_env: BTreeMap<String, String>,
    /// Files to write before the start (settings, hooks), each 0600 beneath the launch directory.
    pub files: Vec<LaunchFile>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchFile {
    /// Relative to the launch directory.
    pub path: PathBuf,
    pub content: String,
}

/// Where a launch runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Placement {
    pub window: WindowId,
    pub pane: PaneId,
    /// The server that gave the ids; they mean nothing in another one.
    pub server: ProcessRef,
}

/// The durable record of a launch.
#[derive(Debug, Clone, PartialEq)]
pub struct Launch {
    pub session: SessionId,
    pub no: LaunchNo,
    /// Started with the agent's own resume.
    pub resumed: bool,
    /// None until the window exists.
    pub placement: Option<Placement>,
    /// Processes between the program and those that write its own hooks, once one of them has spoken.
    pub hook_depth: Option<u32>,
    pub created_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

/// `ctl/shim.json`: written by the shim as soon as it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShimRecord {
    pub v: u32,
    pub launch: LaunchNo,
    pub shim: ProcessRef,
    /// None when the agent's program could not be started.
    pub agent: Option<ProcessRef>,
    /// What the agent says from a sandbox that was opened for its mailbox is believed: see [`ORIGIN_VAR`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mount_counts: bool,
}
