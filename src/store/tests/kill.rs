//! Killed at any instant, the file holds every write that was answered.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use super::*;

const ROUNDS: u64 = 50;
const WRITERS: u64 = 4;

/// The child's writers never stop; each answered write is one line.
#[test]
#[ignore = "the other half of every_answered_write_survives_kill_9"]
fn child_writes_until_killed() {
    let dir = child_place();
    let round: u64 = std::env::var("STORE_TEST_ROUND")
        .expect("a round")
        .parse()
        .expect("a number");
    let store = Store::open(&dir.join("telecoder.db"), &dir.join("backups")).expect("opens after every kill");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let writers = (0..WRITERS).map(|writer| tokio::spawn(write_for_ever(store.clone(), round, writer)));
        futures_util::future::join_all(writers).await;
    });
}

async fn write_for_ever(store: Store, round: u64, writer: u64) {
    for step in 0u64.. {
        let n = (round << 32) | (writer << 24) | step;
        let new = new_turn(n, &session_id(1), "x");
        store.write(move |tx| tx.insert_turn(new)).await.expect("stored");
        let line = format!("answered {n}\n");
        std::io::stdout().lock().write_all(line.as_bytes()).expect("told");
    }
}

#[tokio::test]
async fn every_answered_write_survives_kill_9() {
    let place = Place::new();
    add_session(&place.open(), 1, "victim").await;
    let mut answered = Vec::new();
    for round in 0..ROUNDS {
        answered.extend(run_and_kill(&place, round));
    }
    assert!(
        answered.len() as u64 >= ROUNDS,
        "the children did write: {}",
        answered.len()
    );

    let store = place.open();
    let turns = store.read(|tx| tx.turns(&session_id(1), None)).await.expect("intact");
    let events = store
        .read(|tx| tx.events_after(0, None, u32::MAX))
        .await
        .expect("intact");
    let stored: std::collections::HashSet<_> = turns.iter().map(|t| t.id.clone()).collect();
    let lost = answered.iter().filter(|n| !stored.contains(&turn_id(**n))).count();
    assert_eq!(lost, 0, "of {} answered", answered.len());
    assert_eq!(events.len(), 1 + turns.len(), "each turn came with its event");
    assert!(events.iter().zip(1..).all(|(event, seq)| event.seq == seq), "no gap");
}

/// Kills the child after a few answers, at another place of its work each time. Returns what it was answered.
fn run_and_kill(place: &Place, round: u64) -> Vec<u64> {
    let mut child = child("kill::child_writes_until_killed")
        .env(CHILD_PLACE, place.dir.path())
        .env("STORE_TEST_ROUND", round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a child");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut answered = Vec::new();
    for line in lines {
        let line = line.expect("text");
        if let Some((_, n)) = line.split_once("answered ") {
            answered.push(n.parse().expect("a number"));
        }
        if answered.len() as u64 == 1 + round % 17 {
            // Goes on reading to the end of the pipe: what was answered before the kill counts.
            child.kill().expect("killed");
        }
    }
    let status = child.wait().expect("ended");
    assert!(!status.success(), "the child only ends by being killed");
    answered
}
