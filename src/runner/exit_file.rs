//! `ctl/exit.json` and `ctl/shim.json`, and whether a launch's lock is held. Written by the shim, read by the daemon.

use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use serde::de::DeserializeOwned;

use super::{LaunchDir, files};
use crate::domain::exit::ExitRecord;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::launch::ShimRecord;

/// A record is a few hundred bytes long; `detail` may hold a path.
const RECORD_BYTES_MAX: u64 = 64 * 1024;

/// None while the launch runs, or when its shim died without a record.
pub fn read_exit(dir: &LaunchDir) -> Result<Option<ExitRecord>> {
    read(&dir.exit_json())
}

/// None until the shim has started.
pub fn read_shim(dir: &LaunchDir) -> Result<Option<ShimRecord>> {
    read(&dir.shim_json())
}

/// Whether a shim holds this launch now. No second launch of the session may start while one is held.
pub fn is_held(dir: &LaunchDir) -> Result<bool> {
    let path = dir.ctl_lock();
    let file = match std::fs::File::open(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        other => other.map_err(|error| Fault::io(format_args!("opening {}", path.display()), &error))?,
    };
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(false),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(true),
        Err(error) => Err(Fault::io(format_args!("trying {}", path.display()), &error.into())),
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let content = files::read_limited(path, RECORD_BYTES_MAX)
        .map_err(|error| Fault::io(format_args!("reading {}", path.display()), &error))?;
    content
        .map(|bytes| serde_json::from_slice(&bytes))
        .transpose()
        .map_err(|error| Fault::new(Kind::Failure, format!("reading {}: {error}", path.display())))
}
