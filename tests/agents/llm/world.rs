//! What the server has seen, and what the tests tell it while it runs.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::talk::Api;

/// How long an answer waits for its release; an agent would give up later than this.
const RELEASE_LIMIT: Duration = Duration::from_secs(120);

/// One request for an answer and what became of it.
#[derive(Debug, Clone, Serialize)]
pub struct Exchange {
    pub number: usize,
    pub at: Timestamp,
    pub api: Api,
    /// False for what an agent asks for its own sake.
    pub main: bool,
    /// The prompt that waits for its answer.
    pub prompt: String,
    /// Every prompt of a person's in the conversation, oldest first.
    pub prompts: Vec<String>,
    /// The results of the tools that were called for the waiting prompt.
    pub results: Vec<String>,
    /// `text`, `call` or `failure`.
    pub reply: String,
    /// The tools that were offered.
    pub tools: Vec<String>,
}

#[derive(Default)]
struct State {
    exchanges: Vec<Exchange>,
    violations: Vec<String>,
    released: BTreeSet<String>,
    first_seen: BTreeMap<String, Instant>,
    requests: usize,
}

pub struct World {
    state: Mutex<State>,
    changed: Notify,
    log_dir: Option<PathBuf>,
}

impl World {
    pub fn new(log_dir: Option<&Path>) -> std::io::Result<Self> {
        if let Some(dir) = log_dir {
            std::fs::create_dir_all(dir.join("requests"))?;
        }
        Ok(Self {
            state: Mutex::default(),
            changed: Notify::new(),
            log_dir: log_dir.map(Path::to_owned),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }

    pub fn exchanges(&self) -> Vec<Exchange> {
        self.lock().exchanges.clone()
    }

    pub fn violations(&self) -> Vec<String> {
        self.lock().violations.clone()
    }

    /// Keeps the whole of a request where a log is wanted.
    pub fn keep_request(&self, path: &str, body: &Value) {
        let number = {
            let mut state = self.lock();
            state.requests += 1;
            state.requests
        };
        let Some(dir) = &self.log_dir else { return };
        let text = serde_json::json!({"path": path, "body": body}).to_string();
        let file = dir.join(format!("requests/{number:04}.json"));
        // The log helps a person who looks on; a full disk must not change what the agents are told.
        let _ = std::fs::write(file, text);
    }

    pub fn note(&self, mut exchange: Exchange) {
        let mut state = self.lock();
        exchange.number = state.exchanges.len() + 1;
        self.append("exchanges.jsonl", &serde_json::json!(exchange).to_string());
        state.exchanges.push(exchange);
    }

    pub fn violation(&self, what: String) {
        self.append("violations.txt", &what);
        self.lock().violations.push(what);
    }

    fn append(&self, name: &str, line: &str) {
        let Some(dir) = &self.log_dir else { return };
        let opened = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(dir.join(name));
        if let Ok(mut file) = opened {
            // As in `keep_request`.
            let _ = writeln!(file, "{line}");
        }
    }

    /// How long ago this prompt first waited for an answer.
    pub fn age_of(&self, prompt: &str) -> Duration {
        let now = Instant::now();
        let mut state = self.lock();
        now - *state.first_seen.entry(prompt.to_owned()).or_insert(now)
    }

    pub fn release(&self, name: &str) {
        self.lock().released.insert(name.to_owned());
        self.changed.notify_waiters();
    }

    /// Waits until a test releases this name.
    pub async fn released(&self, name: &str) {
        let wait = async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if self.lock().released.contains(name) {
                    return;
                }
                changed.await;
            }
        };
        if tokio::time::timeout(RELEASE_LIMIT, wait).await.is_err() {
            self.violation(format!("nobody released `{name}` within {RELEASE_LIMIT:?}"));
        }
    }
}
