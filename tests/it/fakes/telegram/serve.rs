//! The HTTP side: one route, `/bot<token>/<method>`.

use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{Path, State as Axum};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::multipart::{Form, parse};
use super::validate::{Refusal, document, get_updates, message};
use super::{Call, Fault, Sent, State, TOKEN, World};

/// Uploads in tests are small.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

pub fn spawn(listener: TcpListener, world: Arc<World>, stop: CancellationToken) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async move {
            listener.set_nonblocking(true).expect("a socket");
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            let routes = axum::Router::new()
                .route("/{bot}/{method}", axum::routing::any(handle))
                .layer(axum::extract::DefaultBodyLimit::max(BODY_BYTES_MAX))
                .with_state(world);
            tokio::select! {
                served = async { axum::serve(listener, routes).await } => served.expect("serving"),
                () = stop.cancelled() => {}
            }
        });
    })
}

async fn handle(
    Axum(world): Axum<Arc<World>>,
    Path((bot, method)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if bot.strip_prefix("bot") != Some(TOKEN) {
        return refused(&Refusal::new(401, "Unauthorized"));
    }
    let form = read_body(&headers, &body);
    let index = note(&world, &method, &form);
    let fault = world
        .lock()
        .faults
        .get_mut(&method)
        .and_then(std::collections::VecDeque::pop_front);
    let answer = match fault {
        Some(fault) if !matches!(fault, Fault::DropAfter) => Err(failed(&world, &form, &fault)),
        fault => match carry_out(&world, &method, &form).await {
            Ok(_) if fault.is_some() => Err(broken()),
            Ok(result) => Ok(result),
            Err(refusal) => Err(refused(&refusal)),
        },
    };
    let response = match answer {
        Ok(result) => (StatusCode::OK, axum::Json(json!({"ok": true, "result": result}))).into_response(),
        Err(response) => response,
    };
    world.lock().calls[index].code = response.status().as_u16();
    world.changed.notify_all();
    response
}

fn read_body(headers: &HeaderMap, body: &Bytes) -> Form {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    match content_type.split_once("boundary=") {
        Some((_, boundary)) => parse(boundary.trim_matches('"'), body),
        None => Form {
            fields: serde_json::from_slice(body).unwrap_or(json!({})),
            files: vec![],
        },
    }
}

fn note(world: &World, method: &str, form: &Form) -> usize {
    let mut state = world.lock();
    state.calls.push(Call {
        method: method.to_owned(),
        at: Instant::now(),
        body: form.fields.clone(),
        code: 0,
    });
    world.changed.notify_all();
    state.calls.len() - 1
}

async fn carry_out(world: &World, method: &str, form: &Form) -> Result<Value, Refusal> {
    match method {
        "getUpdates" => poll(world, &form.fields).await,
        "sendMessage" => send(world, form, message),
        "sendDocument" => send(world, form, document),
        other => {
            world.lock().violation(format!("unknown method {other}"));
            Err(Refusal::new(404, "Not Found"))
        }
    }
}

/// A newer poll ends an older one with 409, as Telegram does.
async fn poll(world: &World, fields: &Value) -> Result<Value, Refusal> {
    let wish = get_updates(&mut world.lock(), fields)?;
    let mine = {
        let mut state = world.lock();
        state.polls += 1;
        if let Some(offset) = wish.offset {
            state.offset = offset;
            state.updates.retain(|id, _| *id >= offset);
        }
        state.polls
    };
    world.changed.notify_all();
    world.updates.notify_waiters();
    let deadline = tokio::time::Instant::now() + wish.timeout;
    loop {
        let woken = world.updates.notified();
        tokio::pin!(woken);
        woken.as_mut().enable();
        {
            let state = world.lock();
            if state.polls != mine {
                return Err(Refusal::new(409, "Conflict: terminated by other getUpdates request"));
            }
            let found: Vec<Value> = state.updates.values().take(wish.limit).cloned().collect();
            if !found.is_empty() {
                return Ok(Value::Array(found));
            }
        }
        if tokio::time::timeout_at(deadline, woken).await.is_err() {
            return Ok(json!([]));
        }
    }
}

fn send(world: &World, form: &Form, check: fn(&mut State, &Form) -> Result<Sent, Refusal>) -> Result<Value, Refusal> {
    let mut state = world.lock();
    let chat = form.fields["chat_id"].as_i64().unwrap_or_default();
    if state
        .quiet_until
        .get(&chat)
        .is_some_and(|until| *until > Instant::now())
    {
        state.violation(format!("a request to {chat} before its retry_after"));
    }
    let mut sent = check(&mut state, form)?;
    sent.message_id = state.take_message_id(chat);
    let result = json!({
        "message_id": sent.message_id, "date": 1_700_000_000, "text": sent.text,
        "chat": {"id": chat, "type": super::kind(chat), "first_name": "P"},
    });
    state.sent.push(sent);
    drop(state);
    world.changed.notify_all();
    Ok(result)
}

fn failed(world: &World, form: &Form, fault: &Fault) -> Response {
    match fault {
        Fault::TooManyRequests { retry_after } => {
            let chat = form.fields["chat_id"].as_i64().unwrap_or_default();
            let until = Instant::now() + Duration::from_secs(*retry_after);
            world.lock().quiet_until.insert(chat, until);
            let words = format!("Too Many Requests: retry after {retry_after}");
            refused(&Refusal::new(429, &words).with(json!({"retry_after": retry_after})))
        }
        Fault::ServerError => refused(&Refusal::new(500, "Internal Server Error")),
        Fault::BadGateway => (StatusCode::BAD_GATEWAY, "<html>502 Bad Gateway</html>").into_response(),
        Fault::DropBefore | Fault::DropAfter => broken(),
        Fault::Conflict => refused(&Refusal::new(409, "Conflict: terminated by other getUpdates request")),
        Fault::Unauthorized => refused(&Refusal::new(401, "Unauthorized")),
        Fault::Blocked => refused(&Refusal::new(403, "Forbidden: bot was blocked by the user")),
        Fault::BadEntities => refused(&Refusal::new(400, "Bad Request: can't parse entities: unexpected end")),
        Fault::Migrated { to } => {
            let words = "Bad Request: group chat was upgraded to a supergroup chat";
            refused(&Refusal::new(400, words).with(json!({"migrate_to_chat_id": to})))
        }
    }
}

/// The connection ends in the middle of the answer.
fn broken() -> Response {
    let end = futures_util::stream::once(async { Err::<Bytes, _>(std::io::Error::other("dropped on purpose")) });
    Body::from_stream(end).into_response()
}

fn refused(refusal: &Refusal) -> Response {
    let mut answer = json!({"ok": false, "error_code": refusal.code, "description": refusal.description});
    if let Some(parameters) = &refusal.parameters {
        answer["parameters"] = parameters.clone();
    }
    let status = StatusCode::from_u16(refusal.code).expect("a status");
    (status, axum::Json(answer)).into_response()
}
