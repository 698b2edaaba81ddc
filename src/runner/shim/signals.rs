//! What the shim hears, and what its child must not inherit.
//!
//! A signal sets a flag and wakes the one wait of the program; nothing is decided in a handler. Handlers fall back to
//! the default in the agent by themselves; what is ignored here would stay ignored in it, so [`reset_in_child`].

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{
    SIGCHLD, SIGHUP, SIGINT, SIGKILL, SIGPIPE, SIGQUIT, SIGSTOP, SIGTERM, SIGTSTP, SIGTTOU, SIGUSR1, SIGUSR2,
};
use signal_hook::{flag, low_level};

/// Must not end or stop the shim: keys at the terminal, and TTOU, which would otherwise come when a background process
/// gives the foreground away.
const IGNORED: [i32; 7] = [SIGINT, SIGQUIT, SIGTSTP, SIGTTOU, SIGPIPE, SIGUSR1, SIGUSR2];
/// The last signal number of Linux.
const SIGNAL_MAX: i32 = 64;

pub struct Signals {
    woken: UnixStream,
    hung_up: Arc<AtomicBool>,
    stop_asked: Arc<AtomicBool>,
}

impl Signals {
    pub fn install() -> io::Result<Self> {
        let (woken, waker) = UnixStream::pair()?;
        woken.set_nonblocking(true)?;
        let signals = Self {
            woken,
            hung_up: Arc::default(),
            stop_asked: Arc::default(),
        };
        // Actions run in the order of their registration: the flag is set before the wait wakes.
        flag::register(SIGHUP, Arc::clone(&signals.hung_up))?;
        flag::register(SIGTERM, Arc::clone(&signals.stop_asked))?;
        for signal in [SIGHUP, SIGTERM, SIGCHLD] {
            low_level::pipe::register(signal, waker.try_clone()?)?;
        }
        IGNORED.into_iter().for_each(ignore);
        Ok(signals)
    }

    /// The terminal went away.
    pub fn hung_up(&self) -> bool {
        self.hung_up.load(Ordering::SeqCst)
    }

    /// Somebody sent TERM.
    pub fn stop_asked(&self) -> bool {
        self.stop_asked.load(Ordering::SeqCst)
    }

    /// Forgets a stop request, so that the next one can be told from it. A terminal that is lost stays lost.
    pub fn forget(&self) {
        self.stop_asked.store(false, Ordering::SeqCst);
    }

    /// Waits for the next signal (also one that came since the last wait), at most `limit`.
    pub fn wait(&self, limit: Option<Duration>) {
        let timeout = limit.and_then(|limit| Timespec::try_from(limit).ok());
        let mut polled = [PollFd::new(&self.woken, PollFlags::IN)];
        // An error is an interruption by the very signal that is waited for.
        let _ = poll(&mut polled, timeout.as_ref());
        let mut drained = [0; 64];
        while matches!((&self.woken).read(&mut drained), Ok(n) if n == drained.len()) {}
    }
}

#[expect(unsafe_code, reason = "no safe interface sets a signal to be ignored")]
fn ignore(signal: i32) {
    // SAFETY: SIG_IGN installs no code of ours; the call has no other precondition.
    unsafe {
        libc::signal(signal, libc::SIG_IGN);
    }
}

/// Every signal at its default and none blocked, whatever we or our parent had set. Only for a child between fork and exec.
#[expect(unsafe_code, reason = "no safe interface resets signal dispositions or the mask")]
pub fn reset_in_child() {
    let resettable = (1..=SIGNAL_MAX).filter(|signal| ![SIGKILL, SIGSTOP].contains(signal));
    for signal in resettable {
        // SAFETY: SIG_DFL installs no code; signal() is async-signal-safe. It refuses the two numbers that the C library
        // keeps for itself, which does no harm.
        unsafe {
            libc::signal(signal, libc::SIG_DFL);
        }
    }
    // SAFETY: sigemptyset initialises the set before it is read; both calls are async-signal-safe.
    unsafe {
        let mut none = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}
