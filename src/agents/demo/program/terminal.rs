//! The terminal: raw mode, bracketed paste, size, and everything put back in order at the end (also after a panic).

use std::fs::File;
use std::io::{IsTerminal, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::termios::{self, OptionalActions, QueueSelector, Termios};

use crate::domain::fault::{Fault, Kind, Result};

/// Bracketed paste on, wrapping off: rows are cut to the width here, and a character whose width the terminal sees
/// otherwise must not push text into the next row.
const ENTER: &str = "\x1b[?2004h\x1b[?7l";
const LEAVE: &str = "\x1b[?2004l\x1b[?7h\x1b[?25h";
const ALTERNATE_ENTER: &str = "\x1b[?1049h\x1b[H";
const ALTERNATE_LEAVE: &str = "\x1b[?1049l";
const MOUSE_ENTER: &str = "\x1b[?1003h\x1b[?1006h";
const MOUSE_LEAVE: &str = "\x1b[?1003l\x1b[?1006l";
/// What is taken in one read.
const READ_BYTES: usize = 64 * 1024;
const FALLBACK_SIZE: Size = Size { columns: 80, rows: 24 };

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub columns: usize,
    pub rows: usize,
}

#[derive(Debug, Clone, Copy)]
pub struct Modes {
    pub alternate_screen: bool,
    pub mouse: bool,
}

pub struct Terminal {
    input: File,
    output: File,
    before: Termios,
    modes: Modes,
    raw: bool,
}

impl Terminal {
    /// Takes standard input and output. Error `Failure` when they are no terminal.
    pub fn open(modes: Modes) -> Result<Self> {
        let (stdin, stdout) = (std::io::stdin(), std::io::stdout());
        if !stdin.is_terminal() || !stdout.is_terminal() {
            return Err(Fault::new(Kind::Failure, "the demo agent needs a terminal")
                .hint("It is a full-screen program: start it in a tmux pane, or with `telecoder run --agent demo`."));
        }
        let duplicate = |fd: BorrowedFd<'_>| fd.try_clone_to_owned().map(File::from);
        let doing = "opening the terminal";
        let mut terminal = Self {
            input: duplicate(stdin.as_fd()).map_err(|e| Fault::io(doing, &e))?,
            output: duplicate(stdout.as_fd()).map_err(|e| Fault::io(doing, &e))?,
            before: termios::tcgetattr(stdin.as_fd()).map_err(|e| Fault::io(doing, &e.into()))?,
            modes,
            raw: false,
        };
        terminal.enter().map_err(|e| Fault::io(doing, &e))?;
        Ok(terminal)
    }

    pub fn enter(&mut self) -> std::io::Result<()> {
        let mut raw = self.before.clone();
        raw.make_raw();
        termios::tcsetattr(&self.input, OptionalActions::Now, &raw)?;
        self.raw = true;
        let alternate = if self.modes.alternate_screen {
            ALTERNATE_ENTER
        } else {
            ""
        };
        let mouse = if self.modes.mouse { MOUSE_ENTER } else { "" };
        self.write(format!("{alternate}{mouse}{ENTER}").as_bytes())
    }

    /// Puts the terminal in order. Idempotent; failures do not matter any more.
    pub fn leave(&mut self) {
        if !std::mem::take(&mut self.raw) {
            return;
        }
        let alternate = if self.modes.alternate_screen {
            ALTERNATE_LEAVE
        } else {
            ""
        };
        let mouse = if self.modes.mouse { MOUSE_LEAVE } else { "" };
        let _ = self.write(format!("{mouse}{LEAVE}{alternate}").as_bytes());
        let _ = termios::tcsetattr(&self.input, OptionalActions::Now, &self.before);
    }

    pub fn size(&self) -> Size {
        match termios::tcgetwinsize(&self.output) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => Size {
                columns: size.ws_col.into(),
                rows: size.ws_row.into(),
            },
            _ => FALLBACK_SIZE,
        }
    }

    pub fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.output.write_all(bytes)
    }

    /// What the terminal has for us; call it when it is readable. Empty: the terminal is gone.
    pub fn read(&mut self) -> Vec<u8> {
        let mut bytes = vec![0; READ_BYTES];
        let read = self.input.read(&mut bytes).unwrap_or(0);
        bytes.truncate(read);
        bytes
    }

    /// Throws away what was typed and not yet read.
    pub fn discard_input(&self) {
        let _ = termios::tcflush(&self.input, QueueSelector::IFlush);
    }

    pub fn input(&self) -> BorrowedFd<'_> {
        self.input.as_fd()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.leave();
    }
}
