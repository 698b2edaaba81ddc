//! One writer per mirror: an flock on a file beside it.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::domain::fault::{Fault, Kind, Result};

/// Longer than the longest call that a holder makes.
const WAIT_MAX: Duration = Duration::from_secs(3700);

/// Held until it is dropped *and* every git that got [`MirrorLock::stdin`] has ended.
pub(super) struct MirrorLock(File);

impl MirrorLock {
    pub(super) async fn acquire(path: &Path) -> Result<Self> {
        let shown = path.display().to_string();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| Fault::io(format!("opening {shown}"), &error))?;
        // The kernel wakes the waiting thread; if we give up first, it takes the lock and drops it at once.
        let waiting = tokio::task::spawn_blocking(move || file.lock().map(|()| file));
        match tokio::time::timeout(WAIT_MAX, waiting).await {
            Ok(Ok(Ok(file))) => Ok(Self(file)),
            Ok(Ok(Err(error))) => Err(Fault::io(format!("locking {shown}"), &error)),
            Ok(Err(panic)) => Err(Fault::new(Kind::Failure, format!("locking {shown}: {panic}"))),
            Err(_) => Err(Fault::new(
                Kind::Timeout,
                format!("another git still works on this repository ({shown} is locked)"),
            )),
        }
    }

    /// The lock's own (empty) file as the standard input of a git that works in the mirror.
    pub(super) fn stdin(&self) -> Stdio {
        self.0.try_clone().map_or_else(|_| Stdio::null(), Stdio::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_lock_is_held_until_the_last_git_has_ended() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let lock = MirrorLock::acquire(&path).await.unwrap();
        let begun = std::time::Instant::now();
        let mut git = std::process::Command::new("sleep")
            .arg("0.3")
            .stdin(lock.stdin())
            .spawn()
            .unwrap();
        drop(lock);
        let _later = MirrorLock::acquire(&path).await.unwrap();
        assert!(
            begun.elapsed() >= Duration::from_millis(300),
            "the lock was given away while a git still worked"
        );
        git.wait().unwrap();
    }
}
