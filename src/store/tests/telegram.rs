//! Updates, bindings, routes.

use serde_json::json;

use super::*;

#[tokio::test]
async fn updates_are_stored_once_and_wait_until_done() {
    let place = Place::new();
    let store = place.open();
    assert_eq!(store.read(|tx| tx.telegram_offset(7)).await.expect("read"), None);
    let stored = store
        .write(|tx| {
            let stored = [11, 10, 11].map(|id| tx.insert_update(id, &json!({ "update_id": id })));
            tx.set_telegram_offset(7, 11)?;
            tx.set_telegram_offset(7, 12)?;
            stored.into_iter().collect::<Result<Vec<_>>>()
        })
        .await;
    assert_eq!(stored.expect("stored"), [true, true, false]);
    drop(store);
    let store = place.open();
    assert_eq!(store.read(|tx| tx.telegram_offset(7)).await.expect("read"), Some(12));
    let of_another_bot = store.read(|tx| tx.telegram_offset(8)).await;
    assert_eq!(of_another_bot.expect("read"), None);
    let pending = store.read(|tx| tx.pending_updates()).await.expect("read");
    assert_eq!(pending.iter().map(|u| u.update_id).collect::<Vec<_>>(), [10, 11]);
    assert_eq!(pending[0].raw, json!({ "update_id": 10 }));
    store.write(|tx| tx.finish_update(10)).await.expect("done");
    let pending = store.read(|tx| tx.pending_updates()).await.expect("read");
    assert_eq!(pending.iter().map(|u| u.update_id).collect::<Vec<_>>(), [11]);
    let again = || store.write(|tx| tx.insert_update(10, &json!({})));
    assert!(!again().await.expect("known"));
    let age = "UPDATE telegram_updates SET finished_at = finished_at - 4 * 86400000000";
    store.write(move |tx| raw_sql(tx, age)).await.expect("aged");
    assert!(again().await.expect("numbers may begin anew after a quiet week"));
}

#[tokio::test]
async fn a_chat_and_each_of_its_topics_talk_to_their_own_session() {
    let place = Place::new();
    let store = place.open();
    let one = add_session(&store, 1, "one").await.id;
    let two = add_session(&store, 2, "two").await.id;
    let topic = ChatRef {
        thread_id: Some(3),
        ..chat(7)
    };
    let active = async |chat: &ChatRef| {
        let chat = chat.clone();
        store.read(move |tx| tx.active_session(&chat)).await.expect("read")
    };
    let set = async |chat: &ChatRef, session: Option<&SessionId>| {
        let (chat, session) = (chat.clone(), session.cloned());
        store
            .write(move |tx| tx.set_active_session(&chat, session.as_ref()))
            .await
            .expect("set");
    };
    assert_eq!(active(&topic).await, None);
    set(&chat(7), Some(&one)).await;
    set(&topic, Some(&two)).await;
    assert_eq!(
        (active(&chat(7)).await, active(&topic).await),
        (Some(one.clone()), Some(two.clone()))
    );
    assert_eq!(active(&chat(8)).await, None);
    set(&topic, Some(&one)).await;
    assert_eq!(active(&topic).await, Some(one.clone()));
    set(&topic, None).await;
    assert_eq!(active(&topic).await, None);
    store.write(move |tx| tx.remove_session(&one)).await.expect("removed");
    assert_eq!(active(&chat(7)).await, None, "nobody talks to a removed session");
}

#[tokio::test]
async fn what_the_new_chat_has_already_wins() {
    let place = Place::new();
    let store = place.open();
    let one = add_session(&store, 1, "one").await.id;
    let two = add_session(&store, 2, "two").await.id;
    let (old, new) = (one.clone(), two.clone());
    store
        .write(move |tx| {
            tx.remember_message(&chat(7), 1, &old)?;
            tx.remember_message(&chat(7), 2, &old)?;
            tx.remember_message(&chat(9), 1, &new)?;
            tx.set_active_session(&chat(7), Some(&old))?;
            tx.set_active_session(&chat(9), Some(&new))?;
            tx.migrate_chat("telegram", 7, 9)?;
            tx.migrate_chat("telegram", 9, 9)
        })
        .await
        .expect("moved");
    let routes = store
        .read(|tx| {
            let route = |chat_id, message| tx.session_of_message(&chat(chat_id), message);
            Ok((route(9, 1)?, route(9, 2)?, route(7, 1)?, tx.active_session(&chat(9))?))
        })
        .await;
    assert_eq!(routes.expect("read"), (Some(two.clone()), Some(one), None, Some(two)));
}
