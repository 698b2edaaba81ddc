//! The client: one connection a request, over the daemon's Unix socket.
//!
//! Knows no command line. It repeats a request once after a lost connection, and only one that can be repeated: a read, or one
//! that carries an idempotency key.

mod connection;
mod events;
mod path;

use std::path::PathBuf;

use http_body_util::BodyExt;
use hyper::Method;
use hyper::body::Incoming;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::api::wire::ErrorBody;
use crate::api::{IDEMPOTENCY_KEY, status};
use crate::domain::fault::{Fault, Kind, Result};

pub use events::EventStream;
pub use path::{path, query};

use connection::{Call, Lost};

/// Makes sure that a daemon runs (or says why none can be started). Called when nobody answers at the socket.
pub type Starter = Box<dyn Fn() -> Result<()>>;

pub struct Client {
    socket: PathBuf,
    starter: Starter,
}

impl Client {
    pub fn new(socket: PathBuf, starter: Starter) -> Self {
        Self { socket, starter }
    }

    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.json(Call::new(Method::GET, path)).await
    }

    /// Of a daemon that runs; `DaemonUnreachable` when none does. For those who wait: they must not undo a stop.
    pub async fn get_running<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.json(Call::new(Method::GET, path).without_start()).await
    }

    pub async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.json(Call::new(Method::DELETE, path)).await
    }

    /// A request that is not repeated when the connection is lost.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T> {
        self.json(Call::new(Method::POST, path).body(body)?).await
    }

    /// A request whose effect is the same however often it arrives: the server knows it by `key`.
    pub async fn post_once<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize, key: &str) -> Result<T> {
        let call = Call::new(Method::POST, path).body(body)?.header(IDEMPOTENCY_KEY, key);
        self.json(call.repeatable()).await
    }

    /// Like `post`, for acts that are idempotent by nature.
    pub async fn post_again<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T> {
        self.json(Call::new(Method::POST, path).body(body)?.repeatable()).await
    }

    /// Copies a body that is no JSON to `out`, piece by piece.
    pub async fn copy(&self, path: &str, out: &mut dyn std::io::Write) -> Result<()> {
        let mut body = self.send(&Call::new(Method::GET, path)).await?;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|e| connection::lost(&e).fault)?;
            if let Some(bytes) = frame.data_ref() {
                out.write_all(bytes).map_err(|e| Fault::io("writing", &e))?;
            }
        }
        Ok(())
    }

    async fn json<T: DeserializeOwned>(&self, call: Call) -> Result<T> {
        let mut again = call.is_repeatable();
        loop {
            match self.json_once(&call).await {
                Err(lost) if lost.after_sending && again => again = false,
                answer => return answer.map_err(|lost| lost.explain(&call)),
            }
        }
    }

    async fn json_once<T: DeserializeOwned>(&self, call: &Call) -> Result<T, Lost> {
        let body = self.send_once(call).await?;
        let bytes = connection::collect(body).await?;
        serde_json::from_slice(&bytes).map_err(|e| {
            let fault = Fault::new(Kind::Failure, format!("the daemon's answer does not fit: {e}"));
            Lost::definite(fault.hint("Is it of another version? `telecoder health` shows it; restart the daemon."))
        })
    }

    async fn send(&self, call: &Call) -> Result<Incoming> {
        self.send_once(call).await.map_err(|lost| lost.explain(call))
    }

    /// One attempt; starts the daemon when nobody answers at the socket.
    async fn send_once(&self, call: &Call) -> Result<Incoming, Lost> {
        let stream = match connection::connect(&self.socket).await? {
            Some(stream) => stream,
            None if !call.starts_daemon() => return Err(Lost::definite(connection::nobody(&self.socket))),
            None => {
                (self.starter)().map_err(Lost::definite)?;
                let stream = connection::connect(&self.socket).await?;
                stream.ok_or_else(|| Lost::definite(connection::nobody(&self.socket)))?
            }
        };
        let response = connection::exchange(stream, call).await?;
        let code = response.status();
        if code.is_success() {
            return Ok(response.into_body());
        }
        let bytes = connection::collect(response.into_body()).await?;
        Err(Lost::definite(fault_of(code.as_u16(), &bytes)))
    }
}

/// The fault that an answer holds; a body that is not ours is judged by its status.
fn fault_of(code: u16, body: &[u8]) -> Fault {
    match serde_json::from_slice::<ErrorBody>(body) {
        Ok(ErrorBody { error }) => error,
        Err(_) => Fault::new(
            status::to_kind(code),
            format!("the daemon answered with HTTP status {code}"),
        ),
    }
}

#[cfg(test)]
mod tests;
