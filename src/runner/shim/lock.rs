//! `ctl/lock`: at most one shim runs a launch. The kernel frees it when the shim ends, however it ends; the agent does
//! not inherit it.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::domain::fault::{Fault, Kind, Result};
use crate::runner::{LaunchDir, read_shim};

/// Takes the lock without waiting, and keeps it as long as the file is open.
pub fn take(dir: &LaunchDir) -> Result<File> {
    let path = dir.ctl_lock();
    let failed = |error| Fault::io(format_args!("taking {}", path.display()), &error);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(failed)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(Errno::WOULDBLOCK) => Err(held(dir)),
        Err(error) => Err(failed(error.into())),
    }
}

fn held(dir: &LaunchDir) -> Fault {
    let holder = match read_shim(dir) {
        Ok(Some(record)) => format!(" by process {}", record.shim.pid),
        _ => String::new(),
    };
    let path = dir.path().display();
    Fault::new(Kind::AnotherDaemon, format!("the launch {path} is already run{holder}"))
        .hint("Only one run of a launch is possible at a time: look at its window.")
}
