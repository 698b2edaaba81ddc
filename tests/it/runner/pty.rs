//! A terminal of our own: what the agent's window is without the window.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// Long enough for a loaded machine; reached only when a test fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct Pty {
    /// `None` after [`Pty::hang_up`].
    master: Option<File>,
    seen: String,
    slave: File,
}

impl Pty {
    pub fn new() -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a pty");
        grantpt(&master).expect("grant");
        unlockpt(&master).expect("unlock");
        let name = ptsname(&master, Vec::new())
            .expect("a name")
            .into_string()
            .expect("utf-8");
        let flags = OFlags::NOCTTY.bits().cast_signed();
        let slave = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(flags)
            .open(name)
            .expect("the slave");
        Self {
            master: Some(master.into()),
            seen: String::new(),
            slave,
        }
    }

    /// Starts a program as a window does: leader of a session of its own, with this as its terminal.
    pub fn spawn(&self, program: &Path) -> Child {
        let slave = || self.slave.try_clone().expect("dup");
        Command::new("setsid")
            .arg("--ctty")
            .arg(program)
            .stdin(slave())
            .stdout(slave())
            .stderr(slave())
            .spawn()
            .expect("setsid starts")
    }

    fn master(&self) -> &File {
        self.master.as_ref().expect("not hung up")
    }

    pub fn type_in(&self, text: &str) {
        self.master().write_all(text.as_bytes()).expect("typed");
    }

    pub fn resize(&self, columns: u16, rows: u16) {
        let size = rustix::termios::Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        rustix::termios::tcsetwinsize(self.master(), size).expect("resized");
    }

    /// The terminal goes away.
    pub fn hang_up(&mut self) {
        self.master = None;
    }

    /// Reads until the text was seen, and returns everything that was.
    #[track_caller]
    pub fn until(&mut self, text: &str) -> &str {
        let deadline = Instant::now() + PATIENCE;
        while !self.seen.contains(text) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "`{text}` never came; seen: {}", self.seen);
            self.read(left);
        }
        &self.seen
    }

    /// Everything that comes within a time.
    pub fn watch(&mut self, time: Duration) -> &str {
        let deadline = Instant::now() + time;
        while Instant::now() < deadline {
            self.read(deadline.saturating_duration_since(Instant::now()));
        }
        &self.seen
    }

    fn read(&mut self, limit: Duration) {
        let timeout = Timespec::try_from(limit).expect("a short time");
        let mut master = self.master.as_ref().expect("not hung up");
        let mut polled = [PollFd::new(master, PollFlags::IN)];
        if poll(&mut polled, Some(&timeout)).expect("poll") == 0 {
            return;
        }
        let mut buffer = [0; 4096];
        let got = master.read(&mut buffer).unwrap_or(0);
        self.seen.push_str(&String::from_utf8_lossy(&buffer[..got]));
    }
}

impl Pty {
    /// The line settings, for comparison.
    pub fn mode(&self) -> String {
        let settings = rustix::termios::tcgetattr(&self.slave).expect("settings");
        let (input, output, local) = (settings.input_modes, settings.output_modes, settings.local_modes);
        format!("{input:?} {output:?} {local:?}")
    }
}
