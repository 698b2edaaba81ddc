//! Where a launch keeps its files.

use std::path::{Path, PathBuf};

use crate::domain::ids::LaunchNo;
use crate::domain::launch::DECISIONS_DIR;

/// `sessions/<id>/launches/<n>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchDir(PathBuf);

impl LaunchDir {
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }
    pub fn path(&self) -> &Path {
        &self.0
    }
    /// The launch's number: the last part of its path.
    pub fn number(&self) -> Option<LaunchNo> {
        let name = self.0.file_name()?.to_str()?;
        name.parse().ok().map(LaunchNo)
    }
    pub fn run_sh(&self) -> PathBuf {
        self.0.join("run.sh")
    }
    pub fn env_file(&self) -> PathBuf {
        self.0.join("env")
    }
    pub fn launch_json(&self) -> PathBuf {
        self.0.join("launch.json")
    }
    /// Written by the shim only.
    pub fn ctl(&self) -> PathBuf {
        self.0.join("ctl")
    }
    /// Held by the shim while it runs.
    pub fn ctl_lock(&self) -> PathBuf {
        self.ctl().join("lock")
    }
    pub fn shim_json(&self) -> PathBuf {
        self.ctl().join("shim.json")
    }
    pub fn exit_json(&self) -> PathBuf {
        self.ctl().join("exit.json")
    }
    pub fn mail(&self) -> PathBuf {
        self.0.join("mail")
    }
    /// Decisions for the agent's hooks, by the same protocol as `mail/answers`; written by the daemon only.
    pub fn decisions(&self) -> PathBuf {
        self.0.join(DECISIONS_DIR)
    }
    /// The last lines of the screen when the agent ended, written by the daemon.
    pub fn last_screen(&self) -> PathBuf {
        self.0.join("last_screen.txt")
    }
}
