//! What of the mirrors can go: what was kept for sessions that are removed, and mirrors that nobody borrows from.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::lock::MirrorLock;
use super::mirror::{Record, remove_tree};
use super::mirrors::Mirrors;
use crate::domain::fault::{Fault, Result};
use crate::domain::ids::SessionId;

/// Mirrors that none of these sessions borrows from, and that nobody used for this long.
pub fn unused_mirrors(mirrors: &Mirrors, sessions: &[SessionId], unused_for: Duration) -> Result<Vec<PathBuf>> {
    let mut used = Vec::new();
    for session in sessions {
        used.extend(Record::read(mirrors, session)?.map(|record| record.mirror));
    }
    let entries = match std::fs::read_dir(&**mirrors) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| Fault::io(format!("reading {}", mirrors.display()), &error))?,
    };
    let mut unused = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".git") && !used.contains(&name) && rests(&entry.path(), unused_for) {
            unused.push(entry.path());
        }
    }
    unused.sort();
    Ok(unused)
}

/// A mirror's lock is opened by whoever works in it.
fn rests(mirror: &Path, unused_for: Duration) -> bool {
    let modified = |path: &Path| std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
    let newest = [mirror.to_owned(), mirror.join("objects"), mirror.join("packed-refs")]
        .iter()
        .filter_map(|path| modified(path))
        .max();
    newest.is_none_or(|at| SystemTime::now().duration_since(at).unwrap_or_default() >= unused_for)
}

/// Removes a mirror of which [`unused_mirrors`] said that it may go, unless a session began to borrow meanwhile.
pub async fn remove_mirror(mirrors: &Mirrors, mirror: &Path) -> Result<()> {
    let _lock = MirrorLock::acquire(&mirror.with_extension("lock")).await?;
    let name = mirror.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let records = std::fs::read_dir(mirrors.join("sessions"))
        .into_iter()
        .flatten()
        .flatten();
    let borrowed = records
        .filter_map(|entry| {
            entry
                .file_name()
                .to_str()?
                .strip_suffix(".json")?
                .parse::<SessionId>()
                .ok()
        })
        .any(|id| Record::read(mirrors, &id).is_ok_and(|record| record.is_some_and(|record| record.mirror == name)));
    if borrowed {
        return Ok(());
    }
    remove_tree(mirror)
}
