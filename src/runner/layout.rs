//! Where a launch keeps its files.

use std::path::{Path, PathBuf};

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
    pub fn mail(&self) -> PathBuf {
        self.0.join("mail")
    }
    /// The last lines of the screen when the agent ended, written by the daemon.
    pub fn last_screen(&self) -> PathBuf {
        self.0.join("last_screen.txt")
    }
}
