//! The HTTP side: paths, keys, streams.

use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Request as HttpRequest, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::script::{self, Plan};
use super::talk::{Api, Refusal, Reply, Request};
use super::world::{Exchange, World};
use super::{anthropic, chat, gemini, responses};

/// A conversation with a few prompts of 100 KB, many times over.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How much of a text one event carries.
const PIECE_CHARS: usize = 24;

/// One server-sent event.
pub struct Event {
    pub name: String,
    pub data: Value,
    /// A piece of the text: a slow answer pauses before it.
    is_piece: bool,
    is_end: bool,
}

impl Event {
    pub fn named(name: &str, data: Value) -> Self {
        Self {
            name: name.to_owned(),
            data,
            is_piece: false,
            is_end: false,
        }
    }

    pub fn plain(data: Value) -> Self {
        Self::named("", data)
    }

    pub fn piece(name: &str, data: Value) -> Self {
        Self {
            is_piece: true,
            ..Self::named(name, data)
        }
    }

    /// The word that ends a stream of the chat interface.
    pub fn end() -> Self {
        Self {
            is_end: true,
            ..Self::plain(Value::Null)
        }
    }

    fn bytes(&self) -> Bytes {
        let data = if self.is_end {
            "[DONE]".to_owned()
        } else {
            self.data.to_string()
        };
        let name = if self.name.is_empty() {
            String::new()
        } else {
            format!("event: {}\n", self.name)
        };
        Bytes::from(format!("{name}data: {data}\n\n"))
    }
}

/// An id that no other answer has.
pub fn fresh_id(prefix: &str) -> String {
    format!("{prefix}{}", uuid::Uuid::now_v7().simple())
}

pub fn spawn(listener: TcpListener, world: Arc<World>, stop: CancellationToken) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async move {
            listener.set_nonblocking(true).expect("a socket");
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            let routes = axum::Router::new().fallback(handle).with_state(world);
            tokio::select! {
                served = async { axum::serve(listener, routes).await } => served.expect("serving"),
                () = stop.cancelled() => {}
            }
        });
    })
}

async fn handle(State(world): State<Arc<World>>, request: HttpRequest<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().trim_end_matches('/').to_owned();
    if parts.method == Method::HEAD {
        return StatusCode::OK.into_response();
    }
    if parts.method == Method::GET {
        return get(&path);
    }
    let Ok(bytes) = axum::body::to_bytes(body, BODY_BYTES_MAX).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    if let Some(name) = path.strip_prefix("/release/") {
        world.release(name);
        return StatusCode::NO_CONTENT.into_response();
    }
    let body: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    world.keep_request(&path, &body);
    if path.ends_with("/count_tokens") {
        return axum::Json(json!({"input_tokens": bytes.len() / 4 + 1})).into_response();
    }
    if path.ends_with(":countTokens") {
        return axum::Json(json!({"totalTokens": bytes.len() / 4 + 1})).into_response();
    }
    let Some(call) = Call::of(&path) else {
        return not_found(&path);
    };
    match call.read(&parts.headers, &parts.uri, &body) {
        Ok(request) => answer(world, call.api, request).await,
        Err(refusal) => {
            world.violation(format!("POST {path}: {} {}", refusal.status, refusal.message));
            refuse(call.api, &refusal)
        }
    }
}

fn get(path: &str) -> Response {
    if path.ends_with("/models") {
        return axum::Json(json!({"object": "list", "models": [], "data": [
            {"id": "fake-model", "object": "model", "created": 0, "owned_by": "fake"}]}))
        .into_response();
    }
    not_found(path)
}

/// Telemetry and questions about the account, which this server has not.
fn not_found(path: &str) -> Response {
    let body =
        json!({"type": "error", "error": {"type": "not_found_error", "message": format!("no such path: {path}")}});
    (StatusCode::NOT_FOUND, axum::Json(body)).into_response()
}

/// Which answer is asked for.
struct Call {
    api: Api,
    /// Gemini names model and streaming in the path.
    model: String,
    stream: bool,
}

impl Call {
    fn of(path: &str) -> Option<Self> {
        let plain = |api| Self {
            api,
            model: String::new(),
            stream: false,
        };
        match path.rsplit('/').next()? {
            "messages" => return Some(plain(Api::Anthropic)),
            "responses" => return Some(plain(Api::Responses)),
            "completions" if path.ends_with("/chat/completions") => return Some(plain(Api::Chat)),
            _ => {}
        }
        let (model, verb) = path.split_once("/models/")?.1.split_once(':')?;
        let stream = match verb {
            "generateContent" => false,
            "streamGenerateContent" => true,
            _ => return None,
        };
        Some(Self {
            api: Api::Gemini,
            model: model.to_owned(),
            stream,
        })
    }

    fn read(&self, headers: &HeaderMap, uri: &Uri, body: &Value) -> Result<Request, Refusal> {
        let has = |name: &str| headers.get(name).is_some_and(|value| !value.is_empty());
        let has_key = match self.api {
            Api::Anthropic => has("x-api-key") || has("authorization"),
            Api::Responses | Api::Chat => has("authorization"),
            Api::Gemini => has("x-goog-api-key") || uri.query().is_some_and(|query| query.contains("key=")),
        };
        if !has_key {
            return Err(Refusal {
                status: 401,
                message: "no key was sent".into(),
            });
        }
        if self.api == Api::Anthropic && !has("anthropic-version") {
            return Err(Refusal::invalid("anthropic-version: header is required"));
        }
        if !body.is_object() {
            return Err(Refusal::invalid("the body is not a JSON object"));
        }
        match self.api {
            Api::Anthropic => anthropic::read(body),
            Api::Responses => responses::read(body),
            Api::Chat => chat::read(body),
            Api::Gemini => gemini::read(body, &self.model, self.stream),
        }
    }
}

fn refuse(api: Api, refusal: &Refusal) -> Response {
    let body = match api {
        Api::Anthropic => anthropic::refusal(refusal),
        Api::Responses | Api::Chat => responses::refusal(refusal),
        Api::Gemini => gemini::refusal(refusal),
    };
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
    (status, axum::Json(body)).into_response()
}

async fn answer(world: Arc<World>, api: Api, request: Request) -> Response {
    let plan = match script::plan(&request) {
        Ok(plan) => plan,
        Err(problem) => {
            world.violation(format!("the script of a prompt: {problem}"));
            let message = format!("the script of this prompt: {problem}");
            return refuse(api, &Refusal::invalid(message));
        }
    };
    let (prompt, _) = request.waiting();
    let age = world.age_of(&prompt);
    let failure = plan.failure.filter(|(_, time)| time.is_none_or(|time| age < time));
    note(&world, api, &request, &plan, failure.is_some());
    if let Some((failure, time)) = failure {
        let refused = failure.refused(api, &request.model, time.map(|time| time - age));
        let status = StatusCode::from_u16(refused.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(refused.body)).into_response();
        for (name, value) in refused.headers {
            let value = value.parse().expect("a header of plain characters");
            response.headers_mut().insert(name, value);
        }
        return response;
    }
    if let Some(name) = &plan.wait {
        world.released(name).await;
    }
    tokio::time::sleep(plan.sleep).await;
    if request.stream {
        return stream(api, &request, &plan);
    }
    let whole = match api {
        Api::Anthropic => anthropic::whole(&request, &plan.reply),
        Api::Responses => responses::whole(&request, &plan.reply),
        Api::Chat => chat::whole(&request, &plan.reply),
        Api::Gemini => gemini::whole(&request, &plan.reply),
    };
    axum::Json(whole).into_response()
}

fn note(world: &World, api: Api, request: &Request, plan: &Plan, fails: bool) {
    let (prompt, results) = request.waiting();
    let reply = match plan.reply {
        _ if fails => "failure",
        Reply::Text(_) => "text",
        Reply::Call { .. } => "call",
    };
    world.note(Exchange {
        number: 0,
        at: jiff::Timestamp::now(),
        api,
        main: request.is_main(),
        prompt,
        prompts: request.prompts(),
        results,
        reply: reply.to_owned(),
        tools: request.tools.keys().cloned().collect(),
    });
}

fn stream(api: Api, request: &Request, plan: &Plan) -> Response {
    let pieces = match &plan.reply {
        Reply::Text(text) => pieces(text),
        Reply::Call { .. } => Vec::new(),
    };
    let events = match api {
        Api::Anthropic => anthropic::events(request, &plan.reply, &pieces),
        Api::Responses => responses::events(request, &plan.reply, &pieces),
        Api::Chat => chat::events(request, &plan.reply, &pieces),
        Api::Gemini => gemini::events(request, &plan.reply, &pieces),
    };
    let pause = plan.stream / u32::try_from(pieces.len().max(1)).unwrap_or(u32::MAX);
    let bytes = futures_util::stream::iter(events).then(move |event| async move {
        let pause = if event.is_piece { pause } else { Duration::ZERO };
        tokio::time::sleep(pause).await;
        Ok::<_, std::convert::Infallible>(event.bytes())
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, Body::from_stream(bytes)).into_response()
}

/// At least one, for an empty text is an answer, too.
fn pieces(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let mut pieces: Vec<String> = characters
        .chunks(PIECE_CHARS)
        .map(|piece| piece.iter().collect())
        .collect();
    if pieces.is_empty() {
        pieces.push(String::new());
    }
    pieces
}
