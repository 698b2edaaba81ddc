//! The event log and the audit log.

use serde_json::json;

use super::super::events::EVENTS_MAX;
use super::*;
use crate::domain::event::EventKind;

#[tokio::test]
async fn events_are_numbered_without_gaps_and_announced_after_the_commit() {
    let place = Place::new();
    let store = place.open();
    let mut newest = store.event_seq();
    assert_eq!(*newest.borrow_and_update(), 0);
    add_session(&store, 1, "one").await;
    newest.changed().await.expect("announced");
    assert_eq!(*newest.borrow_and_update(), 1);

    let failing = store
        .write(|tx| {
            tx.append_event(EventKind::TmuxLost, None, json!({}))?;
            Err::<(), _>(Fault::new(Kind::Failure, "no"))
        })
        .await;
    assert!(failing.is_err());
    assert!(!newest.has_changed().expect("open"));
    add_session(&store, 2, "two").await;

    let events = store.read(|tx| tx.events_after(0, None, 10)).await.expect("read");
    let told: Vec<_> = events.iter().map(|e| (e.seq, e.kind, e.session.clone())).collect();
    let expected = [(1, 1), (2, 2)].map(|(seq, n)| (seq, EventKind::SessionCreated, Some(session_id(n))));
    assert_eq!(told, expected);
    let one = session_id(1);
    assert_eq!(
        store
            .read(move |tx| tx.events_after(0, Some(&one), 10))
            .await
            .expect("read")
            .len(),
        1
    );
    assert_eq!(
        store.read(|tx| tx.events_after(0, None, 1)).await.expect("read").len(),
        1
    );
    assert_eq!(
        store.read(|tx| tx.events_after(1, None, 10)).await.expect("read")[0].seq,
        2
    );
}

#[tokio::test]
async fn old_events_are_forgotten_and_numbers_never_reused() {
    let place = Place::new();
    let store = place.open();
    let extra = 200;
    let last = store
        .write(move |tx| {
            let mut last = 0;
            for n in 0..EVENTS_MAX + extra {
                last = tx.append_event(EventKind::DaemonStarted, None, json!({ "n": n }))?;
            }
            Ok(last)
        })
        .await
        .expect("appended");
    assert_eq!(last, EVENTS_MAX + extra);
    let (oldest, kept) = store
        .read(|tx| {
            let oldest = tx.events_after(0, None, 1)?[0].seq;
            Ok((oldest, tx.count("SELECT count(*) FROM events", [])?))
        })
        .await
        .expect("read");
    assert!(
        oldest > 1 && kept >= EVENTS_MAX && kept < EVENTS_MAX + 64,
        "{oldest} {kept}"
    );

    store
        .write(|tx| raw_sql(tx, "DELETE FROM events"))
        .await
        .expect("emptied");
    drop(store);
    let store = place.open();
    assert_eq!(*store.event_seq().borrow(), last);
    let next = store
        .write(|tx| tx.append_event(EventKind::DaemonStarted, None, json!({})))
        .await;
    assert_eq!(next.expect("appended"), last + 1);
}

#[tokio::test]
async fn a_refusal_is_audited_and_told() {
    let place = Place::new();
    let store = place.open();
    store
        .write(|tx| tx.audit_refused("telegram", "12345", "message"))
        .await
        .expect("stored");
    let rows = store.read(|tx| tx.audit_rows(10)).await.expect("read");
    assert_eq!((rows[0].who.as_str(), rows[0].what.as_str()), ("12345", "message"));
    let events = store.read(|tx| tx.events_after(0, None, 10)).await.expect("read");
    assert_eq!(events[0].kind, EventKind::AccessRefused);
    assert_eq!(
        events[0].data,
        json!({ "channel": "telegram", "who": "12345", "what": "message" })
    );
}

/// What people and agents said is in their rows, never in the log that the world reads.
#[tokio::test]
async fn events_hold_no_texts_of_people_or_agents() {
    let place = Place::new();
    let store = place.open();
    let session = add_session(&store, 1, "one").await;
    add_turn(&store, 1, &session.id, "SECRET prompt").await;
    add_message(&store, &session.id, 7, &["SECRET message"]).await;
    let events = store.read(|tx| tx.events_after(0, None, 10)).await.expect("read");
    assert_eq!(events.len(), 3);
    assert!(events.iter().all(|e| !e.data.to_string().contains("SECRET")));
}
