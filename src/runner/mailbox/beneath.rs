//! Opening what somebody else may have put there: beneath a held directory, through no link, into no mount, without
//! waiting.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Mode, OFlags, ResolveFlags, fstat, openat, openat2};
use rustix::io::{Errno, retry_on_intr};

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
    let owner = fstat(dir).map_err(io::Error::from)?.st_uid;
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
    match opened {
        Err(Errno::NOSYS | Errno::PERM) => Ok(open_single(dir, &name, flags)?),
        opened => Ok(opened?),
    }
}

/// The same promise without `openat2`, which a seccomp filter cannot look into and therefore takes away (systemd's
/// `RestrictSUIDSGID=` answers ENOSYS, old container profiles EPERM). One name that is no link cannot lead out of its directory
/// but by a mount.
fn open_single(dir: &impl AsFd, name: &CStr, flags: OFlags) -> Result<OwnedFd, Errno> {
    let bytes = name.to_bytes();
    if bytes.contains(&b'/') || matches!(bytes, b"" | b"." | b"..") {
        return Err(Errno::XDEV);
    }
    let opened = retry_on_intr(|| openat(dir, name, flags | OFlags::NOFOLLOW, Mode::empty()))?;
    if fstat(&opened)?.st_dev != fstat(dir)?.st_dev {
        return Err(Errno::XDEV);
    }
    Ok(opened)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_openat2_a_name_still_leads_nowhere_else() {
        let tmp = tempfile::tempdir().expect("temp dir");
        std::fs::write(tmp.path().join("letter"), "x").expect("written");
        std::fs::create_dir(tmp.path().join("new")).expect("made");
        std::os::unix::fs::symlink("letter", tmp.path().join("link")).expect("linked");
        let dir: OwnedFd = File::open(tmp.path()).expect("opened").into();
        let open = |name: &CStr| open_single(&dir, name, OFlags::RDONLY | OFlags::NONBLOCK).map(drop);
        assert_eq!(open(c"letter"), Ok(()));
        assert_eq!(open(c"new"), Ok(()));
        assert_eq!(open(c"link"), Err(Errno::LOOP));
        assert_eq!(open(c"none"), Err(Errno::NOENT));
        for outside in [c"..", c".", c"", c"new/../letter", c"/etc/passwd"] {
            assert_eq!(open(outside), Err(Errno::XDEV), "{outside:?}");
        }
        let proc: OwnedFd = File::open("/").expect("opened").into();
        assert_eq!(open_single(&proc, c"proc", OFlags::RDONLY).map(drop), Err(Errno::XDEV));
    }
}
