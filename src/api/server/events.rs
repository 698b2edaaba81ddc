//! The event log, as JSON and as a stream.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use axum::response::sse::{Event as Frame, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::extract::Params;
use super::refusal::Refusal;
use super::state::Api;
use crate::api::LAST_EVENT_ID;
use crate::api::wire;
use crate::domain::event::Event;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::SessionId;
use crate::store::Store;

/// Events of one read of the store.
const BATCH: u32 = 256;
const LIMIT_MAX: u32 = 1_000;
/// A comment goes out this often on a quiet stream, so that a dead client is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventParams {
    /// Only events after this one. A stream without it begins now, a list at the beginning.
    after: Option<i64>,
    session: Option<String>,
    limit: Option<u32>,
}

pub async fn events(
    State(api): State<Api>,
    headers: HeaderMap,
    Params(params): Params<EventParams>,
) -> std::result::Result<Response, Refusal> {
    let session = match &params.session {
        Some(word) => Some(api.find(word).await?.id),
        None => None,
    };
    if wants_stream(&headers) {
        let after = match last_event_id(&headers)?.or(params.after) {
            Some(seq) => seq,
            None => api.store().read(|tx| tx.last_event_seq()).await?,
        };
        return Ok(stream(&api, session, after));
    }
    let (after, limit) = (
        params.after.unwrap_or(0),
        params.limit.unwrap_or(LIMIT_MAX).min(LIMIT_MAX),
    );
    let events = api
        .store()
        .read(move |tx| tx.events_after(after, session.as_ref(), limit))
        .await?;
    let events: Vec<wire::Event> = events.into_iter().map(wire::Event::from).collect();
    Ok(Json(events).into_response())
}

fn wants_stream(headers: &HeaderMap) -> bool {
    headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("text/event-stream"))
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<i64>> {
    let Some(value) = headers.get(LAST_EVENT_ID) else {
        return Ok(None);
    };
    value
        .to_str()
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .map(Some)
        .ok_or_else(|| Fault::new(Kind::Usage, format!("`{LAST_EVENT_ID}` is not the number of an event")))
}

fn stream(api: &Api, session: Option<SessionId>, after: i64) -> Response {
    let feed = Feed {
        store: api.store().clone(),
        session,
        last: after,
        changed: api.store().event_seq(),
        ready: VecDeque::new(),
        cancel: api.parts.cancel.clone(),
    };
    let frames = futures_util::stream::unfold(feed, |mut feed| async move {
        let event = feed.next().await?;
        Some((Ok::<_, Infallible>(frame(event)), feed))
    });
    Sse::new(frames)
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response()
}

fn frame(event: Event) -> Frame {
    let event = wire::Event::from(event);
    let data = serde_json::to_string(&event).unwrap_or_default();
    Frame::default()
        .id(event.seq.to_string())
        .event(event.type_name())
        .data(data)
}

/// Reads on as fast as the client takes; holds one batch at most.
struct Feed {
    store: Store,
    session: Option<SessionId>,
    /// Everything up to here went out or does not concern this client.
    last: i64,
    changed: watch::Receiver<i64>,
    ready: VecDeque<Event>,
    cancel: CancellationToken,
}

impl Feed {
    /// The next event; none when the daemon stops or the store is gone.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.last = event.seq;
                return Some(event);
            }
            // Marked as seen before the read, so that what is written during the read wakes us again.
            let seen = *self.changed.borrow_and_update();
            self.ready = match self.batch().await {
                Ok(events) => events.into(),
                Err(error) => {
                    tracing::error!(error.message = %error, "an event stream ends because the store cannot be read");
                    return None;
                }
            };
            if self.ready.is_empty() {
                self.last = self.last.max(seen);
                tokio::select! {
                    () = self.cancel.cancelled() => return None,
                    changed = self.changed.changed() => changed.ok()?,
                }
            }
        }
    }

    async fn batch(&self) -> Result<Vec<Event>> {
        let (last, session) = (self.last, self.session.clone());
        self.store
            .read(move |tx| tx.events_after(last, session.as_ref(), BATCH))
            .await
    }
}
