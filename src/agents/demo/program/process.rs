//! Waiting for a child by its pidfd, and ending it.

use std::os::fd::OwnedFd;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

/// From SIGTERM to SIGKILL.
const GRACE: Duration = Duration::from_millis(500);

/// Readable when the child has ended.
pub fn pidfd(child: &Child) -> std::io::Result<OwnedFd> {
    Ok(pidfd_open(Pid::from_child(child), PidfdFlags::empty())?)
}

/// None when the child still runs after `limit`.
pub fn wait_at_most(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let pidfd = pidfd(child)?;
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        wait_readable(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(left))?;
    }
}

/// Ends the child alone.
pub fn end_now(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// Ends the child and everything in its process group: SIGTERM, after a grace SIGKILL.
pub fn end_group(child: &mut Child) {
    let group = Pid::from_child(child);
    let _ = kill_process_group(group, Signal::TERM);
    let ended = wait_at_most(child, GRACE);
    // Also when the leader has ended: others of the group may have stayed.
    let _ = kill_process_group(group, Signal::KILL);
    if !matches!(ended, Ok(Some(_))) {
        end_now(child);
    }
}

/// `poll`, where a signal is a wake-up like any other. None waits without limit.
pub fn wait_readable(fds: &mut [PollFd<'_>], limit: Option<Duration>) -> std::io::Result<()> {
    let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
    match poll(fds, limit.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
