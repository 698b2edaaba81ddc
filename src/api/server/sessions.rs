//! Create, list, show, remove.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::caller::{Caller, child_policy};
use super::extract::{Body, Params, idempotency_key};
use super::refusal::{Answer, Refusal};
use super::state::Api;
use crate::api::wire::{self, CreateRequest, Removed};
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::session::{Session, SessionState};
use crate::sessions::{NewSessionRequest, RawRequest};
use crate::store::SessionFilter;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListParams {
    /// A state or an alias; `all` for every state. Without it: what has not ended.
    status: Option<String>,
}

pub async fn list(State(api): State<Api>, Params(params): Params<ListParams>) -> Answer<Vec<wire::Session>> {
    let filter = SessionFilter {
        states: states(params.status.as_deref().unwrap_or("active"))?,
        include_removed: false,
    };
    let sessions = api.store().read(move |tx| tx.glances(&filter)).await?;
    Ok(Json(sessions.iter().map(wire::Session::from).collect()))
}

fn states(word: &str) -> Result<Vec<SessionState>> {
    if word == "all" {
        return Ok(Vec::new());
    }
    SessionState::from_filter(word).ok_or_else(|| {
        let all = SessionState::ALL.map(SessionState::as_str).join(", ");
        Fault::new(Kind::Usage, format!("`{word}` is not a status")).hint(format!(
            "Use one of all, active, pending, running, completed, error, {all}."
        ))
    })
}

pub async fn show(State(api): State<Api>, Path(word): Path<String>) -> Answer<wire::Session> {
    let (session, mut shown) = api
        .store()
        .read(move |tx| {
            let session = tx.find_session(&word)?;
            let mut shown = wire::Session::from(&tx.glance(&session.id)?);
            shown.pull = tx.publication(&session.id)?.as_ref().map(wire::Pull::from);
            shown.notes = tx.work(&session.id)?.notes;
            shown.outcome = tx.outcomes(&session.id, 1)?.first().map(wire::Outcome::from);
            shown.asks = tx.open_asks(&session.id)?.iter().map(wire::Ask::from).collect();
            // What a hook announced has no choices yet; they come with the first look at the screen, and so does its digest.
            let open = tx.dialog(&session.id)?.filter(|open| open.seen);
            shown.dialog = open.map(|open| wire::Dialog::from(&open.dialog));
            Ok((session, shown))
        })
        .await?;
    if session.status.state.is_ended() {
        shown.last_screen = api.engine().last_screen(&session);
    }
    Ok(Json(shown))
}

pub async fn create(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
    Body(body): Body<CreateRequest>,
) -> std::result::Result<(StatusCode, Json<wire::Session>), Refusal> {
    let mut request = checked(&api, &caller, &body).await?;
    request.key = idempotency_key(&headers)?;
    request.origin = caller.origin();
    match &caller {
        Caller::Person { .. } => {}
        Caller::Agent(parent) => adopt(&api, &mut request, parent.clone(), body.policy.is_some()).await?,
        Caller::Unknown => caller.must_be_person(&api, "start a session").await?,
    }
    let session = api
        .engine()
        .create(request)
        .await
        .map_err(|fault| name_taken(fault, &body))?;
    let shown = api.store().read(move |tx| tx.glance(&session.id)).await?;
    Ok((StatusCode::CREATED, Json(wire::Session::from(&shown))))
}

async fn checked(api: &Api, caller: &Caller, body: &CreateRequest) -> Result<NewSessionRequest> {
    if body.prompt.as_ref().is_some_and(|prompt| prompt.trim().is_empty()) {
        return Err(Fault::new(Kind::Usage, "the prompt is empty"));
    }
    let raw = RawRequest {
        agent: agent_of(api, caller, body).await?,
        policy: body.policy.clone(),
        name: body.name.clone(),
        repo: body.repo.clone(),
        cwd: body.cwd.clone().map(Into::into),
        workspace: body.workspace,
        work: body.work(),
    };
    let mut request = api.engine().check(&raw).await?;
    request.prompt = body.prompt.clone();
    Ok(request)
}

/// The agent that is asked for. A sub-agent of which nothing is said is what its parent is: `auto` might be another one, or none.
async fn agent_of(api: &Api, caller: &Caller, body: &CreateRequest) -> Result<Option<String>> {
    match (&body.agent, caller) {
        (None, Caller::Agent(parent)) => {
            let parent = parent.clone();
            let agent = api.store().read(move |tx| Ok(tx.session(&parent)?.agent)).await?;
            Ok(Some(agent))
        }
        (asked, _) => Ok(asked.clone()),
    }
}

/// Makes the session a child of the agent's own.
async fn adopt(
    api: &Api,
    request: &mut NewSessionRequest,
    parent: crate::domain::ids::SessionId,
    policy_was_asked: bool,
) -> Result<()> {
    let id = parent.clone();
    let policy = api.store().read(move |tx| Ok(tx.session(&id)?.policy)).await?;
    request.policy = child_policy(policy, policy_was_asked, request.policy)?;
    request.parent = Some(parent);
    Ok(())
}

/// A taken name is most often a person who meant to go on with that session.
fn name_taken(fault: Fault, body: &CreateRequest) -> Fault {
    match &body.name {
        Some(name) if fault.kind == Kind::RefusedByState => {
            let hint = format!("To prompt the session that has the name: `telecoder send {name} \"...\"`.");
            fault.hint(hint)
        }
        _ => fault,
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveParams {
    #[serde(default)]
    force: bool,
}

pub async fn remove(
    State(api): State<Api>,
    caller: Caller,
    Path(word): Path<String>,
    Params(params): Params<RemoveParams>,
) -> Answer<Removed> {
    caller.must_be_person(&api, "remove a session").await?;
    let Session { id, name, .. } = api.find(&word).await?;
    api.engine().remove(&id, params.force).await?;
    Ok(Json(Removed {
        removed: id.to_string(),
        name: name.to_string(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_filter_is_a_state_an_alias_or_all() {
        assert_eq!(states("all").unwrap(), vec![]);
        assert_eq!(states("error").unwrap(), vec![SessionState::Failed, SessionState::Lost]);
        assert_eq!(states("idle").unwrap(), vec![SessionState::Idle]);
        assert_eq!(states("idel").unwrap_err().kind, Kind::Usage);
    }
}
