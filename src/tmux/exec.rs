//! One tmux process per command list: the way in before the control client is up and when it is down, and for long captures.
//!
//! The only place that says which tmux, which socket and which environment. A process that hangs is ended.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command as Process;

use super::command::CommandList;
use super::error::TmuxError;
use super::reply::Reply;

/// A process has this long to answer. A capture of a full history takes 0.2 s on a slow machine.
const EXEC_TIME_MAX: Duration = Duration::from_secs(10);

/// All that a server, and through it a window, inherits from us. Agents get theirs from their own env file.
const ENVIRONMENT: [&str; 8] = ["PATH", "HOME", "LANG", "TERM", "SHELL", "USER", "LOGNAME", "TMPDIR"];

#[derive(Debug, Clone)]
pub(super) struct Exec {
    program: PathBuf,
    socket: PathBuf,
    config: PathBuf,
}

impl Exec {
    pub fn new(program: &Path, socket: PathBuf, config: PathBuf) -> Self {
        Self {
            program: program.into(),
            socket,
            config,
        }
    }

    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Runs `list` on the running server. Never starts one, also for commands that would (`attach`, `new-session`).
    pub async fn run(&self, list: &CommandList) -> Result<Reply, TmuxError> {
        let mut process = self.process(["-N"]);
        process.args(list.argv());
        self.answer(process).await
    }

    /// Runs `list`, starting the server if its first command does so and none runs.
    pub async fn run_starting(&self, list: &CommandList) -> Result<Reply, TmuxError> {
        let mut process = self.process([] as [&str; 0]);
        process.args(list.argv());
        self.answer(process).await
    }

    /// What `tmux -V` prints.
    pub async fn version(&self) -> Result<String, TmuxError> {
        let mut process = Process::new(&self.program);
        process.arg("-V");
        let reply = self.answer(scrubbed(process)).await?;
        Ok(reply.output)
    }

    /// The persistent control client: quiet about output (a slow reader would stop the agents), no say in the size.
    pub fn control_client(&self, session: &str) -> Process {
        let mut process = self.process(["-N", "-C"]);
        process
            .args(["attach-session", "-f", "no-output,ignore-size", "-t"])
            .arg(session);
        process
    }

    fn process<S: AsRef<OsStr>>(&self, flags: impl IntoIterator<Item = S>) -> Process {
        let mut process = Process::new(&self.program);
        // -u: without it tmux replaces every character beyond ASCII by `_` where the locale is not UTF-8.
        process.arg("-u").args(flags);
        process.arg("-S").arg(&self.socket).arg("-f").arg(&self.config);
        scrubbed(process)
    }

    async fn answer(&self, mut process: Process) -> Result<Reply, TmuxError> {
        let run = process.output();
        let output = match tokio::time::timeout(EXEC_TIME_MAX, run).await {
            Err(_) => return Err(TmuxError::Timeout(EXEC_TIME_MAX)),
            Ok(Err(error)) => return Err(self.not_started(&error)),
            Ok(Ok(output)) => output,
        };
        let errors = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if output.status.success() {
            return Ok(Reply {
                output: String::from_utf8_lossy(&output.stdout).into_owned(),
                error: None,
            });
        }
        if errors.starts_with("no server running") || errors.starts_with("error connecting to") {
            return Err(TmuxError::NoServer(self.socket.display().to_string()));
        }
        if errors.contains("server exited") || errors.contains("lost server") {
            return Err(TmuxError::Lost);
        }
        Ok(Reply {
            output: String::from_utf8_lossy(&output.stdout).into_owned(),
            error: Some(if errors.is_empty() {
                output.status.to_string()
            } else {
                errors
            }),
        })
    }

    fn not_started(&self, error: &std::io::Error) -> TmuxError {
        match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::PermissionDenied => {
                TmuxError::ProgramMissing(self.program.display().to_string())
            }
            _ => TmuxError::Io(format!("starting {}: {error}", self.program.display())),
        }
    }
}

/// A server lives longer than the daemon that started it: nothing of the daemon's environment, directory or terminal
/// signals may stay with it.
fn scrubbed(mut process: Process) -> Process {
    process
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| is_inherited(name)))
        .current_dir("/")
        .stdin(Stdio::null())
        .process_group(0)
        .kill_on_drop(true);
    process
}

fn is_inherited(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    ENVIRONMENT.contains(&name) || name.starts_with("LC_")
}
