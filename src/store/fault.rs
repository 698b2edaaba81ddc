//! SQLite's errors as faults: what the machine did (`Storage`) apart from what our own steps did (`Failure`).

use rusqlite::ErrorCode;

use crate::domain::fault::{Fault, Kind};

impl From<rusqlite::Error> for Fault {
    /// Texts name tables and columns, never values: SQLite's messages carry none.
    fn from(error: rusqlite::Error) -> Self {
        let Some(code) = error.sqlite_error_code() else {
            return Fault::new(Kind::Failure, format!("the store: {error}"));
        };
        let fault = Fault::new(kind_of(code), format!("the store: {error}"));
        match hint_for(code) {
            Some(hint) => fault.hint(hint),
            None => fault,
        }
    }
}

fn kind_of(code: ErrorCode) -> Kind {
    match code {
        ErrorCode::PermissionDenied
        | ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::OutOfMemory
        | ErrorCode::ReadOnly
        | ErrorCode::OperationInterrupted
        | ErrorCode::SystemIoFailure
        | ErrorCode::DatabaseCorrupt
        | ErrorCode::DiskFull
        | ErrorCode::CannotOpen
        | ErrorCode::FileLockingProtocolFailed
        | ErrorCode::NoLargeFileSupport
        | ErrorCode::NotADatabase => Kind::Storage,
        _ => Kind::Failure,
    }
}

fn hint_for(code: ErrorCode) -> Option<&'static str> {
    match code {
        ErrorCode::DiskFull => Some(
            "Free some space on the disk of the data directory; the store goes on by itself as soon as there is some.",
        ),
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Some(
            "Stop the daemon, move `telecoder.db` aside and copy the newest file of `backups/` in the data directory in its place.",
        ),
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen => {
            Some("The user of the daemon must be able to write the data directory and `telecoder.db` in it.")
        }
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            Some("Another program holds `telecoder.db`; only the daemon may write it.")
        }
        _ => None,
    }
}

/// A row whose content is not what was stored.
pub(super) fn damaged(row: impl std::fmt::Display) -> Fault {
    Fault::new(
        Kind::Storage,
        format!("{row} is damaged: its content does not match its checksum"),
    )
    .hint("It was not used. The newest good copy of the database is in `backups/` of the data directory.")
}
