//! The API as bytes: what another program would see, without our client.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use serde_json::Value;

use super::WAIT_LIMIT;

pub struct Http {
    socket: PathBuf,
}

#[derive(Debug)]
pub struct HttpAnswer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl HttpAnswer {
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("not JSON: {e}: {self:#?}"))
    }
}

impl Http {
    pub fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> HttpAnswer {
        self.send("GET", path, &[], "")
    }

    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> HttpAnswer {
        self.send("POST", path, &[], &body.to_string())
    }

    #[track_caller]
    pub fn post_once(&self, path: &str, body: &Value, key: &str) -> HttpAnswer {
        self.send("POST", path, &[("Idempotency-Key", key)], &body.to_string())
    }

    /// One request, one connection, the whole answer.
    #[track_caller]
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> HttpAnswer {
        let mut stream = self.request(method, path, headers, body);
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("reading the answer");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        HttpAnswer {
            status: head[9..12].parse().expect("a status"),
            head: head.to_lowercase(),
            body: body.to_owned(),
        }
    }

    /// The event stream; each call of the iterator waits for the next `data` line.
    #[track_caller]
    pub fn events(&self, path: &str, headers: &[(&str, &str)]) -> impl Iterator<Item = Value> + use<> {
        let mut headers = headers.to_vec();
        headers.push(("Accept", "text/event-stream"));
        let stream = self.request("GET", path, &headers, "");
        BufReader::new(stream).lines().filter_map(|line| {
            let line = line.expect("the stream goes on");
            serde_json::from_str(line.strip_prefix("data: ")?).ok()
        })
    }

    #[track_caller]
    fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> UnixStream {
        let mut stream = UnixStream::connect(&self.socket).expect("the API's socket");
        stream.set_read_timeout(Some(WAIT_LIMIT)).expect("a time-out");
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        stream.write_all(head.as_bytes()).expect("sending the request");
        stream
    }
}
