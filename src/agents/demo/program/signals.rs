//! Signals as readable state: a byte in a socket wakes the loop, flags say which came.

use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGHUP, SIGTERM, SIGWINCH};
use signal_hook::{flag, low_level};

pub struct Signals {
    wake: UnixStream,
    resized: Arc<AtomicBool>,
    /// The number of the signal that asks us to end; 0 for none.
    ended_by: Arc<AtomicUsize>,
}

impl Signals {
    pub fn new() -> std::io::Result<Self> {
        let (wake, sender) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        let signals = Self {
            wake,
            resized: Arc::default(),
            ended_by: Arc::default(),
        };
        // The flag first: actions run in this order, and whoever is woken must find it.
        flag::register(SIGWINCH, signals.resized.clone())?;
        for signal in [SIGTERM, SIGHUP] {
            flag::register_usize(signal, signals.ended_by.clone(), signal as usize)?;
        }
        for signal in [SIGWINCH, SIGTERM, SIGHUP] {
            low_level::pipe::register(signal, sender.try_clone()?)?;
        }
        Ok(signals)
    }

    pub fn readable(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    /// Takes the wake-up bytes.
    pub fn drain(&self) {
        let mut bytes = [0; 64];
        while matches!(std::io::Read::read(&mut &self.wake, &mut bytes), Ok(read) if read > 0) {}
    }

    pub fn take_resized(&self) -> bool {
        self.resized.swap(false, Ordering::Relaxed)
    }

    pub fn take_end(&self) -> Option<i32> {
        match self.ended_by.swap(0, Ordering::Relaxed) {
            0 => None,
            signal => Some(signal as i32),
        }
    }
}
