//! The client against the strict fake of the Bot API.

use std::io::Write;
use std::time::{Duration, Instant};

use secrecy::SecretString;
use serde_json::json;

use super::*;
use crate::domain::message::{Entity, EntityStyle, MessageFile, PartBody, SendOutcome};
use crate::domain::route::ChatRef;

#[path = "../../../tests/it/fakes/telegram/mod.rs"]
pub(crate) mod fake;

use fake::{FakeTelegram, Fault, TOKEN};

const CHAT: i64 = 7;

fn client(url: &str) -> Client {
    Client::new(&SecretString::from(TOKEN), Some(url), Duration::from_secs(1)).expect("a loopback address")
}

fn chat() -> ChatRef {
    ChatRef {
        channel: CHANNEL.into(),
        chat_id: CHAT,
        thread_id: None,
    }
}

fn text(text: &str) -> PartBody {
    let mut rich = Rich::default();
    rich.push_styled(text, EntityStyle::Bold);
    PartBody::Text {
        text: rich.text,
        entities: rich.entities,
        buttons: vec![],
    }
}

async fn send(client: &Client, body: &PartBody, plain: bool, marked: bool) -> SendOutcome {
    let to = chat();
    let part = Outgoing {
        to: &to,
        reply_to: None,
        body,
        plain,
        marked,
        silent: false,
    };
    client.send(&part).await
}

#[tokio::test]
async fn every_end_of_a_request_is_told_apart() {
    let fake = FakeTelegram::start();
    fake.add_chat(CHAT);
    let client = client(&fake.api_url());
    let ambiguous = |outcome: &SendOutcome| matches!(outcome, SendOutcome::Ambiguous(_));
    type Expected = Box<dyn Fn(&SendOutcome) -> bool>;
    let cases: Vec<(Fault, Expected)> = vec![
        (
            Fault::TooManyRequests { retry_after: 0 },
            Box::new(|o| matches!(o, SendOutcome::RetryAfter { seconds: 0, .. })),
        ),
        (Fault::ServerError, Box::new(ambiguous)),
        (Fault::BadGateway, Box::new(ambiguous)),
        (Fault::DropBefore, Box::new(ambiguous)),
        (Fault::DropAfter, Box::new(ambiguous)),
        (
            Fault::Blocked,
            Box::new(|o| matches!(o, SendOutcome::Unreachable(why) if why.contains("blocked"))),
        ),
        (Fault::BadEntities, Box::new(|o| *o == SendOutcome::FormattingRefused)),
        (
            Fault::Migrated { to: -9 },
            Box::new(|o| *o == SendOutcome::Migrated { to: -9 }),
        ),
        (
            Fault::Unauthorized,
            Box::new(|o| matches!(o, SendOutcome::NotReached(_))),
        ),
    ];
    for (fault, expected) in cases {
        fake.fail("sendMessage", [fault.clone()]);
        let began = Instant::now();
        let outcome = send(&client, &text("hello"), false, false).await;
        assert!(expected(&outcome), "{fault:?} became {outcome:?}");
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "{fault:?} took {:?}",
            began.elapsed()
        );
    }
    assert!(matches!(
        send(&client, &text("hello"), false, false).await,
        SendOutcome::Sent { .. }
    ));
    assert_eq!(fake.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn plain_text_that_is_refused_is_refused_for_good() {
    let fake = FakeTelegram::start();
    fake.add_chat(CHAT);
    let client = client(&fake.api_url());
    fake.fail("sendMessage", [Fault::BadEntities]);
    assert!(matches!(
        send(&client, &text("x"), true, false).await,
        SendOutcome::TextRefused(_)
    ));
}

#[tokio::test]
async fn marks_and_plainness_show() {
    let fake = FakeTelegram::start();
    fake.add_chat(CHAT);
    let client = client(&fake.api_url());
    send(&client, &text("👍 hello"), false, true).await;
    let mut rich = Rich::plain("see ");
    let url = "https://example.org/1".to_owned();
    rich.push_styled("this", EntityStyle::TextLink { url });
    let link = PartBody::Text {
        text: rich.text,
        entities: rich.entities,
        buttons: vec![],
    };
    send(&client, &link, true, false).await;
    let sent = fake.sent();
    assert_eq!(sent[0].text, "↻ possibly repeated\n👍 hello");
    assert_eq!(sent[0].entities, [json!({"type": "bold", "offset": 20, "length": 8})]);
    assert_eq!(sent[1].text, "see this (https://example.org/1)");
    assert!(sent[1].entities.is_empty());
    assert_eq!(fake.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn files_are_uploaded_and_missing_ones_refused() {
    let fake = FakeTelegram::start();
    fake.add_chat(CHAT);
    let client = client(&fake.api_url());
    let mut content = tempfile::NamedTempFile::new().expect("a file");
    content.write_all(b"one\r\ntwo\n").expect("written");
    let mut file = MessageFile {
        path: content.path().to_owned(),
        name: "report 1.txt".into(),
        size: 9,
        caption: Some("the report".into()),
    };
    let outcome = send(&client, &PartBody::File { file: file.clone() }, false, false).await;
    assert!(matches!(outcome, SendOutcome::Sent { .. }), "{outcome:?}");
    let sent = &fake.sent()[0];
    assert_eq!(sent.document, Some(("report 1.txt".into(), b"one\r\ntwo\n".to_vec())));
    assert_eq!(sent.text, "the report");
    file.path = "/nonexistent/file".into();
    assert!(matches!(
        send(&client, &PartBody::File { file }, false, false).await,
        SendOutcome::Refused(_)
    ));
    assert_eq!(fake.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn a_server_that_is_not_there_took_nothing_and_the_token_is_in_no_error() {
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("bound");
    let client = client(&format!("http://{free}"));
    let outcome = send(&client, &text("x"), false, false).await;
    assert!(matches!(outcome, SendOutcome::NotReached(_)), "{outcome:?}");
    let error = client.poll(None).await.expect_err("nobody is there");
    for shown in [format!("{outcome:?}"), format!("{error:?}"), format!("{client:?}")] {
        assert!(!shown.contains(TOKEN) && !shown.contains("fake-token"), "{shown}");
    }
}

#[tokio::test]
async fn polls_confirm_only_what_lies_below_their_offset() {
    let fake = FakeTelegram::start();
    let client = client(&fake.api_url());
    fake.push_text(CHAT, CHAT, "one");
    fake.push_text(CHAT, CHAT, "two");
    let first = client.poll(None).await.expect("two updates");
    assert_eq!(client.poll(None).await.expect("again"), first);
    let next = first[0]["update_id"].as_i64().expect("an id") + 1;
    let rest = client.poll(Some(next)).await.expect("the second");
    assert_eq!(rest, first[1..]);
    assert_eq!(
        client.poll(Some(next + 1)).await.expect("nothing"),
        Vec::<serde_json::Value>::new()
    );
    assert_eq!(fake.unconfirmed(), 0);
    assert_eq!(fake.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn poll_errors_have_types() {
    let fake = FakeTelegram::start();
    let client = client(&fake.api_url());
    let faults = [
        Fault::Conflict,
        Fault::Unauthorized,
        Fault::TooManyRequests { retry_after: 3 },
        Fault::BadGateway,
    ];
    fake.fail("getUpdates", faults);
    let began = Instant::now();
    assert!(matches!(client.poll(None).await, Err(PollError::Conflict(_))));
    assert!(matches!(client.poll(None).await, Err(PollError::Unauthorized(_))));
    assert_eq!(client.poll(None).await, Err(PollError::RetryAfter { seconds: 3 }));
    assert!(matches!(client.poll(None).await, Err(PollError::Failed(_))));
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn the_token_travels_only_safely() {
    let open = |url| Client::new(&SecretString::from(TOKEN), Some(url), Duration::from_secs(1));
    assert!(open("http://127.0.0.1:8081").is_ok());
    assert!(open("http://[::1]:8081/base").is_ok());
    assert!(open("https://bot.example.org").is_ok());
    for url in ["http://bot.example.org", "ftp://127.0.0.1", "nonsense", ""] {
        let fault = open(url).expect_err("refused");
        assert!(!fault.message.contains(TOKEN));
    }
}

#[test]
fn entities_are_written_in_the_channels_words() {
    let entity = Entity {
        offset: 1,
        length: 2,
        style: EntityStyle::Pre {
            language: Some("rust".into()),
        },
    };
    let wire = serde_json::to_value(outbound::WireEntity(&entity)).expect("plain data");
    assert_eq!(
        wire,
        json!({"type": "pre", "offset": 1, "length": 2, "language": "rust"})
    );
}

/// Some hosts between us and the server reset a connection whose first message offers a post-quantum group; ours offers none.
#[tokio::test]
async fn the_handshake_offers_no_group_that_hosts_reset() {
    use tokio::io::AsyncReadExt;
    const SUPPORTED_GROUPS: [u8; 2] = [0x00, 0x0a];
    const POST_QUANTUM: [[u8; 2]; 3] = [[0x11, 0xec], [0x11, 0xeb], [0x11, 0xed]];
    const X25519: [u8; 2] = [0x00, 0x1d];
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("https://{}", listener.local_addr().expect("bound"));
    let client = client(&url);
    let asking = tokio::spawn(async move { client.me().await });
    let (mut stream, _) = listener.accept().await.expect("a connection");
    let mut hello = vec![0; 5];
    stream.read_exact(&mut hello).await.expect("the head of a record");
    assert_eq!(hello[0], 22, "a handshake");
    let mut hello = vec![0; usize::from(u16::from_be_bytes([hello[3], hello[4]]))];
    stream.read_exact(&mut hello).await.expect("the hello");
    drop(stream);
    assert!(asking.await.expect("it ends").is_err());
    // The extension: its number, its length, the length of the list, and the list.
    let groups = hello
        .windows(6)
        .enumerate()
        .find_map(|(at, head)| {
            let (outer, inner) = (
                u16::from_be_bytes([head[2], head[3]]),
                u16::from_be_bytes([head[4], head[5]]),
            );
            let list = hello.get(at + 6..at + 6 + usize::from(inner))?;
            let is_it = head[..2] == SUPPORTED_GROUPS && outer == inner + 2;
            (is_it && list.chunks(2).any(|group| group == X25519)).then_some(list)
        })
        .expect("the groups");
    assert!(
        groups
            .chunks(2)
            .all(|group| !POST_QUANTUM.iter().any(|known| group == known)),
        "{groups:x?}"
    );
}
