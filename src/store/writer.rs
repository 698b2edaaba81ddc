//! The writer: one thread, one connection, group commit.
//!
//! Everything that waits when the thread looks goes into one transaction, each piece in a savepoint of its own: one sync of
//! the disk pays for all of them, and a piece that fails takes back only itself. Nobody is answered before the commit, so an
//! answer `Ok` is durable; if the commit fails, nobody gets `Ok`. A crash in between loses only what was not answered.

use std::collections::VecDeque;

use rusqlite::Connection;
use tokio::sync::{oneshot, watch};

use super::connection::{Tx, stamp};
use super::threads::Jobs;
use crate::domain::fault::{Fault, Kind, Result};

/// Pieces that share one commit at most; bounds how long the first one waits for the last one.
const GROUP_MAX: usize = 128;

/// What waits for the writer.
pub(super) enum Job {
    /// Runs a caller's steps in the transaction, or tells it why there is none.
    Steps(Steps),
    /// Moves the write-ahead log into the database file and truncates it.
    Checkpoint(oneshot::Sender<Result<()>>),
}

pub(super) type Steps = Box<dyn FnOnce(Result<&Tx<'_>>) -> Ran + Send>;
type Answer = Box<dyn FnOnce(&Result<()>)>;

/// What came of a caller's steps before the commit.
pub(super) struct Ran {
    /// Why they have to be taken back.
    pub(super) fault: Option<Fault>,
    /// Tells the caller, as soon as the commit's own result is known.
    pub(super) answer: Answer,
}

pub(super) fn work(conn: &Connection, jobs: &Jobs<Job>, newest_event: &watch::Sender<i64>) {
    while let Some(first) = jobs.next() {
        let (mut steps, checkpoint) = take_group(first, jobs);
        while !steps.is_empty() {
            run_transaction(conn, &mut steps, newest_event);
        }
        if let Some(answer) = checkpoint {
            // Nobody may be waiting any more; the checkpoint is made all the same.
            let _ = answer.send(truncate_log(conn));
        }
    }
}

fn take_group(first: Job, jobs: &Jobs<Job>) -> (VecDeque<Steps>, Option<oneshot::Sender<Result<()>>>) {
    let mut group = VecDeque::new();
    let mut next = Some(first);
    while let Some(job) = next {
        match job {
            Job::Steps(steps) => group.push_back(steps),
            Job::Checkpoint(answer) => return (group, Some(answer)),
        }
        next = (group.len() < GROUP_MAX).then(|| jobs.waiting()).flatten();
    }
    (group, None)
}

/// Runs what waits in one transaction. Ends early when the database itself took the transaction back (a full disk does):
/// then those who ran are told so, and the rest stays in `waiting` for a new one.
fn run_transaction(conn: &Connection, waiting: &mut VecDeque<Steps>, newest_event: &watch::Sender<i64>) {
    if let Err(fault) = conn.execute_batch("BEGIN IMMEDIATE").map_err(Fault::from) {
        refuse(waiting, &fault);
        return;
    }
    let tx = Tx { conn, now: stamp() };
    let mut answers = Vec::new();
    let mut broken = None;
    while let Some(steps) = waiting.pop_front() {
        let (answer, alive) = run_one(&tx, steps);
        answers.push(answer);
        if let Err(fault) = alive {
            broken = Some(fault);
            break;
        }
    }
    let verdict = match broken {
        Some(fault) => {
            roll_back(conn);
            Err(fault)
        }
        None => commit(conn),
    };
    if verdict.is_ok() {
        announce(&tx, newest_event);
    }
    for answer in answers {
        answer(&verdict);
    }
}

fn refuse(waiting: &mut VecDeque<Steps>, fault: &Fault) {
    for steps in waiting.drain(..) {
        let ran = steps(Err(fault.clone()));
        (ran.answer)(&Err(fault.clone()));
    }
}

/// Runs one caller's steps in a savepoint. The second value is the fault with which the whole transaction died, if it did.
fn run_one(tx: &Tx<'_>, steps: Steps) -> (Answer, Result<()>) {
    if let Err(fault) = tx.conn.execute_batch("SAVEPOINT piece").map_err(Fault::from) {
        return (steps(Err(fault.clone())).answer, Err(fault));
    }
    let ran = steps(Ok(tx));
    if tx.conn.is_autocommit() {
        let fault = ran.fault.unwrap_or_else(taken_back);
        return (ran.answer, Err(fault));
    }
    let end = match ran.fault {
        None => "RELEASE piece",
        Some(_) => "ROLLBACK TO piece; RELEASE piece",
    };
    let alive = tx.conn.execute_batch(end).map_err(Fault::from);
    (ran.answer, alive)
}

fn taken_back() -> Fault {
    Fault::new(Kind::Storage, "the store: the database took a transaction back")
}

fn commit(conn: &Connection) -> Result<()> {
    let committed = conn
        .execute_batch("COMMIT")
        .map_err(|e| Fault::from(e).context("committing"));
    if committed.is_err() {
        roll_back(conn);
    }
    committed
}

fn roll_back(conn: &Connection) {
    if !conn.is_autocommit()
        && let Err(error) = conn.execute_batch("ROLLBACK")
    {
        tracing::error!(%error, "the store could not roll a transaction back");
    }
}

fn announce(tx: &Tx<'_>, newest_event: &watch::Sender<i64>) {
    match tx.last_event_seq() {
        Ok(seq) => {
            newest_event.send_if_modified(|newest| std::mem::replace(newest, seq) != seq);
        }
        // The events are stored; those who wait for them look again after the next write.
        Err(error) => tracing::error!(%error, "the store could not read the newest event"),
    }
}

fn truncate_log(conn: &Connection) -> Result<()> {
    let busy: i64 = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy == 0 {
        return Ok(());
    }
    Err(Fault::new(
        Kind::RefusedByState,
        "the store: a reader keeps the log from being truncated",
    ))
}
