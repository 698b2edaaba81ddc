//! Who may talk to the bot: codes that let people in, and the list of those who were.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use uuid::Uuid;

use super::caller::Caller;
use super::extract::Body;
use super::refusal::Answer;
use super::state::Api;
use crate::api::wire::{Pairing, PairingRequest, ShutOut};
use crate::bridge::pairing_digest;
use crate::config::TELEGRAM;
use crate::domain::fault::{Fault, Kind};
use crate::domain::person::{Person, Role};

/// How long a code holds.
const CODE_LIFE: Duration = Duration::from_secs(15 * 60);
/// Letters of a code: 50 random bits, and none that could be taken for another.
const CODE_CHARS: usize = 10;
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// `POST /v1/pairings`.
pub async fn pair(State(api): State<Api>, caller: Caller, Body(body): Body<PairingRequest>) -> Answer<Pairing> {
    caller.must_be_person(&api, "let people in").await?;
    let Some(bridge) = &api.parts.telegram else {
        return Err(Fault::new(Kind::Config, "no Telegram bot is configured")
            .hint("Run `telecoder init`, or fill in `[telegram]` of the configuration.")
            .into());
    };
    let role: Role = body.role.as_deref().unwrap_or("operator").parse()?;
    let bits = Uuid::new_v4().as_u64_pair().0;
    // 10 letters of 5 bits each, from the random bits around the version's own.
    let code: String = (0..CODE_CHARS)
        .map(|i| char::from(ALPHABET[(bits.rotate_left(11) >> (5 * i)) as usize & 31]))
        .collect();
    let digest = pairing_digest(&code);
    let expires_at = api
        .store()
        .write(move |tx| {
            let expires_at = tx.now() + CODE_LIFE;
            tx.put_pairing(TELEGRAM, &digest, role, expires_at)?;
            tx.audit("api", "a person", &format!("made a code for a new {role}"))?;
            Ok(expires_at)
        })
        .await?;
    let link = bridge
        .username()
        .map(|name| format!("https://t.me/{name}?start={code}"));
    Ok(Json(Pairing {
        code,
        role: role.to_string(),
        link,
        expires_at,
    }))
}

/// `GET /v1/people`.
pub async fn list(State(api): State<Api>) -> Answer<Vec<Person>> {
    Ok(Json(api.store().read(|tx| tx.people(TELEGRAM)).await?))
}

/// `DELETE /v1/people/ID`.
pub async fn remove(State(api): State<Api>, caller: Caller, Path(id): Path<i64>) -> Answer<ShutOut> {
    caller.must_be_person(&api, "shut people out").await?;
    let bridge = api.parts.telegram.clone();
    let removed = api
        .store()
        .write(move |tx| {
            tx.audit("api", "a person", &format!("shut {id} out"))?;
            match &bridge {
                Some(bridge) => bridge.shut_out(tx, id),
                // Nothing is said to anybody; the next start of a bot looks who is allowed.
                None => tx.remove_person(TELEGRAM, id),
            }
        })
        .await?;
    if !removed {
        return Err(Fault::new(Kind::NotFound, format!("{id} was not let in by pairing"))
            .hint("`telecoder people` lists who was; who stands in `[telegram] allow` is taken out there.")
            .into());
    }
    Ok(Json(ShutOut { id }))
}
