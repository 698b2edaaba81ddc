//! Where Claude Code keeps its own files, and whether it is logged in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::domain::agent::Login;

/// Variables of which one is enough to reach a provider.
const KEYS: [&str; 6] = [
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDE_CODE_USE_VERTEX",
    "CLAUDE_CODE_USE_FOUNDRY",
];

#[derive(Debug, Clone)]
pub struct Home {
    /// `~/.claude.json`: onboarding, trust, approved keys.
    pub state: PathBuf,
    /// `~/.claude`: settings, transcripts, credentials.
    pub dir: PathBuf,
}

impl Home {
    /// `env` is what the person gave to the agent; the rest is the daemon's own, which the agent shares.
    pub fn find(env: &BTreeMap<String, String>) -> Option<Self> {
        let variable = |name: &str| env.get(name).cloned().or_else(|| std::env::var(name).ok());
        let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Some(match set("CLAUDE_CONFIG_DIR") {
            Some(dir) => Self {
                state: dir.join(".claude.json"),
                dir,
            },
            None => {
                let home = set("HOME")?;
                Self {
                    state: home.join(".claude.json"),
                    dir: home.join(".claude"),
                }
            }
        })
    }

    /// The record of a conversation, whichever directory it was begun in: the directory's name is made of the path, in a way that
    /// changes with its length.
    pub fn transcript(&self, native_id: &str) -> Option<PathBuf> {
        let file = format!("{native_id}.jsonl");
        let projects = std::fs::read_dir(self.dir.join("projects")).ok()?;
        projects
            .flatten()
            .map(|entry| entry.path().join(&file))
            .find(|path| path.is_file())
    }

    /// The directory of the conversations that were begun in `work_dir`.
    pub fn project(&self, work_dir: &Path) -> PathBuf {
        let path = work_dir.canonicalize().unwrap_or_else(|_| work_dir.to_owned());
        let slug = path.to_string_lossy();
        let slug = slug.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' });
        self.dir.join("projects").join(slug.collect::<String>())
    }
}

pub fn login(env: &BTreeMap<String, String>) -> Login {
    let has_key = KEYS
        .iter()
        .any(|key| env.get(*key).is_some_and(|value| !value.is_empty()));
    let Some(home) = Home::find(env) else {
        return if has_key { Login::Present } else { Login::Unknown };
    };
    let has_account = || {
        let text = std::fs::read_to_string(&home.state).unwrap_or_default();
        let state: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        state.get("oauthAccount").is_some_and(serde_json::Value::is_object)
    };
    match has_key || home.dir.join(".credentials.json").exists() || has_account() {
        true => Login::Present,
        false => Login::Missing,
    }
}
