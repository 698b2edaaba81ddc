//! One daemon per data directory. The kernel holds the lock, so a killed daemon leaves none.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;

use super::place::storage;
use crate::config::data_dir::DataDir;
use crate::domain::fault::{Fault, Kind, Result};

/// Held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Takes the lock and writes our pid into it, or names who holds it.
pub fn take(dir: &DataDir) -> Result<Lock> {
    let path = dir.lock();
    let doing = || format!("locking {}", path.display());
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(|e| storage(doing(), &e))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(held(&mut file, dir)),
        Err(TryLockError::Error(e)) => return Err(storage(doing(), &e)),
    }
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(|e| storage(doing(), &e))?;
    Ok(Lock { _file: file })
}

fn held(file: &mut File, dir: &DataDir) -> Fault {
    let mut text = String::new();
    let _ = file.read_to_string(&mut text);
    let holder = match text.trim().parse::<u32>() {
        Ok(pid) => format!("process {pid}"),
        Err(_) => "another process".to_owned(),
    };
    let message = format!("a daemon for {} already runs: {holder}", dir.path().display());
    Fault::new(Kind::AnotherDaemon, message).hint("`telecoder health` asks it how it is.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_daemon_is_told_who_the_first_is() {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::new(temp.path());
        let lock = take(&dir).unwrap();
        let fault = take(&dir).unwrap_err();
        assert_eq!(fault.kind, Kind::AnotherDaemon);
        assert!(fault.message.contains(&format!("process {}", std::process::id())));
        drop(lock);
        take(&dir).unwrap();
    }
}
