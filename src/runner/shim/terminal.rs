//! The controlling terminal: who is in its foreground, and how it is left behind.

use std::fs::{File, OpenOptions};
use std::io::Write;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, getpgrp};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr, tcsetpgrp};

/// Takes back what an agent that was killed may have left on: the alternate screen, mouse reports, bracketed paste,
/// focus reports, extended keyboard protocols, a hidden cursor, colours, a scroll region, line drawing.
const RESET: &[u8] = b"\x1b[?1049l\x1b[?1000;1002;1003;1004;1006l\x1b[?2004l\x1b[>4;0m\x1b[<u\x1b[?1l\x1b>\x1b[?25h\x1b[r\x1b[0m\x1b(B\r\n";

pub struct Terminal {
    tty: File,
    /// As it was before the agent; what a person's shell gets back.
    sane: Option<Termios>,
    /// Whether the foreground was ours to give away. A run in the background of a shell leaves it alone.
    foreground_is_ours: bool,
}

impl Terminal {
    /// `None` without a controlling terminal: everything else works all the same.
    pub fn open() -> Option<Self> {
        let tty = OpenOptions::new().read(true).write(true).open("/dev/tty").ok()?;
        Some(Self {
            sane: tcgetattr(&tty).ok(),
            foreground_is_ours: tcgetpgrp(&tty).is_ok_and(|group| group == getpgrp()),
            tty,
        })
    }

    pub fn tty(&self) -> &File {
        &self.tty
    }

    pub fn foreground_is_ours(&self) -> bool {
        self.foreground_is_ours
    }

    /// Puts a process group in the foreground. It fails only when the group or the terminal is gone.
    pub fn put_in_foreground(&self, group: Pid) {
        if self.foreground_is_ours {
            let _ = tcsetpgrp(&self.tty, group);
        }
    }

    /// False once the other end is closed: the window was killed or the connection was lost.
    pub fn is_connected(&self) -> bool {
        let mut polled = [PollFd::new(&self.tty, PollFlags::empty())];
        let polled_ok = poll(&mut polled, Some(&Timespec::default())).is_ok();
        polled_ok && !polled[0].revents().intersects(PollFlags::HUP | PollFlags::ERR)
    }

    /// Gives the terminal back as it was found. Every step may fail when it is gone.
    pub fn reset(&self) {
        self.put_in_foreground(getpgrp());
        let _ = (&self.tty).write_all(RESET);
        if let Some(sane) = &self.sane {
            let _ = tcsetattr(&self.tty, OptionalActions::Now, sane);
        }
    }
}
