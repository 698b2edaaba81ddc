//! The event stream, which survives the daemon's restart: it goes on after the last event that was seen.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use hyper::Method;
use hyper::body::Incoming;
use hyper::header::ACCEPT;

use super::{Client, connection::Call, path, query};
use crate::api::LAST_EVENT_ID;
use crate::api::sse::Decoder;
use crate::api::wire::Event;
use crate::domain::fault::{Fault, Kind, Result};

/// How long a stream that broke off looks for the daemon before it gives up.
const RECONNECT_LIMIT: Duration = Duration::from_secs(30);
const RECONNECT_PAUSE: Duration = Duration::from_millis(250);

/// Events as they happen.
pub struct EventStream<'a> {
    client: &'a Client,
    session: Option<String>,
    last: Option<i64>,
    body: Option<Incoming>,
    decoder: Decoder,
    ready: VecDeque<Event>,
}

impl Client {
    /// Events after `after`, or from now on; of one session, or of all. When this returns, nothing that happens from now on is
    /// missed.
    pub async fn events(&self, session: Option<&str>, after: Option<i64>) -> Result<EventStream<'_>> {
        let mut stream = EventStream {
            client: self,
            session: session.map(str::to_owned),
            last: after,
            body: None,
            decoder: Decoder::default(),
            ready: VecDeque::new(),
        };
        let call = stream.call();
        stream.connect(&call).await?;
        Ok(stream)
    }
}

impl EventStream<'_> {
    /// The next event; reconnects when the stream ends.
    pub async fn next(&mut self) -> Result<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.last = Some(event.seq);
                return Ok(event);
            }
            match self.piece().await? {
                true => {}
                false => self.reconnect().await?,
            }
        }
    }

    /// Returns when there may be news: an event, or a daemon that is back (what happened meanwhile may have no event for us).
    pub async fn news(&mut self) -> Result<()> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.last = Some(event.seq);
                return Ok(());
            }
            if !self.piece().await? {
                return self.reconnect().await;
            }
        }
    }

    fn call(&self) -> Call {
        let url = query(path(&["events"]), &[("session", self.session.clone())]);
        let mut call = Call::new(Method::GET, &url).header(ACCEPT.as_str(), "text/event-stream");
        if let Some(last) = self.last {
            call = call.header(LAST_EVENT_ID, last.to_string());
        }
        call
    }

    async fn connect(&mut self, call: &Call) -> Result<()> {
        self.decoder = Decoder::default();
        self.body = Some(self.client.send(call).await?);
        Ok(())
    }

    /// Reads one piece of the stream; false when it has ended.
    async fn piece(&mut self) -> Result<bool> {
        let Some(body) = &mut self.body else { return Ok(false) };
        let Some(Ok(frame)) = body.frame().await else {
            self.body = None;
            return Ok(false);
        };
        let Some(bytes) = frame.data_ref() else { return Ok(true) };
        let frames = self
            .decoder
            .push(bytes)
            .map_err(|_| Fault::new(Kind::Failure, "the daemon sent an event that is too long"))?;
        for frame in frames {
            let event = serde_json::from_str(&frame.data).map_err(|e| {
                Fault::new(
                    Kind::Failure,
                    format!("the daemon sent an event that does not fit: {e}"),
                )
            })?;
            self.ready.push_back(event);
        }
        Ok(true)
    }

    /// Waits for the daemon to be back, and does not start one: whoever follows must not undo a stop.
    async fn reconnect(&mut self) -> Result<()> {
        let begun = Instant::now();
        let call = self.call().without_start();
        loop {
            match self.connect(&call).await {
                Err(fault) if fault.kind == Kind::DaemonUnreachable && begun.elapsed() < RECONNECT_LIMIT => {
                    tokio::time::sleep(RECONNECT_PAUSE).await;
                }
                other => return other,
            }
        }
    }
}
