//! The end of a launch whose shim cannot help any more.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::process::Signal;

use super::{Table, ancestors, open, signal};
use crate::domain::letter::ProcessRef;

/// How long the processes get to vanish after KILL; a process in an uninterruptible wait outlasts it.
const KILL_WAIT_MAX: Duration = Duration::from_secs(3);
/// A new look at /proc after this time at the latest: a process may have started another one.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Ends every process of a launch without its shim's help: the shim, the agent, their descendants, and whatever carries
/// the launch in its environment (`TELECODER_SESSION` and `TELECODER_LAUNCH`). HUP and TERM, after `grace` KILL.
/// Returns how many were still there at the end. Blocking: call it off the async threads.
pub fn end_launch_processes(session: &str, launch: u32, shim: Option<ProcessRef>, grace: Duration) -> usize {
    let target = Target::new(session, launch, shim);
    let mut asked = HashSet::new();
    target.signal_until_gone(grace, |process| {
        if asked.insert(process) {
            for gentle in [Signal::HUP, Signal::TERM, Signal::CONT] {
                signal(process, gentle);
            }
        }
    });
    target.signal_until_gone(KILL_WAIT_MAX, |process| {
        signal(process, Signal::KILL);
    });
    target.processes().len()
}

struct Target {
    session: Vec<u8>,
    launch: Vec<u8>,
    shim: Option<ProcessRef>,
    /// Never to be ended: ourselves and what started us. A daemon does not carry the marker of a launch, a test may.
    spared: HashSet<u32>,
}

impl Target {
    fn new(session: &str, launch: u32, shim: Option<ProcessRef>) -> Self {
        let own = std::process::id();
        let spared = ancestors(own).into_iter().map(|ancestor| ancestor.pid);
        Self {
            session: format!("TELECODER_SESSION={session}").into_bytes(),
            launch: format!("TELECODER_LAUNCH={launch}").into_bytes(),
            shim,
            spared: spared.chain([own]).collect(),
        }
    }

    /// Looks, acts on each, waits for one of them to end; until none is left or `limit` has passed.
    fn signal_until_gone(&self, limit: Duration, mut act: impl FnMut(ProcessRef)) {
        let deadline = Instant::now() + limit;
        loop {
            let left = self.processes();
            left.iter().for_each(|process| act(*process));
            let now = Instant::now();
            if left.is_empty() || now >= deadline {
                return;
            }
            wait_for_an_end(&left, LOOK_AGAIN.min(deadline - now));
        }
    }

    fn processes(&self) -> Vec<ProcessRef> {
        let table = Table::read();
        let shim = self.shim.filter(|shim| super::is_alive(*shim));
        let mut found = table.select(|pid| Some(pid) == shim.map(|shim| shim.pid) || self.carries_the_launch(pid));
        let roots: Vec<u32> = found.iter().map(|process| process.pid).collect();
        found.extend(table.descendants(&roots));
        found.retain(|process| !self.spared.contains(&process.pid));
        found
    }

    fn carries_the_launch(&self, pid: u32) -> bool {
        let Ok(environment) = std::fs::read(format!("/proc/{pid}/environ")) else {
            return false;
        };
        let has = |wanted: &[u8]| environment.split(|byte| *byte == 0).any(|entry| entry == wanted);
        has(&self.session) && has(&self.launch)
    }
}

fn wait_for_an_end(processes: &[ProcessRef], limit: Duration) {
    let pidfds: Vec<OwnedFd> = processes.iter().filter_map(|process| open(*process)).collect();
    let mut polled: Vec<PollFd<'_>> = pidfds.iter().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
    let timeout = Timespec::try_from(limit).ok();
    // An interrupted or failed wait only makes the next look come earlier.
    let _ = poll(&mut polled, timeout.as_ref());
}
