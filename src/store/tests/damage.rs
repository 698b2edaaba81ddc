//! A flipped bit never becomes a prompt, a message or an address.

use super::*;

/// Changes stored bytes behind the store's back.
async fn spoil(store: &Store, sql: &'static str) {
    store.write(move |tx| raw_sql(tx, sql)).await.expect("spoilt");
}

#[tokio::test]
async fn a_damaged_prompt_is_not_handed_out() {
    let place = Place::new();
    let store = place.open();
    let session = add_session(&store, 1, "one").await.id;
    let spoilings = [
        "UPDATE turns SET text = 'rm -rf /'",
        "UPDATE turns SET origin = '{\"kind\":\"api\"}'",
        "UPDATE turns SET final_text = 'x'",
        "UPDATE turns SET seal = zeroblob(32)",
    ];
    for (n, spoiling) in (1..).zip(spoilings) {
        add_turn(&store, n, &session, "list files").await;
        spoil(&store, spoiling).await;
        let found = {
            let session = session.clone();
            store.read(move |tx| tx.next_waiting_turn(&session)).await
        };
        fault(found, Kind::Storage, "is damaged");
        let named = store.read(move |tx| tx.turn(&turn_id(n))).await;
        fault(named, Kind::Storage, turn_id(n).as_str());
        spoil(&store, "DELETE FROM turns").await;
    }
}

#[tokio::test]
async fn a_damaged_chat_is_not_answered() {
    let place = Place::new();
    let store = place.open();
    let session = add_session(&store, 1, "one").await.id;
    let (here, id) = (chat(7), session.clone());
    store
        .write(move |tx| {
            tx.bind_chat(&id, &here)?;
            tx.set_active_session(&here, Some(&id))?;
            tx.remember_message(&here, 70, &id)
        })
        .await
        .expect("bound");
    spoil(&store, "UPDATE sessions SET chat_id = 8").await;
    let id = session.clone();
    fault(
        store.read(move |tx| tx.session(&id)).await,
        Kind::Storage,
        "the chat of session",
    );
    spoil(&store, "UPDATE sessions SET chat_id = 7").await;
    assert!(store.read(move |tx| tx.session(&session)).await.is_ok());

    add_session(&store, 2, "two").await;
    let other = format!(
        "UPDATE bindings SET session = '{0}'; UPDATE routes SET session = '{0}'",
        session_id(2)
    );
    store.write(move |tx| raw_sql(tx, &other)).await.expect("spoilt");
    fault(
        store.read(|tx| tx.active_session(&chat(7))).await,
        Kind::Storage,
        "telegram:7",
    );
    fault(
        store.read(|tx| tx.session_of_message(&chat(7), 70)).await,
        Kind::Storage,
        "message 70",
    );
}

#[tokio::test]
async fn a_damaged_message_is_never_sent_and_holds_up_nobody_else() {
    for spoiling in [
        "UPDATE messages SET text = 'other' WHERE id = 1",
        "UPDATE messages SET thread_id = 9 WHERE id = 1",
        "UPDATE parts SET body = '{\"kind\":\"text\",\"text\":\"other\",\"entities\":[]}' WHERE message = 1",
    ] {
        let place = Place::new();
        let store = place.open();
        let session = add_session(&store, 1, "one").await.id;
        let bad = add_message(&store, &session, 7, &["bad"]).await.id;
        let behind = add_message(&store, &session, 7, &["behind"]).await.id;
        spoil(&store, spoiling).await;
        fault(
            store.read(|tx| tx.due_parts("telegram")).await,
            Kind::Storage,
            "message 1",
        );

        let elsewhere = add_message(&store, &session, 8, &["elsewhere"]).await.id;
        let due = store.read(|tx| tx.due_parts("telegram")).await.expect("another chat's");
        assert_eq!(due.iter().map(|d| d.part.message).collect::<Vec<_>>(), [elsewhere]);

        let failed = store.write(|tx| tx.fail_damaged("telegram")).await.expect("cleared");
        assert_eq!(failed, [bad]);
        let due = store.read(|tx| tx.due_parts("telegram")).await.expect("read");
        assert_eq!(
            due.iter().map(|d| d.part.message).collect::<Vec<_>>(),
            [behind, elsewhere]
        );
        let told = message(&store, bad).await;
        assert_eq!(told.state.as_str(), "failed");
        assert!(told.reason.expect("a reason").contains("damaged"));
        assert!(
            store
                .write(|tx| tx.fail_damaged("telegram"))
                .await
                .expect("clear")
                .is_empty()
        );
    }
}

#[tokio::test]
async fn a_damaged_message_is_not_cut_into_parts() {
    let place = Place::new();
    let store = place.open();
    let session = add_session(&store, 1, "one").await.id;
    let new = new_message(&session, "good", Some(chat(7)));
    store.write(move |tx| tx.insert_message(new)).await.expect("stored");
    spoil(&store, "UPDATE messages SET chat_id = 8").await;
    fault(
        store.read(|tx| tx.unplanned_messages("telegram", 10)).await,
        Kind::Storage,
        "message 1",
    );
    // A chat's new id must not make it good again.
    store
        .write(|tx| tx.migrate_chat("telegram", 8, 9))
        .await
        .expect("moved");
    assert_eq!(message(&store, MessageId(1)).await.state.as_str(), "failed");
}

#[tokio::test]
async fn words_that_nobody_knows_are_damage() {
    let place = Place::new();
    let store = place.open();
    add_session(&store, 1, "one").await;
    spoil(&store, "UPDATE sessions SET state = 'dreaming'").await;
    fault(store.read(|tx| tx.find_session("one")).await, Kind::Storage, "dreaming");
}
