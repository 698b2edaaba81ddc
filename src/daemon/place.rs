//! The data directory itself: there, ours, and nobody else's.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crate::config::data_dir::DataDir;
use crate::domain::fault::{Fault, Kind, Result};

/// A detached daemon's log is at most about twice this long: one file, and the one before it.
pub const DAEMON_LOG_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Makes the data directory and its fixed parts.
pub fn prepare(dir: &DataDir) -> Result<()> {
    make_private_dir(dir.path())?;
    for part in [dir.backups(), dir.bin(), dir.tmux(), dir.mirrors(), dir.sessions()] {
        make_private_dir(&part)?;
    }
    Ok(())
}

/// Makes a directory 0700, or checks the one that is there: ours, writable by nobody else. One that others may read is closed.
pub fn make_private_dir(path: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|e| storage(format!("making {}", path.display()), &e))?;
    let meta = std::fs::metadata(path).map_err(|e| storage(format!("looking at {}", path.display()), &e))?;
    let (own, owner) = (rustix::process::geteuid().as_raw(), meta.uid());
    if owner != own {
        let message = format!("{} belongs to user {owner}, and we are user {own}", path.display());
        return Err(Fault::new(Kind::NotPermitted, message)
            .hint("Run telecoder as that user, or name another directory with `--data-dir`."));
    }
    if meta.mode() & 0o022 != 0 {
        let message = format!("{} can be written by other users", path.display());
        return Err(Fault::new(Kind::NotPermitted, message)
            .hint(format!("If you trust what is in it: `chmod 700 {}`", path.display())));
    }
    if meta.mode() & 0o200 == 0 {
        let message = format!("{} is read-only (mode {:o})", path.display(), meta.mode() & 0o777);
        return Err(Fault::new(Kind::Storage, message).hint(format!(
            "If that is not meant: `chmod 700 {}`; else name another directory with `--data-dir`.",
            path.display()
        )));
    }
    if meta.mode() & 0o777 != 0o700 {
        std::fs::set_permissions(path, Permissions::from_mode(0o700))
            .map_err(|e| storage(format!("closing {}", path.display()), &e))?;
    }
    Ok(())
}

/// Opens a detached daemon's log for appending, 0600; a long one is put aside first.
pub fn open_private_log(path: &Path) -> Result<File> {
    if std::fs::metadata(path).is_ok_and(|meta| meta.len() > DAEMON_LOG_BYTES_MAX) {
        let _ = std::fs::rename(path, path.with_extension("log.1"));
    }
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map_err(|e| storage(format!("opening {}", path.display()), &e))
}

/// What the disk refuses here is a matter of storage, also where it calls it a permission.
pub fn storage(doing: String, error: &std::io::Error) -> Fault {
    let fault = Fault::io(doing, error);
    match error.kind() {
        ErrorKind::PermissionDenied
        | ErrorKind::ReadOnlyFilesystem
        | ErrorKind::NotFound
        | ErrorKind::NotADirectory
        | ErrorKind::AlreadyExists => Fault {
            kind: Kind::Storage,
            ..fault
        }
        .hint("TeleCoder needs a directory of its own that it can write: `--data-dir DIR`."),
        _ => fault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_directory_is_made_private_with_its_parts() {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::new(temp.path().join("a/data"));
        prepare(&dir).unwrap();
        for part in [dir.path().to_owned(), dir.bin(), dir.tmux(), dir.sessions()] {
            assert_eq!(std::fs::metadata(&part).unwrap().mode() & 0o777, 0o700, "{part:?}");
        }
    }

    #[test]
    fn a_readable_directory_is_closed_and_a_writable_one_refused() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path();
        std::fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        make_private_dir(path).unwrap();
        assert_eq!(std::fs::metadata(path).unwrap().mode() & 0o777, 0o700);
        for mode in [0o770, 0o702] {
            std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
            assert_eq!(make_private_dir(path).unwrap_err().kind, Kind::NotPermitted);
        }
        std::fs::set_permissions(path, Permissions::from_mode(0o500)).unwrap();
        assert_eq!(make_private_dir(path).unwrap_err().kind, Kind::Storage);
        assert_eq!(std::fs::metadata(path).unwrap().mode() & 0o777, 0o500);
    }

    #[test]
    fn a_long_log_is_put_aside() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("daemon.log");
        std::fs::write(&path, vec![b'x'; DAEMON_LOG_BYTES_MAX as usize + 1]).unwrap();
        let log = open_private_log(&path).unwrap();
        assert_eq!(log.metadata().unwrap().len(), 0);
        assert!(temp.path().join("daemon.log.1").exists());
    }
}
