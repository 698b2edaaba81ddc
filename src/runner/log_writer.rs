//! `telecoder log-writer`: takes the bytes of a pane from tmux and keeps the last ones in a capped file.
//!
//! tmux holds in memory what its reader does not take (and grows without bound), so this program never stops reading: one thread
//! reads, another writes what has come meanwhile, and what the disk is too full or too slow for is dropped and counted. Two segments, `F` and `F.1`, each half of the limit: when `F` is full it
//! becomes `F.1`. A crash loses nothing that was written. Knows no session and no terminal.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rustix::fs::OFlags;
use rustix::process::Signal;

use super::process;
use crate::domain::fault::{Fault, Result};

const BUFFER_BYTES: usize = 16 * 1024;
/// What may wait for the disk, in a process of which there is one a session.
const WAITING_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Below this a segment would be turned at every screen.
const SEGMENT_BYTES_MIN: u64 = 1024;

/// Reads `input` to its end and keeps its last bytes in `file`, at most `max_bytes` in both segments together.
/// Never fails: what cannot be kept is dropped.
pub fn run(input: impl Read, file: &Path, max_bytes: u64) {
    let mut log = Log::new(file, max_bytes);
    let waiting = Waiting::default();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while let Some((bytes, dropped)) = waiting.take() {
                log.keep(&bytes);
                log.dropped += dropped;
            }
            log.note_gap().unwrap_or_default();
        });
        read_on(input, &waiting);
    });
}

/// What was read and is not written yet. Bytes, not reads, are what is counted: an agent may write its screen in a thousand scraps.
#[derive(Default)]
struct Waiting {
    state: Mutex<WaitingState>,
    changed: Condvar,
}

#[derive(Default)]
struct WaitingState {
    bytes: Vec<u8>,
    /// Bytes that came after `bytes` and found no room.
    dropped: u64,
    ended: bool,
}

impl Waiting {
    fn add(&self, bytes: &[u8]) {
        let mut state = self.lock();
        // After a gap nothing is added until the gap's place was taken.
        if state.dropped > 0 || state.bytes.len() + bytes.len() > WAITING_BYTES_MAX {
            state.dropped += bytes.len() as u64;
        } else {
            state.bytes.extend_from_slice(bytes);
        }
        self.changed.notify_one();
    }

    fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_one();
    }

    /// Waits for what comes next: bytes, and how many are missing after them. `None` at the end.
    fn take(&self) -> Option<(Vec<u8>, u64)> {
        let idle = |state: &mut WaitingState| state.bytes.is_empty() && state.dropped == 0 && !state.ended;
        let waited = self.changed.wait_while(self.lock(), idle);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        let taken = (std::mem::take(&mut state.bytes), std::mem::take(&mut state.dropped));
        (!taken.0.is_empty() || taken.1 > 0).then_some(taken)
    }

    fn lock(&self) -> MutexGuard<'_, WaitingState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads to the end, whatever the writing thread does.
fn read_on(mut input: impl Read, waiting: &Waiting) {
    let mut buffer = [0; BUFFER_BYTES];
    loop {
        match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(got) => waiting.add(&buffer[..got]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    waiting.end();
}

/// Continues the log writers of files beneath `sessions` that somebody has stopped: a reader that stands still makes tmux hold
/// all that the agent writes. Returns how many there were.
pub fn continue_stopped(sessions: &Path) -> usize {
    let stopped = process::Table::read().stopped(|pid| writes_beneath(pid, sessions));
    let continued = stopped
        .into_iter()
        .filter(|writer| process::signal(*writer, Signal::CONT));
    continued.count()
}

fn writes_beneath(pid: u32, sessions: &Path) -> bool {
    let Ok(line) = std::fs::read(format!("/proc/{pid}/cmdline")) else {
        return false;
    };
    let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
    let file = words.iter().skip_while(|word| **word != b"--file").nth(1);
    words.get(1) == Some(&&b"log-writer"[..])
        && file.is_some_and(|file| Path::new(OsStr::from_bytes(file)).starts_with(sessions))
}

/// The last `tail_bytes` of a log, from both segments. Empty when there is none.
pub fn read_log(file: &Path, tail_bytes: u64) -> Result<Vec<u8>> {
    let mut tail = read_tail(file, tail_bytes)?;
    let left = tail_bytes - (tail.len() as u64).min(tail_bytes);
    if left > 0 {
        let mut older = read_tail(&older_of(file), left)?;
        older.append(&mut tail);
        tail = older;
    }
    Ok(tail)
}

fn read_tail(path: &Path, bytes: u64) -> Result<Vec<u8>> {
    let read = || {
        let mut file = options().read(true).open(path)?;
        let start = file.metadata()?.len().saturating_sub(bytes);
        file.seek(SeekFrom::Start(start))?;
        let mut tail = Vec::new();
        file.take(bytes).read_to_end(&mut tail)?;
        Ok(tail)
    };
    match read() {
        Err(error) if io::Error::kind(&error) == io::ErrorKind::NotFound => Ok(Vec::new()),
        other => other.map_err(|error| Fault::io(format_args!("reading {}", path.display()), &error)),
    }
}

/// `F.1`, the segment before `F`.
fn older_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".1");
    name.into()
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options
        .mode(0o600)
        .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
    options
}

struct Log {
    path: PathBuf,
    segment_max: u64,
    segment: Option<Segment>,
    /// Bytes that could not be written since the last ones that could.
    dropped: u64,
}

struct Segment {
    file: File,
    bytes: u64,
}

impl Log {
    fn new(path: &Path, max_bytes: u64) -> Self {
        Self {
            path: path.into(),
            segment_max: (max_bytes / 2).max(SEGMENT_BYTES_MIN),
            segment: None,
            dropped: 0,
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.note_gap().and_then(|()| self.write(bytes)).is_err() {
            self.dropped += bytes.len() as u64;
        }
    }

    /// Says in the log itself how much of it is missing.
    fn note_gap(&mut self) -> io::Result<()> {
        if self.dropped == 0 {
            return Ok(());
        }
        let note = format!(
            "\r\n[telecoder: {} bytes of output could not be kept]\r\n",
            self.dropped
        );
        self.write(note.as_bytes())?;
        self.dropped = 0;
        Ok(())
    }

    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let max = self.segment_max;
            let mut segment = match self.segment.take().filter(|segment| segment.bytes < max) {
                Some(segment) => segment,
                None => self.open()?,
            };
            let room = usize::try_from(max - segment.bytes).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            segment.file.write_all(now)?;
            segment.bytes += now.len() as u64;
            // Put back only after it went well: after an error it is opened anew (the file may have been removed, and its
            // length is not known).
            self.segment = Some(segment);
            bytes = later;
        }
        Ok(())
    }

    /// Goes on with a segment of an earlier run that has room, else turns it.
    fn open(&self) -> io::Result<Segment> {
        let append = || options().append(true).create(true).open(&self.path);
        let (mut file, mut found) = append().and_then(|file| file.metadata().map(|found| (file, found)))?;
        if !found.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        if found.size() >= self.segment_max {
            std::fs::rename(&self.path, older_of(&self.path))?;
            (file, found) = append().and_then(|file| file.metadata().map(|found| (file, found)))?;
        }
        Ok(Segment {
            file,
            bytes: found.size(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(path: &Path) -> u64 {
        std::fs::metadata(path).map_or(0, |found| found.len())
    }

    #[test]
    fn the_last_bytes_are_kept_and_never_more_than_the_limit() {
        let dir = tempfile::tempdir().expect("temp dir");
        let file = dir.path().join("terminal.log");
        let max = 8 * 1024;
        let text: Vec<u8> = (0..100_000_u32).map(|n| b'a' + (n % 23) as u8).collect();
        run(&text[..70_000], &file, max);
        run(&text[70_000..], &file, max);
        let kept = size(&file) + size(&older_of(&file));
        assert!(kept <= max && kept > max / 2, "{kept}");
        assert_eq!(read_log(&file, 5000).expect("read"), text[95_000..]);
        assert_eq!(read_log(&file, 100).expect("read"), text[99_900..]);
        assert_eq!(read_log(&file, 1_000_000).expect("read").len() as u64, kept);
        for segment in [&file, &older_of(&file)] {
            assert_eq!(std::fs::metadata(segment).expect("kept").mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_log_that_cannot_be_written_is_drained_and_the_gap_is_told_later() {
        let dir = tempfile::tempdir().expect("temp dir");
        let place = dir.path().join("later");
        let file = place.join("terminal.log");
        let mut log = Log::new(&file, 8192);
        log.keep(b"lost");
        log.keep(b" too");
        std::fs::create_dir(&place).expect("mkdir");
        log.keep(b"kept");
        let text = read_log(&file, 1000).expect("read");
        let expected = "\r\n[telecoder: 8 bytes of output could not be kept]\r\nkept";
        assert_eq!(String::from_utf8_lossy(&text), expected);
    }

    #[test]
    fn a_disk_that_stalls_does_not_stop_the_reading() {
        let waiting = Waiting::default();
        let bytes = vec![b'x'; WAITING_BYTES_MAX + 3 * BUFFER_BYTES];
        read_on(&bytes[..], &waiting);
        let (kept, gap) = waiting.take().expect("what was read");
        assert_eq!((kept.len(), gap), (WAITING_BYTES_MAX, 3 * BUFFER_BYTES as u64));
        assert!(waiting.take().is_none());
    }

    #[test]
    fn what_comes_in_scraps_is_kept_whole_while_there_is_room() {
        let waiting = Waiting::default();
        for _ in 0..5000 {
            waiting.add(b"a line\n");
        }
        waiting.end();
        let (kept, gap) = waiting.take().expect("what was read");
        assert_eq!((kept.len(), gap), (35_000, 0));
    }

    #[test]
    fn no_log_is_an_empty_one_and_a_link_is_not_followed() {
        let dir = tempfile::tempdir().expect("temp dir");
        assert_eq!(read_log(&dir.path().join("none"), 10), Ok(Vec::new()));
        let (target, link) = (dir.path().join("target"), dir.path().join("link"));
        std::fs::write(&target, "secret").expect("write");
        std::os::unix::fs::symlink(&target, &link).expect("link");
        assert!(read_log(&link, 10).is_err());
        run(&b"text"[..], &link, 8192);
        assert_eq!(std::fs::read(&target).expect("read"), b"secret");
    }
}
