//! The data directory: where everything of one installation lies. docs/contract.md has the picture.
//!
//! Names only; nothing here touches the disk.

use std::path::{Path, PathBuf};

use crate::domain::ids::{LaunchNo, SessionId};

/// The data directory; cheap to clone. Absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataDir(PathBuf);

impl DataDir {
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }
    pub fn path(&self) -> &Path {
        &self.0
    }
    /// Held by the daemon for as long as it lives; names its pid.
    pub fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }
    pub fn db(&self) -> PathBuf {
        self.0.join("telecoder.db")
    }
    /// Copies of the database from before each migration.
    pub fn backups(&self) -> PathBuf {
        self.0.join("backups")
    }
    /// The daemon's HTTP socket, 0600.
    pub fn api_sock(&self) -> PathBuf {
        self.0.join("api.sock")
    }
    /// The constitution that agents are pointed at.
    pub fn agents_md(&self) -> PathBuf {
        self.0.join("agents.md")
    }
    /// First in an agent's PATH.
    pub fn bin(&self) -> PathBuf {
        self.0.join("bin")
    }
    /// The stable path of the running binary, which hooks call.
    pub fn telecoder(&self) -> PathBuf {
        self.bin().join("telecoder")
    }
    /// The log of a daemon that a command started.
    pub fn daemon_log(&self) -> PathBuf {
        self.0.join("daemon.log")
    }
    /// Holds `sock` and `tmux.conf`.
    pub fn tmux(&self) -> PathBuf {
        self.0.join("tmux")
    }
    pub fn tmux_sock(&self) -> PathBuf {
        self.tmux().join("sock")
    }
    /// Bare repositories of the daemon's own.
    pub fn mirrors(&self) -> PathBuf {
        self.0.join("mirrors")
    }
    pub fn sessions(&self) -> PathBuf {
        self.0.join("sessions")
    }
    pub fn session(&self, id: &SessionId) -> PathBuf {
        self.sessions().join(id.as_str())
    }
    /// The workspace, or the desk of a session without a repository.
    pub fn work(&self, id: &SessionId) -> PathBuf {
        self.session(id).join("work")
    }
    /// Files from people.
    pub fn inbox(&self, id: &SessionId) -> PathBuf {
        self.session(id).join("inbox")
    }
    /// Files of messages to people, in the daemon's own keeping.
    pub fn outgoing(&self, id: &SessionId) -> PathBuf {
        self.session(id).join("outgoing")
    }
    /// Screen rules that a person put in the place of the program's own.
    pub fn screens(&self) -> PathBuf {
        self.0.join("screens")
    }
    /// The last raw bytes of the session's pane.
    pub fn terminal_log(&self, id: &SessionId) -> PathBuf {
        self.session(id).join("terminal.log")
    }
    pub fn launches(&self, id: &SessionId) -> PathBuf {
        self.session(id).join("launches")
    }
    /// The window of checks with this number, like a launch.
    pub fn check(&self, id: &SessionId, no: LaunchNo) -> PathBuf {
        self.session(id).join("checks").join(no.to_string())
    }
    pub fn launch(&self, id: &SessionId, no: LaunchNo) -> PathBuf {
        self.launches(id).join(no.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_that_of_the_contract() {
        let dir = DataDir::new("/d");
        let id: SessionId = "abcdefghij23".parse().unwrap();
        let shown = [
            dir.lock(),
            dir.db(),
            dir.api_sock(),
            dir.telecoder(),
            dir.tmux_sock(),
            dir.work(&id),
            dir.terminal_log(&id),
            dir.launch(&id, LaunchNo(2)),
        ]
        .map(|path| path.display().to_string());
        let expected = [
            "/d/lock",
            "/d/telecoder.db",
            "/d/api.sock",
            "/d/bin/telecoder",
            "/d/tmux/sock",
            "/d/sessions/abcdefghij23/work",
            "/d/sessions/abcdefghij23/terminal.log",
            "/d/sessions/abcdefghij23/launches/2",
        ];
        assert_eq!(shown.each_ref().map(String::as_str), expected);
    }
}
