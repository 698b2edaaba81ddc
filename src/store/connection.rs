//! The handle to the database, and the transaction that everything else of this room is a method of.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use tokio::sync::{oneshot, watch};

use super::open::{open_reader, open_writer};
use super::threads::{Jobs, Threads, ended};
use super::writer::{self, Job, Ran};
use crate::domain::Timestamp;
use crate::domain::fault::{Fault, Kind, Result};

/// Reads that may run at one time.
const READERS: usize = 2;

/// A handle to the database; cheap to clone. Dropping the last one finishes what was handed in and closes the file.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    // Dropped in this order: the writer closes last, because only it can fold the write-ahead log into the file.
    readers: Threads<Read>,
    writer: Threads<Job>,
    newest_event: watch::Receiver<i64>,
}

type Read = Box<dyn FnOnce(&Connection) + Send>;

/// One transaction. All typed steps are methods of this type, spread over the files of this room by table family.
pub struct Tx<'a> {
    pub(super) conn: &'a Connection,
    /// The time of the whole transaction: every row that it writes carries it.
    pub(super) now: Timestamp,
}

impl Store {
    /// Opens (or makes) `telecoder.db` 0600, checks it, and brings the schema up to date after a copy into `backups`.
    ///
    /// Errors: `Storage` with a hint for a newer schema, a file that is no database, a read-only place, a full disk.
    pub fn open(db: &Path, backups: &Path) -> Result<Self> {
        let conn = open_writer(db, backups)?;
        let newest = Tx {
            conn: &conn,
            now: stamp(),
        }
        .last_event_seq()?;
        let (announce, newest_event) = watch::channel(newest);
        let connections = (0..READERS).map(|_| open_reader(db)).collect::<Result<Vec<_>>>()?;
        let readers = connections
            .into_iter()
            .map(|conn| move |jobs: Jobs<Read>| serve_reads(&conn, &jobs));
        let write = move |jobs: Jobs<Job>| writer::work(&conn, &jobs, &announce);
        Ok(Self {
            inner: Arc::new(Inner {
                readers: Threads::start("store-reader", readers)?,
                writer: Threads::start("store-writer", [write])?,
                newest_event,
            }),
        })
    }

    /// Runs `steps` as one transaction on the writer thread. `Ok` means durable. An `Err` from `steps` rolls everything back.
    ///
    /// Once handed in, the steps are run even if the returned future is dropped. A panic in `steps` is a `Failure`.
    /// `Storage`: the disk refused; nothing was stored, and the store can be used again.
    pub async fn write<T, F>(&self, steps: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Tx<'_>) -> Result<T> + Send + 'static,
    {
        let (answer, outcome) = oneshot::channel();
        let job = Job::Steps(Box::new(move |tx| {
            let result = guarded(|| steps(tx?));
            Ran {
                fault: result.as_ref().err().cloned(),
                answer: Box::new(move |commit| {
                    let result = result.and_then(|value| commit.clone().map(|()| value));
                    // The caller may have gone away; what it asked for is stored all the same.
                    let _ = answer.send(result);
                }),
            }
        }));
        self.inner.writer.hand(job).await?;
        outcome.await.map_err(|_| ended())?
    }

    /// Runs `steps` on a reader: a consistent snapshot, no writes. It sees every write that returned before it was called.
    pub async fn read<T, F>(&self, steps: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Tx<'_>) -> Result<T> + Send + 'static,
    {
        let (answer, outcome) = oneshot::channel();
        let read: Read = Box::new(move |conn| {
            // Nobody may be waiting any more; a read leaves nothing behind.
            let _ = answer.send(guarded(|| in_snapshot(conn, steps)));
        });
        self.inner.readers.hand(read).await?;
        outcome.await.map_err(|_| ended())?
    }

    /// The `seq` of the newest durable event; changes after each write that appended one. `events -f` and SSE wait on it.
    pub fn event_seq(&self) -> watch::Receiver<i64> {
        self.inner.newest_event.clone()
    }

    /// Folds the write-ahead log into the database file: for an orderly shutdown, and before the file is copied.
    ///
    /// `RefusedByState`: a long read is in the way. Nothing is lost then; the next opening does it.
    pub async fn checkpoint(&self) -> Result<()> {
        let (answer, outcome) = oneshot::channel();
        self.inner.writer.hand(Job::Checkpoint(answer)).await?;
        outcome.await.map_err(|_| ended())?
    }
}

impl Tx<'_> {
    pub fn now(&self) -> Timestamp {
        self.now
    }
}

/// The one place where the store reads the clock: once for each transaction, in whole microseconds, as it is stored.
pub(super) fn stamp() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}

fn serve_reads(conn: &Connection, jobs: &Jobs<Read>) {
    while let Some(read) = jobs.next() {
        read(conn);
    }
}

fn in_snapshot<T>(conn: &Connection, steps: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
    let snapshot = conn.unchecked_transaction()?;
    // Dropping the transaction rolls back: a read has nothing to commit.
    steps(&Tx {
        conn: &snapshot,
        now: stamp(),
    })
}

/// A panic in a caller's steps must not take the thread with it.
fn guarded<T>(steps: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(steps)).unwrap_or_else(|panic| {
        let why = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        let message = format!("a step of the store panicked: {}", why.unwrap_or("no message"));
        Err(Fault::new(Kind::Failure, message))
    })
}
