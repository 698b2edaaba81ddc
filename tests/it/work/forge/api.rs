//! The REST API. It judges as the real one does: a pull request needs a branch that is there, another base, commits between them,
//! and no open one of the same branch. Every request and every answer is held against GitHub's own description; an answer is the
//! example that GitHub publishes, with what is known here in its fields.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::schema::Operation;
use super::{Fault, TOKEN, World, branches, cut, git};

struct Answer {
    status: u16,
    body: Value,
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).expect("a status");
        (status, axum::Json(self.body)).into_response()
    }
}

fn ok(body: Value) -> Answer {
    Answer { status: 200, body }
}

fn refuse(status: u16, message: &str, errors: &[&str]) -> Answer {
    let errors: Vec<Value> = errors
        .iter()
        .map(|text| json!({"resource": "PullRequest", "code": "custom", "message": text}))
        .collect();
    let mut body = json!({"message": message, "documentation_url": "https://docs.example.invalid/rest", "status": status.to_string()});
    if status == 422 {
        // Its form has no status, and a list of what is wrong.
        body = json!({"message": message, "documentation_url": "https://docs.example.invalid/rest", "errors": errors});
    }
    Answer { status, body }
}

pub fn answer(world: &World, method: &Method, path: &str, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Response {
    world.lock().calls.push(format!("{method} {path}"));
    let told = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    if told("authorization") != format!("Bearer {TOKEN}") {
        world.lock().strangers += 1;
        return refuse(401, "Bad credentials", &[]).into_response();
    }
    if told("user-agent").is_empty() {
        return refuse(403, "Request forbidden by administrative rules", &[]).into_response();
    }
    if told("accept") != "application/vnd.github+json" || told("x-github-api-version") != "2022-11-28" {
        return refuse(400, "the headers that GitHub asks for are missing", &[]).into_response();
    }
    let Some(operation) = Operation::of(method.as_str(), path) else {
        world
            .lock()
            .mistakes
            .push(format!("{method} {path}: no such operation"));
        return refuse(404, "Not Found", &[]).into_response();
    };
    let query: BTreeMap<String, String> = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
        .into_owned()
        .collect();
    let mistakes = operation.mistakes_of_request(&query, body);
    if !mistakes.is_empty() {
        let words = format!("Invalid request. {}", mistakes.join("; "));
        world.lock().mistakes.extend(mistakes);
        return refuse(422, &words, &[]).into_response();
    }
    let fault = match (method.as_str(), path.strip_prefix("/repos/owner/site")) {
        ("POST", Some("/pulls")) => world.fault("POST pulls"),
        ("GET", Some("/pulls")) => world.fault("GET pulls"),
        _ => None,
    };
    let answer = match fault {
        Some(Fault::Status(status)) => refuse(status, words(status), &[]),
        Some(Fault::RateLimit) => refuse(403, "API rate limit exceeded", &[]),
        _ => route(world, operation, method, path, &query, body),
    };
    let mistakes = operation.mistakes_of_answer(answer.status, &answer.body);
    world.lock().mistakes.extend(mistakes);
    let mut response = answer.into_response();
    match fault {
        Some(Fault::DropAfter) => cut(),
        Some(Fault::RateLimit) => {
            for (name, value) in [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1893456000")] {
                response.headers_mut().insert(name, value.parse().expect("a number"));
            }
            response
        }
        _ => response,
    }
}

fn words(status: u16) -> &'static str {
    match status {
        401 => "Bad credentials",
        403 => "Resource not accessible by personal access token",
        404 => "Not Found",
        _ => "Server Error",
    }
}

fn route(
    world: &World,
    operation: Operation,
    method: &Method,
    path: &str,
    query: &BTreeMap<String, String>,
    body: &Bytes,
) -> Answer {
    if path == "/user" {
        return ok(filled(operation.example(), &json!({"login": "telecoder-bot", "id": 1})));
    }
    let Some(rest) = path.strip_prefix("/repos/owner/site") else {
        return refuse(404, "Not Found", &[]);
    };
    let parts: Vec<&str> = rest.split('/').skip(1).collect();
    match (method.as_str(), parts.as_slice()) {
        ("GET", []) => ok(filled(
            operation.example(),
            &json!({"id": 1, "full_name": "owner/site", "default_branch": "main", "private": true}),
        )),
        ("GET", ["pulls"]) => ok(items(operation.example(), &listed(world, query))),
        ("POST", ["pulls"]) => create(world, operation, body),
        ("GET", ["pulls", number]) => match find(world, number) {
            Some(pull) => ok(filled(operation.example(), &pull)),
            None => refuse(404, "Not Found", &[]),
        },
        ("PATCH", ["pulls", number]) => edit(world, operation, number, body),
        ("GET", ["issues", _, "comments"] | ["pulls", _, "reviews" | "comments"]) => {
            let known = world.lock().lists.get(rest).cloned().unwrap_or_default();
            ok(items(operation.example(), &known))
        }
        ("GET", ["commits", _, "check-runs"]) => {
            let known = world.lock().lists.get("check-runs").cloned().unwrap_or_default();
            let runs = items(operation.example()["check_runs"].clone(), &known);
            ok(json!({"total_count": known.len(), "check_runs": runs}))
        }
        _ => refuse(404, "Not Found", &[]),
    }
}

/// The example with these fields in it, at every depth.
fn filled(mut example: Value, known: &Value) -> Value {
    match (&mut example, known) {
        (Value::Object(fields), Value::Object(known)) => {
            for (name, value) in known {
                let before = fields.remove(name).unwrap_or_default();
                fields.insert(name.clone(), filled(before, value));
            }
            example
        }
        _ => known.clone(),
    }
}

/// A list of which the example shows one.
fn items(examples: Value, known: &[Value]) -> Value {
    known.iter().map(|one| filled(examples[0].clone(), one)).collect()
}

fn listed(world: &World, query: &BTreeMap<String, String>) -> Vec<Value> {
    let wanted = query.get("state").map_or("open", String::as_str);
    let branch = query
        .get("head")
        .map(|head| head.strip_prefix("owner:").unwrap_or_default());
    let state = world.lock();
    let of_state = state
        .pulls
        .iter()
        .filter(|pull| wanted == "all" || pull["state"] == wanted);
    of_state
        .filter(|pull| branch.is_none() || branch == pull["head"]["ref"].as_str())
        .cloned()
        .collect()
}

fn find(world: &World, number: &str) -> Option<Value> {
    let number: u64 = number.parse().ok()?;
    let mut pull = world
        .lock()
        .pulls
        .iter()
        .find(|pull| pull["number"] == number)
        .cloned()?;
    // Its head is where the branch stands now.
    let branch = pull["head"]["ref"].as_str()?.to_owned();
    if let Some(id) = branches(&world.root.join("owner/site.git")).get(&branch) {
        pull["head"]["sha"] = json!(id);
    }
    Some(pull)
}

fn create(world: &World, operation: Operation, body: &Bytes) -> Answer {
    let new: Value = serde_json::from_slice(body).expect("it was checked");
    let text = |name: &str| new[name].as_str().unwrap_or_default().to_owned();
    let (head, base) = (text("head"), text("base"));
    let repository = world.root.join("owner/site.git");
    let there = branches(&repository);
    let (Some(head_id), Some(base_id)) = (there.get(&head), there.get(&base)) else {
        return refuse(422, "Validation Failed", &["head or base is invalid"]);
    };
    let ahead = git(&repository, &["rev-list", "--count", head_id, "--not", base_id]);
    if ahead == "0" {
        let why = format!("No commits between {base} and {head}");
        return refuse(422, "Validation Failed", &[&why]);
    }
    let mut state = world.lock();
    let is_there = |pull: &&Value| pull["state"] == "open" && pull["head"]["ref"] == head;
    if state.pulls.iter().any(|pull| is_there(&pull)) {
        let why = format!("A pull request already exists for owner:{head}.");
        return refuse(422, "Validation Failed", &[&why]);
    }
    let number = state.pulls.len() as u64 + 1;
    let repo = json!({"id": 1, "full_name": "owner/site"});
    let pull = json!({
        "number": number, "id": number, "state": "open", "draft": new["draft"].as_bool().unwrap_or(false),
        "title": text("title"), "body": text("body"), "merged_at": null,
        "html_url": format!("{}/owner/site/pull/{number}", world.url),
        "head": {"ref": head, "sha": head_id, "repo": repo}, "base": {"ref": base, "sha": base_id, "repo": repo},
        "user": {"login": "telecoder-bot"},
    });
    state.pulls.push(pull.clone());
    Answer {
        status: 201,
        body: filled(operation.example(), &pull),
    }
}

fn edit(world: &World, operation: Operation, number: &str, body: &Bytes) -> Answer {
    let change: Value = serde_json::from_slice(body).expect("it was checked");
    let mut state = world.lock();
    state.edits.push(change.clone());
    let number: Option<u64> = number.parse().ok();
    let Some(pull) = state.pulls.iter_mut().find(|pull| pull["number"].as_u64() == number) else {
        return refuse(404, "Not Found", &[]);
    };
    for (name, value) in change.as_object().into_iter().flatten() {
        match name.as_str() {
            "base" => pull["base"]["ref"] = value.clone(),
            _ => pull[name] = value.clone(),
        }
    }
    ok(filled(operation.example(), pull))
}
