//! The daemon's half: taking things out of the mailbox, as carefully as they are read.

use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, statat, unlinkat};
use rustix::io::Errno;

use super::beneath::{self, Refused};
use super::name;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::letter::{Attachment, FILE_BYTES_MAX};
use crate::runner::files;

/// Bad files that are kept for a look, and how long one may be; what is over goes away for good.
const QUARANTINE_FILES_MAX: usize = 64;
const QUARANTINE_FILE_BYTES_MAX: i64 = 1024 * 1024;

/// Removes a taken letter (and its attachments, which were copied out before). What is gone already is no error.
pub fn discard(mail: &Path, file: &str, attachments: &[Attachment]) -> Result<()> {
    let doing = format!("removing {file} from {}", mail.display());
    let failed = |error: io::Error| Fault::io(&doing, &error);
    remove(mail, "new", file).map_err(failed)?;
    for attachment in attachments {
        // A name that is none was refused by `take_attachment`, so there is nothing of ours to remove.
        if is_plain_name(&attachment.att) {
            remove(mail, "att", &attachment.att).map_err(failed)?;
        }
    }
    Ok(())
}

fn remove(mail: &Path, part: &str, file: &str) -> io::Result<()> {
    let Some(name) = name::decode(file) else {
        return Err(io::Error::other("not a file name"));
    };
    let dir = beneath::mail_dir(mail, part)?;
    match unlinkat(&dir, &name, AtFlags::empty()) {
        // Linux says ISDIR; a directory in a letter's place is the agent's own mischief.
        Ok(()) | Err(Errno::NOENT | Errno::ISDIR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Moves a bad file into `<launch>/quarantine/` under a safe name, bounded in number; what cannot be moved is unlinked.
pub fn quarantine(mail: &Path, file: &str) -> Result<()> {
    let doing = format!("putting {file} of {} into quarantine", mail.display());
    set_aside(mail, file).map_err(|error| Fault::io(doing, &error))
}

fn set_aside(mail: &Path, file: &str) -> io::Result<()> {
    let name = name::decode(file).ok_or_else(|| io::Error::other("not a file name"))?;
    let new = beneath::mail_dir(mail, "new")?;
    let found = match statat(&new, &name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(()),
        other => other?,
    };
    let kind = FileType::from_raw_mode(found.st_mode);
    let place = mail.parent().unwrap_or(mail).join("quarantine");
    files::make_dir(&place)?;
    // Only what can be looked at without harm is kept: no link, no device, no tree, nothing large.
    let is_kept = kind == FileType::RegularFile
        && found.st_size <= QUARANTINE_FILE_BYTES_MAX
        && std::fs::read_dir(&place)?.take(QUARANTINE_FILES_MAX).count() < QUARANTINE_FILES_MAX;
    if !is_kept && kind != FileType::Directory {
        return gone_is_fine(unlinkat(&new, &name, AtFlags::empty()));
    }
    let aside = place.join(uuid::Uuid::now_v7().to_string());
    match rustix::fs::renameat(&new, &name, rustix::fs::CWD, &aside) {
        Ok(()) if kind == FileType::Directory => {
            // Out of the mailbox either way; a tree that is too deep to remove stays in quarantine.
            let _ = std::fs::remove_dir_all(&aside);
            Ok(())
        }
        Err(_) if kind != FileType::Directory => gone_is_fine(unlinkat(&new, &name, AtFlags::empty())),
        moved => gone_is_fine(moved),
    }
}

fn gone_is_fine(done: rustix::io::Result<()>) -> io::Result<()> {
    match done {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Copies an attachment out of `att/` to `to` (0600, synced) without following links: regular, one link, within the
/// limit. Returns its size in bytes. A file that was at `to` is replaced; call it again after a crash.
///
/// Errors: `NotFound` when it is not there, `NotPermitted` for what is no plain file, `OverLimit`; with every other kind the
/// machine failed, and another try may work.
pub fn take_attachment(mail: &Path, attachment: &Attachment, to: &Path) -> Result<u64> {
    let att = &attachment.att;
    let refused = |reason: &str| Fault::new(Kind::NotPermitted, format!("attachment `{att}` {reason}"));
    if !is_plain_name(att) {
        return Err(refused("is not a file name of the mailbox"));
    }
    let failed = |error: io::Error| Fault::io(format_args!("taking attachment `{att}`"), &error);
    let dir = beneath::mail_dir(mail, "att").map_err(|error| match Refused::from(error) {
        Refused::Failed(error) if error.kind() != io::ErrorKind::NotADirectory => failed(error),
        _ => Fault::new(Kind::NotFound, format!("attachment `{att}` has no directory any more")),
    })?;
    let file = beneath::regular(&dir, att.as_str(), FILE_BYTES_MAX).map_err(|why| match why {
        Refused::Gone => Fault::new(Kind::NotFound, format!("attachment `{att}` is not in the mailbox")),
        Refused::Reason(reason) => refused(&reason),
        Refused::Failed(error) => failed(error),
    })?;
    let size = copy_synced(file, to, FILE_BYTES_MAX).map_err(failed)?;
    if size > FILE_BYTES_MAX {
        return Err(Fault::new(
            Kind::OverLimit,
            format!("attachment `{att}` grew over the limit"),
        ));
    }
    Ok(size)
}

/// The names that the writing half gives: letters, digits, `-` and `_`, so never a path.
fn is_plain_name(att: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    !att.is_empty() && att.len() <= 100 && att.bytes().all(plain)
}

/// Copies at most `limit` bytes beside the place and moves them there. More than `limit` is returned, and nothing kept.
fn copy_synced(from: std::fs::File, to: &Path, limit: u64) -> io::Result<u64> {
    let mut beside = to.as_os_str().to_owned();
    beside.push(".new");
    let mut options = std::fs::OpenOptions::new();
    let flags = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .custom_flags(flags);
    let mut out = options.open(&beside)?;
    let copied = io::copy(&mut from.take(limit + 1), &mut out).and_then(|size| out.sync_all().map(|()| size));
    match copied {
        Ok(size) if size <= limit => std::fs::rename(&beside, to)
            .and_then(|()| to.parent().map_or(Ok(()), files::sync_dir))
            .map(|()| size),
        other => {
            let _ = std::fs::remove_file(&beside);
            other
        }
    }
}
