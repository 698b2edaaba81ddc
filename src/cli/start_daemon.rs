//! Starting the daemon for a command that needs it.
//!
//! Through the systemd unit of the user where one is installed, else detached: a session of its own, `/` as directory, no more
//! environment than it needs. Never from inside an agent's session (an agent would become the daemon's ancestor and its
//! environment the daemon's), and never as root under sudo for another user's data.

use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::out;
use crate::config::data_dir::DataDir;
use crate::config::{Config, Overrides};
use crate::daemon;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::launch::ORIGIN_VAR;
use crate::runner::process;

/// How long a daemon may take from its start to its open socket.
const START_LIMIT: Duration = Duration::from_secs(10);
/// The socket appears by rename in a directory that may not exist yet, so it is looked for rather than waited for.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long systemctl may take to say whether a unit is there.
const SYSTEMCTL_LIMIT: Duration = Duration::from_secs(5);
const UNIT: &str = "telecoder.service";
/// How much of the end of the daemon's log is looked at for its last line.
const LOG_TAIL_BYTES: usize = 8 * 1024;

/// What the daemon gets of our environment, beside `LC_*`, `XDG_*`, `TELECODER_*` and what `pass_env` names.
const KEPT: [&str; 7] = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TMPDIR"];
/// What says that we are inside an agent's session; a daemon must not have it.
const OF_A_SESSION: [&str; 6] = [
    "TELECODER_SESSION",
    "TELECODER_NAME",
    "TELECODER_LAUNCH",
    "TELECODER_MAILBOX",
    "TELECODER_AGENTS_MD",
    ORIGIN_VAR,
];

/// Starts a daemon and returns when its socket answers. Errors: what the daemon itself ended with, in its own words; else
/// `DaemonUnreachable`.
pub fn ensure(config: &Config, overrides: &Overrides) -> Result<()> {
    let dir = DataDir::new(&config.data_dir);
    refuse_inside_a_session()?;
    refuse_for_another_user(dir.path())?;
    if is_the_default_place(overrides) && start_by_systemd()? {
        return wait_for_socket(&dir, None, 0).map(drop);
    }
    start_detached(config, overrides, &dir)
}

fn unreachable(message: impl Into<String>) -> Fault {
    Fault::new(Kind::DaemonUnreachable, message)
}

fn refuse_inside_a_session() -> Result<()> {
    let inside = std::env::var_os("TELECODER_SESSION").is_some()
        || process::ancestors(std::process::id())
            .iter()
            .any(|ancestor| is_shim(ancestor.pid));
    if !inside {
        return Ok(());
    }
    Err(
        unreachable("no daemon runs, and it cannot be started from inside an agent's session").hint(
            "A person has to start it from a shell outside: `telecoder serve`. `telecoder notify` works without it.",
        ),
    )
}

fn is_shim(pid: u32) -> bool {
    let Ok(line) = std::fs::read(format!("/proc/{pid}/cmdline")) else {
        return false;
    };
    is_shim_line(&line)
}

fn is_shim_line(line: &[u8]) -> bool {
    let mut words = line.split(|byte| *byte == 0);
    words.nth(1) == Some(b"shim") && words.any(|word| word == b"--launch-dir")
}

fn refuse_for_another_user(path: &Path) -> Result<()> {
    let Some(owner) = owner_of_nearest(path) else {
        return Ok(());
    };
    let own = rustix::process::geteuid().as_raw();
    let sudo = std::env::var("SUDO_UID").ok().and_then(|uid| uid.parse::<u32>().ok());
    check_owner(path.exists(), owner, own, sudo).map_err(|message| {
        unreachable(format!("no daemon runs for {}, and {message}", path.display()))
            .hint("Run the command as that user (without sudo), or name a directory of your own with `--data-dir`.")
    })
}

/// Whether we may make a daemon for data whose owner (or whose directory's owner) is `owner`.
fn check_owner(exists: bool, owner: u32, own: u32, sudo: Option<u32>) -> Result<(), String> {
    if exists && owner != own {
        return Err(format!(
            "it belongs to user {owner} while this command runs as user {own}"
        ));
    }
    match sudo {
        Some(caller) if own == 0 && caller != 0 && owner == caller => Err(format!(
            "sudo would make root the owner of what belongs to user {caller}"
        )),
        _ => Ok(()),
    }
}

fn owner_of_nearest(path: &Path) -> Option<u32> {
    let there = path.ancestors().find_map(|path| std::fs::metadata(path).ok());
    there.map(|meta| meta.uid())
}

/// The unit serves the place that is meant when nobody names one.
fn is_the_default_place(overrides: &Overrides) -> bool {
    let named = |key| std::env::var_os(key).is_some();
    overrides.config.is_none()
        && overrides.data_dir.is_none()
        && !named("TELECODER_CONFIG")
        && !named("TELECODER_DATA_DIR")
}

/// False when there is no systemd, or no unit of ours in it.
fn start_by_systemd() -> Result<bool> {
    let Ok(systemctl) = which::which("systemctl") else {
        return Ok(false);
    };
    let run = |verb: &str, limit| {
        let child = Command::new(&systemctl)
            .args(["--user", verb, UNIT])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        child.is_ok_and(|child| succeeds_within(child, limit))
    };
    if !run("cat", SYSTEMCTL_LIMIT) {
        return Ok(false);
    }
    if run("start", START_LIMIT) {
        return Ok(true);
    }
    Err(unreachable(format!("systemd could not start {UNIT}"))
        .hint(format!("`systemctl --user status {UNIT}` says why.")))
}

fn succeeds_within(mut child: Child, limit: Duration) -> bool {
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) if begun.elapsed() < limit => std::thread::sleep(LOOK_EVERY),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return false;
            }
        }
    }
}

fn start_detached(config: &Config, overrides: &Overrides, dir: &DataDir) -> Result<()> {
    daemon::preflight(config)?;
    daemon::make_private_dir(dir.path())?;
    let log = daemon::open_private_log(&dir.daemon_log())?;
    let begin = log.metadata().map_or(0, |meta| meta.len());
    let program = std::env::current_exe().map_err(|e| Fault::io("finding the path of this program", &e))?;
    let mut command = Command::new(program);
    command.args(["serve", "--detach", "--data-dir"]).arg(dir.path());
    if let Some(file) = &overrides.config {
        let file = std::path::absolute(file).map_err(|e| Fault::io("finding the configuration", &e))?;
        command.arg("--config").arg(file);
    }
    let child = command
        .env_clear()
        .envs(std::env::vars_os().filter(|(key, _)| is_kept(key, config)))
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .map_err(|e| unreachable(format!("the daemon could not be started: {e}")))?;
    if let Some(child) = wait_for_socket(dir, Some(child), begin)? {
        out::note(&format!("started the daemon (process {})", child.id()));
    }
    Ok(())
}

fn is_kept(key: &OsStr, config: &Config) -> bool {
    let Some(key) = key.to_str() else { return false };
    if OF_A_SESSION.contains(&key) {
        return false;
    }
    KEPT.contains(&key)
        || ["LC_", "XDG_", "TELECODER_"]
            .iter()
            .any(|prefix| key.starts_with(prefix))
        || config
            .agents
            .values()
            .any(|agent| agent.pass_env.iter().any(|name| name == key))
}

/// Waits until the socket answers; returns the child unless it lost the race against another daemon, which is as good.
fn wait_for_socket(dir: &DataDir, mut child: Option<Child>, log_begin: u64) -> Result<Option<Child>> {
    let begun = Instant::now();
    while begun.elapsed() < START_LIMIT {
        if UnixStream::connect(dir.api_sock()).is_ok() {
            return Ok(child);
        }
        if let Some(running) = &mut child
            && let Ok(Some(status)) = running.try_wait()
        {
            if status.code() != Some(i32::from(Kind::AnotherDaemon.exit_code())) {
                return Err(died(dir, status, log_begin));
            }
            child = None;
        }
        std::thread::sleep(LOOK_EVERY);
    }
    let message = format!("the daemon did not open its socket within {} s", START_LIMIT.as_secs());
    Err(unreachable(message).hint(log_hint(dir, log_begin)))
}

/// The daemon's own last words, with the kind that its exit code says.
fn died(dir: &DataDir, status: std::process::ExitStatus, log_begin: u64) -> Fault {
    let kind = status.code().and_then(Kind::from_exit_code);
    match (kind, last_words(&dir.daemon_log(), log_begin)) {
        (Some(kind), Some((error, hint))) => Fault {
            hint: Some(hint.unwrap_or_else(|| log_hint(dir, log_begin))),
            ..Fault::new(kind, error)
        },
        _ => unreachable(format!("the daemon ended while it started ({status})")).hint(log_hint(dir, log_begin)),
    }
}

/// The `error:` and `hint:` lines that a daemon ended with, if it ended so.
fn last_words(path: &Path, begin: u64) -> Option<(String, Option<String>)> {
    let lines = fresh_lines(path, begin)?;
    let (hint, rest) = match lines.split_last() {
        Some((last, rest)) if last.starts_with("hint: ") => (last.strip_prefix("hint: "), rest),
        _ => (None, lines.as_slice()),
    };
    let error = rest.last()?.strip_prefix("error: ")?;
    Some((error.to_owned(), hint.map(str::to_owned)))
}

fn log_hint(dir: &DataDir, begin: u64) -> String {
    let path = dir.daemon_log();
    match last_line(&path, begin) {
        Some(line) => format!("{} ends with: {line}", path.display()),
        None => format!("{} says nothing; try `telecoder serve` in a terminal.", path.display()),
    }
}

/// The last line that was written after `begin`; a hint line and the error before it are one.
fn last_line(path: &Path, begin: u64) -> Option<String> {
    match (last_words(path, begin), fresh_lines(path, begin)?.pop()) {
        (Some((error, Some(hint))), _) => Some(format!("error: {error}. {hint}")),
        (_, last) => last,
    }
}

/// The last lines that were written after `begin`, blank ones left out.
fn fresh_lines(path: &Path, begin: u64) -> Option<Vec<String>> {
    let bytes = std::fs::read(path).ok()?;
    let fresh = bytes.get(usize::try_from(begin).ok()?..)?;
    let tail = &fresh[fresh.len().saturating_sub(LOG_TAIL_BYTES)..];
    let text = String::from_utf8_lossy(tail);
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    Some(lines.map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_of_another_user_gets_no_daemon() {
        assert!(check_owner(true, 1000, 1000, None).is_ok());
        assert!(check_owner(false, 0, 1000, None).is_ok());
        assert!(check_owner(true, 1000, 0, None).is_err());
        assert!(check_owner(true, 1000, 0, Some(1000)).is_err());
        assert!(check_owner(false, 1000, 0, Some(1000)).is_err());
        assert!(check_owner(false, 0, 0, Some(1000)).is_ok());
    }

    #[test]
    fn a_shim_is_told_by_its_command_line() {
        assert!(is_shim_line(b"/d/bin/telecoder\0shim\0--launch-dir\0/d/x\0--\0agent\0"));
        assert!(!is_shim_line(b"vi\0shim\0notes\0"));
        assert!(!is_shim_line(b"telecoder\0run\0shim --launch-dir\0"));
    }

    #[test]
    fn the_hint_is_what_the_log_said_last() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("daemon.log");
        std::fs::write(&path, "old line\nerror: no tmux\nhint: Install it.\n\n").unwrap();
        assert_eq!(last_line(&path, 9).unwrap(), "error: no tmux. Install it.");
        assert_eq!(last_line(&path, 45), None);
    }
}
