//! Messages to people, as rows.

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;

use super::caller::Caller;
use super::extract::{Body, Params};
use super::refusal::Answer;
use super::state::Api;
use crate::api::wire::{self, ReadRequest};
use crate::domain::ids::MessageId;

/// How many messages are listed without a limit of the caller's.
const MESSAGES_DEFAULT: u32 = 50;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListParams {
    #[serde(default)]
    unread: bool,
    limit: Option<u32>,
}

pub async fn list(State(api): State<Api>, Params(params): Params<ListParams>) -> Answer<Vec<wire::Message>> {
    let messages = api
        .store()
        .read(move |tx| {
            if params.unread {
                tx.unread_messages()
            } else {
                tx.recent_messages(params.limit.unwrap_or(MESSAGES_DEFAULT))
            }
        })
        .await?;
    Ok(Json(messages.iter().map(wire::Message::from).collect()))
}

pub async fn of_session(
    State(api): State<Api>,
    Path(word): Path<String>,
    Params(params): Params<ListParams>,
) -> Answer<Vec<wire::Message>> {
    let messages = api
        .store()
        .read(move |tx| {
            let session = tx.find_session(&word)?;
            tx.messages(&session.id, params.limit)
        })
        .await?;
    let shown = messages
        .iter()
        .filter(|message| !params.unread || message.read_at.is_none())
        .map(wire::Message::from)
        .collect();
    Ok(Json(shown))
}

pub async fn mark_read(
    State(api): State<Api>,
    caller: Caller,
    Body(body): Body<ReadRequest>,
) -> Answer<serde_json::Value> {
    caller.must_be_person(&api, "mark messages as read").await?;
    let ids: Vec<MessageId> = body.ids.into_iter().map(MessageId).collect();
    let count = ids.len();
    api.store().write(move |tx| tx.mark_read(&ids)).await?;
    Ok(Json(serde_json::json!({ "read": count })))
}
