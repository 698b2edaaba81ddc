//! Processes by /proc and pidfd: identity, ancestry, the end of a tree.
//!
//! A process is named by its number and its start time, and a signal goes through a pidfd that was opened before the
//! start time was compared: never to a later process with the same number. Keeps no state.

mod end;
mod table;

use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

pub use end::end_launch_processes;
use table::Row;
pub(crate) use table::Table;

use crate::domain::letter::{Origin, ProcessRef};

/// How many ancestors are looked at; a longer chain is cut (a letter has to stay small).
const ANCESTORS_MAX: usize = 64;

/// The process with this number now, if there is one that is not a zombie.
pub fn identify(pid: u32) -> Option<ProcessRef> {
    Row::read(pid).filter(Row::lives).map(|row| row.process())
}

pub fn is_alive(process: ProcessRef) -> bool {
    identify(process.pid) == Some(process)
}

/// When a process started, also of one that has ended and is not waited for yet.
pub(crate) fn start_of(pid: u32) -> Option<u64> {
    Row::read(pid).map(|row| row.start)
}

/// What a process and its descendants do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// How long they have computed so far, over all processors.
    pub computed: Duration,
    /// One of them has a processor right now, or waits for one or for a disk.
    pub is_at_work: bool,
}

/// `None` when it is gone.
pub fn work(process: ProcessRef) -> Option<Work> {
    is_alive(process).then(|| {
        let (ticks, is_at_work) = Table::read().work(process.pid);
        let computed = Duration::from_millis(ticks.saturating_mul(1000) / rustix::param::clock_ticks_per_second());
        Work { computed, is_at_work }
    })
}

/// The ancestors of a process from its parent up to process 1, at most [`ANCESTORS_MAX`].
pub fn ancestors(pid: u32) -> Vec<ProcessRef> {
    ancestors_from(Row::read(pid).map_or(0, |row| row.parent))
}

fn ancestors_from(parent: u32) -> Vec<ProcessRef> {
    let mut found = Vec::new();
    let mut next = parent;
    while next != 0 && found.len() < ANCESTORS_MAX {
        let Some(row) = Row::read(next) else { break };
        found.push(row.process());
        next = row.parent;
    }
    found
}

/// Ourselves as the origin of a letter.
pub fn own_origin(native_id: Option<String>) -> Origin {
    let pid = std::process::id();
    let own = Row::read(pid);
    Origin {
        pid,
        start: own.map_or(0, |row| row.start),
        ancestors: ancestors_from(own.map_or(0, |row| row.parent)),
        native_id,
        by_mount: false,
    }
}

/// Asks a shim to stop its launch (SIGTERM through a pidfd, so never a later process with the same number).
/// False when the shim is gone.
pub fn ask_shim_to_stop(shim: ProcessRef) -> bool {
    signal(shim, Signal::TERM)
}

/// Sends a signal to exactly this process. False when it is gone or may not be signalled.
pub(crate) fn signal(process: ProcessRef, signal: Signal) -> bool {
    open(process).is_some_and(|pidfd| pidfd_send_signal(&pidfd, signal).is_ok())
}

/// A pidfd of exactly this process; `None` when it is gone. The order matters: the number is pinned first, then compared.
pub(crate) fn open(process: ProcessRef) -> Option<rustix::fd::OwnedFd> {
    let pid = Pid::from_raw(i32::try_from(process.pid).ok()?)?;
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).ok()?;
    is_alive(process).then_some(pidfd)
}

#[cfg(test)]
mod tests;
