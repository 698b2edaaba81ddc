//! `ctl/shim.json` and `ctl/exit.json`.
//!
//! The exit record is the only word on how the agent ended, and a full disk is a likely reason for that. So its room is
//! taken before the agent starts, and the writing is tried again for a while.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::time::Duration;

use super::say;
use super::signals::Signals;
use crate::domain::exit::ExitRecord;
use crate::domain::ids::LaunchNo;
use crate::domain::launch::{BY_MOUNT, ORIGIN_VAR, ShimRecord};
use crate::domain::letter::ProcessRef;
use crate::runner::{LaunchDir, files, process};

/// Room that is taken ahead for the exit record; most are 200 bytes long, `detail` may hold a path.
const ROOM_BYTES: usize = 4096;
const WRITE_TRIES: u32 = 5;
const WRITE_PAUSE: Duration = Duration::from_millis(400);

pub struct Recorder {
    dir: LaunchDir,
    /// Where the exit record is written before it gets its name.
    room: PathBuf,
}

impl Recorder {
    pub fn new(dir: &LaunchDir) -> Self {
        let recorder = Self {
            dir: dir.clone(),
            room: dir.ctl().join("exit.json.new"),
        };
        if let Err(error) = recorder.take_room() {
            say(&format!("no room could be taken for the exit record: {error}"));
        }
        recorder
    }

    fn take_room(&self) -> io::Result<()> {
        match std::fs::remove_file(&self.room) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = self.open_room()?;
        file.write_all_at(&[b' '; ROOM_BYTES], 0)?;
        file.sync_all()
    }

    fn open_room(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
        options.open(&self.room)
    }

    /// The shim runs; `agent` is `None` when its program could not be started.
    pub fn started(&self, launch: LaunchNo, agent: Option<ProcessRef>) -> io::Result<()> {
        let pid = std::process::id();
        let start = process::start_of(pid).unwrap_or(0);
        let record = ShimRecord {
            v: 1,
            launch,
            shim: ProcessRef { pid, start },
            agent,
            mount_counts: std::env::var(ORIGIN_VAR).is_ok_and(|by| by == BY_MOUNT),
        };
        files::replace(&self.dir.shim_json(), &serde_json::to_vec(&record)?, 0o600)?;
        files::sync_dir(&self.dir.ctl())
    }

    /// Writes the exit record durably, with a few tries; the person at the terminal is told while it fails.
    pub fn exit(&self, record: &ExitRecord, signals: &Signals) -> io::Result<()> {
        let text = serde_json::to_vec(record)?;
        let mut tried = self.write_exit(&text);
        for _ in 1..WRITE_TRIES {
            let Err(error) = &tried else { break };
            say(&format!(
                "writing {}: {error}; trying again",
                self.dir.exit_json().display()
            ));
            signals.wait(Some(WRITE_PAUSE));
            tried = self.write_exit(&text);
        }
        tried
    }

    /// In the room that was taken: overwriting needs no new block on most file systems, nor does the rename.
    fn write_exit(&self, text: &[u8]) -> io::Result<()> {
        let file = self.open_room()?;
        file.write_all_at(text, 0)?;
        file.set_len(text.len() as u64)?;
        file.sync_all()?;
        std::fs::rename(&self.room, self.dir.exit_json())?;
        files::sync_dir(&self.dir.ctl())
    }
}
