//! The server: found, rescued or started; its one tmux session `telecoder` with the window `home`.

use std::path::Path;
use std::time::Duration;

use tmux_interface::{
    DisplayMessage, HasSession, KillServer, ListWindows, NewSession, NewWindow, SetOption, SourceFile,
};
use tokio::net::UnixStream;

use super::command::{Command, CommandList, escape_format};
use super::config::{COLUMNS, ROWS};
use super::error::{Repeat, TmuxError};
use super::identity;
use super::link::Link;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::letter::ProcessRef;

/// The exact name of the one tmux session, as a target.
pub(super) const SESSION: &str = "=telecoder";
/// The window with the highest number: right after `new-window -a` behind it, in the same list, the new one.
pub(super) const LAST_WINDOW: &str = "=telecoder:{end}";
pub(super) const HOME_STAMP: &str = "@telecoder_home";

/// A server that was asked for its socket makes it within some ms.
const SOCKET_TIME_MAX: Duration = Duration::from_secs(1);
const SOCKET_LOOK_INTERVAL: Duration = Duration::from_millis(10);
/// Attempts to reach a server whose connections end at once, and the pause between them.
const ATTEMPTS_MAX: u32 = 5;
const ATTEMPT_PAUSE: Duration = Duration::from_millis(100);
/// A server that was told to end has this long.
const SHUTDOWN_TIME_MAX: Duration = Duration::from_secs(5);

/// Whether a missing server is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    AsAllowed,
    Never,
}

impl Link {
    /// The running server, found or started, with its session and `home`. One caller at a time.
    pub async fn ensure(&self, start: Start) -> Result<ProcessRef> {
        let _one_at_a_time = self.gate.lock().await;
        if let Some(server) = self.server() {
            if identity::is_alive(server) && self.exec.socket().exists() {
                return Ok(server);
            }
            if !identity::is_alive(server) {
                self.mark_lost(server);
            }
        }
        let server = self.find_or_start(start).await?;
        self.prepare_session()
            .await
            .map_err(|e| e.fault("making the tmux session `telecoder`", Repeat::Safe))?;
        identity::save(&self.identity_file(), server);
        self.adopt(server);
        Ok(server)
    }

    /// Makes sure of the session and its window `home`; a person may have closed either.
    pub async fn prepare_session(&self) -> Result<(), TmuxError> {
        let has_session = CommandList::new(HasSession::new().target_session(SESSION).build());
        if self.exec.run(&has_session).await?.error.is_some() {
            return match self.exec.run(&new_session()).await?.into_output() {
                // Another caller was faster.
                Err(TmuxError::Refused(text)) if text.contains("duplicate session") => Ok(()),
                made => made.map(drop),
            };
        }
        let windows = ListWindows::new()
            .target_session(SESSION)
            .format(format!("#{{{HOME_STAMP}}}"));
        let stamps = self.exec.run(&windows.build().into()).await?.into_output()?;
        if !stamps.lines().any(|stamp| stamp == "1") {
            // A window of the person's may have taken the number; then there is none, and nothing depends on it.
            self.exec.run(&new_home()).await?;
        }
        Ok(())
    }

    /// A child that a server forked just before its death may hold its socket for a moment: who connects then loses the
    /// connection, and the next attempt finds nobody.
    async fn find_or_start(&self, start: Start) -> Result<ProcessRef> {
        let may_start = start == Start::AsAllowed && self.options.may_start_server;
        let mut attempt = 1;
        loop {
            let server = match self.find().await {
                Ok(None) if may_start => self.start().await.map(Some),
                found => found,
            };
            match server {
                Ok(Some(server)) => return Ok(server),
                Ok(None) => return Err(self.not_running()),
                Err(TmuxError::Lost) if attempt < ATTEMPTS_MAX => attempt += 1,
                Err(error) => return Err(error.fault("starting the tmux server", Repeat::Safe)),
            }
            tokio::time::sleep(ATTEMPT_PAUSE).await;
        }
    }

    async fn find(&self) -> Result<Option<ProcessRef>, TmuxError> {
        match self.ask_identity().await {
            Ok(server) => Ok(Some(server)),
            Err(TmuxError::NoServer(_)) => self.rescue().await,
            Err(error) => Err(error),
        }
    }

    /// Also makes a server that someone else started (a systemd unit, an older version of ours) read our configuration.
    async fn ask_identity(&self) -> Result<ProcessRef, TmuxError> {
        let ask = DisplayMessage::new().print().message("#{pid}").build();
        let config = self.config_file().display().to_string();
        let list = CommandList::new(ask).then(Command::from(SourceFile::new().quiet().build()).args([config]));
        let reply = self.exec.run(&list).await?;
        if let Some(text) = &reply.error {
            tracing::warn!(error = text, "tmux refused a line of its configuration");
        }
        let pid = reply.output.lines().next().and_then(|line| line.trim().parse().ok());
        pid.and_then(identity::process)
            .ok_or_else(|| TmuxError::Refused(format!("no process id of the server in `{}`", reply.output.trim())))
    }

    /// A server whose socket file was deleted is deaf but alive, and so are its agents.
    async fn rescue(&self) -> Result<Option<ProcessRef>, TmuxError> {
        let Some(server) = identity::load(&self.identity_file()) else {
            return Ok(None);
        };
        if !identity::ask_for_socket(server) {
            return Ok(None);
        }
        tracing::warn!(
            pid = server.pid,
            "the socket of the tmux server was gone; asked the server to make it again"
        );
        let socket = self.exec.socket();
        let listens = async {
            while UnixStream::connect(socket).await.is_err() {
                tokio::time::sleep(SOCKET_LOOK_INTERVAL).await;
            }
        };
        match tokio::time::timeout(SOCKET_TIME_MAX, listens).await {
            Ok(()) => self.ask_identity().await.map(Some),
            Err(_) if identity::is_alive(server) => Err(TmuxError::Timeout(SOCKET_TIME_MAX)),
            Err(_) => Ok(None),
        }
    }

    async fn start(&self) -> Result<ProcessRef, TmuxError> {
        self.exec.run_starting(&new_session()).await?.into_output()?;
        self.ask_identity().await
    }

    fn not_running(&self) -> Fault {
        let message = format!("no tmux server runs on {}", self.exec.socket().display());
        Fault::new(Kind::RefusedByState, message)
            .hint("Start the tmux unit of TeleCoder; the daemon may not start a server itself.")
    }

    /// Ends the server and with it every agent. Returns when its process has ended.
    pub async fn shutdown(&self) -> Result<()> {
        let doing = "ending the tmux server";
        let server = self.server().or_else(|| identity::load(&self.identity_file()));
        let killed = self.exec.run(&KillServer::new().build().into()).await;
        let Some(server) = server.filter(|server| identity::is_alive(*server)) else {
            return Ok(());
        };
        match killed {
            // The socket is gone, the server is not.
            Err(TmuxError::NoServer(_)) => _ = identity::kill(server),
            // The server often ends before it has answered.
            Ok(_) | Err(TmuxError::Lost) => {}
            Err(error) => return Err(error.fault(doing, Repeat::Safe)),
        }
        tokio::time::timeout(SHUTDOWN_TIME_MAX, identity::ended(server))
            .await
            .map_err(|_| TmuxError::Timeout(SHUTDOWN_TIME_MAX).fault(doing, Repeat::Safe))?;
        self.mark_lost(server);
        Ok(())
    }
}

fn new_session() -> CommandList {
    let session = NewSession::new()
        .detached()
        .session_name(SESSION.trim_start_matches('='))
        .window_name("home")
        .width(COLUMNS.into())
        .height(ROWS.into())
        .start_directory(home_directory());
    CommandList::new(session.build()).then(stamp_home())
}

fn new_home() -> CommandList {
    let window = NewWindow::new()
        .detached()
        .window_name("home")
        .target_window(format!("{SESSION}:0"))
        .start_directory(home_directory());
    let stamp = SetOption::new().window().target_pane(format!("{SESSION}:0"));
    CommandList::new(window.build()).then(Command::from(stamp.build()).args([HOME_STAMP, "1"]))
}

fn stamp_home() -> Command {
    let stamp = SetOption::new().window().target_pane(LAST_WINDOW);
    Command::from(stamp.build()).args([HOME_STAMP, "1"])
}

fn home_directory() -> String {
    let home = std::env::var("HOME").unwrap_or_default();
    let home = if Path::new(&home).is_absolute() {
        home
    } else {
        "/".into()
    };
    escape_format(&home)
}
