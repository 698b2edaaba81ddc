//! The outbox with a real store, against the strict fake of the Bot API.

use std::time::Duration;

use secrecy::SecretString;
use tempfile::TempDir;

use super::*;
use crate::bridge::Rate;
use crate::channels::telegram::tests::fake::{FakeTelegram, Fault, TOKEN};
use crate::domain::ids::MessageId;
use crate::domain::message::{MessageFile, MessageKind, MessageState};
use crate::domain::route::ChatRef;
use crate::store::NewMessage;

const CHAT: i64 = 7;
/// No test waits for anything as long as this.
const LIMIT: Duration = Duration::from_secs(20);

struct Rig {
    store: Store,
    fake: FakeTelegram,
    health: Arc<BridgeHealth>,
    cancel: CancellationToken,
    tracker: TaskTracker,
    dir: TempDir,
}

impl Rig {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let store = Store::open(&dir.path().join("db"), &dir.path().join("backups")).expect("a store");
        let fake = FakeTelegram::start();
        fake.add_chat(CHAT);
        Self {
            store,
            fake,
            health: Arc::default(),
            cancel: CancellationToken::new(),
            tracker: TaskTracker::new(),
            dir,
        }
    }

    fn start(&self) {
        self.start_paced(unlimited());
    }

    fn start_paced(&self, limits: PaceLimits) {
        let url = self.fake.api_url();
        let client = Client::new(&SecretString::from(TOKEN), Some(&url), Duration::from_secs(1)).expect("a client");
        let outbox = Outbox::new(
            self.store.clone(),
            client,
            limits,
            Rules {
                receipts: None,
                rich: false,
                drafts: false,
                parts_max: 1000,
                home: None,
                home_forum: Arc::default(),
                scale: 1,
            },
            self.health.clone(),
            self.cancel.clone(),
            self.tracker.clone(),
        );
        self.tracker.spawn(outbox.run());
    }

    async fn put(&self, chat_id: i64, text: &str) -> MessageId {
        self.put_with(chat_id, text, vec![]).await
    }

    async fn put_with(&self, chat_id: i64, text: &str, files: Vec<MessageFile>) -> MessageId {
        let to = ChatRef {
            channel: CHANNEL.into(),
            chat_id,
            thread_id: None,
        };
        let new = NewMessage {
            session: None,
            kind: MessageKind::Reply,
            text: text.into(),
            done: None,
            choices: vec![],
            files,
            to: Some(to),
            reply_to: None,
            letter: None,
            dialog: None,
        };
        self.store
            .write(move |tx| Ok(tx.insert_message(new)?.id))
            .await
            .expect("stored")
    }

    /// Waits for the end of a message.
    async fn end_of(&self, id: MessageId) -> MessageState {
        let mut events = self.store.event_seq();
        let ended = async {
            loop {
                events.borrow_and_update();
                let state = self
                    .store
                    .read(move |tx| Ok(tx.message(id)?.state))
                    .await
                    .expect("there");
                if matches!(state, MessageState::Sent | MessageState::Failed) {
                    return state;
                }
                events.changed().await.expect("the store lives");
            }
        };
        tokio::time::timeout(LIMIT, ended).await.expect("an end in time")
    }

    /// Nothing was done wrong, and nothing is left running.
    async fn end(self) {
        self.cancel.cancel();
        self.tracker.close();
        tokio::time::timeout(LIMIT, self.tracker.wait())
            .await
            .expect("everything ends");
        assert_eq!(self.fake.violations(), Vec::<String>::new());
    }
}

fn unlimited() -> PaceLimits {
    let rate = Rate {
        burst: 1000,
        interval: Duration::from_millis(1),
    };
    PaceLimits {
        bot: rate,
        private_chat: rate,
        group: rate,
    }
}

#[tokio::test]
async fn messages_arrive_in_order() {
    let rig = Rig::new();
    rig.start();
    let mut last = MessageId(0);
    for i in 0..20 {
        last = rig.put(CHAT, &format!("message {i}")).await;
    }
    assert_eq!(rig.end_of(last).await, MessageState::Sent);
    let expected: Vec<String> = (0..20).map(|i| format!("message {i}")).collect();
    assert_eq!(rig.fake.texts(CHAT), expected);
    rig.end().await;
}

#[tokio::test]
async fn a_long_message_arrives_whole_in_numbered_parts() {
    let rig = Rig::new();
    rig.start();
    let lines: Vec<String> = (0..1200).map(|i| format!("line {i} 👍")).collect();
    let id = rig.put(CHAT, &format!("```\n{}\n```", lines.join("\n"))).await;
    assert_eq!(rig.end_of(id).await, MessageState::Sent);
    let texts = rig.fake.texts(CHAT);
    let count = texts.len();
    assert!(count >= 4);
    let mut joined = String::new();
    for (i, text) in texts.iter().enumerate() {
        joined.push_str(text.strip_prefix(&format!("({}/{count})\n", i + 1)).expect("numbered"));
    }
    assert_eq!(joined, lines.join("\n"));
    assert!(rig.fake.sent().iter().all(|sent| sent.entities[0]["type"] == "pre"));
    rig.end().await;
}

#[tokio::test]
async fn an_answer_that_was_lost_means_a_marked_repeat() {
    let rig = Rig::new();
    rig.fake.fail("sendMessage", [Fault::DropAfter]);
    rig.start();
    let id = rig.put(CHAT, "once").await;
    assert_eq!(rig.end_of(id).await, MessageState::Sent);
    assert_eq!(rig.fake.texts(CHAT), ["once", "↻ possibly repeated\nonce"]);
    rig.end().await;
}

#[tokio::test]
async fn a_mark_stays_through_refusals_and_pauses() {
    let rig = Rig::new();
    let faults = [
        Fault::DropAfter,
        Fault::BadEntities,
        Fault::TooManyRequests { retry_after: 1 },
    ];
    rig.fake.fail("sendMessage", faults);
    rig.start();
    let id = rig.put(CHAT, "**once**").await;
    assert_eq!(rig.end_of(id).await, MessageState::Sent);
    let sent = rig.fake.sent();
    assert_eq!(sent[1].text, "↻ possibly repeated\nonce");
    assert!(sent[1].entities.is_empty(), "it stays plain once it was made plain");
    assert_eq!(sent.len(), 2);
    rig.end().await;
}

#[tokio::test]
async fn refused_formatting_costs_only_the_formatting() {
    let rig = Rig::new();
    rig.fake.fail("sendMessage", [Fault::BadEntities]);
    rig.start();
    let id = rig.put(CHAT, "a **b** c").await;
    assert_eq!(rig.end_of(id).await, MessageState::Sent);
    assert_eq!(rig.fake.texts(CHAT), ["a b c"]);
    assert!(rig.fake.sent()[0].entities.is_empty());
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_is_kept_to_the_second_and_holds_only_its_chat() {
    let rig = Rig::new();
    rig.fake.add_chat(8);
    rig.fake
        .fail("sendMessage", [Fault::TooManyRequests { retry_after: 2 }]);
    rig.start();
    let first = rig.put(CHAT, "first").await;
    rig.fake.wait_for_calls(LIMIT, "sendMessage", 1);
    let told = std::time::Instant::now();
    let second = rig.put(CHAT, "second").await;
    let other = rig.put(8, "other").await;
    assert_eq!(rig.end_of(other).await, MessageState::Sent);
    assert!(
        told.elapsed() < Duration::from_millis(1500),
        "the other chat did not wait"
    );
    assert_eq!(rig.end_of(first).await, MessageState::Sent);
    let waited = told.elapsed();
    assert!(
        waited >= Duration::from_millis(1900) && waited < Duration::from_millis(3000),
        "{waited:?}"
    );
    assert_eq!(rig.end_of(second).await, MessageState::Sent);
    assert_eq!(rig.fake.texts(CHAT), ["first", "second"]);
    // The fake counts a request before its time as a violation.
    rig.end().await;
}

#[tokio::test]
async fn a_refusal_fails_the_message_and_lets_the_next_pass() {
    let rig = Rig::new();
    let words = "Bad Request: something that is said to nobody".to_owned();
    rig.fake.fail("sendMessage", [Fault::Refused { code: 413, words }]);
    rig.start();
    let refused = rig.put(CHAT, "one").await;
    let passes = rig.put(CHAT, "two").await;
    assert_eq!(rig.end_of(refused).await, MessageState::Failed);
    assert_eq!(rig.end_of(passes).await, MessageState::Sent);
    assert_eq!(rig.fake.texts(CHAT), ["two"]);
    rig.end().await;
}

#[tokio::test]
async fn a_chat_that_blocked_us_keeps_its_messages() {
    let rig = Rig::new();
    rig.fake.make_unreachable(CHAT, Some("bot was blocked by the user"));
    rig.start();
    let kept = rig.put(CHAT, "one").await;
    rig.put(CHAT, "two").await;
    let held = async {
        while rig
            .store
            .read(|tx| tx.unreachable(CHANNEL, CHAT))
            .await
            .expect("read")
            .is_none()
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LIMIT, held)
        .await
        .expect("the chat is known to be lost");
    // Nothing is tried before somebody writes there again.
    rig.fake.make_unreachable(CHAT, None);
    assert_eq!(
        rig.store.read(move |tx| tx.message(kept)).await.expect("kept").state,
        MessageState::Queued
    );
    let reached = rig.store.write(|tx| tx.set_unreachable(CHANNEL, CHAT, None));
    assert!(reached.await.expect("stored"));
    let last = rig.put(CHAT, "three").await;
    assert_eq!(rig.end_of(last).await, MessageState::Sent);
    assert_eq!(rig.fake.texts(CHAT), ["one", "two", "three"]);
    rig.end().await;
}

#[tokio::test]
async fn a_text_that_is_refused_twice_goes_out_as_a_file() {
    let rig = Rig::new();
    rig.fake.fail("sendMessage", [Fault::BadEntities, Fault::BadEntities]);
    rig.start();
    let id = rig.put(CHAT, "hello **you**").await;
    assert_eq!(rig.end_of(id).await, MessageState::Sent);
    let sent = rig.fake.sent();
    let (name, content) = sent[0].document.clone().expect("a file");
    assert_eq!((name, content), (format!("message-{id}-1.txt"), b"hello you".to_vec()));
    rig.end().await;
}

#[tokio::test]
async fn a_chat_that_moved_gets_its_messages_at_its_new_place() {
    let rig = Rig::new();
    rig.fake.add_chat(-5);
    rig.fake.add_chat(-1005);
    rig.fake.fail("sendMessage", [Fault::Migrated { to: -1005 }]);
    rig.start();
    rig.put(-5, "one").await;
    let last = rig.put(-5, "two").await;
    assert_eq!(rig.end_of(last).await, MessageState::Sent);
    assert_eq!(rig.fake.texts(-1005), ["one", "two"]);
    rig.end().await;
}

#[tokio::test]
async fn what_was_being_sent_when_we_died_goes_out_marked() {
    let rig = Rig::new();
    let id = rig.put(CHAT, "half sent").await;
    let claimed = rig
        .store
        .write(|tx| claim::claim(tx, &mut Pacer::new(unlimited(), Instant::now()), 10, 1000, false))
        .await
        .expect("claimed");
    assert_eq!(claimed.parts.len(), 1);
    rig.start();
    assert_eq!(rig.end_of(id).await, MessageState::Sent);
    assert_eq!(rig.fake.texts(CHAT), ["↻ possibly repeated\nhalf sent"]);
    rig.end().await;
}

#[tokio::test]
async fn files_follow_their_text() {
    let rig = Rig::new();
    let path = rig.dir.path().join("report.txt");
    std::fs::write(&path, "content").expect("written");
    let file = MessageFile {
        path,
        name: "report.txt".into(),
        size: 7,
        caption: Some("see".into()),
    };
    rig.start();
    let id = rig.put_with(CHAT, "the text", vec![file]).await;
    assert_eq!(rig.end_of(id).await, MessageState::Sent);
    let sent = rig.fake.sent();
    assert_eq!(sent[0].text, "the text");
    assert_eq!(sent[1].document, Some(("report.txt".into(), b"content".to_vec())));
    rig.end().await;
}

#[tokio::test]
async fn chats_do_not_wait_for_each_other() {
    let rig = Rig::new();
    let mut ids = vec![];
    for chat in 100..140 {
        rig.fake.add_chat(chat);
        for i in 0..3 {
            ids.push(rig.put(chat, &format!("{i}")).await);
        }
    }
    rig.start();
    for id in ids {
        assert_eq!(rig.end_of(id).await, MessageState::Sent);
    }
    for chat in 100..140 {
        assert_eq!(rig.fake.texts(chat), ["0", "1", "2"]);
    }
    rig.end().await;
}

#[tokio::test]
async fn the_pace_is_kept_and_nothing_is_lost_by_it() {
    let rig = Rig::new();
    let slow = Rate {
        burst: 2,
        interval: Duration::from_millis(200),
    };
    rig.start_paced(PaceLimits {
        private_chat: slow,
        ..unlimited()
    });
    let mut last = MessageId(0);
    for i in 0..6 {
        last = rig.put(CHAT, &format!("{i}")).await;
    }
    assert_eq!(rig.end_of(last).await, MessageState::Sent);
    let sent = rig.fake.sent();
    assert_eq!(sent.len(), 6);
    let spread = sent[5].at - sent[0].at;
    assert!(
        spread >= Duration::from_millis(780),
        "six at a burst of two took only {spread:?}"
    );
    rig.end().await;
}

#[tokio::test]
async fn the_end_of_the_daemon_ends_the_outbox_soon() {
    let rig = Rig::new();
    rig.start();
    let id = rig.put(CHAT, "x").await;
    rig.end_of(id).await;
    let began = std::time::Instant::now();
    rig.end().await;
    assert!(began.elapsed() < Duration::from_secs(2));
}
