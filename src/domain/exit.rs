//! How an agent's process ended: the exit record that the shim writes to `ctl/exit.json`.

use serde::{Deserialize, Serialize};

use super::Timestamp;
use super::ids::LaunchNo;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitCause {
    /// The agent returned a code by itself.
    Exit,
    /// A signal that we did not send ended the agent.
    Signal,
    /// The agent's program could not be started; `detail` says why.
    ExecFailed,
    /// The terminal went away (hang-up: window or tmux server killed).
    TerminalLost,
    /// We asked for it (`telecoder stop`).
    Stopped,
}

/// `ctl/exit.json`. Exactly one of `code` and `signal` is set, except for `exec_failed`, which has neither.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExitRecord {
    pub v: u32,
    pub launch: LaunchNo,
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub cause: ExitCause,
    /// For `exec_failed`: what the operating system said, e.g. `No such file or directory: /usr/bin/foo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
}
