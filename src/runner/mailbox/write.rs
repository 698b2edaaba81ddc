//! The agent's half: `notify`, `notify --ask`, `hook`.
//!
//! A crash leaves at most a file in `tmp/` or `att/` that no letter names; a letter in `new/` is whole. Works without the
//! daemon, and knows nothing of who reads.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::attach::Attached;
use super::limits::MailLimits;
use super::sender::{Sender, check_in_sight, no_mailbox};
use crate::domain::Timestamp;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::LetterId;
use crate::domain::letter::{Done, LETTER_VERSION, Letter, LetterKind};
use crate::runner::files;

/// What is to be said; the rest of the letter comes from the environment and the process.
pub struct Draft {
    pub kind: LetterKind,
    pub text: Option<String>,
    pub done: Option<Done>,
    pub choices: Vec<String>,
    pub expires_in: Option<Duration>,
    pub key: Option<String>,
    pub files: Vec<DraftFile>,
    pub event: Option<String>,
    pub data: Option<serde_json::Value>,
    pub native_id: Option<String>,
}

impl Draft {
    /// Nothing but its kind.
    pub fn new(kind: LetterKind) -> Self {
        Self {
            kind,
            text: None,
            done: None,
            choices: Vec::new(),
            expires_in: None,
            key: None,
            files: Vec::new(),
            event: None,
            data: None,
            native_id: None,
        }
    }
}

pub struct DraftFile {
    pub path: PathBuf,
    pub caption: Option<String>,
}

/// Whether the letter must survive a power cut (notify, ask, evidence) or a crash of ours only (progress hooks).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    Synced,
    Renamed,
}

impl Durability {
    pub(super) fn sync(self, file: &File) -> io::Result<()> {
        match self {
            Durability::Synced => file.sync_all(),
            Durability::Renamed => Ok(()),
        }
    }

    pub(super) fn sync_dir(self, dir: &Path) -> io::Result<()> {
        match self {
            Durability::Synced => files::sync_dir(dir),
            Durability::Renamed => Ok(()),
        }
    }
}

/// tmp → fsync → rename → fsync of `new/`. When it returns `Ok`, the letter is durable.
///
/// Errors: `NoMailbox`, `NotPermitted` ([`check_in_sight`]), `OverLimit`, `Storage` (disk full, read-only), `NotFound` for an attached
/// file.
pub fn write_letter(mail: &Path, mut draft: Draft, durability: Durability) -> Result<LetterId> {
    let sender = Sender::from_env(mail, draft.native_id.take())?;
    check_in_sight(mail, &sender)?;
    write_letter_as(mail, sender, draft, durability)
}

/// As [`write_letter`], for a sender that is known otherwise. The draft's `native_id` is not looked at.
pub fn write_letter_as(mail: &Path, sender: Sender, draft: Draft, durability: Durability) -> Result<LetterId> {
    let limits = MailLimits::of(mail);
    if matches!(draft.kind, LetterKind::Notify | LetterKind::Ask) {
        limits.check_room(mail)?;
    }
    let id = new_id();
    let attached = Attached::copy(mail, &id, &draft.files, durability, limits.file_bytes)?;
    let letter = letter_of(&id, sender, draft, &attached);
    let text = serde_json::to_vec(&letter)
        .map_err(|error| Fault::new(Kind::Failure, format!("writing the letter as JSON: {error}")))?;
    if text.len() > limits.letter_bytes {
        return Err(too_long(&letter, text.len(), limits.letter_bytes));
    }
    post(mail, &id, &text, durability).map_err(|error| writing_failed(mail, &error))?;
    attached.keep();
    Ok(id)
}

fn new_id() -> LetterId {
    let id = uuid::Uuid::now_v7().to_string();
    id.parse().expect("a UUID's text form is a letter's id")
}

fn letter_of(id: &LetterId, sender: Sender, draft: Draft, attached: &Attached) -> Letter {
    let at = Timestamp::now();
    Letter {
        v: LETTER_VERSION,
        id: id.clone(),
        kind: draft.kind,
        at,
        session: sender.session,
        launch: sender.launch,
        key: draft.key,
        text: draft.text,
        done: draft.done,
        choices: draft.choices,
        expires_at: draft.expires_in.and_then(|time| at.checked_add(time).ok()),
        files: attached.files().to_vec(),
        event: draft.event,
        data: draft.data,
        origin: sender.origin,
    }
}

fn too_long(letter: &Letter, bytes: usize, limit: usize) -> Fault {
    let text = letter.text.as_ref().map_or(0, String::len);
    let message = format!("the letter is {bytes} bytes long (its text {text}), the limit is {limit}");
    Fault::new(Kind::OverLimit, message).hint("Send a long text as a file: `telecoder notify --file PATH`.")
}

fn post(mail: &Path, id: &LetterId, text: &[u8], durability: Durability) -> io::Result<()> {
    let (tmp, new) = (mail.join("tmp").join(format!("{id}.json")), mail.join("new"));
    let posted = create(&tmp)
        .and_then(|mut file| file.write_all(text).and_then(|()| durability.sync(&file)))
        .and_then(|()| std::fs::rename(&tmp, new.join(format!("{id}.json"))));
    match posted {
        Ok(()) => durability.sync_dir(&new),
        Err(error) => {
            let _ = std::fs::remove_file(&tmp);
            Err(error)
        }
    }
}

pub(super) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// The way out where nothing can be written.
const CLOSED: &str =
    "Nothing was sent. If that is a sandbox's doing, it has to be opened for that directory; then send it again.";

/// A mailbox that is not there or may not be written is not ours; a full disk or a broken one is a fault of storage.
pub(super) fn writing_failed(mail: &Path, error: &io::Error) -> Fault {
    use io::ErrorKind as E;
    let mail = mail.display();
    match error.kind() {
        E::NotFound | E::NotADirectory | E::PermissionDenied => {
            no_mailbox(format!("the mailbox {mail} cannot be written: {error}"))
        }
        E::ReadOnlyFilesystem => {
            Fault::new(Kind::Storage, format!("writing to the mailbox {mail}: {error}")).hint(CLOSED)
        }
        E::StorageFull | E::QuotaExceeded | E::FileTooLarge => {
            Fault::new(Kind::Storage, format!("writing to the mailbox {mail}: {error}"))
                .hint("Nothing was sent. Free space and send it again.")
        }
        _ => Fault::io(format_args!("writing to the mailbox {mail}"), error),
    }
}
