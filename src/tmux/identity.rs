//! Which process the tmux server is: told apart by its start time, kept in `<dir>/server.json`, watched by a pidfd.

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::domain::letter::ProcessRef;

/// The process with this number, now. `None` when there is none, or only its zombie.
pub(super) fn process(pid: u32) -> Option<ProcessRef> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses and may hold anything, also spaces and parentheses.
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    // Behind the name, field 3 is the state and field 22 the start time.
    let (state, start) = (fields.first()?, fields.get(19)?);
    if matches!(*state, "Z" | "X") {
        return None;
    }
    Some(ProcessRef {
        pid,
        start: start.parse().ok()?,
    })
}

pub(super) fn is_alive(server: ProcessRef) -> bool {
    process(server.pid) == Some(server)
}

/// Returns when the process has ended.
pub(super) async fn ended(server: ProcessRef) {
    let Some(fd) = open(server) else { return };
    match watch(fd) {
        // A pidfd is readable once the process has ended.
        Ok(fd) => _ = fd.readable().await,
        Err(error) => {
            tracing::error!(error = %error, "the tmux server's process cannot be watched");
            std::future::pending().await
        }
    }
}

#[expect(unsafe_code, reason = "tokio has no safe way to wait on a descriptor of one's own")]
fn watch(fd: OwnedFd) -> std::io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the `OwnedFd` is a valid descriptor, moves into the `AsyncFd`, and is neither replaced nor closed before it.
    let watched = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) };
    Ok(watched?)
}

/// Asks a tmux server to make its socket again (SIGUSR1). False when that process is no more.
pub(super) fn ask_for_socket(server: ProcessRef) -> bool {
    let Some(fd) = open(server) else { return false };
    pidfd_send_signal(fd, Signal::USR1).is_ok()
}

/// Ends a server that does not listen any more.
pub(super) fn kill(server: ProcessRef) -> bool {
    let Some(fd) = open(server) else { return false };
    pidfd_send_signal(fd, Signal::TERM).is_ok()
}

/// Ends a client that is stuck.
pub(super) fn end_client(client: ProcessRef) -> bool {
    let Some(fd) = open(client) else { return false };
    pidfd_send_signal(fd, Signal::KILL).is_ok()
}

pub(super) fn load(file: &Path) -> Option<ProcessRef> {
    serde_json::from_slice(&std::fs::read(file).ok()?).ok()
}

/// A file that is lost or half written only costs the rescue of a deleted socket.
pub(super) fn save(file: &Path, server: ProcessRef) {
    let text = serde_json::json!({"pid": server.pid, "start": server.start}).to_string();
    let part = file.with_extension("part");
    let written = std::fs::write(&part, text).and_then(|()| std::fs::rename(&part, file));
    if let Err(error) = written {
        tracing::warn!(file = %file.display(), error = %error, "the tmux server's identity could not be kept");
    }
}

/// The number is checked after the pidfd is open: from then on it cannot be given to another process.
fn open(server: ProcessRef) -> Option<OwnedFd> {
    let pid = Pid::from_raw(server.pid.try_into().ok()?)?;
    let fd = pidfd_open(pid, PidfdFlags::empty()).ok()?;
    is_alive(server).then_some(fd)
}
