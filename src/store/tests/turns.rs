//! Turns, letters and asks.

use super::*;
use crate::domain::Timestamp;
use crate::domain::ask::{Ask, AskState};
use crate::domain::event::EventKind;
use crate::domain::ids::{LaunchNo, LetterId};
use crate::domain::session::Reason;
use crate::domain::turn::{TurnEvent, TurnState};

const LAUNCH: LaunchNo = LaunchNo(3);

fn reason() -> Reason {
    Reason::new("why", "for a test")
}

fn letter(n: u64) -> LetterId {
    format!("00000000-0000-7000-9000-{n:012x}")
        .parse()
        .expect("a letter id")
}

/// Steps a turn through events; the turn and the last answer.
async fn step(store: &Store, n: u64, events: Vec<TurnEvent>) -> (Turn, Option<TurnState>) {
    store
        .write(move |tx| {
            let mut last = None;
            for event in &events {
                last = tx.step_turn(&turn_id(n), event)?;
            }
            Ok((tx.turn(&turn_id(n))?, last))
        })
        .await
        .expect("stepped")
}

#[tokio::test]
async fn a_turn_is_stored_as_its_machine_says() {
    let place = Place::new();
    let store = place.open();
    let session = add_session(&store, 1, "one").await.id;
    let queued = add_turn(&store, 1, &session, "fix\u{1b}[201~ it").await;
    assert_eq!(
        (queued.seq, queued.stripped, queued.text.as_str()),
        (1, 1, "fix[201~ it")
    );
    assert_eq!(queued.state, TurnState::Queued);

    let (held, _) = step(&store, 1, vec![TurnEvent::Hold(reason())]).await;
    assert_eq!((held.state, held.reason), (TurnState::Held, Some(reason())));
    let begin = TurnEvent::BeginTyping { launch: LAUNCH };
    let (typing, _) = step(&store, 1, vec![begin.clone()]).await;
    assert_eq!((typing.launch, typing.reason), (Some(LAUNCH), None));
    assert!(
        typing.typed_at.is_some(),
        "from here on the agent's own record is searched"
    );
    let (back, _) = step(&store, 1, vec![TurnEvent::NotTyped(reason())]).await;
    assert_eq!((back.state, back.launch, back.typed_at), (TurnState::Held, None, None));

    let (typed, _) = step(&store, 1, vec![begin.clone(), TurnEvent::Submitted]).await;
    assert!(typed.typed_at.is_some() && typed.accepted_at.is_none());
    let (unclear, _) = step(&store, 1, vec![TurnEvent::Unclear(reason())]).await;
    assert!(unclear.ended_at.is_some());
    let (accepted, last) = step(&store, 1, vec![TurnEvent::Accepted]).await;
    assert_eq!(last, Some(TurnState::Accepted));
    assert_eq!(
        (accepted.typed_at, accepted.ended_at),
        (typed.typed_at, None),
        "evidence came late"
    );
    let finished = TurnEvent::Finished {
        final_text: Some("done".into()),
    };
    let (finished, _) = step(&store, 1, vec![finished]).await;
    assert_eq!(finished.final_text.as_deref(), Some("done"));
    assert!(finished.ended_at.is_some() && finished.accepted_at == accepted.accepted_at);

    let (same, last) = step(&store, 1, vec![TurnEvent::Accepted]).await;
    assert_eq!((last, same), (None, finished), "a late signal changes nothing");
    let events = store.read(|tx| tx.events_after(1, None, 20)).await.expect("read");
    let states: Vec<_> = events.iter().map(|e| e.data["state"].as_str().unwrap_or("")).collect();
    assert_eq!(
        states,
        [
            "queued",
            "held",
            "typing",
            "held",
            "typing",
            "typed",
            "uncertain",
            "accepted",
            "finished"
        ]
    );
    assert!(
        events
            .iter()
            .all(|e| e.kind == EventKind::TurnState && e.session == Some(session.clone()))
    );
}

#[tokio::test]
async fn a_turn_proven_absent_forgets_that_it_was_typed() {
    let place = Place::new();
    let store = place.open();
    let session = add_session(&store, 1, "one").await.id;
    add_turn(&store, 1, &session, "x").await;
    let begin = TurnEvent::BeginTyping { launch: LAUNCH };
    let (turn, _) = step(&store, 1, vec![begin, TurnEvent::Submitted, TurnEvent::ProvenAbsent]).await;
    assert_eq!(
        (turn.state, turn.launch, turn.typed_at),
        (TurnState::Queued, None, None)
    );
}

#[tokio::test]
async fn one_key_is_one_prompt() {
    let place = Place::new();
    let store = place.open();
    let session = add_session(&store, 1, "one").await.id;
    let other = add_session(&store, 2, "two").await.id;
    let keyed = |n, session: &SessionId| {
        let new = NewTurn {
            key: Some("update-5".into()),
            ..new_turn(n, session, "x")
        };
        store.write(move |tx| tx.insert_turn(new))
    };
    let first = keyed(1, &session).await.expect("stored");
    assert_eq!(keyed(2, &session).await.expect("the same"), first);
    assert_eq!(keyed(3, &other).await.expect("another session's").seq, 1);
    let count = store
        .read(move |tx| tx.turns(&session, None))
        .await
        .expect("read")
        .len();
    assert_eq!(count, 1);
    let nowhere = new_turn(9, &session_id(9), "x");
    fault(
        store.write(move |tx| tx.insert_turn(nowhere)).await,
        Kind::Failure,
        "FOREIGN KEY",
    );
    let twice = new_turn(1, &other, "x");
    fault(
        store.write(move |tx| tx.insert_turn(twice)).await,
        Kind::Failure,
        "turns.id",
    );
}

#[tokio::test]
async fn turns_wait_in_order_and_end_with_their_session() {
    let place = Place::new();
    let store = place.open();
    let session = add_session(&store, 1, "one").await.id;
    for n in 1..=4 {
        add_turn(&store, n, &session, &format!("prompt {n}")).await;
    }
    let begin = TurnEvent::BeginTyping { launch: LAUNCH };
    step(
        &store,
        1,
        vec![begin.clone(), TurnEvent::Submitted, TurnEvent::Accepted],
    )
    .await;
    step(&store, 2, vec![begin]).await;
    step(&store, 3, vec![TurnEvent::Hold(reason())]).await;
    let id = session.clone();
    let (next, running, last, two, waiting) = store
        .read(move |tx| {
            let two = tx.turns(&id, Some(2))?.into_iter().map(|t| t.seq).collect::<Vec<_>>();
            let running = tx.running_turns(&id)?.into_iter().map(|t| t.seq).collect::<Vec<_>>();
            Ok((
                tx.next_waiting_turn(&id)?,
                running,
                tx.last_turn(&id)?,
                two,
                tx.waiting_count(&id)?,
            ))
        })
        .await
        .expect("read");
    assert_eq!(next.expect("one").seq, 3);
    assert_eq!((running, two, waiting), (vec![1, 2], vec![3, 4], 2));
    assert_eq!(last.expect("one").seq, 4);

    let id = session.clone();
    let ended = store
        .write(move |tx| tx.end_turns(&id, &reason(), false))
        .await
        .expect("ended");
    assert_eq!(ended, [1, 2].map(turn_id));
    let id = session.clone();
    let cancelled = store
        .write(move |tx| tx.end_turns(&id, &reason(), true))
        .await
        .expect("ended");
    assert_eq!(cancelled, [3, 4].map(turn_id));
    let turns = store.read(move |tx| tx.turns(&session, None)).await.expect("read");
    let states: Vec<_> = turns.iter().map(|t| t.state.as_str()).collect();
    assert_eq!(states, ["failed", "uncertain", "cancelled", "cancelled"]);
    assert!(turns.iter().all(|t| t.reason == Some(reason()) && t.ended_at.is_some()));
}

#[tokio::test]
async fn what_was_typed_and_not_proven_is_found_per_launch() {
    let place = Place::new();
    let store = place.open();
    let session = add_session(&store, 1, "one").await.id;
    for n in 1..=4 {
        add_turn(&store, n, &session, "text").await;
    }
    for n in 1..=3 {
        step(&store, n, vec![TurnEvent::BeginTyping { launch: LAUNCH }]).await;
    }
    let find = |no| {
        let (store, session) = (store.clone(), session.clone());
        async move {
            let found = store
                .read(move |tx| tx.unproven_turns(&session, no))
                .await
                .expect("read");
            found.iter().map(|turn| turn.seq).collect::<Vec<_>>()
        }
    };
    assert_eq!(find(LAUNCH).await, [1, 2, 3]);
    step(&store, 1, vec![TurnEvent::Accepted]).await;
    step(&store, 2, vec![TurnEvent::Unclear(reason())]).await;
    assert_eq!(find(LAUNCH).await, [2, 3], "evidence may come late");
    assert!(find(LaunchNo(4)).await.is_empty());
}

#[tokio::test]
async fn a_letter_is_taken_once() {
    let place = Place::new();
    let store = place.open();
    let session = add_session(&store, 1, "one").await.id;
    let other = add_session(&store, 2, "two").await.id;
    let take = |session: &SessionId, n, key: Option<&'static str>| {
        let session = session.clone();
        store.write(move |tx| tx.take_letter(&session, &letter(n), key))
    };
    assert!(take(&session, 1, Some("k")).await.expect("taken"));
    assert!(!take(&session, 1, None).await.expect("known by id"));
    assert!(!take(&session, 2, Some("k")).await.expect("known by key"));
    assert!(
        take(&session, 2, None)
            .await
            .expect("a refused letter was not remembered")
    );
    assert!(take(&session, 3, None).await.expect("taken"));
    assert!(take(&other, 1, Some("k")).await.expect("another session's"));
    store
        .write(|tx| raw_sql(tx, "UPDATE letters SET taken_at = taken_at - 31 * 86400000000"))
        .await
        .expect("aged");
    assert!(take(&session, 1, Some("k")).await.expect("forgotten after 30 days"));
    let id = session.clone();
    store
        .write(move |tx| tx.quarantine_letter(&id, "x.json", "link"))
        .await
        .expect("told");
    let events = store.read(|tx| tx.events_after(2, None, 9)).await.expect("read");
    assert_eq!(
        (events[0].kind, &events[0].data["reason"]),
        (EventKind::LetterQuarantined, &"link".into())
    );
}

#[tokio::test]
async fn an_ask_is_answered_once() {
    let place = Place::new();
    let store = place.open();
    let session = add_session(&store, 1, "one").await.id;
    let ask = Ask {
        id: letter(1),
        session: session.clone(),
        launch: LAUNCH,
        question: "which?".into(),
        choices: vec!["a".into(), "b".into()],
        state: AskState::Open,
        answer: None,
        opened_at: Timestamp::UNIX_EPOCH,
        expires_at: Some(Timestamp::UNIX_EPOCH),
    };
    let opened = ask.clone();
    store.write(move |tx| tx.open_ask(&opened)).await.expect("opened");
    let id = session.clone();
    assert_eq!(
        store.read(move |tx| tx.open_asks(&id)).await.expect("read"),
        std::slice::from_ref(&ask)
    );
    assert_eq!(store.read(|tx| tx.all_open_asks()).await.expect("read"), [ask]);
    let close = |state| store.write(move |tx| tx.close_ask(&letter(1), state, Some(("b", "somebody"))));
    assert!(close(AskState::Answered).await.expect("closed"));
    assert!(!close(AskState::Expired).await.expect("closed before"));
    let closed = store.read(|tx| tx.ask(&letter(1))).await.expect("read");
    assert_eq!(
        (closed.state, closed.answer.as_deref()),
        (AskState::Answered, Some("b"))
    );
    assert!(store.read(|tx| tx.all_open_asks()).await.expect("read").is_empty());
    fault(
        store.read(|tx| tx.ask(&letter(2))).await,
        Kind::NotFound,
        letter(2).as_str(),
    );
    let events = store.read(|tx| tx.events_after(1, None, 9)).await.expect("read");
    let kinds: Vec<_> = events.iter().map(|e| e.kind).collect();
    assert_eq!(kinds, [EventKind::AskOpened, EventKind::AskAnswered]);
}
