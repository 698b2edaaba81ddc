//! Publishing, reruns, lineage.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};

use super::caller::Caller;
use super::extract::{Body, idempotency_key};
use super::refusal::{Answer, Refusal};
use super::state::Api;
use crate::api::wire::{self, Published, Relative};
use crate::sessions::{GcRequest, PublishRequest, RerunRequest};

pub async fn publish(
    State(api): State<Api>,
    caller: Caller,
    Path(word): Path<String>,
    Body(body): Body<wire::PublishRequest>,
) -> Answer<Published> {
    caller.must_be_person(&api, "publish").await?;
    let session = api.find(&word).await?;
    let request = PublishRequest {
        base: body.base,
        title: body.title,
        body: body.body,
        draft: body.draft,
        dry_run: body.dry_run,
        commit: body.commit,
        allow_findings: body.allow_findings,
        push_only: body.push_only,
    };
    Ok(Json(Published::from(api.engine().publish(&session.id, request).await?)))
}

pub async fn rerun(
    State(api): State<Api>,
    caller: Caller,
    Path(word): Path<String>,
    headers: HeaderMap,
    Body(body): Body<wire::RerunRequest>,
) -> Result<(StatusCode, Json<wire::Session>), Refusal> {
    caller.must_be_person(&api, "start a session once more").await?;
    let session = api.find(&word).await?;
    let request = RerunRequest {
        prompt: body.prompt,
        policy: body.policy,
        agent: body.agent,
        origin: Some(caller.origin()),
        key: idempotency_key(&headers)?,
    };
    let new = api.engine().rerun(&session.id, request).await?;
    let shown = api.store().read(move |tx| tx.glance(&new.id)).await?;
    Ok((StatusCode::CREATED, Json(wire::Session::from(&shown))))
}

pub async fn lineage(State(api): State<Api>, Path(word): Path<String>) -> Answer<Vec<Relative>> {
    let session = api.find(&word).await?;
    let relatives = api.engine().lineage(&session.id).await?;
    Ok(Json(relatives.iter().map(Relative::from).collect()))
}

pub async fn gc(State(api): State<Api>, caller: Caller, Body(body): Body<wire::GcRequest>) -> Answer<wire::GcReport> {
    caller.must_be_person(&api, "remove sessions").await?;
    let request = GcRequest {
        older_than: std::time::Duration::from_secs(body.older_than_s),
        max_bytes: body.max_bytes,
        dry_run: body.dry_run,
    };
    Ok(Json(wire::GcReport::from(api.engine().gc(&request).await?)))
}
