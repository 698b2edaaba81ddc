//! The client against scripted servers.

use std::cell::Cell;
use std::rc::Rc;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

use super::*;

/// A server that gives one scripted answer a connection; an empty one breaks off. Returns what it was sent.
async fn serve(listener: UnixListener, answers: Vec<String>) -> Vec<String> {
    let mut seen = Vec::new();
    for answer in answers {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 4096];
        let length = stream.read(&mut request).await.unwrap();
        seen.push(String::from_utf8_lossy(&request[..length]).into_owned());
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
    seen
}

fn answer(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn never_started() -> Starter {
    Box::new(|| panic!("a daemon answers; nothing must be started"))
}

struct Fixture {
    _dir: tempfile::TempDir,
    listener: UnixListener,
    client: Client,
}

fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s");
    Fixture {
        listener: UnixListener::bind(&socket).unwrap(),
        client: Client::new(socket, never_started()),
        _dir: dir,
    }
}

#[tokio::test]
async fn an_error_comes_back_with_its_kind_and_hint() {
    let f = fixture();
    let body = r#"{"error":{"kind":"refused_by_state","message":"no","hint":"Do it."}}"#;
    let (_, got) = tokio::join!(
        serve(f.listener, vec![answer("409 Conflict", body)]),
        f.client.get::<Value>("/v1/x")
    );
    assert_eq!(got.unwrap_err(), Fault::new(Kind::RefusedByState, "no").hint("Do it."));
}

#[tokio::test]
async fn an_error_that_is_not_ours_is_judged_by_its_status() {
    let f = fixture();
    let (_, got) = tokio::join!(
        serve(f.listener, vec![answer("507 Insufficient Storage", "<html>")]),
        f.client.get::<Value>("/v1/x")
    );
    assert_eq!(got.unwrap_err().kind, Kind::Storage);
}

#[tokio::test]
async fn a_keyed_request_is_repeated_once_with_the_same_key() {
    let f = fixture();
    let body = json!({"text": "hi"});
    let (seen, got) = tokio::join!(
        serve(f.listener, vec![String::new(), answer("200 OK", "{}")]),
        f.client.post_once::<Value>("/v1/x", &body, "key-1")
    );
    got.unwrap();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|request| request.contains("idempotency-key: key-1")));
}

#[tokio::test]
async fn a_request_without_a_key_is_sent_once_and_the_doubt_is_named() {
    let f = fixture();
    let body = json!({});
    let (seen, got) = tokio::join!(
        serve(f.listener, vec![String::new()]),
        f.client.post::<Value>("/v1/x", &body)
    );
    let fault = got.unwrap_err();
    assert_eq!((seen.len(), fault.kind), (1, Kind::DaemonUnreachable));
    assert!(fault.hint.unwrap().contains("may have had its effect"));
}

#[tokio::test]
async fn a_missing_daemon_is_started_and_asked_again() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s");
    let started = Rc::new(Cell::new(0));
    let counter = Rc::clone(&started);
    let client = Client::new(
        socket.clone(),
        Box::new(move || {
            counter.set(counter.get() + 1);
            Ok(())
        }),
    );
    let fault = client.get::<Value>("/v1/x").await.unwrap_err();
    assert_eq!((fault.kind, started.get()), (Kind::DaemonUnreachable, 1));
}

#[tokio::test]
async fn a_stream_that_broke_off_goes_on_after_the_last_event() {
    let f = fixture();
    let event = |seq: i64| {
        format!(
            "id: {seq}\ndata: {{\"seq\":{seq},\"at\":\"2026-01-01T00:00:00Z\",\"type\":\"daemon.started\",\"session\":null,\"data\":{{}}}}\n\n"
        )
    };
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    let answers = vec![format!("{head}{}", event(4)), format!("{head}: hello\n\n{}", event(5))];
    let read = async {
        let mut stream = f.client.events(None, None).await.unwrap();
        [stream.next().await.unwrap().seq, stream.next().await.unwrap().seq]
    };
    let (seen, got) = tokio::join!(serve(f.listener, answers), read);
    assert_eq!(got, [4, 5]);
    assert!(!seen[0].contains("last-event-id") && seen[1].contains("last-event-id: 4"));
}
