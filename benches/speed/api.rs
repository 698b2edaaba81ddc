//! The daemon's API as the bench needs it: a request whose answer's time is known.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Instant, SystemTime};

use serde_json::{Value, json};
use telecoder::domain::Timestamp;

use crate::support::{WAIT_LIMIT, eventually};

pub struct Answered {
    pub sent_at: Instant,
    /// When the first bytes of the answer were here.
    pub answered_at: Instant,
    /// The same moment on the wall's clock, which the daemon's stamps are of.
    answered_wall: SystemTime,
    pub body: Value,
}

impl Answered {
    /// When the transaction began that the answer's row is of.
    pub fn created_at(&self) -> Instant {
        let stamp = self.body["createdAt"].as_str().expect("a stamp");
        let stamp: Timestamp = stamp.parse().expect("a time");
        let ago = self.answered_wall.duration_since(stamp.into());
        self.answered_at - ago.unwrap_or_default()
    }
}

/// One request on a connection that was open before the clock starts.
pub fn call(socket: &Path, method: &str, path: &str, body: Option<&Value>) -> Answered {
    let mut stream = UnixStream::connect(socket).expect("the API's socket");
    stream.set_read_timeout(Some(WAIT_LIMIT)).expect("a limit");
    let body = body.map_or_else(String::new, Value::to_string);
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut answer = vec![0; 64 * 1024];
    let sent_at = Instant::now();
    stream.write_all(request.as_bytes()).expect("sending");
    let count = stream.read(&mut answer).expect("an answer");
    let (answered_at, answered_wall) = (Instant::now(), SystemTime::now());
    answer.truncate(count);
    stream.read_to_end(&mut answer).expect("the rest of the answer");
    let text = String::from_utf8(answer).expect("UTF-8");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("HTTP/1.1 2"), "{method} {path}: {text}");
    Answered {
        sent_at,
        answered_at,
        answered_wall,
        body: serde_json::from_str(body).expect("JSON"),
    }
}

pub fn get(socket: &Path, path: &str) -> Value {
    call(socket, "GET", path, None).body
}

pub fn create(socket: &Path, agent: &str, name: &str) {
    let wish = json!({"agent": agent, "name": name});
    call(socket, "POST", "/v1/sessions", Some(&wish));
}

pub fn prompt(socket: &Path, session: &str, text: &str) -> Answered {
    let path = format!("/v1/sessions/{session}/prompts");
    call(socket, "POST", &path, Some(&json!({"text": text})))
}

/// Waits until the session waits for a prompt and nothing of the last one is left to do; returns it.
pub fn wait_idle(socket: &Path, session: &str) -> Value {
    let path = format!("/v1/sessions/{session}");
    let mut last = Value::Null;
    eventually(&format!("`{session}` is idle"), || {
        let shown = get(socket, &path);
        let open = ["queued", "held", "typing", "typed", "accepted"];
        let is_open = open.iter().any(|state| shown["turn"]["state"] == *state);
        // A turn's end and the status that follows from it are two commits: what counts is what is still so at the next look.
        let steady = last["statusSince"] == shown["statusSince"] && last["turn"] == shown["turn"];
        let is_idle = shown["status"] == "idle" && !is_open && steady;
        last = shown;
        is_idle.then(|| last.clone())
    })
}
