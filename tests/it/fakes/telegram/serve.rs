//! The HTTP side: one route, `/bot<token>/<method>`.

use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{Path, State as Axum};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::methods::{Refusal, carry_out};
use super::multipart::{Form, parse};
use super::schema::mistakes;
use super::{Call, Fault, State, World};

/// How long a request may be on its way to the server.
const ON_ITS_WAY: Duration = Duration::from_millis(300);

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
                .route("/{bot}/{method}", any(handle))
                .route("/file/{bot}/{folder}/{file}", get(download))
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
    if !world.lock().knows(&bot) {
        return refused(&Refusal::new(401, "Unauthorized"));
    }
    let form = read_body(&headers, &body);
    let index = note(&world, &method, &form);
    let fault = world
        .lock()
        .faults
        .get_mut(&method)
        .and_then(std::collections::VecDeque::pop_front)
        .flatten();
    let answer = match fault {
        Some(fault) if !matches!(fault, Fault::DropAfter | Fault::Truncated | Fault::Slow { .. }) => {
            Err(failed(&world, &form, &fault))
        }
        fault => match answer_to(&world, &method, &form).await {
            Ok(result) => match fault {
                None => Ok(result),
                Some(Fault::Slow { millis }) => {
                    tokio::time::sleep(Duration::from_millis(millis)).await;
                    Ok(result)
                }
                Some(Fault::Truncated) => Err((StatusCode::OK, "{\"ok\":true,\"result\":{\"mess").into_response()),
                Some(_) => Err(broken()),
            },
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

/// The schema first, the limits next, and then the deed.
async fn answer_to(world: &World, method: &str, form: &Form) -> Result<Value, Refusal> {
    let files: Vec<String> = form.files.iter().map(|file| file.field.clone()).collect();
    let mistakes = mistakes(method, &form.fields, &files);
    if !mistakes.is_empty() {
        let refusal = Refusal::new(400, &format!("Bad Request: {}", mistakes.join("; ")));
        world.lock().violations.extend(mistakes);
        return Err(refusal);
    }
    if method == "getUpdates" {
        return poll(world, &form.fields).await;
    }
    let answer = {
        let mut state = world.lock();
        in_pace(&mut state, method, &form.fields)?;
        carry_out(&mut state, method, form)
    };
    world.changed.notify_all();
    answer.unwrap_or_else(|| {
        world.lock().violation(format!("{method} is not known to the fake"));
        Err(Refusal::new(404, "Not Found: method not found"))
    })
}

/// Neither before a `retry_after` is over, nor faster than the limits.
fn in_pace(state: &mut State, method: &str, fields: &Value) -> Result<(), Refusal> {
    let chat = fields["chat_id"].as_i64();
    let quiet = chat.and_then(|chat| state.quiet.get(&chat).copied());
    let now = Instant::now();
    if let Some((since, until)) = quiet
        && method != "setMessageReaction"
        && now < until
    {
        // A request may have been on its way when another one was told to wait.
        if now - since > ON_ITS_WAY {
            state.violation(format!("{method} to {chat:?} before its retry_after"));
        }
        let left = (until - now).as_secs() + 1;
        let words = format!("Too Many Requests: retry after {left}");
        return Err(Refusal::new(429, &words).with(json!({"retry_after": left})));
    }
    let Some(overrun) = state.rates.as_mut().and_then(|rates| rates.overrun(method, chat)) else {
        return Ok(());
    };
    state.violation(format!("{method}: {overrun}"));
    Err(Refusal::new(429, "Too Many Requests: retry after 1").with(json!({"retry_after": 1})))
}

async fn download(
    Axum(world): Axum<Arc<World>>,
    Path((bot, folder, file)): Path<(String, String, String)>,
) -> Response {
    let (content, known) = {
        let state = world.lock();
        (state.files.get(&file).cloned(), state.knows(&bot))
    };
    match content {
        Some(content) if known && folder == "documents" => content.into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A newer poll ends an older one with 409, as Telegram does.
async fn poll(world: &World, fields: &Value) -> Result<Value, Refusal> {
    let limit = fields["limit"].as_u64().unwrap_or(100);
    let timeout = Duration::from_secs(fields["timeout"].as_u64().unwrap_or(0).min(50));
    let offset = fields["offset"].as_i64();
    if offset.is_some_and(|offset| offset < 0) || fields["timeout"].as_u64() > Some(50) {
        world.lock().violation("getUpdates is out of its limits");
    }
    let refusal = world.lock().poll_refusal.clone();
    if let Some((code, words)) = refusal {
        tokio::time::sleep(Duration::from_millis(20)).await;
        return Err(Refusal::new(code, &words));
    }
    let mine = {
        let mut state = world.lock();
        state.polls += 1;
        state.polled(&fields["allowed_updates"]);
        if let Some(offset) = offset {
            state.offset = offset;
            state.updates.retain(|id, _| *id >= offset);
        }
        state.polls
    };
    world.changed.notify_all();
    world.updates.notify_waiters();
    let deadline = tokio::time::Instant::now() + timeout;
    loop {
        let woken = world.updates.notified();
        tokio::pin!(woken);
        woken.as_mut().enable();
        {
            let state = world.lock();
            if state.polls != mine {
                return Err(Refusal::new(409, "Conflict: terminated by other getUpdates request"));
            }
            let found: Vec<Value> = state
                .updates
                .values()
                .take(usize::try_from(limit).unwrap_or(100))
                .cloned()
                .collect();
            if !found.is_empty() {
                return Ok(Value::Array(found));
            }
        }
        if tokio::time::timeout_at(deadline, woken).await.is_err() {
            return Ok(json!([]));
        }
    }
}

fn failed(world: &World, form: &Form, fault: &Fault) -> Response {
    match fault {
        Fault::TooManyRequests { retry_after } => {
            let chat = form.fields["chat_id"].as_i64().unwrap_or_default();
            let now = Instant::now();
            let until = now + Duration::from_secs(*retry_after);
            world.lock().quiet.insert(chat, (now, until));
            let words = format!("Too Many Requests: retry after {retry_after}");
            refused(&Refusal::new(429, &words).with(json!({"retry_after": retry_after})))
        }
        Fault::ServerError => refused(&Refusal::new(500, "Internal Server Error")),
        Fault::BadGateway => (StatusCode::BAD_GATEWAY, "<html>502 Bad Gateway</html>").into_response(),
        Fault::DropBefore | Fault::DropAfter => broken(),
        Fault::Conflict => refused(&Refusal::new(409, "Conflict: terminated by other getUpdates request")),
        Fault::Unauthorized => refused(&Refusal::new(401, "Unauthorized")),
        Fault::Blocked => refused(&Refusal::new(403, "Forbidden: bot was blocked by the user")),
        Fault::Refused { code, words } => refused(&Refusal::new(*code, words)),
        Fault::Slow { .. } | Fault::Truncated => broken(),
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
