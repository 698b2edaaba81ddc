//! One request: a teloxide `Payload`, sent over a teloxide `Bot`, its end told apart.
//!
//! teloxide's own `send()` sleeps 10 s inside the call on every 5xx, and keeps neither the status nor the `error_code`; a
//! bridge would be deaf for that time and could not tell a refusal from a failure. So the payload is carried out here, over the
//! bot's client, token and address. Uploads and downloads go the same way.

use std::error::Error;
use std::time::Duration;

use reqwest::multipart::Form;
use reqwest::{StatusCode, Url};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use teloxide::Bot;
use teloxide::requests::Payload;

/// The pause when the server says "too many requests" and not for how long.
const RETRY_AFTER_SECONDS_DEFAULT: u64 = 5;

/// Why a request brought no result. No variant's text holds the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CallError {
    /// Not taken; not to be repeated before.
    RetryAfter { seconds: u64 },
    /// Not taken; the group has a new id.
    Migrated { to: i64 },
    /// Not taken, with the server's words.
    Refused { code: u16, description: String },
    /// The request surely did not reach the server.
    NotReached(String),
    /// It may have been taken.
    Ambiguous(String),
}

/// Sends `payload` as JSON and reads the answer, all within `limit`.
pub(super) async fn call<P>(bot: &Bot, payload: &P, limit: Duration) -> Result<P::Output, CallError>
where
    P: Payload + Serialize,
    P::Output: DeserializeOwned,
{
    let request = bot.client().post(method_url(bot, P::NAME)).timeout(limit).json(payload);
    let response = request.send().await.map_err(|error| from_reqwest(bot, error))?;
    let status = response.status();
    let body = response.bytes().await.map_err(|error| {
        let why = format!("the answer broke off: {}", cause(bot, error));
        CallError::Ambiguous(why)
    })?;
    read_answer(status, &body)
}

/// Sends a form with a file in it and reads the answer.
pub(super) async fn upload<T: DeserializeOwned>(
    bot: &Bot,
    method: &str,
    form: Form,
    limit: Duration,
) -> Result<T, CallError> {
    let request = bot
        .client()
        .post(method_url(bot, method))
        .timeout(limit)
        .multipart(form);
    let response = request.send().await.map_err(|error| from_reqwest(bot, error))?;
    let status = response.status();
    let body = response.bytes().await.map_err(|error| {
        let why = format!("the answer broke off: {}", cause(bot, error));
        CallError::Ambiguous(why)
    })?;
    read_answer(status, &body)
}

/// Opens a file that the server keeps for us, by the path that it named.
pub(super) async fn open_file(bot: &Bot, path: &str, limit: Duration) -> Result<reqwest::Response, CallError> {
    let request = bot.client().get(file_url(bot, path)).timeout(limit);
    let response = request.send().await.map_err(|error| from_reqwest(bot, error))?;
    match response.status() {
        status if status.is_success() => Ok(response),
        status => Err(without_json(status)),
    }
}

/// Why a download broke off, without the address.
pub(super) fn broken_off(bot: &Bot, error: reqwest::Error) -> CallError {
    CallError::Ambiguous(cause(bot, error))
}

/// The envelope of every answer of the Bot API.
#[derive(Deserialize)]
struct Answer {
    ok: bool,
    #[serde(default)]
    result: serde_json::Value,
    #[serde(default)]
    error_code: Option<u16>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    parameters: Option<Parameters>,
}

#[derive(Deserialize)]
struct Parameters {
    #[serde(default)]
    retry_after: Option<u64>,
    #[serde(default)]
    migrate_to_chat_id: Option<i64>,
}

fn read_answer<T: DeserializeOwned>(status: StatusCode, body: &[u8]) -> Result<T, CallError> {
    let Ok(answer) = serde_json::from_slice::<Answer>(body) else {
        return Err(without_json(status));
    };
    if !answer.ok {
        return Err(answer.into_error(status));
    }
    serde_json::from_value(answer.result)
        .map_err(|error| CallError::Ambiguous(format!("the server's answer has an unknown shape: {error}")))
}

impl Answer {
    fn into_error(self, status: StatusCode) -> CallError {
        let code = self.error_code.unwrap_or(status.as_u16());
        let description = self.description.unwrap_or_else(|| format!("error {code}"));
        let parameters = self.parameters.as_ref();
        if let Some(to) = parameters.and_then(|p| p.migrate_to_chat_id) {
            return CallError::Migrated { to };
        }
        if let Some(seconds) = parameters.and_then(|p| p.retry_after) {
            return CallError::RetryAfter { seconds };
        }
        match code {
            429 => CallError::RetryAfter {
                seconds: seconds_named(&description).unwrap_or(RETRY_AFTER_SECONDS_DEFAULT),
            },
            400..=499 => CallError::Refused { code, description },
            _ => CallError::Ambiguous(description),
        }
    }
}

/// A proxy or a wrong address answers without the API's envelope.
fn without_json(status: StatusCode) -> CallError {
    match status.as_u16() {
        429 => CallError::RetryAfter {
            seconds: RETRY_AFTER_SECONDS_DEFAULT,
        },
        code @ 400..=499 => CallError::Refused {
            code,
            description: format!("the server answered {status} without a reason"),
        },
        _ => CallError::Ambiguous(format!("the server answered {status} without JSON")),
    }
}

/// The number at the end of "Too Many Requests: retry after 5".
fn seconds_named(description: &str) -> Option<u64> {
    description.rsplit(' ').next()?.parse().ok()
}

fn from_reqwest(bot: &Bot, error: reqwest::Error) -> CallError {
    let reached = !error.is_connect() && !error.is_builder();
    let why = cause(bot, error);
    if reached {
        CallError::Ambiguous(why)
    } else {
        CallError::NotReached(why)
    }
}

fn cause(bot: &Bot, error: reqwest::Error) -> String {
    redact(bot, &chain(&error.without_url()))
}

/// An error and its causes, joined by `: `.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

/// The last wall: whatever a library put into its words, the token is not in ours.
fn redact(bot: &Bot, text: &str) -> String {
    if bot.token().is_empty() {
        return text.into();
    }
    text.replace(bot.token(), "<token>")
}

fn method_url(bot: &Bot, method: &str) -> Url {
    let mut url = bot.api_url();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments
            .pop_if_empty()
            .push(&format!("bot{}", bot.token()))
            .push(method);
    }
    url
}

fn file_url(bot: &Bot, path: &str) -> Url {
    let mut url = bot.api_url();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments
            .pop_if_empty()
            .push("file")
            .push(&format!("bot{}", bot.token()));
        // The path is the server's; a step upwards would leave the bot's own files.
        segments.extend(path.split('/').filter(|step| !matches!(*step, "" | "." | "..")));
    }
    url
}
