//! Opening what somebody else may have put there: beneath a held directory, through no link, into no mount, without
//! waiting.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;

const BENEATH: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS)
    .union(ResolveFlags::NO_XDEV);
/// The kernel asks for another try when a rename ran beside the look-up; this often is enough for honest ones.
const TRIES_MAX: usize = 16;

/// One of a mailbox's directories, held open: what its path means cannot change under us any more.
pub fn mail_dir(mail: &Path, part: &str) -> io::Result<OwnedFd> {
    let mail = rustix::fs::open(
        mail,
        OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    open_at(&mail, part, OFlags::RDONLY | OFlags::DIRECTORY)
}

/// Opens a file beneath `dir` and checks the open file: regular, one name, owned by the directory's owner, at most
/// `limit` bytes. The error is the reason, for a person.
pub fn regular(dir: &impl AsFd, name: impl rustix::path::Arg, limit: u64) -> Result<File, Refused> {
    let file: File = open_at(dir, name, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?.into();
    let found = file.metadata()?;
    let owner = rustix::fs::fstat(dir).map_err(io::Error::from)?.st_uid;
    let reason = if !found.is_file() {
        Some("is not a regular file".into())
    } else if found.nlink() != 1 {
        Some(format!("has {} names (a hard link)", found.nlink()))
    } else if found.uid() != owner {
        Some(format!("belongs to user {}", found.uid()))
    } else if found.len() > limit {
        Some(format!("is {} bytes long, over the limit of {limit}", found.len()))
    } else {
        None
    };
    reason.map_or(Ok(file), |reason| Err(Refused::Reason(reason)))
}

/// Why a file beneath a mailbox was not opened.
#[derive(Debug)]
pub enum Refused {
    /// It was gone when we looked.
    Gone,
    Reason(String),
    /// The fault is ours or the machine's (no file descriptors, an input/output error): nothing is said about the file.
    Failed(io::Error),
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::NOENT) => Refused::Gone,
            Some(Errno::LOOP) => Refused::Reason("is a symbolic link".into()),
            Some(Errno::XDEV) => Refused::Reason("leads out of the mailbox".into()),
            Some(Errno::NXIO | Errno::NODEV) => Refused::Reason("is a socket or a device".into()),
            Some(Errno::ACCESS) => Refused::Reason("may not be read".into()),
            _ => Refused::Failed(error),
        }
    }
}

fn open_at(dir: &impl AsFd, name: impl rustix::path::Arg, flags: OFlags) -> io::Result<OwnedFd> {
    let name = name.into_c_str()?;
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut opened = Err(Errno::AGAIN);
    for _ in 0..TRIES_MAX {
        opened = openat2(dir, &*name, flags, Mode::empty(), BENEATH);
        if !matches!(opened, Err(Errno::AGAIN | Errno::INTR)) {
            break;
        }
    }
    Ok(opened?)
}
