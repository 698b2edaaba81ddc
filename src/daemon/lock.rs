//! One daemon per data directory. The kernel holds the lock, so a killed daemon leaves none.
//!
//! A daemon that is killed while it starts a program leaves a child that has not come to its `exec` yet, and that child holds
//! every open file of the daemon's, the lock too, for a moment. So a lock whose holder is dead is waited for.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

use super::place::storage;
use crate::config::data_dir::DataDir;
use crate::domain::fault::{Fault, Kind, Result};
use crate::runner::process;

/// How long the lock of a dead daemon may be held by what it was about to start, and the pause between looks. On a machine under
/// load a child may wait long for its turn.
const DEAD_HOLDER_LIMIT: Duration = Duration::from_secs(10);
const DEAD_HOLDER_PAUSE: Duration = Duration::from_millis(10);

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
    let limit = Instant::now() + DEAD_HOLDER_LIMIT;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(e)) => return Err(storage(doing(), &e)),
        }
        let holder = holder(&mut file);
        if holder.is_some_and(|pid| process::identify(pid).is_some()) || Instant::now() >= limit {
            return Err(held(holder, dir));
        }
        std::thread::sleep(DEAD_HOLDER_PAUSE);
    }
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(|e| storage(doing(), &e))?;
    Ok(Lock { _file: file })
}

/// Who wrote itself into the lock; nobody while a daemon that has just taken it is about to.
fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().and_then(|()| file.read_to_string(&mut text)).ok()?;
    text.trim().parse().ok()
}

fn held(holder: Option<u32>, dir: &DataDir) -> Fault {
    let holder = match holder {
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
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

    #[test]
    fn what_a_killed_daemon_was_about_to_start_holds_the_lock_for_a_moment_only() {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::new(temp.path());
        // No process has a number as high as this.
        std::fs::write(dir.lock(), format!("{}\n", u32::MAX)).unwrap();
        let child = File::open(dir.lock()).unwrap();
        child.try_lock().unwrap();
        let exec = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            drop(child);
        });
        take(&dir).unwrap();
        exec.join().unwrap();
    }
}
