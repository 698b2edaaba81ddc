//! Reading inotify: many events at once, repeated ones left out.

use std::mem::MaybeUninit;

use rustix::fd::OwnedFd;
use rustix::fs::inotify::{self, ReadFlags};

/// Events that are taken together; a flood of letters of one launch is one change.
const BATCH_EVENTS_MAX: usize = 4096;
const BUFFER_BYTES: usize = 16 * 1024;

/// What one look at the inotify descriptor gave.
pub struct Batch {
    pub events: Vec<(i32, CtlFile)>,
    /// The kernel's queue ran over: anything may have happened.
    pub overflowed: bool,
    /// Nothing more was there to read.
    pub drained: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum CtlFile {
    Shim,
    Exit,
    Other,
}

impl Batch {
    /// Reads what is there without waiting.
    pub fn read(fd: &OwnedFd) -> Self {
        let mut batch = Self {
            events: Vec::new(),
            overflowed: false,
            drained: false,
        };
        let mut buffer = [MaybeUninit::uninit(); BUFFER_BYTES];
        let mut events = inotify::Reader::new(fd, &mut buffer);
        // At the limit the rest of the buffer that was read must not be thrown away, so it is looked for its end too.
        while batch.events.len() < BATCH_EVENTS_MAX || !events.is_buffer_empty() {
            match events.next() {
                Ok(event) => batch.note(&event),
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => {
                    batch.drained = true;
                    break;
                }
            }
        }
        batch
    }

    fn note(&mut self, event: &inotify::Event<'_>) {
        if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
            self.overflowed = true;
            return;
        }
        let file = match event.file_name().map(std::ffi::CStr::to_bytes) {
            Some(b"shim.json") => CtlFile::Shim,
            Some(b"exit.json") => CtlFile::Exit,
            _ => CtlFile::Other,
        };
        // The queue of one place is mostly of one kind: a flood of letters is one entry.
        if self.events.last() != Some(&(event.wd(), file)) {
            self.events.push((event.wd(), file));
        }
    }
}
