//! One request over one connection, and what is known when it breaks.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::net::UnixStream;

use crate::domain::fault::{Fault, Kind, Result};

/// How long the daemon may take to begin an answer. Stopping a session that does not want to end takes longest.
const ANSWER_LIMIT: Duration = Duration::from_secs(120);
/// Longest answer that is taken as a whole.
const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;

/// A request that is ready to be sent, more than once if need be.
pub struct Call {
    method: Method,
    path: String,
    body: Bytes,
    headers: Vec<(&'static str, String)>,
    repeatable: bool,
    starts_daemon: bool,
}

impl Call {
    pub fn new(method: Method, path: &str) -> Self {
        Self {
            repeatable: method == Method::GET,
            method,
            path: path.into(),
            body: Bytes::new(),
            headers: Vec::new(),
            starts_daemon: true,
        }
    }

    pub fn body(mut self, body: &impl Serialize) -> Result<Self> {
        let json = serde_json::to_vec(body)
            .map_err(|e| Fault::new(Kind::Failure, format!("writing the request as JSON: {e}")))?;
        self.body = json.into();
        Ok(self)
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    /// Nobody at the socket is an error: a daemon that was stopped on purpose stays stopped.
    pub fn without_start(mut self) -> Self {
        self.starts_daemon = false;
        self
    }

    pub fn starts_daemon(&self) -> bool {
        self.starts_daemon
    }

    pub fn is_repeatable(&self) -> bool {
        self.repeatable
    }

    fn request(&self) -> Result<Request<Full<Bytes>>, Lost> {
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(&self.path)
            .header(HOST, "telecoder")
            .header(USER_AGENT, crate::api::USER_AGENT)
            .header(CONTENT_TYPE, "application/json");
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        request
            .body(Full::new(self.body.clone()))
            .map_err(|e| Lost::definite(Fault::new(Kind::Usage, format!("the request cannot be written: {e}"))))
    }
}

/// Why there is no answer.
pub struct Lost {
    pub fault: Fault,
    /// The request may have had its effect.
    pub after_sending: bool,
}

impl Lost {
    pub fn definite(fault: Fault) -> Self {
        Self {
            fault,
            after_sending: false,
        }
    }

    /// What a person is told. A request that changes something and broke off leaves a doubt that must be named.
    pub fn explain(self, call: &Call) -> Fault {
        if !self.after_sending || call.method == Method::GET {
            return self.fault;
        }
        self.fault
            .hint("The request may have had its effect: look with `telecoder list` before you repeat it.")
    }
}

/// None when nobody listens there.
pub async fn connect(socket: &Path) -> Result<Option<UnixStream>, Lost> {
    match UnixStream::connect(socket).await {
        Ok(stream) => Ok(Some(stream)),
        Err(error) => match error.kind() {
            // Whoever starts the daemon says what is wrong with a place that cannot be.
            ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::ConnectionRefused => Ok(None),
            ErrorKind::PermissionDenied => {
                let message = format!("{} belongs to another user", socket.display());
                let fault = Fault::new(Kind::NotPermitted, message);
                Err(Lost::definite(
                    fault.hint("Run the command as the user who runs the daemon."),
                ))
            }
            _ => {
                let message = format!("connecting to {}: {error}", socket.display());
                Err(Lost::definite(Fault::new(Kind::DaemonUnreachable, message).hint(
                    "TeleCoder needs a directory of its own that it can write: `--data-dir DIR`.",
                )))
            }
        },
    }
}

pub fn nobody(socket: &Path) -> Fault {
    let message = format!("no daemon answers at {}", socket.display());
    Fault::new(Kind::DaemonUnreachable, message).hint("Start it with `telecoder serve`.")
}

/// Sends the request and waits for the head of the answer.
pub async fn exchange(stream: UnixStream, call: &Call) -> Result<Response<Incoming>, Lost> {
    let request = call.request()?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|e| lost(&e))?;
    // It ends with the connection; its errors come back through the response and its body.
    tokio::spawn(connection);
    match tokio::time::timeout(ANSWER_LIMIT, sender.send_request(request)).await {
        Ok(answer) => answer.map_err(|e| lost(&e)),
        Err(_) => {
            let message = format!("the daemon did not answer within {} s", ANSWER_LIMIT.as_secs());
            Err(Lost::definite(
                Fault::new(Kind::Timeout, message).hint("`telecoder health` says what it is missing."),
            ))
        }
    }
}

pub async fn collect(body: Incoming) -> Result<Bytes, Lost> {
    match Limited::new(body, ANSWER_BYTES_MAX).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) => Err(Lost {
            fault: broken_off(&*error),
            after_sending: true,
        }),
    }
}

pub fn lost(error: &hyper::Error) -> Lost {
    Lost {
        fault: broken_off(error),
        after_sending: true,
    }
}

fn broken_off(error: &dyn std::error::Error) -> Fault {
    let message = format!("the connection to the daemon was lost: {error}");
    Fault::new(Kind::DaemonUnreachable, message).hint("Repeat the command; `telecoder health` says whether it is back.")
}
