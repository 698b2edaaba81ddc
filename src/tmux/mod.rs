//! The only door to tmux: server, control client, windows, paste, screen.
//!
//! Knows nothing of sessions beyond the id that it stamps on a pane. One persistent control-mode client is the normal way;
//! one process per command is the way in before it is up and when it is down. `tmux_interface` builds the argument
//! vectors; quoting for control mode, `;` and leading `-`, time-outs and typed errors are ours.
//!
//! The server outlives us. After a crash of ours it runs on; the next `connect` finds it by its socket, or by its process
//! when the socket file is gone. After a crash of the server every id is void and `ServerLost` says so.

use std::fs::{DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::{LaunchNo, PaneId, SessionId, SessionName, WindowId};
use crate::domain::launch::Placement;
use crate::domain::letter::ProcessRef;
use crate::domain::screen::Screen;
use crate::domain::text::Sanitised;

// What is said to tmux, and what it answers.
mod command;
mod error;
mod parser;
mod reply;
mod version;

// The two ways in, and the link that chooses between them.
mod control;
mod exec;
mod link;

// The server.
mod config;
mod identity;
mod server;

// What is done with it.
mod attach;
mod clients;
mod guard;
mod keys;
mod paste;
mod screen;
mod window;

#[cfg(test)]
mod tests;

pub use paste::PreparedPaste;
pub use version::Version;

use error::{HINT_INSTALL, Repeat};
use exec::Exec;
use link::Link;
use server::Start;

/// The kernel holds 107 bytes of a socket's path; tmux adds `.lock`.
const SOCKET_PATH_BYTES_MAX: usize = 100;
/// `connect` waits this long for the control client; calls go by processes until it is there.
const ATTACH_TIME_MAX: Duration = Duration::from_secs(2);

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

/// A handle to the tmux server of one data directory; cheap to clone. The control client goes with the last one; the
/// server stays.
#[derive(Clone)]
pub struct Tmux {
    link: Arc<Link>,
    version: Version,
    _keeper: Arc<DropGuard>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TmuxEvent {
    /// A window is gone from every session. It may be one that we never knew: tmux makes and closes one for each person who
    /// attaches.
    WindowClosed(WindowId),
    /// The server died; every id that it gave is void.
    ServerLost,
    /// A server answers again (`ensure_server` made or found it).
    ServerBack(ProcessRef),
}

pub struct NewWindow<'a> {
    pub name: &'a SessionName,
    pub session: &'a SessionId,
    pub launch: LaunchNo,
    /// The runner script, absolute, for `/bin/sh`; it becomes the pane's process, and no shell reads its path as text.
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
    /// The pane's stamp; none for panes that a person made.
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
    /// Whether [`connect`](Self::connect) can work with this tmux at all; runs `tmux -V` and touches nothing.
    pub async fn check(options: &TmuxOptions) -> Result<Version> {
        check_socket_path(options)?;
        read_version(&Exec::new(&options.program, socket(options), config_file(options))).await
    }

    /// Checks the version (3.3a to 3.7 and newer), starts or finds the server, attaches the control client.
    ///
    /// Errors: `ProgramMissing` for no tmux or one that is too old, `Usage` for a socket path over 100 bytes,
    /// `RefusedByState` when no server runs and we may not start one.
    pub async fn connect(options: TmuxOptions) -> Result<Self> {
        check_socket_path(&options)?;
        let exec = Exec::new(&options.program, socket(&options), config_file(&options));
        let version = read_version(&exec).await?;
        prepare_dir(&options)?;
        let link = Arc::new(Link::new(options, exec));
        paste::prepare(&link.buffers()).map_err(|error| Fault::io("emptying the folder of tmux buffers", &error))?;
        link.ensure(Start::AsAllowed).await?;
        let keeper = keep(link.clone());
        if !link.wait_attached(ATTACH_TIME_MAX).await {
            tracing::warn!("no control client on the tmux server yet; commands go by processes");
        }
        Ok(Self {
            link,
            version,
            _keeper: Arc::new(keeper),
        })
    }

    pub fn options(&self) -> &TmuxOptions {
        &self.link.options
    }

    pub fn version(&self) -> &Version {
        &self.version
    }

    /// The running server; starts one (where allowed) when none runs. Emits `ServerBack` after a loss.
    pub async fn ensure_server(&self) -> Result<ProcessRef> {
        self.link.ensure(Start::AsAllowed).await
    }

    /// The server that runs now, as far as we know: ids that another one gave mean nothing in it.
    pub fn server(&self) -> Option<ProcessRef> {
        self.link.server()
    }

    /// What happens from now on. `Lagged` means that the panes have to be looked at. Windows that close while the control client
    /// is away (a person closed the whole tmux session, or killed the client) are not told.
    pub fn events(&self) -> broadcast::Receiver<TmuxEvent> {
        self.link.events()
    }

    /// Makes a window and starts the program in it; stamp and log are there before the program's first byte is read.
    ///
    /// Errors: `Uncertain` when the answer was lost (a window with the stamp may exist: see `panes`); in every other case no
    /// window is left.
    pub async fn new_window(&self, new: NewWindow<'_>) -> Result<Placement> {
        self.link.new_window(&new).await
    }

    /// Every pane once, without those of `home`.
    pub async fn panes(&self) -> Result<Vec<PaneInfo>> {
        self.link.panes().await
    }

    /// Writes `text` to a 0600 file, for one `paste_prepared`; tmux hears nothing of it yet. Errors: `Usage` for an empty text,
    /// `OverLimit`, `Storage`.
    pub async fn prepare_paste(&self, text: &Sanitised) -> Result<PreparedPaste> {
        self.link.prepare_paste(text).await
    }

    /// Loads the text into a buffer of its own and pastes it bracketed, if the pane is alive and stamped with `session`.
    ///
    /// `Done` means that tmux has it, not that the program read it. Errors: `Uncertain` when the answer was lost; with every
    /// other kind nothing was typed (`RefusedByState`: the pane's input is off).
    pub async fn paste_prepared(&self, pane: &PaneId, session: &SessionId, prepared: PreparedPaste) -> Result<Guarded> {
        self.link.paste_prepared(pane, session, prepared).await
    }

    /// Presses keys by their tmux names (`Enter`, `Escape`, `C-c`, `Up`, `a`), guarded like a paste. A name that tmux does not
    /// know is a `Usage` error; nothing is typed. `RefusedByState`: the pane is in copy mode, which would swallow the keys.
    pub async fn keys(&self, pane: &PaneId, session: &SessionId, keys: &[String]) -> Result<Guarded> {
        self.link.keys(pane, session, keys).await
    }

    /// The visible screen, one row for each line of the pane. Errors: `NotFound` for a pane that is gone.
    pub async fn screen(&self, pane: &PaneId) -> Result<Screen> {
        self.link.screen(pane).await
    }

    /// The last `lines` lines of history and screen as text; by exec, a long capture would block the control client.
    pub async fn history(&self, pane: &PaneId, lines: u32) -> Result<String> {
        self.link.history(pane, lines).await
    }

    /// Idempotent.
    pub async fn kill_window(&self, window: &WindowId) -> Result<()> {
        self.link.kill_window(window).await
    }

    /// Waits until no control client of an earlier daemon is attached: what it had sent is done or never will be. At most 2 s,
    /// then a `Timeout`.
    pub async fn wait_for_old_clients(&self) -> Result<()> {
        self.link.wait_for_old_clients().await
    }

    /// Ends the server and every agent in it (tests, demo, uninstall). Emits `ServerLost`.
    pub async fn shutdown_server(&self) -> Result<()> {
        self.link.shutdown().await
    }
}

/// The command that attaches a person's terminal to a window: a grouped session of its own, or a switch when the caller is
/// already inside this server. It has to run without `TMUX` and `TMUX_PANE` in its environment, but inside this server with
/// them.
pub fn attach_command(options: &TmuxOptions, window: &WindowId, inside_this_server: bool) -> Vec<String> {
    attach::command(options, window, inside_this_server)
}

/// The command that a service manager runs: the server in the foreground, with our configuration. `prepare_dir` must have run.
pub fn server_command(options: &TmuxOptions) -> Vec<String> {
    let path = |path: PathBuf| path.display().to_string();
    vec![
        options.program.display().to_string(),
        "-D".into(),
        "-S".into(),
        path(socket(options)),
        "-f".into(),
        path(config_file(options)),
    ]
}

/// Makes the directory and writes `tmux.conf`. `connect` does it, too.
pub fn prepare_dir(options: &TmuxOptions) -> Result<()> {
    let doing = |what: &str| format!("{what} {}", options.dir.display());
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&options.dir)
        .and_then(|()| std::fs::set_permissions(&options.dir, Permissions::from_mode(0o700)))
        .map_err(|error| Fault::io(doing("making the directory"), &error))?;
    std::fs::write(config_file(options), config::text(options.history_lines))
        .map_err(|error| Fault::io(doing("writing tmux.conf into"), &error))
}

fn socket(options: &TmuxOptions) -> PathBuf {
    options.dir.join("sock")
}

fn config_file(options: &TmuxOptions) -> PathBuf {
    options.dir.join("tmux.conf")
}

fn check_socket_path(options: &TmuxOptions) -> Result<()> {
    let socket = socket(options);
    let bytes = socket.as_os_str().len();
    if bytes <= SOCKET_PATH_BYTES_MAX {
        return Ok(());
    }
    let message = format!(
        "the socket path {} has {bytes} bytes; at most {SOCKET_PATH_BYTES_MAX} are possible",
        socket.display()
    );
    Err(Fault::new(Kind::Usage, message).hint("Choose a shorter data directory with `--data-dir`."))
}

async fn read_version(exec: &Exec) -> Result<Version> {
    let output = exec
        .version()
        .await
        .map_err(|error| error.fault("asking tmux for its version", Repeat::Safe))?;
    let version = Version::parse(&output).ok_or_else(|| {
        let message = format!("no tmux version in `{}`", output.trim());
        Fault::new(Kind::ProgramMissing, message).hint(HINT_INSTALL)
    })?;
    version.check()
}

/// Keeps the link up until the guard is dropped.
fn keep(link: Arc<Link>) -> DropGuard {
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = stopped.cancelled() => {}
            () = link.keep() => {}
        }
    });
    stop.drop_guard()
}
