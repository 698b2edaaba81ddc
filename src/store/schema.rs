//! The schema: numbered steps, only ever added; a copy of the file before each upgrade.
//!
//! A step makes the schema readable by the release before it (expand first, contract a release later), so that going back
//! one release is possible. The number of steps taken is in `PRAGMA user_version`, changed in the step's own transaction:
//! after a crash a step was taken or it was not.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::connection::stamp;
use super::open::{FILE_MODE, file_fault};
use crate::domain::fault::{Fault, Kind, Result};

/// Step n is element n - 1. Append; never change one that was released.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_begin.sql"),
    include_str!("migrations/0002_bot.sql"),
    include_str!("migrations/0003_dialogs.sql"),
    include_str!("migrations/0004_turn_kinds.sql"),
    include_str!("migrations/0005_outcomes.sql"),
    include_str!("migrations/0006_chats.sql"),
    include_str!("migrations/0007_carried.sql"),
    include_str!("migrations/0008_steered.sql"),
    include_str!("migrations/0009_hook_depth.sql"),
    include_str!("migrations/0010_answered_by.sql"),
];

/// Marks the file as ours (`TCDB`), so that a database of another program is never upgraded into.
const APPLICATION_ID: i64 = 0x5443_4442;
const DIR_MODE: u32 = 0o700;

/// The schema version that this program makes and understands.
pub(super) const fn newest_known() -> usize {
    MIGRATIONS.len()
}

/// Refuses, before anything is written, a database of another program and one of a newer release.
pub(super) fn refuse_foreign(conn: &Connection, db: &Path, backups: &Path) -> Result<()> {
    let version = version(conn)?;
    if version > newest_known() {
        return Err(too_new(version, db, backups));
    }
    if application_id(conn)? != APPLICATION_ID && !is_empty(conn)? {
        return Err(
            Fault::new(Kind::Storage, "the file is a database of another program").hint(format!(
                "Move {} away; TeleCoder makes its own. Or name another data directory with `--data-dir`.",
                db.display()
            )),
        );
    }
    Ok(())
}

/// Takes every step that is missing. If the database holds anything, a copy of it goes into `backups` first; the copy is taken
/// away again if the steps fail, because then the database is what it was.
pub(super) fn upgrade(conn: &Connection, steps: &[&str], backups: &Path) -> Result<()> {
    let from = version(conn)?;
    if from >= steps.len() {
        return Ok(());
    }
    let copy = if is_empty(conn)? {
        None
    } else {
        Some(copy_into(conn, backups, from)?)
    };
    let result = (from..steps.len()).try_for_each(|done| take_step(conn, done + 1, steps[done]));
    if let (Err(_), Some(copy)) = (&result, &copy) {
        // A copy that stays behind is only a waste of space.
        let _ = fs::remove_file(copy);
    }
    result
}

fn take_step(conn: &Connection, number: usize, sql: &str) -> Result<()> {
    let step = conn.unchecked_transaction()?;
    step.execute_batch(sql)?;
    step.pragma_update(None, "application_id", APPLICATION_ID)?;
    step.pragma_update(None, "user_version", i64::try_from(number).unwrap_or(i64::MAX))?;
    step.commit()
        .map_err(|e| Fault::from(e).context(format_args!("upgrading the schema to version {number}")))
}

fn version(conn: &Connection) -> Result<usize> {
    let version: i64 = conn.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    usize::try_from(version).map_err(|_| {
        Fault::new(
            Kind::Storage,
            format!("the file is damaged: its schema version is {version}"),
        )
    })
}

fn application_id(conn: &Connection) -> Result<i64> {
    Ok(conn.query_row("PRAGMA application_id", [], |row| row.get(0))?)
}

fn is_empty(conn: &Connection) -> Result<bool> {
    Ok(conn.query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))?)
}

fn too_new(version: usize, db: &Path, backups: &Path) -> Fault {
    let known = newest_known();
    let message = format!("it has schema version {version}, and this telecoder knows versions up to {known}");
    let way_back = match best_backup(backups, known) {
        Some(copy) => format!(
            "Install the newer telecoder again, or go back to {} (copy it to {}; what came later is lost).",
            copy.display(),
            db.display()
        ),
        None => "Install the newer telecoder again; there is no copy of the database that this one could read.".into(),
    };
    Fault::new(Kind::Storage, message).hint(way_back)
}

/// Writes a copy of the whole database, synced, as `telecoder-v<from>-<time>.db`.
fn copy_into(conn: &Connection, backups: &Path, from: usize) -> Result<PathBuf> {
    make_dir(backups)?;
    let copy = backups.join(format!(
        "telecoder-v{from}-{}.db",
        stamp().strftime("%Y%m%dT%H%M%S.%6fZ")
    ));
    // Made by us and empty, so that it is 0600 from its first byte on.
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(&copy)
        .map_err(|e| file_fault("making", &copy, &e))?;
    let copied = vacuum_into(conn, &copy).and_then(|()| sync(&file, &copy, backups));
    if copied.is_err() {
        // Half a copy must not look like a whole one.
        let _ = fs::remove_file(&copy);
    }
    copied.map(|()| copy)
}

fn make_dir(dir: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(DIR_MODE)
        .create(dir)
        .map_err(|e| file_fault("making", dir, &e))
}

fn vacuum_into(conn: &Connection, copy: &Path) -> Result<()> {
    let target = copy
        .to_str()
        .ok_or_else(|| Fault::new(Kind::Storage, format!("{} is not UTF-8", copy.display())))?;
    conn.execute("VACUUM INTO ?1", [target])
        .map_err(|e| Fault::from(e).context(format_args!("copying the database to {target}")))?;
    Ok(())
}

fn sync(file: &File, copy: &Path, dir: &Path) -> Result<()> {
    file.sync_all().map_err(|e| file_fault("syncing", copy, &e))?;
    let dir_handle = File::open(dir).map_err(|e| file_fault("opening", dir, &e))?;
    dir_handle.sync_all().map_err(|e| file_fault("syncing", dir, &e))
}

/// The copy that this program can read and that loses least: the newest of the highest version up to `known`.
pub(super) fn best_backup(backups: &Path, known: usize) -> Option<PathBuf> {
    let entries = fs::read_dir(backups).ok()?;
    entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let rest = path.file_name()?.to_str()?.strip_prefix("telecoder-v")?;
            let (version, time) = rest.strip_suffix(".db")?.split_once('-')?;
            let version: usize = version.parse().ok().filter(|v| *v <= known)?;
            Some(((version, time.to_owned()), path))
        })
        .max()
        .map(|(_, path)| path)
}
