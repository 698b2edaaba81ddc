//! Many writers, one transaction: each is alone with its failure, and nobody hears `Ok` before the commit.

use std::sync::mpsc;

use futures_util::FutureExt;
use futures_util::future::{join_all, join3};

use super::*;

/// Keeps the writer busy until the sender is dropped, so that what is handed in meanwhile becomes one group.
async fn hold_writer(store: &Store) -> mpsc::Sender<()> {
    let (release, held) = mpsc::channel::<()>();
    let (begun, running) = tokio::sync::oneshot::channel();
    let store = store.clone();
    tokio::spawn(async move {
        store
            .write(move |_| {
                let _ = begun.send(());
                let _ = held.recv();
                Ok(())
            })
            .await
    });
    running.await.expect("the writer runs");
    release
}

#[tokio::test]
async fn each_piece_of_a_group_fails_alone() {
    let place = Place::new();
    let store = place.open();
    let release = hold_writer(&store).await;
    let writes: Vec<_> = (0..20)
        .map(|n| {
            let new = new_session(n, "s");
            store.write(move |tx| {
                let session = tx.insert_session(new)?;
                match n % 5 {
                    3 => Err(Fault::new(Kind::RefusedByState, "no")),
                    4 => panic!("piece {n} breaks"),
                    _ => Ok((session.id, tx.now())),
                }
            })
        })
        .collect();
    let mut all = join_all(writes);
    // The first poll hands all of them in, behind the one that keeps the writer busy.
    assert!((&mut all).now_or_never().is_none());
    drop(release);
    let results = all.await;

    let stored = store.read(|tx| tx.sessions(&Default::default())).await.expect("read");
    let stored: Vec<_> = stored.into_iter().map(|s| s.id).collect();
    let mut stamps = std::collections::BTreeSet::new();
    for (n, result) in (0u64..).zip(results) {
        let id = session_id(n);
        match n % 5 {
            3 => drop(fault(result, Kind::RefusedByState, "no")),
            4 => drop(fault(result, Kind::Failure, "panicked: piece")),
            _ => {
                let (stored_id, now) = result.expect("stored");
                assert_eq!(stored_id, id);
                stamps.insert(now);
            }
        }
        assert_eq!(stored.contains(&id), n % 5 < 3, "session {n}");
    }
    assert_eq!(stamps.len(), 1, "one group has one transaction, hence one time");
    let names = store.read(|tx| tx.events_after(0, None, 100)).await.expect("read");
    assert_eq!(names.len(), 12, "a piece that failed leaves no event");
    assert_eq!(*store.event_seq().borrow(), 12);
}

#[tokio::test]
async fn when_the_database_takes_the_transaction_back_nobody_hears_ok() {
    let place = Place::new();
    let store = place.open();
    let release = hold_writer(&store).await;
    let (first, second) = (new_session(1, "first"), new_session(2, "second"));
    let good = store.write(move |tx| tx.insert_session(first));
    // What SQLite does by itself on some failures of the disk, also when the caller did not notice.
    let breaker = store.write(|tx| raw_sql(tx, "ROLLBACK"));
    let late = store.write(move |tx| tx.insert_session(second));
    let mut all = Box::pin(join3(good, breaker, late));
    assert!((&mut all).now_or_never().is_none());
    drop(release);
    let (good, breaker, late) = all.await;

    fault(breaker, Kind::Storage, "took a transaction back");
    fault(good, Kind::Storage, "took a transaction back");
    assert_eq!(late.expect("a new transaction").name.as_str(), "second");
    let stored = store.read(|tx| tx.sessions(&Default::default())).await.expect("read");
    assert_eq!(stored.len(), 1);
}

#[tokio::test]
async fn a_piece_that_finds_the_disk_full_fails_alone() {
    let place = Place::new();
    let store = place.open();
    let release = hold_writer(&store).await;
    let (first, second) = (new_session(1, "first"), new_session(2, "second"));
    let before = store.write(move |tx| tx.insert_session(first));
    let filler = store.write(|tx| {
        raw_sql(tx, "PRAGMA max_page_count = 1")?;
        raw_sql(
            tx,
            "CREATE TABLE filler (x); INSERT INTO filler VALUES (zeroblob(1000000))",
        )
    });
    let behind = store.write(move |tx| {
        raw_sql(tx, "PRAGMA max_page_count = 1000000")?;
        tx.insert_session(second)
    });
    let mut all = Box::pin(join3(before, filler, behind));
    assert!((&mut all).now_or_never().is_none());
    drop(release);
    let (before, filler, behind) = all.await;
    fault(filler, Kind::Storage, "full");
    assert!(before.is_ok() && behind.is_ok());
    let stored = store.read(|tx| tx.sessions(&Default::default())).await.expect("read");
    assert_eq!(stored.len(), 2);
}

#[tokio::test]
async fn a_dropped_future_does_not_undo_its_write() {
    let place = Place::new();
    let store = place.open();
    let new = new_session(1, "kept");
    {
        let write = store.write(move |tx| tx.insert_session(new));
        // The first poll hands the steps in; whether they are already through does not matter.
        drop(write.now_or_never());
    }
    let after = store.write(|tx| tx.find_session("kept")).await;
    assert_eq!(after.expect("stored").id, session_id(1));
}

#[tokio::test]
async fn a_panic_kills_neither_writer_nor_readers() {
    let place = Place::new();
    let store = place.open();
    for _ in 0..5 {
        fault(
            store.write(|_| -> Result<()> { panic!("w") }).await,
            Kind::Failure,
            "panicked: w",
        );
        fault(
            store.read(|_| -> Result<()> { panic!("r") }).await,
            Kind::Failure,
            "panicked: r",
        );
    }
    add_session(&store, 1, "alive").await;
    assert!(store.read(|tx| tx.find_session("alive")).await.is_ok());
}

#[tokio::test]
async fn a_read_is_one_snapshot_and_cannot_write() {
    let place = Place::new();
    let store = place.open();
    add_session(&store, 1, "one").await;
    let (looked, go_on) = (mpsc::channel::<()>(), mpsc::channel::<()>());
    let reader = store.clone();
    let read = tokio::spawn(async move {
        reader
            .read(move |tx| {
                let before = tx.sessions(&Default::default())?.len();
                let _ = looked.0.send(());
                let _ = go_on.1.recv();
                Ok((before, tx.sessions(&Default::default())?.len()))
            })
            .await
    });
    tokio::task::spawn_blocking(move || looked.1.recv())
        .await
        .expect("joined")
        .expect("the read has begun");
    add_session(&store, 2, "two").await;
    drop(go_on.0);
    assert_eq!(read.await.expect("joined").expect("read"), (1, 1));
    assert_eq!(
        store
            .read(|tx| tx.sessions(&Default::default()))
            .await
            .expect("read")
            .len(),
        2
    );
    let new = new_session(3, "three");
    fault(
        store.read(move |tx| tx.insert_session(new)).await,
        Kind::Storage,
        "readonly",
    );
}

#[tokio::test]
async fn dropping_the_store_finishes_what_was_handed_in_and_folds_the_log() {
    let place = Place::new();
    let store = place.open();
    let writes: Vec<_> = (0..50)
        .map(|n| {
            let (store, new) = (store.clone(), new_session(n, "s"));
            // Dropped after the first poll: handed in, not waited for.
            drop(async move { store.write(move |tx| tx.insert_session(new)).await }.now_or_never());
        })
        .collect();
    assert_eq!(writes.len(), 50);
    drop(store);
    assert!(
        !place.dir.path().join("telecoder.db-wal").exists(),
        "the log is folded in"
    );
    let count: i64 = place
        .raw()
        .query_row("SELECT count(*) FROM sessions", [], |row| row.get(0))
        .expect("counted");
    assert_eq!(count, 50);
}

#[tokio::test]
async fn a_checkpoint_empties_the_log() {
    let place = Place::new();
    let store = place.open();
    add_session(&store, 1, "one").await;
    let log = place.dir.path().join("telecoder.db-wal");
    assert!(std::fs::metadata(&log).expect("a log").len() > 0);
    store.checkpoint().await.expect("a checkpoint");
    assert_eq!(std::fs::metadata(&log).expect("a log").len(), 0);
    add_session(&store, 2, "two").await;
}
