//! Processes by /proc and pidfd: identity, ancestry, the end of a tree.

use std::time::Duration;

use crate::domain::letter::{Origin, ProcessRef};

/// The process with this number now, if there is one that is not a zombie.
pub fn identify(_pid: u32) -> Option<ProcessRef> {
    todo!()
}

pub fn is_alive(process: ProcessRef) -> bool {
    identify(process.pid) == Some(process)
}

/// The ancestors of a process from its parent up to process 1.
pub fn ancestors(_pid: u32) -> Vec<ProcessRef> {
    todo!()
}

/// Ourselves as the origin of a letter.
pub fn own_origin(_native_id: Option<String>) -> Origin {
    todo!()
}

/// Asks a shim to stop its launch (SIGTERM through a pidfd, so never a later process with the same number).
/// False when the shim is gone.
pub fn ask_shim_to_stop(_shim: ProcessRef) -> bool {
    todo!()
}

/// Ends every process of a launch without its shim's help: the shim, the agent, their descendants, and whatever carries
/// the launch in its environment (`TELECODER_SESSION` and `TELECODER_LAUNCH`). HUP and TERM, after `grace` KILL.
/// Returns how many were still there at the end. Blocking: call it off the async threads.
pub fn end_launch_processes(_session: &str, _launch: u32, _shim: Option<ProcessRef>, _grace: Duration) -> usize {
    todo!()
}
