//! A forge: git over HTTP behind a token, by git's own `http-backend`, and the part of GitHub's REST API that is called (`api`),
//! held against GitHub's own description of it (`schema`).

mod api;
mod schema;

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
use serde_json::Value;
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
    /// Where a request or an answer was other than GitHub's description says.
    pub mistakes: Vec<String>,
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
        if !std::thread::panicking() {
            let mistakes = std::mem::take(&mut self.world.lock().mistakes);
            assert!(mistakes.is_empty(), "against GitHub's description: {mistakes:#?}");
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
        Some(path) => api::answer(&world, &method, path, &uri, &headers, &body),
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
