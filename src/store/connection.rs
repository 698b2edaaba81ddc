//! The connections: opening, the writer thread, transactions.

use std::path::Path;

use crate::domain::Timestamp;
use crate::domain::fault::Result;

/// A handle to the database; cheap to clone.
#[derive(Clone)]
pub struct Store {}

/// One transaction. All typed steps are methods of this type, spread over the files of this room by table family.
pub struct Tx<'a> {
    pub(super) conn: &'a rusqlite::Connection,
    /// The time of the whole transaction: every row that it writes carries it.
    pub(super) now: Timestamp,
}

impl Store {
    /// Opens (or makes) `telecoder.db` 0600, checks it, and brings the schema up to date after a copy into `backups`.
    ///
    /// Errors: `Storage` with a hint for a newer schema, a file that is no database, a read-only place, a full disk.
    pub fn open(_db: &Path, _backups: &Path) -> Result<Self> {
        todo!()
    }

    /// Runs `steps` as one transaction on the writer thread. `Ok` means durable. An `Err` from `steps` rolls everything back.
    pub async fn write<T, F>(&self, _steps: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Tx<'_>) -> Result<T> + Send + 'static,
    {
        todo!()
    }

    /// Runs `steps` on a reader: a consistent snapshot, no writes.
    pub async fn read<T, F>(&self, _steps: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Tx<'_>) -> Result<T> + Send + 'static,
    {
        todo!()
    }

    /// The `seq` of the newest durable event; changes after each write that appended one. `events -f` and SSE wait on it.
    pub fn event_seq(&self) -> tokio::sync::watch::Receiver<i64> {
        todo!()
    }
}

impl Tx<'_> {
    pub fn now(&self) -> Timestamp {
        self.now
    }
}
