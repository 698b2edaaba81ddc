//! What was said in a session, and the raw bytes of its terminal.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::extract::Params;
use super::refusal::{Answer, Refusal};
use super::state::Api;
use crate::api::wire::{self, LogEntry};
use crate::domain::fault::{Fault, Kind, Result};
use crate::runner::log_writer::read_log;

/// How many entries are shown without `tail`.
const TAIL_DEFAULT: u32 = 200;
const TAIL_MAX: u32 = 5_000;
/// The writer's own limit (`limits.log_bytes`) is smaller; this one only guards our memory against a file that grew otherwise.
const RAW_BYTES_MAX: u64 = 64 * 1024 * 1024;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogsParams {
    tail: Option<u32>,
}

pub async fn entries(
    State(api): State<Api>,
    Path(word): Path<String>,
    Params(params): Params<LogsParams>,
) -> Answer<Vec<LogEntry>> {
    let tail = params.tail.unwrap_or(TAIL_DEFAULT).min(TAIL_MAX);
    let (turns, messages, outcomes) = api
        .store()
        .read(move |tx| {
            let session = tx.find_session(&word)?;
            Ok((
                tx.turns(&session.id, Some(tail))?,
                tx.messages(&session.id, Some(tail))?,
                tx.outcomes(&session.id, tail)?,
            ))
        })
        .await?;
    let turns: Vec<wire::Turn> = turns.iter().map(wire::Turn::from).collect();
    let messages: Vec<wire::Message> = messages.iter().map(wire::Message::from).collect();
    let outcomes = outcomes.iter().filter_map(LogEntry::of_outcome).collect();
    Ok(Json(merged(&turns, &messages, outcomes, tail as usize)))
}

/// In order of time; the last `tail`.
fn merged(turns: &[wire::Turn], messages: &[wire::Message], outcomes: Vec<LogEntry>, tail: usize) -> Vec<LogEntry> {
    let mut entries: Vec<LogEntry> = turns.iter().flat_map(LogEntry::of_turn).collect();
    entries.extend(messages.iter().map(LogEntry::of_message));
    entries.extend(outcomes);
    // Stable: what happened at one instant stays prompt, end of turn, message.
    entries.sort_by_key(|entry| entry.at);
    let first = entries.len().saturating_sub(tail);
    entries.split_off(first)
}

/// The last bytes of the pane, as the terminal got them. They are for a terminal or a pager, never for a program to trust.
pub async fn raw(State(api): State<Api>, Path(word): Path<String>) -> std::result::Result<Response, Refusal> {
    let session = api.find(&word).await?;
    let path = api.parts.dir.terminal_log(&session.id);
    let name = session.name.to_string();
    let bytes = tokio::task::spawn_blocking(move || read_raw(&path, &name))
        .await
        .map_err(|e| Fault::new(Kind::Failure, format!("reading the terminal log: {e}")))??;
    Ok(([(CONTENT_TYPE, "application/octet-stream")], bytes).into_response())
}

fn read_raw(path: &std::path::Path, name: &str) -> Result<Vec<u8>> {
    let bytes = read_log(path, RAW_BYTES_MAX)?;
    if bytes.is_empty() {
        return Err(Fault::new(Kind::NotFound, format!("`{name}` has no terminal log yet"))
            .hint(format!("What its pane shows now: `telecoder screen {name}`.")));
    }
    Ok(bytes)
}
