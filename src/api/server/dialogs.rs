//! Dialogs of agents: a person's answer, and why a session has its state.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};

use super::caller::Caller;
use super::extract::{Body, idempotency_key};
use super::refusal::{Answer, Refusal};
use super::state::Api;
use crate::api::wire::{self, CommandRequest, DialogRequest, ForkRequest, HistoryEntry};
use crate::domain::dialog::DialogAnswer;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::turn::Turn;
use crate::sessions::Fork;

/// Answers the dialog that the session's agent shows.
pub async fn answer(
    State(api): State<Api>,
    caller: Caller,
    Path(word): Path<String>,
    Body(body): Body<DialogRequest>,
) -> Answer<wire::Answered> {
    caller.must_be_person(&api, "answer a dialog").await?;
    let session = api.find(&word).await?;
    let digest = body.digest.as_deref().map(str::parse).transpose()?;
    let outcome = api
        .engine()
        .answer_dialog(&session.id, digest, meant(body)?, caller.actor())
        .await?;
    Ok(Json(wire::Answered::from(&outcome)))
}

fn meant(body: DialogRequest) -> Result<DialogAnswer> {
    let wrong = |what: &str| {
        Fault::new(Kind::Usage, what.to_owned()).hint(
            "Send one of {\"answer\":\"approve\"}, {\"answer\":\"deny\"}, {\"choice\":1}, {\"choices\":[1,3]}, {\"text\":\"...\"}, \
             {\"said\":\"...\"}; `text` may stand beside `choices`.",
        )
    };
    match (body.answer.as_deref(), body.choice, body.choices, body.text, body.said) {
        (Some("approve"), None, None, None, None) => Ok(DialogAnswer::Approve),
        (Some("deny"), None, None, None, None) => Ok(DialogAnswer::Deny),
        (Some(other), None, None, None, None) => Err(wrong(&format!("`{other}` is not an answer"))),
        (None, Some(choice), None, None, None) => Ok(DialogAnswer::Choice(choice)),
        (None, None, Some(choices), text, None) => Ok(DialogAnswer::Several { choices, text }),
        (None, None, None, Some(text), None) => Ok(DialogAnswer::Text(text)),
        (None, None, None, None, Some(said)) => Ok(DialogAnswer::Said(said)),
        _ => Err(wrong("an answer is one thing")),
    }
}

/// Sends a command of the agent's own.
pub async fn command(
    State(api): State<Api>,
    caller: Caller,
    Path(word): Path<String>,
    headers: HeaderMap,
    Body(body): Body<CommandRequest>,
) -> std::result::Result<(StatusCode, Json<wire::Turn>), Refusal> {
    let session = api.find(&word).await?;
    caller.must_be_above(&api, &session, "send a command to").await?;
    let key = idempotency_key(&headers)?;
    let turn = api
        .engine()
        .command(&session.id, &body.text, caller.origin(), key)
        .await?;
    Ok((StatusCode::ACCEPTED, Json(wire::Turn::from(&turn))))
}

pub async fn explain(State(api): State<Api>, Path(word): Path<String>) -> Answer<wire::Explanation> {
    let session = api.find(&word).await?;
    let explanation = api.engine().explain(&session.id).await?;
    let shown = api.store().read(move |tx| tx.glance(&session.id)).await?;
    Ok(Json(wire::Explanation {
        session: wire::Session::from(&shown),
        evidence: explanation.evidence,
        screen: (&explanation).into(),
        dialog: explanation.dialog.as_ref().map(wire::Dialog::from),
        running: explanation.running.iter().map(summary).collect(),
        waiting: explanation.waiting.as_ref().map(summary),
        agent: explanation.detection.as_ref().map(wire::Agent::from),
        rules_version: explanation.rules_version,
        warnings: explanation.warnings,
    }))
}

/// Conversations of the session's agent in the session's directory.
pub async fn history(State(api): State<Api>, Path(word): Path<String>) -> Answer<Vec<HistoryEntry>> {
    let session = api.find(&word).await?;
    let conversations = api.engine().conversations(&session).await?;
    let current = session.native_id.as_deref();
    let entries = conversations
        .iter()
        .map(|conversation| HistoryEntry::of(conversation, current));
    Ok(Json(entries.collect()))
}

/// A new session that begins from the conversation of this one.
pub async fn fork(
    State(api): State<Api>,
    caller: Caller,
    Path(word): Path<String>,
    headers: HeaderMap,
    Body(body): Body<ForkRequest>,
) -> std::result::Result<(StatusCode, Json<wire::Session>), Refusal> {
    caller.must_be_person(&api, "fork a session").await?;
    let session = api.find(&word).await?;
    let key = idempotency_key(&headers)?;
    let wanted = Fork {
        name: body.name,
        prompt: body.prompt,
        policy: body.policy,
    };
    let forked = api.engine().fork(&session.id, wanted, caller.origin(), key).await?;
    let shown = api.store().read(move |tx| tx.glance(&forked.id)).await?;
    Ok((StatusCode::CREATED, Json(wire::Session::from(&shown))))
}

fn summary(turn: &Turn) -> wire::TurnSummary {
    wire::TurnSummary {
        id: turn.id.to_string(),
        state: turn.state,
        reason: turn.reason.as_ref().map(wire::Reason::from),
        steered: turn.steered,
    }
}
