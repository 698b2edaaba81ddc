//! Writes a launch's directory: `run.sh` (0700), `env` (0600), `launch.json`, `ctl/`, the mailbox.

use std::path::Path;

use super::LaunchDir;
use crate::domain::fault::Result;
use crate::domain::ids::{LaunchNo, SessionId, SessionName};
use crate::domain::launch::LaunchSpec;

pub struct ScriptContext<'a> {
    pub session: &'a SessionId,
    pub name: &'a SessionName,
    pub launch: LaunchNo,
    pub work_dir: &'a Path,
    /// `<data>/bin`: first in the agent's PATH; holds `telecoder`.
    pub bin_dir: &'a Path,
    pub agents_md: &'a Path,
}

/// Makes everything that the launch needs; nothing runs yet. Every value in the script is shell-quoted.
pub fn prepare(_dir: &LaunchDir, _context: &ScriptContext<'_>, _spec: &LaunchSpec) -> Result<()> {
    todo!()
}
