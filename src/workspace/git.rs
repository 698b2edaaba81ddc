//! The one place that starts git.
//!
//! The environment is built from nothing: neither the user's nor the machine's git config is read, no hook, pager, editor,
//! credential helper or terminal prompt can run, and only the transports that we name are open. Every call has a time
//! limit; a git that exceeds it is ended together with its children.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::sync::OnceCell;

use crate::domain::fault::{Fault, Kind};

/// Ubuntu 22.04's. Nothing that keeps an agent's repository harmless depends on the version: no git of ours runs in one (see
/// `lens`). Older ones lack options that we use (`GIT_CONFIG_GLOBAL`, `--no-write-fetch-head`).
const VERSION_MIN: (u32, u32) = (2, 34);
/// Questions that touch no network and no work tree.
pub(super) const QUICK: Duration = Duration::from_secs(60);
/// Asking a remote for its refs.
pub(super) const ASK_REMOTE: Duration = Duration::from_secs(60);
/// Reading or writing a whole work tree.
pub(super) const WORK_TREE: Duration = Duration::from_secs(600);
/// Fetching a repository for the first time.
pub(super) const FETCH: Duration = Duration::from_secs(3600);
/// After TERM, git removes its lock files; then it is killed.
const TERM_GRACE: Duration = Duration::from_secs(2);
const STDOUT_BYTES_MAX: u64 = 64 * 1024 * 1024;
const STDERR_BYTES_MAX: u64 = 64 * 1024;
/// How much of what git said stands in an error.
const STDERR_SHOWN_CHARS: usize = 400;

/// Variables that git and ssh may need from us; nothing else of our environment reaches them.
const PASSED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "SSH_AUTH_SOCK",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
];

/// Config of every call. It beats a repository's own, but the far side of a local fetch (`upload-pack`) does not get it:
/// there, git itself ignores what could run a program.
const GUARDS: &[&str] = &[
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "credential.helper=",
    "protocol.ext.allow=never",
    "submodule.recurse=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "advice.detachedHead=false",
    "safe.directory=*",
];

/// What went wrong with a call.
#[derive(Debug)]
pub(super) enum GitError {
    Missing,
    TooOld(String),
    /// The process could not be started or talked to.
    Io(std::io::Error),
    TimedOut(Duration),
    /// It wrote more than we are ready to hold.
    TooMuch,
    Failed {
        status: ExitStatus,
        stderr: String,
    },
}

/// One call of git, being put together.
pub(super) struct Git {
    args: Vec<OsString>,
    env: Vec<(&'static str, OsString)>,
    cwd: PathBuf,
    stdin: Stdio,
    limit: Duration,
    transports: &'static str,
    settings: Vec<&'static str>,
}

impl Git {
    /// A call in (or about) no repository, with the limit [`QUICK`].
    pub(super) fn new(subcommand: &str) -> Self {
        Self {
            args: vec![subcommand.into()],
            env: Vec::new(),
            // Never our own working directory: git would read the config of a repository that it found there.
            cwd: "/".into(),
            stdin: Stdio::null(),
            limit: QUICK,
            transports: "file:https:ssh",
            settings: Vec::new(),
        }
    }

    /// A call in a repository that is ours.
    pub(super) fn at(git_dir: &Path, subcommand: &str) -> Self {
        Self::new(subcommand).env("GIT_DIR", git_dir)
    }

    pub(super) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().into());
        self
    }

    pub(super) fn args(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(OsString::from));
        self
    }

    pub(super) fn env(mut self, name: &'static str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name, value.as_ref().into()));
        self
    }

    /// One more setting, stronger than any repository's.
    pub(super) fn config(mut self, setting: &'static str) -> Self {
        self.settings.push(setting);
        self
    }

    pub(super) fn cwd(mut self, dir: &Path) -> Self {
        self.cwd = dir.into();
        self
    }

    pub(super) fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Gives git the lock's file as its (empty) standard input. An flock lives as long as any copy of the open file: should
    /// we be killed, the lock is held until this git has ended too.
    pub(super) fn stdin(mut self, stdin: Stdio) -> Self {
        self.stdin = stdin;
        self
    }

    /// Opens plain http as well; for loopback addresses only (see `repo_source`).
    pub(super) fn plain_http(mut self, open: bool) -> Self {
        if open {
            self.transports = "file:https:ssh:http";
        }
        self
    }

    /// Runs it and gives its standard output.
    pub(super) async fn run(self) -> Result<Vec<u8>, GitError> {
        let program = program().await?;
        self.run_with(program).await
    }

    /// Runs it and gives at most `max` bytes of its output, and whether there was more.
    pub(super) async fn run_cut(self, max: u64) -> Result<(Vec<u8>, bool), GitError> {
        let program = program().await?;
        let (out, stderr, status) = self.talk(program, max).await?;
        let cut = out.exceeded;
        let out = Capped { exceeded: false, ..out };
        judge(out, &stderr, status).map(|bytes| (bytes, cut))
    }

    async fn run_with(self, program: &Path) -> Result<Vec<u8>, GitError> {
        let (out, stderr, status) = self.talk(program, STDOUT_BYTES_MAX).await?;
        judge(out, &stderr, status)
    }

    async fn talk(self, program: &Path, stdout_max: u64) -> Result<(Capped, Vec<u8>, ExitStatus), GitError> {
        let limit = self.limit;
        let mut child = self.command(program).spawn().map_err(GitError::Io)?;
        let stdout = child.stdout.take().expect("stdout is piped");
        let stderr = child.stderr.take().expect("stderr is piped");
        let talk = async {
            let (out, err) = tokio::join!(read_capped(stdout, stdout_max), read_capped(stderr, STDERR_BYTES_MAX));
            let status = child.wait().await?;
            Ok::<_, std::io::Error>((out?, err?, status))
        };
        match tokio::time::timeout(limit, talk).await {
            Ok(Ok((out, err, status))) => Ok((out, err.bytes, status)),
            Ok(Err(error)) => Err(GitError::Io(error)),
            Err(_) => {
                end(&mut child).await;
                Err(GitError::TimedOut(limit))
            }
        }
    }

    fn command(self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(PASSED.iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
            .env("LC_ALL", "C")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_ALLOW_PROTOCOL", self.transports)
            // Beats `core.sshCommand` of any repository, also on the far side of a local fetch. No questions on a terminal.
            .env("GIT_SSH_COMMAND", "ssh -o BatchMode=yes")
            .env("GIT_SSH_VARIANT", "ssh")
            .envs(self.env)
            .arg("--no-pager")
            .args(GUARDS.iter().chain(&self.settings).flat_map(|guard| ["-c", guard]))
            .args(self.args)
            .current_dir(self.cwd)
            .stdin(self.stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        command
    }
}

fn judge(out: Capped, stderr: &[u8], status: ExitStatus) -> Result<Vec<u8>, GitError> {
    if out.exceeded {
        return Err(GitError::TooMuch);
    }
    if !status.success() {
        return Err(GitError::Failed {
            status,
            stderr: last_words(stderr),
        });
    }
    Ok(out.bytes)
}

struct Capped {
    bytes: Vec<u8>,
    exceeded: bool,
}

/// Reads up to `max` bytes and throws the rest away, so that the writer is never blocked.
async fn read_capped(mut from: impl AsyncRead + Unpin, max: u64) -> std::io::Result<Capped> {
    let mut bytes = Vec::new();
    (&mut from).take(max).read_to_end(&mut bytes).await?;
    let rest = tokio::io::copy(&mut from, &mut tokio::io::sink()).await?;
    Ok(Capped {
        bytes,
        exceeded: rest > 0,
    })
}

/// TERM to the whole group (git removes its lock files and takes its transport along), then KILL. The leader is reaped last:
/// until then the group's number cannot belong to anybody else.
async fn end(child: &mut Child) {
    if let Some(leader) = child.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
        let _ = kill_process_group(leader, Signal::TERM);
        let _ = tokio::task::spawn_blocking(move || wait_for_end(leader)).await;
        let _ = kill_process_group(leader, Signal::KILL);
    }
    let _ = child.wait().await;
}

/// Waits until the process has ended, at most [`TERM_GRACE`], without reaping it.
fn wait_for_end(process: Pid) -> rustix::io::Result<()> {
    let pidfd = pidfd_open(process, PidfdFlags::empty())?;
    let limit = Timespec::try_from(TERM_GRACE).expect("a few seconds");
    poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&limit)).map(drop)
}

/// The last lines of git's error output, without control characters and without what could be a secret in a URL.
fn last_words(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let told: Vec<&str> = lines
        .iter()
        .copied()
        .filter(|line| line.starts_with("fatal:") || line.starts_with("error:") || line.starts_with("ssh:"))
        .collect();
    let chosen = if told.is_empty() { lines } else { told };
    let joined = chosen.join("; ");
    let skip = joined.chars().count().saturating_sub(STDERR_SHOWN_CHARS);
    joined.chars().skip(skip).filter(|c| !c.is_control()).collect()
}

/// git, found and checked once.
async fn program() -> Result<&'static PathBuf, GitError> {
    static PROGRAM: OnceCell<PathBuf> = OnceCell::const_new();
    PROGRAM
        .get_or_try_init(|| async {
            let path = which::which("git").map_err(|_| GitError::Missing)?;
            let said = Git::new("version").run_with(&path).await?;
            let said = String::from_utf8_lossy(&said).trim().to_owned();
            match version(&said) {
                Some(version) if version >= VERSION_MIN => Ok(path),
                _ => Err(GitError::TooOld(said)),
            }
        })
        .await
}

/// `git version 2.39.5 (Apple Git-154)` → (2, 39).
fn version(said: &str) -> Option<(u32, u32)> {
    let mut numbers = said.strip_prefix("git version ")?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

impl GitError {
    /// Whether git ran and refused (and not: could not be run, or took too long).
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, GitError::Failed { .. })
    }

    /// What a person reads: what was being done, and why it failed.
    pub(super) fn into_fault(self, doing: &str) -> Fault {
        let fault = match self {
            GitError::Missing => Fault::new(
                Kind::ProgramMissing,
                "git is not installed, or not in the daemon's PATH",
            )
            .hint("Install it: apt-get install git"),
            GitError::TooOld(said) => Fault::new(Kind::ProgramMissing, format!("`{said}` is too old"))
                .hint(format!("Install git {}.{} or newer.", VERSION_MIN.0, VERSION_MIN.1)),
            GitError::Io(error) => Fault::io("running git", &error),
            GitError::TimedOut(limit) => Fault::new(
                Kind::Timeout,
                format!("git had not finished after {} s and was ended", limit.as_secs()),
            ),
            GitError::TooMuch => Fault::new(Kind::OverLimit, "git's answer is too long to be read"),
            GitError::Failed { stderr, status } if stderr.is_empty() => {
                Fault::new(Kind::Failure, format!("git failed without a word ({status})"))
            }
            GitError::Failed { stderr, .. } if stderr.contains("No space left on device") => {
                Fault::new(Kind::Storage, format!("git: {stderr}"))
            }
            GitError::Failed { stderr, .. } => Fault::new(Kind::Failure, format!("git: {stderr}")),
        };
        fault.context(doing)
    }
}

/// git's output as lines of text. Output that is no UTF-8 (file names) is never read this way.
pub(super) fn lines(out: &[u8]) -> impl Iterator<Item = &str> {
    std::str::from_utf8(out).unwrap_or_default().lines()
}

/// The entries of a `-z` list.
pub(super) fn entries(out: &[u8]) -> impl Iterator<Item = &[u8]> {
    out.split(|b| *b == 0).filter(|entry| !entry.is_empty())
}

/// A single path that git printed, as it is.
pub(super) fn path(out: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(out.strip_suffix(b"\n").unwrap_or(out)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(version("git version 2.47.3"), Some((2, 47)));
        assert_eq!(version("git version 2.39.5 (Apple Git-154)"), Some((2, 39)));
        assert_eq!(version("gat"), None);
        assert!(version("git version 2.9.0").unwrap() < VERSION_MIN);
    }

    #[test]
    fn the_last_words_are_short_and_clean() {
        assert_eq!(last_words(b"Cloning\nfatal: no \x1b[31mway\n"), "fatal: no [31mway");
        assert_eq!(last_words(b"just this\n"), "just this");
        assert!(last_words("fatal: ä".repeat(900).as_bytes()).chars().count() <= STDERR_SHOWN_CHARS);
    }

    #[tokio::test]
    async fn a_call_that_takes_too_long_is_ended_with_its_children() {
        let dir = tempfile::tempdir().unwrap();
        let fake = dir.path().join("git");
        let alive = dir.path().join("alive");
        // The child holds the write end of a pipe through its own stdout: only its death lets `run` return.
        std::fs::write(
            &fake,
            format!(
                "#!/bin/sh\n(trap '' TERM; exec 2>/dev/null; sleep 60) & echo $! > {}; wait\n",
                alive.display()
            ),
        )
        .unwrap();
        std::fs::set_permissions(&fake, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let error = Git::new("x")
            .limit(Duration::from_millis(300))
            .run_with(&fake)
            .await
            .unwrap_err();
        assert!(matches!(error, GitError::TimedOut(_)));
        let pid: i32 = std::fs::read_to_string(&alive).unwrap().trim().parse().unwrap();
        // It has its KILL; this only waits until the kernel is done with it.
        let _ = wait_for_end(Pid::from_raw(pid).unwrap());
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        assert!(stat.is_empty() || stat.contains(") Z "), "the child still runs: {stat}");
    }

    #[test]
    fn nothing_of_the_surroundings_reaches_git() {
        let command = Git::new("status").command(Path::new("git"));
        let std = command.as_std();
        let names: Vec<_> = std
            .get_envs()
            .map(|(name, _)| name.to_string_lossy().into_owned())
            .collect();
        let allowed = |name: &str| PASSED.contains(&name) || name == "LC_ALL" || name.starts_with("GIT_");
        assert!(names.iter().all(|name| allowed(name)), "{names:?}");
    }
}
