//! Messages as a person reads them.

use super::*;
use crate::domain::ids::LetterId;
use crate::domain::letter::Done;
use crate::domain::message::{MessageFile, MessageState};

fn letter() -> LetterId {
    "00000000-0000-7000-9000-000000000001".parse().expect("a letter id")
}

#[tokio::test]
async fn a_message_comes_back_as_it_was_stored() {
    let place = Place::new();
    let store = place.open();
    let session = add_session(&store, 1, "one").await.id;
    let new = NewMessage {
        done: Some(Done {
            changed: Some("x".into()),
            ..Default::default()
        }),
        choices: vec!["yes".into()],
        files: vec![MessageFile {
            path: "/srv/f".into(),
            name: "f".into(),
            size: 3,
            caption: None,
        }],
        reply_to: Some(4),
        letter: Some(letter()),
        ..new_message(&session, "**hi**", Some(chat(7)))
    };
    let stored = store.write(move |tx| tx.insert_message(new)).await.expect("stored");
    assert_eq!(stored.state, MessageState::Queued);
    assert_eq!(message(&store, stored.id).await, stored);
    assert_eq!(
        (stored.text.as_str(), stored.reply_to, stored.sent_at),
        ("**hi**", Some(4), None)
    );
    assert_eq!(stored.files[0].name, "f");
    assert_eq!(stored.done.and_then(|d| d.changed).as_deref(), Some("x"));
}

#[tokio::test]
async fn a_letter_becomes_one_message_of_its_session() {
    let place = Place::new();
    let store = place.open();
    let session = add_session(&store, 1, "one").await.id;
    let other = add_session(&store, 2, "two").await.id;
    let insert = |session: &SessionId, text: &str| {
        let new = NewMessage {
            letter: Some(letter()),
            ..new_message(session, text, None)
        };
        store.write(move |tx| tx.insert_message(new))
    };
    let first = insert(&session, "one").await.expect("stored");
    assert_eq!(insert(&session, "two").await.expect("the same"), first);
    assert_ne!(insert(&other, "three").await.expect("stored").id, first.id);
    let events = store.read(|tx| tx.events_after(2, None, 9)).await.expect("read");
    assert_eq!(events.len(), 2);
}

#[tokio::test]
async fn without_a_channel_a_message_is_sent_at_once_and_read_here() {
    let place = Place::new();
    let store = place.open();
    let session = add_session(&store, 1, "one").await.id;
    for (text, kind) in [
        ("1", MessageKind::Reply),
        ("2", MessageKind::Answer),
        ("3", MessageKind::Notice),
        ("4", MessageKind::Ask),
    ] {
        let new = NewMessage {
            kind,
            ..new_message(&session, text, None)
        };
        let stored = store.write(move |tx| tx.insert_message(new)).await.expect("stored");
        assert_eq!(
            (stored.state, stored.sent_at),
            (MessageState::Sent, Some(stored.created_at))
        );
    }
    let texts = |messages: Vec<Message>| messages.into_iter().map(|m| m.text).collect::<Vec<_>>();
    let unread = store.read(|tx| tx.unread_messages()).await.expect("read");
    let ids: Vec<_> = unread.iter().map(|m| m.id).take(2).collect();
    assert_eq!(texts(unread), ["1", "3", "4"]);
    store.write(move |tx| tx.mark_read(&ids)).await.expect("marked");
    assert_eq!(texts(store.read(|tx| tx.unread_messages()).await.expect("read")), ["4"]);
    assert_eq!(
        texts(store.read(|tx| tx.recent_messages(2)).await.expect("read")),
        ["3", "4"]
    );
    let id = session.clone();
    assert_eq!(
        texts(store.read(move |tx| tx.messages(&id, Some(3))).await.expect("read")),
        ["2", "3", "4"]
    );
    assert_eq!(
        store
            .read(move |tx| tx.messages(&session, None))
            .await
            .expect("read")
            .len(),
        4
    );
    assert!(
        store
            .read(|tx| tx.unplanned_messages("telegram", 9))
            .await
            .expect("read")
            .is_empty()
    );
    fault(
        store.read(|tx| tx.message(MessageId(99))).await,
        Kind::NotFound,
        "message 99",
    );
}
