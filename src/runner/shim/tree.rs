//! The end of everything below the shim.
//!
//! As the subreaper the shim is the parent of every orphan of the agent's, also of one that left its session and its
//! group. So "no child left" is the same as "no descendant left", and the kernel says that exactly (ECHILD).

use std::collections::HashSet;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, wait};

use super::signals::Signals;
use crate::domain::letter::ProcessRef;
use crate::runner::process::{self, Table};

/// How long KILL is repeated; a process in an uninterruptible wait, or of another user, outlasts it.
const KILL_WAIT_MAX: Duration = Duration::from_secs(3);
/// A new look at the table after this time at the latest: a process may have started another one.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// How often newcomers are looked for while everything is being stopped, before KILL.
const FREEZE_ROUNDS_MAX: usize = 16;

/// Asks every descendant to end, kills what is left after `grace`, and tells each end to `ended`. Returns how many are
/// still there.
pub fn end(grace: Duration, signals: &Signals, mut ended: impl FnMut(Pid, WaitStatus)) -> usize {
    let mut asked = HashSet::new();
    let gone = until_gone(grace, signals, &mut ended, || {
        for process in descendants() {
            if asked.insert(process) {
                for gentle in [Signal::HUP, Signal::TERM, Signal::CONT] {
                    process::signal(process, gentle);
                }
            }
        }
    });
    if gone || until_gone(KILL_WAIT_MAX, signals, &mut ended, kill_all) {
        return 0;
    }
    descendants().len()
}

/// Acts, waits for an end, and again, until there is no child or `limit` has passed. True when there is none.
fn until_gone(
    limit: Duration,
    signals: &Signals,
    ended: &mut impl FnMut(Pid, WaitStatus),
    mut act: impl FnMut(),
) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if no_child_left(ended) {
            return true;
        }
        act();
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return no_child_left(ended);
        }
        signals.wait(Some(left.min(LOOK_AGAIN)));
    }
}

fn no_child_left(ended: &mut impl FnMut(Pid, WaitStatus)) -> bool {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) => ended(pid, status),
            Ok(None) => return false,
            Err(Errno::CHILD) => return true,
            Err(_) => {}
        }
    }
}

fn descendants() -> Vec<ProcessRef> {
    Table::read().descendants(&[std::process::id()])
}

/// Stops all before it kills any: what is stopped can start nothing new behind our back.
fn kill_all() {
    let mut frozen = HashSet::new();
    for _ in 0..FREEZE_ROUNDS_MAX {
        let newcomers: Vec<ProcessRef> = descendants().into_iter().filter(|p| frozen.insert(*p)).collect();
        if newcomers.is_empty() {
            break;
        }
        for newcomer in newcomers {
            process::signal(newcomer, Signal::STOP);
        }
    }
    for process in frozen {
        process::signal(process, Signal::KILL);
    }
}
