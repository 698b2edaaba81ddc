//! Opening the file: its permissions, its settings, its health, its schema.

use std::fs::{self, OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::schema;
use crate::domain::fault::{Fault, Kind, Result};

/// Of a file that holds every prompt and message, nobody else reads anything.
pub(super) const FILE_MODE: u32 = 0o600;
/// How long a connection waits for a lock; only a foreign program (a person's `sqlite3`) can hold one.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// The health check of a large file is given up after this long, so that a start stays quick.
const CHECK_LIMIT: Duration = Duration::from_secs(2);
/// Prepared statements kept per connection: more than the room has.
const STATEMENTS_KEPT: usize = 128;

/// Page cache in KiB (the minus sign is SQLite's way to say so). Modest: the daemon has to stay small.
const WRITER_CACHE: i64 = -2048;
const READER_CACHE: i64 = -1024;
/// After a checkpoint the write-ahead log is cut to this many bytes.
const LOG_BYTES_KEPT: i64 = 8 << 20;

/// The one connection that writes, with file, settings and schema in order.
pub(super) fn open_writer(db: &Path, backups: &Path) -> Result<Connection> {
    prepare_file(db)?;
    ready_writer(db, backups).map_err(|fault| advise(fault, db, backups))
}

/// A connection that cannot write.
pub(super) fn open_reader(db: &Path) -> Result<Connection> {
    let conn = connect(db, OpenFlags::SQLITE_OPEN_READ_ONLY, READER_CACHE).map_err(|fault| opening(db, fault))?;
    conn.pragma_update(None, "query_only", true)?;
    Ok(conn)
}

fn ready_writer(db: &Path, backups: &Path) -> Result<Connection> {
    let conn = connect(db, OpenFlags::SQLITE_OPEN_READ_WRITE, WRITER_CACHE)?;
    schema::refuse_foreign(&conn, db, backups)?;
    check_writable(&conn)?;
    let mode: String = conn.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(Fault::new(
            Kind::Storage,
            format!("the file system allows no write-ahead log (journal mode is `{mode}`)"),
        )
        .hint("The data directory must be on a local disk; network file systems cannot hold it."));
    }
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "journal_size_limit", LOG_BYTES_KEPT)?;
    check_health(&conn)?;
    schema::upgrade(&conn, schema::MIGRATIONS, backups)?;
    Ok(conn)
}

fn connect(db: &Path, access: OpenFlags, cache: i64) -> Result<Connection> {
    // Each connection stays on one thread, so SQLite's own locks are not needed.
    let conn = Connection::open_with_flags(db, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    // First of all: the next pragma may already meet a lock.
    conn.busy_timeout(BUSY_TIMEOUT)?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "trusted_schema", false)?;
    conn.pragma_update(None, "cache_size", cache)?;
    conn.pragma_update(None, "mmap_size", 0)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    Ok(conn)
}

/// Makes the file if there is none, and takes it from everybody else. SQLite gives the files beside it the same mode.
fn prepare_file(db: &Path) -> Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(db) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => close_to_others(db),
        Err(error) => Err(file_fault("making", db, &error)),
    }
}

fn close_to_others(db: &Path) -> Result<()> {
    for file in [db.to_path_buf(), beside(db, "-wal"), beside(db, "-shm")] {
        match fs::metadata(&file) {
            Ok(meta) if meta.permissions().mode() & 0o777 & !FILE_MODE != 0 => {
                fs::set_permissions(&file, Permissions::from_mode(FILE_MODE))
                    .map_err(|e| file_fault("closing to others", &file, &e))?;
            }
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(file_fault("looking at", &file, &error)),
        }
    }
    Ok(())
}

fn beside(db: &Path, suffix: &str) -> PathBuf {
    let mut name = db.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

pub(super) fn file_fault(doing: &str, file: &Path, error: &std::io::Error) -> Fault {
    Fault::new(Kind::Storage, format!("{doing} {}: {error}", file.display()))
        .hint("The user of the daemon must be able to write the data directory, and its disk must have room.")
}

/// SQLite opens a file that it may not write without a word, and complains at the first write. Ask now.
fn check_writable(conn: &Connection) -> Result<()> {
    if conn.is_readonly(rusqlite::MAIN_DB)? {
        return Err(Fault::new(Kind::Storage, "the file is read-only")
            .hint("The user of the daemon must be able to write the data directory and `telecoder.db` in it."));
    }
    // Takes the write lock and writes nothing: a read-only directory shows here.
    conn.execute_batch("BEGIN IMMEDIATE; ROLLBACK")?;
    Ok(())
}

/// SQLite's quick check, up to its first finding and for at most `CHECK_LIMIT`: a file too large for that is taken on trust,
/// and a damaged page in it shows when it is read.
fn check_health(conn: &Connection) -> Result<()> {
    let interrupt = conn.get_interrupt_handle();
    let (done, watch) = mpsc::channel::<()>();
    let watchdog = std::thread::spawn(move || {
        if watch.recv_timeout(CHECK_LIMIT) == Err(mpsc::RecvTimeoutError::Timeout) {
            interrupt.interrupt();
        }
    });
    let verdict = conn.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    drop(done);
    // The watchdog only ever waits; it cannot panic.
    let _ = watchdog.join();
    match verdict {
        Ok(word) if word == "ok" => Ok(()),
        Ok(finding) => Err(Fault::new(Kind::Storage, format!("the file is damaged: {finding}"))),
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn opening(db: &Path, fault: Fault) -> Fault {
    Fault {
        kind: Kind::Storage,
        ..fault.context(format_args!("opening {}", db.display()))
    }
}

/// Whatever stops the opening is `Storage`; a file that is damaged or none of ours names the copy to put in its place.
fn advise(fault: Fault, db: &Path, backups: &Path) -> Fault {
    let fault = opening(db, fault);
    let spoilt = fault.message.contains("not a database")
        || fault.message.contains("damaged")
        || fault.message.contains("malformed");
    if !spoilt {
        return fault;
    }
    let advice = match schema::best_backup(backups, schema::newest_known()) {
        Some(copy) => format!(
            "Move {0} aside (with its -wal and -shm) and copy {1} in its place.",
            db.display(),
            copy.display()
        ),
        None => format!(
            "There is no copy in {}; move {} aside (with its -wal and -shm) and a new one is made.",
            backups.display(),
            db.display()
        ),
    };
    fault.hint(advice)
}
