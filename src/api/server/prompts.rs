//! Prompts and what came of them.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::caller::Caller;
use super::extract::{Body, Params, idempotency_key};
use super::refusal::{Answer, Refusal};
use super::state::Api;
use crate::api::wire::{self, PromptRequest};
use crate::domain::fault::{Fault, Kind};
use crate::domain::ids::TurnId;

pub async fn send(
    State(api): State<Api>,
    caller: Caller,
    Path(word): Path<String>,
    headers: HeaderMap,
    Body(body): Body<PromptRequest>,
) -> Result<(StatusCode, Json<wire::Turn>), Refusal> {
    let session = api.find(&word).await?;
    caller.must_be_above(&api, &session, "prompt").await?;
    let key = idempotency_key(&headers)?;
    let (engine, origin) = (api.engine(), caller.origin());
    let turn = match body.steer {
        true => engine.steer(&session.id, &body.text, origin, key).await?,
        false => engine.prompt(&session.id, &body.text, origin, key).await?,
    };
    Ok((StatusCode::ACCEPTED, Json(wire::Turn::from(&turn))))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TurnsParams {
    /// Only the newest ones.
    limit: Option<u32>,
}

pub async fn list(
    State(api): State<Api>,
    Path(word): Path<String>,
    Params(params): Params<TurnsParams>,
) -> Answer<Vec<wire::Turn>> {
    let turns = api
        .store()
        .read(move |tx| {
            let session = tx.find_session(&word)?;
            tx.turns(&session.id, params.limit)
        })
        .await?;
    Ok(Json(turns.iter().map(wire::Turn::from).collect()))
}

pub async fn show(State(api): State<Api>, Path((word, id)): Path<(String, String)>) -> Answer<wire::Turn> {
    let id: TurnId = id.parse::<TurnId>()?;
    let turn = api
        .store()
        .read(move |tx| {
            let session = tx.find_session(&word)?;
            let turn = tx.turn(&id)?;
            if turn.session != session.id {
                let message = format!("`{}` has no turn {id}", session.name);
                return Err(Fault::new(Kind::NotFound, message));
            }
            Ok(turn)
        })
        .await?;
    Ok(Json(wire::Turn::from(&turn)))
}
