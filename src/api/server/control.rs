//! Stop, resume, interrupt, keys, screen.

use axum::Json;
use axum::extract::{Path, State};

use super::caller::Caller;
use super::extract::Body;
use super::refusal::Answer;
use super::state::Api;
use crate::api::wire::{self, KeysRequest};
use crate::domain::fault::{Fault, Kind};
use crate::domain::ids::SessionId;

/// One request presses at most this many keys.
const KEYS_MAX: usize = 256;

pub async fn stop(State(api): State<Api>, caller: Caller, Path(word): Path<String>) -> Answer<wire::Session> {
    let session = api.find(&word).await?;
    caller.must_be_above(&api, &session, "stop").await?;
    api.engine().stop(&session.id).await?;
    shown(&api, session.id).await
}

pub async fn resume(State(api): State<Api>, caller: Caller, Path(word): Path<String>) -> Answer<wire::Session> {
    let session = api.find(&word).await?;
    caller.must_be_above(&api, &session, "resume").await?;
    api.engine().resume(&session.id).await?;
    shown(&api, session.id).await
}

pub async fn interrupt(State(api): State<Api>, caller: Caller, Path(word): Path<String>) -> Answer<wire::Interrupted> {
    let session = api.find(&word).await?;
    caller.must_be_above(&api, &session, "interrupt").await?;
    let done = api.engine().interrupt(&session.id).await?;
    let Json(session) = shown(&api, session.id).await?;
    Ok(Json(wire::Interrupted {
        session,
        text_returned: done.text_returned,
    }))
}

pub async fn keys(
    State(api): State<Api>,
    caller: Caller,
    Path(word): Path<String>,
    Body(body): Body<KeysRequest>,
) -> Answer<wire::Session> {
    caller.must_be_person(&api, "press keys").await?;
    if body.keys.is_empty() || body.keys.len() > KEYS_MAX {
        return Err(Fault::new(Kind::Usage, format!("one request presses 1 to {KEYS_MAX} keys")).into());
    }
    let session = api.find(&word).await?;
    api.engine().keys(&session.id, &body.keys).await?;
    shown(&api, session.id).await
}

pub async fn screen(State(api): State<Api>, Path(word): Path<String>) -> Answer<wire::Screen> {
    let session = api.find(&word).await?;
    let screen = api.engine().screen(&session.id).await?;
    Ok(Json(wire::Screen::from(&screen)))
}

/// The session as it is after the act.
async fn shown(api: &Api, id: SessionId) -> Answer<wire::Session> {
    let shown = api.store().read(move |tx| tx.glance(&id)).await?;
    Ok(Json(wire::Session::from(&shown)))
}
