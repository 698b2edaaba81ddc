//! The inbox, outcomes, differences, checks.

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;

use super::caller::Caller;
use super::extract::{Body, Params};
use super::refusal::Answer;
use super::state::Api;
use crate::api::wire::{self, AckRequest, Acked, Diff, Entry, Outcome, RepoFile, TrustRequest};
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::outcome::{InboxEntry, InboxItem};
use crate::sessions::{DiffRequest, VerifyRequest};

const LIMIT_DEFAULT: u32 = 50;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListParams {
    #[serde(default)]
    all: bool,
    limit: Option<u32>,
}

pub async fn list(State(api): State<Api>, Params(params): Params<ListParams>) -> Answer<Vec<Entry>> {
    api.engine().outcomes_made(None).await;
    let entries = api
        .engine()
        .inbox(params.all, params.limit.unwrap_or(LIMIT_DEFAULT))
        .await?;
    Ok(Json(entries.iter().map(Entry::from).collect()))
}

/// What an entry's word means.
enum EntryId {
    Outcome(i64),
    News(i64),
}

fn entry_id(word: &str) -> Result<EntryId> {
    let parsed = match word.strip_prefix('n') {
        Some(number) => number.parse().map(EntryId::News),
        None => word.parse().map(EntryId::Outcome),
    };
    parsed.map_err(|_| {
        Fault::new(Kind::NotFound, format!("there is no inbox entry `{word}`"))
            .hint("`telecoder inbox` lists them; an entry is a number, or `n` and a number.")
    })
}

/// One entry; an outcome's has everything of it under `outcome`, news has its text.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    #[serde(flatten)]
    entry: Entry,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

pub async fn show(State(api): State<Api>, Path(word): Path<String>) -> Answer<Shown> {
    Ok(Json(match entry_id(&word)? {
        EntryId::Outcome(id) => {
            let (session, outcome) = api.engine().outcome(id).await?;
            Shown {
                outcome: Some(Outcome::from(&outcome)),
                entry: Entry::from(&InboxEntry {
                    name: session.name,
                    repo: session.repo,
                    item: InboxItem::Outcome(Box::new(outcome)),
                }),
                author: None,
                text: None,
                url: None,
            }
        }
        EntryId::News(id) => {
            let (session, news) = api.engine().news_entry(id).await?;
            Shown {
                outcome: None,
                author: Some(news.author.clone()),
                text: Some(news.text.clone()),
                url: news.url.clone(),
                entry: Entry::from(&InboxEntry {
                    name: session.name,
                    repo: session.repo,
                    item: InboxItem::News(Box::new(news)),
                }),
            }
        }
    }))
}

pub async fn ack(State(api): State<Api>, caller: Caller, Body(body): Body<AckRequest>) -> Answer<Acked> {
    caller.must_be_person(&api, "mark inbox entries as seen").await?;
    let acked = match (&body.entry, &body.session) {
        (Some(_), Some(_)) => return Err(Fault::new(Kind::Usage, "an entry or a session, not both").into()),
        (Some(word), None) => match entry_id(word)? {
            EntryId::Outcome(id) => api.engine().ack_outcome(id).await?,
            EntryId::News(id) => api.engine().ack_news(id).await?,
        },
        (None, Some(word)) => {
            let session = api.find(word).await?;
            api.engine().ack_all(Some(&session.id)).await?
        }
        (None, None) => api.engine().ack_all(None).await?,
    };
    Ok(Json(Acked { acked }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutcomesParams {
    limit: Option<u32>,
}

/// The history of a session, newest first.
pub async fn outcomes(
    State(api): State<Api>,
    Path(word): Path<String>,
    Params(params): Params<OutcomesParams>,
) -> Answer<Vec<Outcome>> {
    let session = api.find(&word).await?;
    api.engine().outcomes_made(Some(&session.id)).await;
    let outcomes = api
        .engine()
        .outcomes(&session.id, params.limit.unwrap_or(LIMIT_DEFAULT))
        .await?;
    Ok(Json(outcomes.iter().map(Outcome::from).collect()))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiffParams {
    /// `true`: only what the newest turn did.
    #[serde(default)]
    turn: bool,
    /// What one outcome saw.
    outcome: Option<i64>,
}

pub async fn diff(
    State(api): State<Api>,
    Path(word): Path<String>,
    Params(params): Params<DiffParams>,
) -> Answer<Diff> {
    let session = api.find(&word).await?;
    let request = match (params.turn, params.outcome) {
        (true, Some(_)) => return Err(Fault::new(Kind::Usage, "`turn` or `outcome`, not both").into()),
        (_, Some(id)) => DiffRequest::Outcome(id),
        (true, None) => DiffRequest::LastTurn,
        (false, None) => DiffRequest::Session,
    };
    api.engine().outcomes_made(Some(&session.id)).await;
    Ok(Json(Diff::from(api.engine().diff(&session.id, request).await?)))
}

/// Begins checks; the outcome whose part they become says when they are over.
pub async fn verify(
    State(api): State<Api>,
    caller: Caller,
    Path(word): Path<String>,
    Body(body): Body<wire::VerifyRequest>,
) -> Answer<Outcome> {
    caller.must_be_person(&api, "run checks").await?;
    let session = api.find(&word).await?;
    let request = VerifyRequest {
        commands: body.commands,
        until_green: body.until_green,
    };
    let outcome = api.engine().verify(&session.id, request).await?;
    Ok(Json(Outcome::from(&outcome)))
}

/// Whether an outcome's checks are over, and what it says.
#[derive(Debug, serde::Serialize)]
pub struct Stage {
    whole: bool,
    outcome: Outcome,
}

pub async fn outcome(State(api): State<Api>, Path(id): Path<i64>) -> Answer<Stage> {
    // In this order: an outcome that was whole before it was read says everything.
    let whole = api.store().read(move |tx| tx.is_whole(id)).await?;
    let (_, outcome) = api.engine().outcome(id).await?;
    Ok(Json(Stage {
        whole,
        outcome: Outcome::from(&outcome),
    }))
}

pub async fn repo_file(State(api): State<Api>, Path(word): Path<String>) -> Answer<RepoFile> {
    let session = api.find(&word).await?;
    Ok(Json(RepoFile::from(api.engine().repo_file(&session.id).await?)))
}

/// Which repository, before any session works on it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepoParams {
    repo: String,
    #[serde(default = "root")]
    cwd: std::path::PathBuf,
}

fn root() -> std::path::PathBuf {
    "/".into()
}

pub async fn file_of_repo(
    State(api): State<Api>,
    caller: Caller,
    Params(params): Params<RepoParams>,
) -> Answer<RepoFile> {
    caller.must_be_person(&api, "read a repository's commands").await?;
    let shown = api.engine().file_of_repo(&params.repo, params.cwd).await?;
    Ok(Json(RepoFile::from(shown)))
}

pub async fn trust_repo(
    State(api): State<Api>,
    caller: Caller,
    Params(params): Params<RepoParams>,
    Body(body): Body<TrustRequest>,
) -> Answer<RepoFile> {
    caller.must_be_person(&api, "trust a repository's commands").await?;
    let engine = api.engine();
    let shown = engine
        .trust_file_of_repo(&params.repo, params.cwd, &body.digest)
        .await?;
    Ok(Json(RepoFile::from(shown)))
}

pub async fn trust(
    State(api): State<Api>,
    caller: Caller,
    Path(word): Path<String>,
    Body(body): Body<TrustRequest>,
) -> Answer<RepoFile> {
    caller.must_be_person(&api, "trust a repository's commands").await?;
    let session = api.find(&word).await?;
    let shown = api.engine().trust_repo_file(&session.id, &body.digest).await?;
    Ok(Json(RepoFile::from(shown)))
}
