//! `<home>/<session-uuid>.jsonl`: what the agent was told and did. The file's lock says that the session is in use.
//!
//! After a crash the last line may be torn; a resume cuts it off.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::agents::demo::wire::{Record, transcript_path};
use crate::domain::fault::{Fault, Kind, Result};

/// How many prompts and answers a resume shows.
const HISTORY_RECORDS: usize = 20;
/// How much of each is kept to be shown.
const HISTORY_CHARS: usize = 2000;

pub struct Transcript {
    file: File,
    path: PathBuf,
}

impl Transcript {
    /// Begins a new session's transcript. An id that has one already is refused, as real agents do.
    pub fn create(home: &Path, id: &str) -> Result<Self> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(home)
            .map_err(|e| Fault::io(format!("making {}", home.display()), &e))?;
        let path = transcript_path(home, id);
        let created = OpenOptions::new().append(true).create_new(true).mode(0o600).open(&path);
        let file = created.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => Fault::new(Kind::Failure, format!("session id {id} is already in use"))
                .hint(format!("Go on with it: --resume {id}")),
            _ => Fault::io(format!("making {}", path.display()), &error),
        })?;
        Self { file, path }.locked(id)
    }

    /// Opens the transcript of an earlier run, with its last prompts and answers.
    pub fn resume(home: &Path, id: &str) -> Result<(Self, Vec<Record>)> {
        let path = transcript_path(home, id);
        let opened = OpenOptions::new().read(true).append(true).open(&path);
        let file = opened.map_err(|error| match error.kind() {
            ErrorKind::NotFound => Fault::new(Kind::Failure, format!("no conversation found with session id {id}"))
                .hint(format!("Begin one: --session-id {id}")),
            _ => Fault::io(format!("opening {}", path.display()), &error),
        })?;
        let transcript = Self { file, path }.locked(id)?;
        let history = transcript.load().map_err(|e| transcript.fault(&e))?;
        Ok((transcript, history))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a record. It survives a crash of the program.
    pub fn append(&mut self, record: &Record) -> Result<()> {
        self.write(record).map_err(|e| self.fault(&e))
    }

    /// Appends a record. When this returns, it survives a power cut.
    pub fn append_synced(&mut self, record: &Record) -> Result<()> {
        self.append(record)?;
        self.file.sync_data().map_err(|e| self.fault(&e))
    }

    fn write(&mut self, record: &Record) -> std::io::Result<()> {
        let mut writer = BufWriter::new(&self.file);
        serde_json::to_writer(&mut writer, record)?;
        writer.write_all(b"\n")?;
        writer.flush()
    }

    fn locked(self, id: &str) -> Result<Self> {
        match flock(&self.file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(self),
            Err(_) => Err(
                Fault::new(Kind::Failure, format!("session {id} is in use by another process"))
                    .hint("Close that one first."),
            ),
        }
    }

    fn load(&self) -> std::io::Result<Vec<Record>> {
        let mut reader = BufReader::new(&self.file);
        let mut history = VecDeque::new();
        let mut line = Vec::new();
        let mut whole_bytes = 0;
        while reader.read_until(b'\n', &mut line)? > 0 && line.ends_with(b"\n") {
            whole_bytes += line.len() as u64;
            history.extend(serde_json::from_slice(&line).ok().and_then(shortened));
            if history.len() > HISTORY_RECORDS {
                history.pop_front();
            }
            line.clear();
        }
        if self.file.metadata()?.len() > whole_bytes {
            self.file.set_len(whole_bytes)?;
        }
        Ok(history.into())
    }

    fn fault(&self, error: &std::io::Error) -> Fault {
        Fault::io(format!("transcript {}", self.path.display()), error)
    }
}

/// Prompts and answers, cut to what will be shown.
fn shortened(record: Record) -> Option<Record> {
    let cut = |text: String| text.chars().take(HISTORY_CHARS).collect();
    match record {
        Record::Prompt { prompt_id, text, at } => Some(Record::Prompt {
            prompt_id,
            text: cut(text),
            at,
        }),
        Record::Final { text, at } => Some(Record::Final { text: cut(text), at }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Timestamp;

    fn answer(text: &str) -> Record {
        Record::Final {
            text: text.into(),
            at: Timestamp::UNIX_EPOCH,
        }
    }

    #[track_caller]
    fn check_fault<T>(result: Result<T>, part: &str) {
        let fault = result.err().expect("a fault");
        assert!(fault.message.contains(part), "{}", fault.message);
    }

    #[test]
    fn an_id_is_used_once_and_resumed_by_one() {
        let home = tempfile::tempdir().unwrap();
        check_fault(
            Transcript::resume(home.path(), "u"),
            "no conversation found with session id u",
        );
        let mut first = Transcript::create(home.path(), "u").unwrap();
        first.append_synced(&answer("one")).unwrap();
        check_fault(Transcript::create(home.path(), "u"), "already in use");
        check_fault(Transcript::resume(home.path(), "u"), "in use by another process");
        drop(first);
        check_fault(Transcript::create(home.path(), "u"), "already in use");
        let (_, history) = Transcript::resume(home.path(), "u").unwrap();
        assert_eq!(history, [answer("one")]);
    }

    #[test]
    fn a_torn_last_line_is_cut_off() {
        let home = tempfile::tempdir().unwrap();
        let mut first = Transcript::create(home.path(), "u").unwrap();
        first.append(&answer("one")).unwrap();
        (&first.file).write_all(br#"{"type":"fin"#).unwrap();
        drop(first);
        let (mut second, _) = Transcript::resume(home.path(), "u").unwrap();
        second.append(&answer("two")).unwrap();
        drop(second);
        let (_, history) = Transcript::resume(home.path(), "u").unwrap();
        assert_eq!(history, [answer("one"), answer("two")]);
    }
}
