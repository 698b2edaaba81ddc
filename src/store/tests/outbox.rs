//! Lanes: in order, one in flight, nothing skipped, nothing lost.

use super::super::OutboxPart;
use super::*;
use crate::domain::event::EventKind;
use crate::domain::message::{MessageState, PartStep};
use crate::store::rows::Columns;

/// What is due, as `message/index`, with `*` when marked and `p` when plain.
async fn due(store: &Store) -> Vec<String> {
    let picture = |d: &OutboxPart| {
        let mark = if d.marked { "*" } else { "" };
        let plain = if d.plain { "p" } else { "" };
        format!("{}/{}{mark}{plain}", d.part.message, d.part.index)
    };
    let due = store.read(|tx| tx.due_parts("telegram")).await.expect("read");
    due.iter().map(picture).collect()
}

async fn begin(store: &Store, message: MessageId, index: u32) -> Result<()> {
    store.write(move |tx| tx.begin_sending(message, index)).await
}

async fn finish(store: &Store, message: MessageId, index: u32, step: PartStep) -> Result<()> {
    store.write(move |tx| tx.finish_attempt(message, index, &step)).await
}

async fn attempt(store: &Store, message: MessageId, index: u32, step: PartStep) {
    begin(store, message, index).await.expect("begun");
    finish(store, message, index, step).await.expect("finished");
}

fn sent(sent_id: i64) -> PartStep {
    PartStep::Sent { sent_id }
}

fn again(wait_ms: u64, plain: bool, marked: bool) -> PartStep {
    PartStep::Again { wait_ms, plain, marked }
}

async fn fresh() -> (Place, Store, SessionId) {
    let place = Place::new();
    let store = place.open();
    let session = add_session(&store, 1, "one").await.id;
    (place, store, session)
}

#[tokio::test]
async fn parts_of_a_chat_go_out_strictly_in_order() {
    let (_place, store, session) = fresh().await;
    let first = add_message(&store, &session, 7, &["a", "b"]).await.id;
    let second = add_message(&store, &session, 7, &["c"]).await.id;
    let other = add_message(&store, &session, 8, &["d"]).await.id;
    assert_eq!(due(&store).await, ["1/0", "3/0"], "one per chat, the oldest first");

    fault(begin(&store, second, 0).await, Kind::RefusedByState, "not next");
    fault(begin(&store, first, 1).await, Kind::RefusedByState, "not next");
    begin(&store, first, 0).await.expect("begun");
    assert_eq!(due(&store).await, ["3/0"], "one in flight per chat");
    fault(begin(&store, first, 0).await, Kind::RefusedByState, "not next");
    assert_eq!(message(&store, first).await.state, MessageState::Sending);

    finish(&store, first, 0, sent(100)).await.expect("sent");
    assert_eq!(
        message(&store, first).await.state,
        MessageState::Sending,
        "between two parts"
    );
    assert_eq!(due(&store).await, ["1/1", "3/0"]);
    attempt(&store, first, 1, sent(101)).await;
    let done = message(&store, first).await;
    assert_eq!(done.state, MessageState::Sent);
    assert!(done.sent_at.is_some());
    assert_eq!(due(&store).await, ["2/0", "3/0"]);
    attempt(&store, other, 0, sent(200)).await;
    attempt(&store, second, 0, sent(102)).await;
    assert!(due(&store).await.is_empty());
    fault(begin(&store, second, 0).await, Kind::RefusedByState, "not next");

    for (chat_id, message_id) in [(7, 100), (7, 101), (7, 102), (8, 200)] {
        let route = store
            .read(move |tx| tx.session_of_message(&chat(chat_id), message_id))
            .await;
        assert_eq!(route.expect("read"), Some(session.clone()), "a reply finds the session");
    }
}

#[tokio::test]
async fn a_pause_blocks_the_lane_and_tells_when_to_wake() {
    let (_place, store, session) = fresh().await;
    let first = add_message(&store, &session, 7, &["a", "b"]).await.id;
    add_message(&store, &session, 8, &["c"]).await;
    let before = store.read(|tx| Ok(tx.now())).await.expect("read");
    attempt(&store, first, 0, again(60_000, false, false)).await;
    assert_eq!(due(&store).await, ["2/0"]);
    let wake = store
        .read(|tx| tx.next_due_at("telegram"))
        .await
        .expect("read")
        .expect("a time");
    assert!(wake >= before + jiff::SignedDuration::from_secs(60));
    assert_eq!(message(&store, first).await.state, MessageState::Queued);

    let past = "UPDATE parts SET not_before = not_before - 61000000";
    store.write(move |tx| raw_sql(tx, past)).await.expect("time passed");
    assert_eq!(due(&store).await, ["1/0", "2/0"]);
    assert_eq!(store.read(|tx| tx.next_due_at("telegram")).await.expect("read"), None);
    let attempts = store.read(|tx| tx.due_parts("telegram")).await.expect("read")[0]
        .part
        .attempts;
    assert_eq!(attempts, 1);
}

#[tokio::test]
async fn doubt_stays_until_the_part_is_sent() {
    let (_place, store, session) = fresh().await;
    let id = add_message(&store, &session, 7, &["a"]).await.id;
    attempt(&store, id, 0, again(0, true, false)).await;
    assert_eq!(due(&store).await, ["1/0p"]);
    attempt(&store, id, 0, again(0, false, true)).await;
    assert_eq!(due(&store).await, ["1/0*p"], "unknown is due again, marked");
    let doubtful = message(&store, id).await;
    assert_eq!(doubtful.state, MessageState::Unknown);
    assert!(doubtful.reason.expect("a reason").contains("may have reached"));
    attempt(&store, id, 0, again(0, false, false)).await;
    assert_eq!(
        due(&store).await,
        ["1/0*p"],
        "a sure failure later does not take the doubt away"
    );
    attempt(&store, id, 0, sent(5)).await;
    let done = message(&store, id).await;
    assert_eq!((done.state, done.reason), (MessageState::Sent, None));
    let events = store.read(|tx| tx.events_after(2, None, 20)).await.expect("read");
    let states: Vec<_> = events.iter().map(|e| e.data["state"].as_str().unwrap_or("")).collect();
    assert_eq!(
        states,
        [
            "sending", "queued", "sending", "unknown", "sending", "unknown", "sending", "sent"
        ]
    );
    assert!(events.iter().all(|e| e.kind == EventKind::MessageState));
}

#[tokio::test]
async fn after_a_crash_what_was_in_flight_is_unknown() {
    let (place, store, session) = fresh().await;
    let id = add_message(&store, &session, 7, &["a", "b"]).await.id;
    add_message(&store, &session, 8, &["c"]).await;
    begin(&store, id, 0).await.expect("begun");
    drop(store);
    let store = place.open();
    assert_eq!(store.write(|tx| tx.settle_sending("other")).await.expect("settled"), 0);
    assert_eq!(
        store.write(|tx| tx.settle_sending("telegram")).await.expect("settled"),
        1
    );
    assert_eq!(
        store.write(|tx| tx.settle_sending("telegram")).await.expect("settled"),
        0
    );
    assert_eq!(due(&store).await, ["1/0*", "2/0"]);
    assert_eq!(message(&store, id).await.state, MessageState::Unknown);
    fault(
        finish(&store, id, 0, sent(1)).await,
        Kind::RefusedByState,
        "not being sent",
    );
}

#[tokio::test]
async fn a_refused_part_fails_its_message_and_frees_the_lane() {
    let (_place, store, session) = fresh().await;
    let id = add_message(&store, &session, 7, &["a", "b", "c"]).await.id;
    add_message(&store, &session, 7, &["d"]).await;
    attempt(&store, id, 0, sent(1)).await;
    attempt(&store, id, 1, PartStep::Fail("the chat was deleted".into())).await;
    let failed = message(&store, id).await;
    assert_eq!(failed.state, MessageState::Failed);
    assert_eq!(failed.reason.as_deref(), Some("the chat was deleted"));
    assert_eq!(failed.sent_at, None);
    assert_eq!(due(&store).await, ["2/0"]);
    let states = store
        .read(move |tx| {
            tx.all("SELECT state FROM parts WHERE message = 1 ORDER BY idx", [], |row| {
                row.text("state")
            })
        })
        .await;
    assert_eq!(states.expect("read"), ["sent", "failed", "failed"]);
    let closed = store.write(move |tx| tx.fail_message(id, "again")).await;
    fault(closed, Kind::RefusedByState, "not open");
}

#[tokio::test]
async fn a_message_not_yet_cut_holds_its_lane() {
    let (_place, store, session) = fresh().await;
    let new = new_message(&session, "early", Some(chat(7)));
    let early = store.write(move |tx| tx.insert_message(new)).await.expect("stored").id;
    add_message(&store, &session, 7, &["late"]).await;
    assert!(due(&store).await.is_empty());
    let unplanned = store
        .read(|tx| tx.unplanned_messages("telegram", 9))
        .await
        .expect("read");
    assert_eq!(unplanned.iter().map(|m| m.id).collect::<Vec<_>>(), [early]);
    let nothing = store.write(move |tx| tx.plan_message(early, &[])).await;
    fault(nothing, Kind::Failure, "nothing to send");
    let plan = || store.write(move |tx| tx.plan_message(early, &[text_part("early")]));
    plan().await.expect("planned");
    fault(plan().await, Kind::RefusedByState, "already on its way");
    assert_eq!(due(&store).await, ["1/0"]);
    assert!(
        store
            .read(|tx| tx.unplanned_messages("telegram", 9))
            .await
            .expect("read")
            .is_empty()
    );
}

#[tokio::test]
async fn what_is_carried_is_sent_with_its_head_and_stands_by_itself_when_that_fails() {
    let (_place, store, session) = fresh().await;
    let head = add_message(&store, &session, 7, &["a"]).await.id;
    let mut carried = vec![];
    for text in ["b", "c"] {
        let new = new_message(&session, text, Some(chat(7)));
        carried.push(store.write(move |tx| tx.insert_message(new)).await.expect("stored").id);
    }
    let (b, c) = (carried[0], carried[1]);
    let behind = store
        .write(move |tx| {
            let behind = tx.waiting_behind(&tx.message(head)?, 9, |_| true)?;
            tx.carry(head, b)?;
            Ok(behind.len())
        })
        .await;
    assert_eq!(behind.expect("read"), 2);
    attempt(&store, head, 0, PartStep::Fail("no".into())).await;
    let unplanned = || async {
        store
            .read(|tx| tx.unplanned_messages("telegram", 9))
            .await
            .expect("read")
    };
    assert_eq!(unplanned().await[0].id, b, "it is the head of its lane now");
    let parts = [text_part("b"), text_part("b")];
    store
        .write(move |tx| {
            tx.plan_message(b, &parts)?;
            tx.carry(b, c)
        })
        .await
        .expect("planned");
    assert!(unplanned().await.is_empty(), "what is carried is no head");
    attempt(&store, b, 0, sent(1)).await;
    assert_eq!(message(&store, c).await.state, MessageState::Queued);
    attempt(&store, b, 1, sent(2)).await;
    assert_eq!(message(&store, c).await.state, MessageState::Sent);
    assert!(due(&store).await.is_empty());
}

#[tokio::test]
async fn a_chat_with_a_new_id_takes_everything_along() {
    let (_place, store, session) = fresh().await;
    let id = add_message(&store, &session, 7, &["a", "b"]).await.id;
    let new = NewMessage {
        reply_to: Some(70),
        ..new_message(&session, "c", Some(chat(7)))
    };
    let behind = store.write(move |tx| tx.insert_message(new)).await.expect("stored").id;
    let bound = session.clone();
    store
        .write(move |tx| {
            tx.bind_chat(&bound, &chat(7))?;
            tx.set_active_session(&chat(7), Some(&bound))?;
            tx.remember_message(&chat(7), 70, &bound)
        })
        .await
        .expect("bound");

    attempt(&store, id, 0, PartStep::Migrate { to: -1007 }).await;
    let due = store.read(|tx| tx.due_parts("telegram")).await.expect("read");
    assert_eq!((due[0].to.chat_id, due[0].part.index, due[0].marked), (-1007, 0, false));
    let waiting = message(&store, behind).await;
    assert_eq!((waiting.to, waiting.reply_to), (Some(chat(-1007)), None));
    let (active, route, old, home) = store
        .read(|tx| {
            Ok((
                tx.active_session(&chat(-1007))?,
                tx.session_of_message(&chat(-1007), 70)?,
                tx.active_session(&chat(7))?,
                tx.session(&session_id(1))?.chat,
            ))
        })
        .await
        .expect("read");
    assert_eq!((active, route, old), (Some(session.clone()), Some(session), None));
    assert_eq!(home, Some(chat(-1007)));
    attempt(&store, id, 0, sent(1)).await;
}
