//! The only door to tmux: server, control client, windows, paste, screen.
//!
//! Knows nothing of sessions beyond the id that it stamps on a pane. One persistent control-mode client is the normal way;
//! one process per command is the way in before it is up and when it is down. `tmux_interface` builds the argument
//! vectors; quoting for control mode, `;` and leading `-`, time-outs and typed errors are ours.

use std::path::{Path, PathBuf};

use tokio::sync::broadcast;

use crate::domain::fault::Result;
use crate::domain::ids::{LaunchNo, PaneId, SessionId, SessionName, WindowId};
use crate::domain::launch::Placement;
use crate::domain::letter::ProcessRef;
use crate::domain::screen::Screen;
use crate::domain::text::Sanitised;

/// Where our tmux is and how it is set up.
#[derive(Debug, Clone)]
pub struct TmuxOptions {
    /// The tmux program, found with `which` (config `tmux.path`).
    pub program: PathBuf,
    /// `<data>/tmux`, 0700: holds `sock` and `tmux.conf`.
    pub dir: PathBuf,
    pub history_lines: u32,
    /// False under systemd: the tmux unit starts the server, we never fork it.
    pub may_start_server: bool,
}

/// A handle to the tmux server of one data directory; cheap to clone.
#[derive(Clone)]
pub struct Tmux {}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TmuxEvent {
    WindowClosed(WindowId),
    /// The server died or the connection to it was lost; every id that it gave is void.
    ServerLost,
    /// A server answers again (`ensure_server` made or found it).
    ServerBack(ProcessRef),
}

pub struct NewWindow<'a> {
    pub name: &'a SessionName,
    pub session: &'a SessionId,
    pub launch: LaunchNo,
    /// The runner script; exec'd directly, no shell between.
    pub program: &'a Path,
    pub cwd: &'a Path,
    /// `telecoder log-writer …` with its arguments, fed with the pane's bytes from birth.
    pub pipe_to: Option<Vec<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaneInfo {
    pub window: WindowId,
    pub pane: PaneId,
    pub pid: u32,
    /// The pane's stamp; none for windows that are not ours (`home`).
    pub session: Option<SessionId>,
    pub launch: Option<LaunchNo>,
    pub dead: bool,
}

/// What a guarded command found in the pane, decided by tmux itself in the same command list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guarded {
    Done,
    /// The pane is gone, dead, or belongs to another session: nothing was typed.
    Mismatch,
}

impl Tmux {
    /// Checks the version (3.3a to 3.7 and newer), starts or finds the server, attaches the control client.
    ///
    /// Errors: `ProgramMissing` for no tmux or one that is too old, `Usage` for a socket path over 100 bytes.
    pub async fn connect(_options: TmuxOptions) -> Result<Self> {
        todo!()
    }
    /// The running server; starts one (where allowed) when none runs. Emits `ServerBack` after a loss.
    pub async fn ensure_server(&self) -> Result<ProcessRef> {
        todo!()
    }
    pub fn events(&self) -> broadcast::Receiver<TmuxEvent> {
        todo!()
    }
    pub async fn new_window(&self, _new: NewWindow<'_>) -> Result<Placement> {
        todo!()
    }
    pub async fn panes(&self) -> Result<Vec<PaneInfo>> {
        todo!()
    }
    /// Loads `text` into a buffer of its own and pastes it bracketed, if the pane is alive and stamped with `session`.
    pub async fn paste(&self, _pane: &PaneId, _session: &SessionId, _text: &Sanitised) -> Result<Guarded> {
        todo!()
    }
    /// Presses keys by their tmux names (`Enter`, `Escape`, `C-c`, `Up`, `a`), guarded like a paste. A name that tmux does not
    /// know is a `Usage` error; nothing is typed.
    pub async fn keys(&self, _pane: &PaneId, _session: &SessionId, _keys: &[String]) -> Result<Guarded> {
        todo!()
    }
    /// The visible screen.
    pub async fn screen(&self, _pane: &PaneId) -> Result<Screen> {
        todo!()
    }
    /// The last `lines` lines of history and screen as text; by exec, a long capture would block the control client.
    pub async fn history(&self, _pane: &PaneId, _lines: u32) -> Result<String> {
        todo!()
    }
    /// Idempotent.
    pub async fn kill_window(&self, _window: &WindowId) -> Result<()> {
        todo!()
    }
    /// Waits until no control client of an earlier daemon is attached: what it had sent is done or never will be. At most 2 s.
    pub async fn wait_for_old_clients(&self) -> Result<()> {
        todo!()
    }
}

/// The command that attaches a person's terminal to a window: a grouped session of its own, or a switch when the caller is
/// already inside this server.
pub fn attach_command(_options: &TmuxOptions, _window: &WindowId, _inside_this_server: bool) -> Vec<String> {
    todo!()
}
