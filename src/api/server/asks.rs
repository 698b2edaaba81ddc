//! Questions of agents and a person's answers.

use axum::Json;
use axum::extract::{Path, State};

use super::caller::Caller;
use super::extract::Body;
use super::refusal::Answer;
use super::state::Api;
use crate::api::wire::{self, AnswerRequest};
use crate::domain::ask::{Ask, AskState};
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::LetterId;
use crate::domain::session::{Session, SessionState};

pub async fn list(State(api): State<Api>) -> Answer<Vec<wire::Ask>> {
    let asks = api.store().read(|tx| tx.all_open_asks()).await?;
    Ok(Json(asks.iter().map(wire::Ask::from).collect()))
}

pub async fn answer_ask(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Body(body): Body<AnswerRequest>,
) -> Answer<wire::Ask> {
    let id: LetterId = id.parse::<LetterId>()?;
    answer(&api, &caller, id, &body.text).await
}

/// Answers the one open question of a session; with none open, the last one if nobody answered it in time.
pub async fn answer_session(
    State(api): State<Api>,
    caller: Caller,
    Path(word): Path<String>,
    Body(body): Body<AnswerRequest>,
) -> Answer<wire::Ask> {
    let (session, asks) = api
        .store()
        .read(move |tx| {
            let session = tx.find_session(&word)?;
            let mut asks = tx.open_asks(&session.id)?;
            if asks.is_empty() {
                let last = tx.last_ask(&session.id)?;
                asks.extend(last.filter(|ask| ask.state == AskState::Expired));
            }
            Ok((session, asks))
        })
        .await?;
    let id = the_only(&session, &asks)?;
    answer(&api, &caller, id, &body.text).await
}

async fn answer(api: &Api, caller: &Caller, id: LetterId, text: &str) -> Answer<wire::Ask> {
    caller.must_be_person(api, "answer a question").await?;
    if text.trim().is_empty() {
        return Err(Fault::new(Kind::Usage, "the answer is empty").into());
    }
    api.engine().answer(&id, text, caller.actor()).await?;
    let ask = api.store().read(move |tx| tx.ask(&id)).await?;
    Ok(Json(wire::Ask::from(&ask)))
}

fn the_only(session: &Session, asks: &[Ask]) -> Result<LetterId> {
    match asks {
        [ask] => Ok(ask.id.clone()),
        [] => Err(none_open(session)),
        several => {
            let ids: Vec<&str> = several.iter().map(|ask| ask.id.as_str()).collect();
            let message = format!("`{}` has {} open questions", session.name, several.len());
            Err(Fault::new(Kind::Ambiguous, message).hint(format!(
                "Name one: `telecoder answer ID \"...\"` with {}",
                ids.join(", ")
            )))
        }
    }
}

fn none_open(session: &Session) -> Fault {
    let name = &session.name;
    let fault = Fault::new(Kind::RefusedByState, format!("`{name}` has no open question"));
    if session.status.state == SessionState::NeedsInput {
        fault.hint(format!(
            "Its agent shows a dialog of its own: look with `telecoder status {name}`, answer with `telecoder approve {name}` or `telecoder deny {name}`."
        ))
    } else {
        fault.hint(format!("To prompt it: `telecoder send {name} \"...\"`."))
    }
}
