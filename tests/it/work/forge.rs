//! A forge: git over HTTP behind a token, by git's own `http-backend`, and a strict part of GitHub's REST API.
//!
//! It judges as the real one does: a pull request needs a branch that is there, another base, commits between them, and no
//! open one of the same branch; unknown parameters and wrong types are refused.

use std::collections::{BTreeMap, VecDeque};
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::{Body, Bytes};
use axum::extract::State as Axum;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::TestEnv;

pub const TOKEN: &str = "ghp_0123456789abcdefghijABCDEFGHIJ012345";
pub const OWNER: &str = "owner";

/// What goes wrong with the next request of a kind (`POST pulls`, `push`, ...).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Answered with this status and GitHub's words for it.
    Status(u16),
    /// The rate limit is used up.
    RateLimit,
    /// Done, and the connection is cut before the answer.
    DropAfter,
}

#[derive(Default)]
pub struct State {
    pub pulls: Vec<Value>,
    /// What was asked, as `METHOD path`.
    pub calls: Vec<String>,
    pub faults: BTreeMap<&'static str, VecDeque<Fault>>,
    /// By path behind `/repos/owner/name`.
    pub lists: BTreeMap<String, Vec<Value>>,
    /// Requests that named no token, or a wrong one.
    pub strangers: usize,
    /// Patches of pull requests.
    pub edits: Vec<Value>,
}

pub struct FakeForge {
    pub url: String,
    root: PathBuf,
    world: Arc<World>,
    stop: CancellationToken,
    thread: Option<std::thread::JoinHandle<()>>,
}

struct World {
    root: PathBuf,
    url: String,
    state: Mutex<State>,
}

impl World {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn fault(&self, kind: &'static str) -> Option<Fault> {
        self.lock().faults.get_mut(kind).and_then(VecDeque::pop_front)
    }
}

impl FakeForge {
    /// With one repository `owner/site` of one commit, and a configuration that names it.
    pub fn new(env: &TestEnv) -> Self {
        let root = env.root().join("forge");
        std::fs::create_dir(&root).expect("a directory");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let world = Arc::new(World {
            root: root.clone(),
            url: url.clone(),
            state: Mutex::default(),
        });
        let stop = CancellationToken::new();
        let thread = serve(listener, Arc::clone(&world), stop.clone());
        let forge = Self {
            url,
            root,
            world,
            stop,
            thread: Some(thread),
        };
        let seed = env.git_repo("seed");
        let bare = forge.repository();
        std::fs::create_dir_all(&bare).expect("a directory");
        env.git(&bare, &["init", "-q", "--bare", "-b", "main"]);
        env.git(&bare, &["config", "http.receivepack", "true"]);
        env.git(&seed, &["push", "-q", &bare.display().to_string(), "HEAD:main"]);
        let token = env.root().join("forge-token");
        std::fs::write(&token, format!("{TOKEN}\n")).expect("a token");
        std::fs::set_permissions(&token, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("its mode");
        env.write_config(&forge.config(""));
        forge
    }

    /// The configuration, with more in it.
    pub fn config(&self, more: &str) -> String {
        format!(
            "default_agent = \"demo\"\n{more}\n[github]\ntoken_file = \"{}\"\napi_url = \"{}/api/v3\"\npoll_s = 15\n",
            self.root.with_file_name("forge-token").display(),
            self.url
        )
    }

    pub fn repository(&self) -> PathBuf {
        self.root.join(OWNER).join("site.git")
    }

    pub fn address(&self) -> String {
        format!("{}/{OWNER}/site.git", self.url)
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.world.lock()
    }

    pub fn fail(&self, kind: &'static str, faults: &[Fault]) {
        self.state()
            .faults
            .entry(kind)
            .or_default()
            .extend(faults.iter().copied());
    }

    /// Branches of the repository with their commits.
    pub fn branches(&self) -> BTreeMap<String, String> {
        branches(&self.repository())
    }
}

impl Drop for FakeForge {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn branches(repository: &Path) -> BTreeMap<String, String> {
    let out = git(
        repository,
        &["for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads"],
    );
    out.lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(name, id)| (name.to_owned(), id.to_owned()))
        .collect()
}

fn git(repository: &Path, args: &[&str]) -> String {
    let out = Command::new("git")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_DIR", repository)
        .args(args)
        .output()
        .expect("git");
    String::from_utf8_lossy(&out.stdout).trim().to_owned()
}

fn serve(listener: TcpListener, world: Arc<World>, stop: CancellationToken) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async move {
            listener.set_nonblocking(true).expect("a socket");
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            let routes = axum::Router::new()
                .fallback(handle)
                .layer(axum::extract::DefaultBodyLimit::max(256 << 20))
                .with_state(world);
            tokio::select! {
                served = async { axum::serve(listener, routes).await } => served.expect("serving"),
                () = stop.cancelled() => {}
            }
        });
        runtime.shutdown_background();
    })
}

async fn handle(Axum(world): Axum<Arc<World>>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    tokio::task::spawn_blocking(move || match uri.path().strip_prefix("/api/v3") {
        Some(path) => api(&world, &method, path, &uri, &headers, &body),
        None => http_backend(&world, &method, &uri, &headers, &body),
    })
    .await
    .expect("a handler")
}

/// Cuts the connection: the body ends with an error.
fn cut() -> Response {
    let broken = futures_util::stream::once(async { Err::<Bytes, _>(std::io::Error::other("cut")) });
    let mut response = Response::new(Body::from_stream(broken));
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, "1000".parse().expect("a number"));
    response
}

fn http_backend(world: &World, method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Response {
    world.lock().calls.push(format!("{method} {}", uri.path()));
    // user `x-access-token` and the token, as base64 of both
    let expected = format!("Basic {}", base64(format!("x-access-token:{TOKEN}").as_bytes()));
    if headers
        .get(header::AUTHORIZATION)
        .is_none_or(|value| value != expected.as_str())
    {
        world.lock().strangers += 1;
        let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"forge\"")];
        return (StatusCode::UNAUTHORIZED, challenge).into_response();
    }
    let pushes = uri.path().ends_with("/git-receive-pack");
    let fault = pushes.then(|| world.fault("push")).flatten();
    if let Some(Fault::Status(status)) = fault {
        return StatusCode::from_u16(status).expect("a status").into_response();
    }
    let header = |name: header::HeaderName| {
        headers
            .get(name)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    };
    let mut child = Command::new("git")
        .arg("http-backend")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_PROJECT_ROOT", &world.root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REMOTE_USER", "x-access-token")
        .env("REQUEST_METHOD", method.as_str())
        .env("PATH_INFO", uri.path())
        .env("QUERY_STRING", uri.query().unwrap_or_default())
        .env("CONTENT_TYPE", header(header::CONTENT_TYPE))
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", header(header::CONTENT_ENCODING))
        .env(
            "GIT_PROTOCOL",
            headers
                .get("git-protocol")
                .and_then(|v| v.to_str().ok())
                .unwrap_or_default(),
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("git http-backend");
    let mut stdin = child.stdin.take().expect("its stdin");
    let input = body.clone();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let out = child.wait_with_output().expect("its output").stdout;
    let _ = writer.join();
    if fault == Some(Fault::DropAfter) {
        return cut();
    }
    cgi(&out)
}

fn cgi(out: &[u8]) -> Response {
    let end = out.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or(out.len());
    let head = String::from_utf8_lossy(&out[..end]).into_owned();
    let mut builder = Response::builder();
    for line in head.lines() {
        let Some((name, value)) = line.split_once(": ") else {
            continue;
        };
        builder = match name {
            "Status" => builder.status(value[..3].parse::<u16>().expect("a status")),
            _ => builder.header(name, value),
        };
    }
    builder
        .body(Body::from(out[(end + 4).min(out.len())..].to_vec()))
        .expect("an answer")
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * i) & 63) as usize];
            out.push(if i <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

fn refuse(status: u16, message: &str, errors: &[&str]) -> Response {
    let errors: Vec<Value> = errors
        .iter()
        .map(|text| json!({"resource": "PullRequest", "code": "custom", "message": text}))
        .collect();
    let body = json!({"message": message, "errors": errors, "documentation_url": "https://docs.example.invalid", "status": status.to_string()});
    (StatusCode::from_u16(status).expect("a status"), axum::Json(body)).into_response()
}

fn api(world: &World, method: &Method, path: &str, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Response {
    world.lock().calls.push(format!("{method} {path}"));
    let told = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    };
    if told("authorization") != format!("Bearer {TOKEN}") {
        world.lock().strangers += 1;
        return refuse(401, "Bad credentials", &[]);
    }
    if told("user-agent").is_empty() {
        return refuse(403, "Request forbidden by administrative rules", &[]);
    }
    if told("accept") != "application/vnd.github+json" || told("x-github-api-version") != "2022-11-28" {
        return refuse(400, "the headers that GitHub asks for are missing", &[]);
    }
    if path == "/user" {
        return axum::Json(json!({"login": "telecoder-bot", "id": 1})).into_response();
    }
    let Some(rest) = path.strip_prefix("/repos/owner/site") else {
        return refuse(404, "Not Found", &[]);
    };
    let fault = match (method.as_str(), rest) {
        ("POST", "/pulls") => world.fault("POST pulls"),
        ("GET", "/pulls") => world.fault("GET pulls"),
        _ => None,
    };
    match fault {
        Some(Fault::Status(status)) => return refuse(status, words(status), &[]),
        Some(Fault::RateLimit) => {
            let mut response = refuse(403, "API rate limit exceeded", &[]);
            response
                .headers_mut()
                .insert("x-ratelimit-remaining", "0".parse().expect("a number"));
            response
                .headers_mut()
                .insert("x-ratelimit-reset", "1893456000".parse().expect("a number"));
            return response;
        }
        _ => {}
    }
    let answer = route(world, method, rest, uri, body);
    if fault == Some(Fault::DropAfter) { cut() } else { answer }
}

fn words(status: u16) -> &'static str {
    match status {
        401 => "Bad credentials",
        403 => "Resource not accessible by personal access token",
        404 => "Not Found",
        _ => "Server Error",
    }
}

fn route(world: &World, method: &Method, rest: &str, uri: &Uri, body: &Bytes) -> Response {
    let query: BTreeMap<String, String> = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
        .into_owned()
        .collect();
    let parts: Vec<&str> = rest.split('/').skip(1).collect();
    match (method.as_str(), parts.as_slice()) {
        ("GET", []) => {
            axum::Json(json!({"id": 1, "full_name": "owner/site", "default_branch": "main", "private": true}))
                .into_response()
        }
        ("GET", ["pulls"]) => {
            let known = ["head", "state", "per_page", "base", "page", "sort", "direction"];
            if let Some(odd) = query.keys().find(|key| !known.contains(&key.as_str())) {
                return refuse(422, &format!("unknown parameter {odd}"), &[]);
            }
            let state = world.lock();
            let wanted = query.get("state").map_or("open", String::as_str);
            let branch = query
                .get("head")
                .and_then(|head| head.strip_prefix("owner:").map(str::to_owned));
            let list: Vec<Value> = state
                .pulls
                .iter()
                .filter(|pull| wanted == "all" || pull["state"] == wanted)
                .filter(|pull| !query.contains_key("head") || branch.as_deref() == pull["head"]["ref"].as_str())
                .cloned()
                .collect();
            axum::Json(list).into_response()
        }
        ("POST", ["pulls"]) => create(world, body),
        ("GET", ["pulls", number]) => match find(world, number) {
            Some(pull) => axum::Json(pull).into_response(),
            None => refuse(404, "Not Found", &[]),
        },
        ("PATCH", ["pulls", number]) => edit(world, number, body),
        ("GET", ["issues", _, "comments"] | ["pulls", _, "reviews" | "comments"]) => {
            axum::Json(world.lock().lists.get(rest).cloned().unwrap_or_default()).into_response()
        }
        ("GET", ["commits", _, "check-runs"]) => {
            let runs = world.lock().lists.get("check-runs").cloned().unwrap_or_default();
            axum::Json(json!({"total_count": runs.len(), "check_runs": runs})).into_response()
        }
        _ => refuse(404, "Not Found", &[]),
    }
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

/// A field of a request: its name, what it may hold, whether it must be there.
type Field = (&'static str, fn(&Value) -> bool, bool);

/// The body's fields by name, or the refusal of one that GitHub does not know or whose type is another.
fn fields(body: &Bytes, known: &[Field]) -> Result<Value, String> {
    let value: Value = serde_json::from_slice(body).map_err(|error| format!("Problems parsing JSON: {error}"))?;
    let object = value.as_object().ok_or("Body should be a JSON object")?;
    for (name, field) in object {
        let Some((_, is, _)) = known.iter().find(|(known, ..)| known == name) else {
            return Err(format!("Invalid request. \"{name}\" is not a permitted key."));
        };
        if !is(field) {
            return Err(format!(
                "Invalid request. For 'properties/{name}', {field} is of another type."
            ));
        }
    }
    match known
        .iter()
        .find(|(name, _, needed)| *needed && !object.contains_key(*name))
    {
        Some((missing, ..)) => Err(format!("Invalid request. \"{missing}\" wasn't supplied.")),
        None => Ok(value),
    }
}

fn create(world: &World, body: &Bytes) -> Response {
    let known: &[Field] = &[
        ("title", Value::is_string, true),
        ("head", Value::is_string, true),
        ("base", Value::is_string, true),
        ("body", Value::is_string, false),
        ("draft", Value::is_boolean, false),
        ("maintainer_can_modify", Value::is_boolean, false),
    ];
    let new = match fields(body, known) {
        Ok(new) => new,
        Err(why) => return refuse(422, &why, &[]),
    };
    let text = |name: &str| new[name].as_str().unwrap_or_default().to_owned();
    let (head, base) = (text("head"), text("base"));
    let repository = world.root.join("owner/site.git");
    let there = branches(&repository);
    let (Some(head_id), Some(base_id)) = (there.get(&head), there.get(&base)) else {
        return refuse(422, "Validation Failed", &["head or base is invalid"]);
    };
    let ahead = git(&repository, &["rev-list", "--count", head_id, "--not", base_id]);
    if ahead == "0" {
        return refuse(
            422,
            "Validation Failed",
            &[&format!("No commits between {base} and {head}")],
        );
    }
    let mut state = world.lock();
    if state
        .pulls
        .iter()
        .any(|pull| pull["state"] == "open" && pull["head"]["ref"] == head)
    {
        return refuse(
            422,
            "Validation Failed",
            &[&format!("A pull request already exists for owner:{head}.")],
        );
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
    (StatusCode::CREATED, axum::Json(pull)).into_response()
}

fn edit(world: &World, number: &str, body: &Bytes) -> Response {
    let known: &[Field] = &[
        ("title", Value::is_string, false),
        ("body", Value::is_string, false),
        ("state", Value::is_string, false),
        ("base", Value::is_string, false),
    ];
    let change = match fields(body, known) {
        Ok(change) => change,
        Err(why) => return refuse(422, &why, &[]),
    };
    let mut state = world.lock();
    state.edits.push(change.clone());
    let Some(pull) = state
        .pulls
        .iter_mut()
        .find(|pull| pull["number"].as_u64() == number.parse().ok())
    else {
        return refuse(404, "Not Found", &[]);
    };
    for (name, value) in change.as_object().into_iter().flatten() {
        pull[name] = value.clone();
    }
    axum::Json(pull.clone()).into_response()
}
