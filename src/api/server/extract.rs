//! Requests as types; whatever does not fit is a `Usage` fault as JSON, never the framework's plain text.

use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::refusal::Refusal;
use super::state::Api;
use crate::api::IDEMPOTENCY_KEY;
use crate::domain::fault::{Fault, Kind};

/// What a body may hold beside a prompt of the longest allowed length.
const BODY_BYTES_EXTRA: usize = 64 * 1024;
/// JSON writes some characters with up to six bytes.
const JSON_ESCAPE_FACTOR: usize = 6;
const IDEMPOTENCY_KEY_BYTES_MAX: usize = 200;

/// A JSON body.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Api> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Refusal> {
        let limit = api.parts.prompt_bytes_max * JSON_ESCAPE_FACTOR + BODY_BYTES_EXTRA;
        let bytes = axum::body::to_bytes(request.into_body(), limit).await.map_err(|_| {
            Fault::new(
                Kind::OverLimit,
                format!("the request is broken off or longer than {limit} bytes"),
            )
            .hint("`limits.prompt_bytes` in the configuration is the limit for prompts.")
        })?;
        serde_json::from_slice(&bytes)
            .map(Body)
            .map_err(|e| Fault::new(Kind::Usage, format!("the request's JSON does not fit: {e}")).into())
    }
}

/// The query of a URL.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Api> for Params<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _api: &Api) -> Result<Self, Refusal> {
        Query::try_from_uri(&parts.uri)
            .map(|Query(params)| Params(params))
            .map_err(|e| Fault::new(Kind::Usage, format!("the query does not fit: {}", e.body_text())).into())
    }
}

/// The client's own key of the request, if it sent one; in a name space of its own, so that no client can take the key of a
/// channel's message that is still to come.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(key) if !key.is_empty() && key.len() <= IDEMPOTENCY_KEY_BYTES_MAX => Ok(Some(format!("api:{key}"))),
        _ => Err(Fault::new(
            Kind::Usage,
            format!("`{IDEMPOTENCY_KEY}` must be 1 to {IDEMPOTENCY_KEY_BYTES_MAX} printable ASCII characters"),
        )
        .into()),
    }
}
