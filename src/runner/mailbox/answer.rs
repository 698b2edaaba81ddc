//! Answers to `notify --ask`: `answers/<id>.json` from the daemon to the process that waits.
//!
//! The waiter may give up, or be killed by its agent, at the very moment in which the person answers. Either the waiter
//! takes the answer or it becomes a prompt, never both and never neither. One name decides, and it is moved by rename, which
//! only one side can win:
//!
//! * `<id>.json` the answer lies there; whoever moves it away has it.
//! * `<id>.claimed` the waiter moved it: taken.
//! * `<id>.withdrawn` the daemon moved it back: nobody waits, it becomes a prompt.
//! * `<id>.gone` the waiter gave up. It says so *before* its last try to claim, and the daemon looks for it *after* it put
//!   the answer there; so at least one of them sees the other, and the rename decides between them.
//! * `<id>.waiting` locked (flock) by the waiter while it lives. A free lock is a waiter that died without a word.

use std::fs::File;
use std::io::{self, Write};
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::fs::{
    AtFlags, FlockOperation, Mode, OFlags, RenameFlags, flock, fsync, openat, renameat, renameat_with, statat, unlinkat,
};
use rustix::io::Errno;

use super::beneath::{self, Refused};
use super::write::writing_failed;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::LetterId;
use crate::domain::letter::{Answer, LETTER_BYTES_MAX};
use crate::runner::files;

/// How often the directory is looked at where inotify is not to be had.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Writes `answers/<id>.json`. False when the waiter gave up before: the answer must become a prompt.
///
/// May be called again with the same answer after a crash; the result is the same.
pub fn put_answer(mail: &Path, answer: &Answer) -> Result<bool> {
    put(mail, answer).map_err(|error| Fault::io(format_args!("answering {} in {}", answer.id, mail.display()), &error))
}

/// Takes an answer back that nobody has claimed. True when it was taken back, and must become a prompt; false when the
/// waiter has it. For the daemon, when the time of an ask is over or its launch has ended.
pub fn withdraw_answer(mail: &Path, id: &LetterId) -> Result<bool> {
    let failed = |error: io::Error| Fault::io(format_args!("withdrawing the answer {id}"), &error);
    let dir = beneath::mail_dir(mail, "answers").map_err(failed)?;
    withdraw(&dir, &Names::of(id)).map_err(failed)
}

/// Whether somebody waits for this answer now.
pub fn is_waited_for(mail: &Path, id: &LetterId) -> bool {
    let names = Names::of(id);
    let waits = |dir: OwnedFd| Ok::<_, io::Error>(exists(&dir, &names.waiting)? && !waiter_died(&dir, &names)?);
    beneath::mail_dir(mail, "answers").and_then(waits).unwrap_or(false)
}

/// Whether the waiter has taken this answer.
pub fn is_claimed(mail: &Path, id: &LetterId) -> bool {
    let dir = beneath::mail_dir(mail, "answers");
    dir.and_then(|dir| exists(&dir, &Names::of(id).claimed))
        .unwrap_or(false)
}

/// The letters whose answers are waited for. Empty where nothing can be read.
pub fn awaited_answers(mail: &Path) -> Vec<LetterId> {
    let entries = std::fs::read_dir(mail.join("answers")).into_iter().flatten().flatten();
    let id = |entry: std::fs::DirEntry| entry.file_name().to_str()?.strip_suffix(".waiting")?.parse().ok();
    entries.filter_map(id).collect()
}

/// Waits for `answers/<id>.json` (inotify) and claims it by rename. Error `Timeout` when `timeout` passes; then the waiter has
/// given up its claim, and a later answer becomes a prompt.
pub fn wait_for_answer(mail: &Path, id: &LetterId, timeout: Option<Duration>) -> Result<Answer> {
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let waiter = Waiter::new(mail, id).map_err(|error| writing_failed(mail, &error))?;
    let waited = waiter.wait(deadline).map_err(|error| writing_failed(mail, &error))?;
    // `.claimed` or `.gone` says it all now. After an error neither is there, and the free lock has to say it.
    let _ = std::fs::remove_file(waiter.path(&waiter.names.waiting));
    match waited {
        Some(answer) => Ok(answer),
        None => Err(Fault::new(Kind::Timeout, format!("nobody answered {id} in time"))
            .hint("Go on without an answer; if one comes later, it comes as a prompt.")),
    }
}

struct Names {
    json: String,
    claimed: String,
    withdrawn: String,
    gone: String,
    waiting: String,
}

impl Names {
    fn of(id: &LetterId) -> Self {
        Self {
            json: format!("{id}.json"),
            claimed: format!("{id}.claimed"),
            withdrawn: format!("{id}.withdrawn"),
            gone: format!("{id}.gone"),
            waiting: format!("{id}.waiting"),
        }
    }
}

// The daemon's side: only through the held directory.

fn put(mail: &Path, answer: &Answer) -> io::Result<bool> {
    let dir = beneath::mail_dir(mail, "answers")?;
    let names = Names::of(&answer.id);
    if exists(&dir, &names.claimed)? {
        return Ok(true);
    }
    if exists(&dir, &names.gone)? || exists(&dir, &names.withdrawn)? || waiter_died(&dir, &names)? {
        // A crash after an earlier try may have left the answer there, and the waiter may be taking it this moment.
        return withdraw(&dir, &names).map(|ours| !ours);
    }
    place(&dir, &names, &serde_json::to_vec(answer)?)?;
    if exists(&dir, &names.gone)? || waiter_died(&dir, &names)? {
        return withdraw(&dir, &names).map(|ours| !ours);
    }
    Ok(true)
}

/// Puts the answer there, whole and durable; one that lies there already stays.
fn place(dir: &OwnedFd, names: &Names, text: &[u8]) -> io::Result<()> {
    let tmp = format!(".{}", uuid::Uuid::now_v7());
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file: File = openat(dir, &tmp, flags, Mode::from_raw_mode(0o600))?.into();
    let placed = file
        .write_all(text)
        .and_then(|()| file.sync_all())
        .and_then(|()| Ok(renameat_with(dir, &tmp, dir, &names.json, RenameFlags::NOREPLACE)?));
    if let Err(error) = placed {
        let _ = unlinkat(dir, &tmp, AtFlags::empty());
        if error.kind() != io::ErrorKind::AlreadyExists {
            return Err(error);
        }
    }
    // A second putting (after a crash) may have come just behind the claim of the first.
    if exists(dir, &names.claimed)? {
        let _ = unlinkat(dir, &names.json, AtFlags::empty());
    }
    Ok(fsync(dir)?)
}

/// True when the answer is back in our hands (or was before); false when the waiter has it.
fn withdraw(dir: &OwnedFd, names: &Names) -> io::Result<bool> {
    match renameat(dir, &names.json, dir, &names.withdrawn) {
        Ok(()) => fsync(dir).map(|()| true).map_err(io::Error::from),
        Err(Errno::NOENT) => Ok(!exists(dir, &names.claimed)?),
        Err(error) => Err(error.into()),
    }
}

fn exists(dir: &OwnedFd, name: &str) -> io::Result<bool> {
    match statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Whether the waiter was there and is there no more. Before it came there is nothing to see, and it may still come.
fn waiter_died(dir: &OwnedFd, names: &Names) -> io::Result<bool> {
    match beneath::regular(dir, names.waiting.as_str(), u64::MAX) {
        Ok(file) => Ok(flock(&file, FlockOperation::NonBlockingLockShared).is_ok()),
        Err(Refused::Gone | Refused::Reason(_)) => Ok(false),
        Err(Refused::Failed(error)) => Err(error),
    }
}

// The waiter's side: the agent's own files.

struct Waiter {
    answers: PathBuf,
    names: Names,
    /// Locked until this process ends, however it ends.
    _alive: File,
    inotify: Option<OwnedFd>,
}

impl Waiter {
    fn new(mail: &Path, id: &LetterId) -> io::Result<Self> {
        let (answers, names) = (mail.join("answers"), Names::of(id));
        // Watched before the first look, so nothing can fall between. Without inotify it is looked at by the clock.
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)
            .and_then(|fd| inotify::add_watch(&fd, &answers, WatchFlags::MOVED_TO).map(|_| fd))
            .ok();
        // Locked before it gets its name: a free lock under that name is always a dead waiter.
        let unnamed = answers.join(format!(".{}", uuid::Uuid::now_v7()));
        let alive = super::write::create(&unnamed)?;
        flock(&alive, FlockOperation::NonBlockingLockExclusive)?;
        std::fs::rename(&unnamed, answers.join(&names.waiting))?;
        Ok(Self {
            answers,
            names,
            _alive: alive,
            inotify,
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.answers.join(name)
    }

    /// `None` when the time is over and the claim is given up.
    fn wait(&self, deadline: Option<Instant>) -> io::Result<Option<Answer>> {
        loop {
            if let Some(answer) = self.claim()? {
                return Ok(Some(answer));
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                self.give_up()?;
                return self.claim();
            }
            self.wait_for_news(left);
        }
    }

    fn claim(&self) -> io::Result<Option<Answer>> {
        let claimed = self.path(&self.names.claimed);
        match std::fs::rename(self.path(&self.names.json), &claimed) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        }
        let text = files::read_limited(&claimed, LETTER_BYTES_MAX as u64)?;
        let text = text.ok_or_else(|| io::Error::other("the answer vanished"))?;
        Ok(Some(serde_json::from_slice(&text)?))
    }

    fn give_up(&self) -> io::Result<()> {
        match super::write::create(&self.path(&self.names.gone)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => files::sync_dir(&self.answers),
        }
    }

    fn wait_for_news(&self, left: Option<Duration>) {
        let pause = match &self.inotify {
            Some(_) => left,
            None => Some(left.map_or(LOOK_AGAIN, |left| left.min(LOOK_AGAIN))),
        };
        let timeout = pause.and_then(|pause| Timespec::try_from(pause).ok());
        let fd = self.inotify.as_ref().map(AsFd::as_fd);
        let mut polled: Vec<PollFd<'_>> = fd
            .iter()
            .map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN))
            .collect();
        // An interruption only brings the next look forward.
        let _ = poll(&mut polled, timeout.as_ref());
        if let Some(fd) = &self.inotify {
            let mut buffer = [MaybeUninit::uninit(); 4096];
            let mut events = inotify::Reader::new(fd, &mut buffer);
            while events.next().is_ok() {}
        }
    }
}
