//! From the agent's start to the end of its tree: waits, continues an agent that stopped itself, and decides why it ended.

use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process_group, wait};
use signal_hook::consts::SIGHUP;

use super::signals::Signals;
use super::terminal::Terminal;
use super::tree;
use crate::domain::exit::ExitCause;
use crate::domain::letter::ProcessRef;

/// An agent that stops again within this time of being continued waits for the rest of it: no spinning.
const CONTINUE_PAUSE: Duration = Duration::from_secs(1);
/// What the agent and its children get to end by themselves when we end them.
const GRACE: Duration = Duration::from_secs(3);
/// What is left behind by an agent that ended by itself gets less: its exit is told within two seconds.
const GRACE_STRAGGLERS: Duration = Duration::from_secs(1);

/// How the agent ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub cause: ExitCause,
    /// Processes that even KILL did not end.
    pub left_over: usize,
}

impl Ending {
    /// The shim's own exit code, as a shell would give it.
    pub fn exit_code(&self) -> u8 {
        let code = self.code.or(self.signal.map(|signal| 128 + signal));
        u8::try_from(code.unwrap_or(1)).unwrap_or(u8::MAX)
    }
}

/// Waits for the agent's end, or for an order to end it, and leaves no process behind.
pub fn until_ended(agent: ProcessRef, signals: &Signals, terminal: Option<&Terminal>) -> Ending {
    let mut watch = Watch {
        agent: Pid::from_raw(agent.pid.cast_signed()).expect("a child's number is positive"),
        ended: None,
        continuing: Continuing::default(),
    };
    let cause = watch.until_cause(signals, terminal);
    let grace = if watch.ended.is_some() { GRACE_STRAGGLERS } else { GRACE };
    let left_over = tree::end(grace, signals, |pid, status| watch.note_end(pid, status));
    let (code, signal) = match watch.ended {
        Some(status) => (status.exit_status(), status.terminating_signal()),
        // It outlasted KILL in an uninterruptible wait; KILL is what will end it.
        None => (None, Some(Signal::KILL.as_raw())),
    };
    Ending {
        code,
        signal,
        cause,
        left_over,
    }
}

struct Watch {
    agent: Pid,
    ended: Option<WaitStatus>,
    continuing: Continuing,
}

impl Watch {
    fn until_cause(&mut self, signals: &Signals, terminal: Option<&Terminal>) -> ExitCause {
        loop {
            self.collect();
            if signals.stop_asked() {
                return ExitCause::Stopped;
            }
            if signals.hung_up() {
                return ExitCause::TerminalLost;
            }
            if let Some(status) = self.ended {
                return cause_of(status, terminal);
            }
            let agent = self.agent;
            let pause = self.continuing.act(Instant::now(), || carry_on(agent, terminal));
            signals.wait(pause);
        }
    }

    /// Takes every change of a child: the agent's, and the end of orphans that came to us as the subreaper.
    fn collect(&mut self) {
        loop {
            match wait(WaitOptions::NOHANG | WaitOptions::UNTRACED) {
                Ok(Some((pid, status))) if status.stopped() => {
                    if pid == self.agent {
                        self.continuing.stopped = true;
                    }
                }
                Ok(Some((pid, status))) => self.note_end(pid, status),
                Err(Errno::INTR) => {}
                Ok(None) | Err(_) => return,
            }
        }
    }

    fn note_end(&mut self, pid: Pid, status: WaitStatus) {
        if pid == self.agent {
            self.ended = Some(status);
        }
    }
}

/// Nobody could type `fg` here: an agent that stopped itself (Ctrl-Z, or a read from the background) goes on.
fn carry_on(agent: Pid, terminal: Option<&Terminal>) {
    if let Some(terminal) = terminal {
        terminal.put_in_foreground(agent);
    }
    let _ = kill_process_group(agent, Signal::CONT);
}

/// A hang-up kills the agent and tells us; the agent's death may be seen first.
fn cause_of(status: WaitStatus, terminal: Option<&Terminal>) -> ExitCause {
    match status.terminating_signal() {
        Some(SIGHUP) if terminal.is_some_and(|terminal| !terminal.is_connected()) => ExitCause::TerminalLost,
        Some(_) => ExitCause::Signal,
        None => ExitCause::Exit,
    }
}

/// The pace at which a stopped agent is continued.
#[derive(Default)]
struct Continuing {
    stopped: bool,
    last: Option<Instant>,
}

impl Continuing {
    /// Continues a stopped agent if it is time; otherwise says how long to wait for that.
    fn act(&mut self, now: Instant, carry_on: impl FnOnce()) -> Option<Duration> {
        if !self.stopped {
            return None;
        }
        let due = self.last.map_or(now, |last| last + CONTINUE_PAUSE);
        if due > now {
            return Some(due - now);
        }
        carry_on();
        self.stopped = false;
        self.last = Some(now);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_agent_is_continued_at_once_and_then_at_most_once_a_second() {
        let start = Instant::now();
        let mut continuing = Continuing::default();
        let mut count = 0;
        assert_eq!(continuing.act(start, || count += 1), None);
        continuing.stopped = true;
        assert_eq!(continuing.act(start, || count += 1), None);
        continuing.stopped = true;
        assert_eq!(continuing.act(start, || count += 1), Some(CONTINUE_PAUSE));
        assert_eq!(continuing.act(start + CONTINUE_PAUSE, || count += 1), None);
        assert_eq!(count, 2);
    }

    #[test]
    fn a_signal_becomes_128_and_more() {
        let ending = |code, signal| Ending {
            code,
            signal,
            cause: ExitCause::Exit,
            left_over: 0,
        };
        assert_eq!(ending(Some(3), None).exit_code(), 3);
        assert_eq!(ending(None, Some(9)).exit_code(), 137);
    }
}
