//! A topic for each session, where a chat has topics.

use super::*;

const FORUM: i64 = -100;

fn forum() -> Rig {
    let rig = Rig::new();
    rig.fake.make_forum(FORUM);
    rig.configure(&[ME, FORUM], "standard");
    rig
}

/// What somebody says in the group, outside of any topic.
fn say(rig: &Rig, text: &str) -> i64 {
    let chat = json!({"id": FORUM, "type": "supergroup", "is_forum": true});
    rig.fake.push_message(FORUM, ME, json!({"text": text, "chat": chat}))
}

fn topic(rig: &Rig, name: &str) -> i64 {
    eventually(&format!("there is a topic {name}"), || {
        let topics = rig.fake.topics(FORUM);
        topics
            .into_iter()
            .find(|(_, topic)| topic.name == name)
            .map(|(thread, _)| thread)
    })
}

#[test]
fn a_session_lives_in_its_topic() {
    let rig = forum();
    let _daemon = rig.serve();
    let first = say(&rig, "/new alpha");
    let made = rig.fake.wait_for_send(WAIT_LIMIT, |sent| sent.reply_to == Some(first));
    assert!(
        made.thread.is_none() && made.text.contains("It has a topic of its name"),
        "{made:?}"
    );
    let alpha = topic(&rig, "alpha");
    rig.fake
        .push_in_topic(FORUM, ME, alpha, "demo: notify hello from alpha");
    let hello = rig
        .fake
        .wait_for_send(WAIT_LIMIT, |sent| sent.text.contains("hello from alpha"));
    assert_eq!(hello.thread, Some(alpha));
    say(&rig, "demo: notify hello from another");
    let other = rig
        .fake
        .wait_for_send(WAIT_LIMIT, |sent| sent.text.contains("hello from another"));
    assert!(other.thread.is_some() && other.thread != Some(alpha), "{other:?}");
    assert_eq!(rig.sessions().len(), 2);
    rig.fake.push_in_topic(FORUM, ME, alpha, "/stop");
    topic(&rig, "■ alpha");
    eventually("it is closed", || {
        rig.fake
            .topics(FORUM)
            .iter()
            .any(|(thread, topic)| *thread == alpha && topic.closed)
            .then_some(())
    });
    rig.in_order();
}

#[test]
fn a_topic_that_was_deleted_is_made_anew() {
    let rig = forum();
    let _daemon = rig.serve();
    say(&rig, "/new alpha");
    let alpha = topic(&rig, "alpha");
    rig.fake
        .push_in_topic(FORUM, ME, alpha, "demo: sleep 1s\ndemo: notify still here");
    rig.env.wait_status("alpha", "working");
    rig.fake.delete_topic(FORUM, alpha);
    let sent = rig
        .fake
        .wait_for_send(WAIT_LIMIT, |sent| sent.text.contains("still here"));
    let again = topic(&rig, "alpha");
    assert!(again != alpha && sent.thread == Some(again), "{sent:?}");
    rig.fake.push_in_topic(FORUM, ME, again, "demo: notify and here");
    rig.fake.wait_for_send(WAIT_LIMIT, |sent| {
        sent.text.contains("and here") && sent.thread == Some(again)
    });
    rig.in_order();
}

#[test]
fn without_the_right_to_make_topics_everything_stands_in_the_chat_and_somebody_is_told() {
    let rig = forum();
    rig.fake.take_rights_away(FORUM);
    let _daemon = rig.serve();
    say(&rig, "demo: notify hello anyway");
    let sent = rig
        .fake
        .wait_for_send(WAIT_LIMIT, |sent| sent.text.contains("hello anyway"));
    let name = rig.sessions()[0]["name"].as_str().expect("a name").to_owned();
    assert!(sent.thread.is_none() && sent.text.starts_with(&name), "{sent:?}");
    rig.hears("No topic could be made in chat -100");
    rig.in_order();
}

#[test]
fn private_chats_can_have_topics_too() {
    let rig = Rig::new();
    rig.fake.switch_private_topics_on();
    let daemon = rig.serve();
    // Who knows the bot's name knows what it can do, too.
    eventually("the bot's name is known", || {
        rig.env.json(&["pair"])["link"].is_string().then_some(())
    });
    rig.env
        .cmd(&["run", "--name", "cli", "demo: notify from the desk"])
        .ok();
    let sent = rig.hears("from the desk");
    let (thread, topic) = rig.fake.topics(ME).pop().expect("a topic");
    assert_eq!((sent.thread, topic.name.as_str()), (Some(thread), "cli"));
    // A topic that is gone there: the server puts the message into the chat and says nothing.
    rig.fake.delete_topic(ME, thread);
    rig.env
        .cmd(&["send", "cli", "demo: notify lost and found\ndemo: notify in its place"])
        .ok();
    let found = rig.hears("in its place");
    assert!(found.thread.is_some() && found.thread != Some(thread), "{found:?}");
    assert!(
        rig.hears("lost and found").text.starts_with("cli"),
        "it says whose it is"
    );
    drop(daemon);
    rig.in_order();
}
