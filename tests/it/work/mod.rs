//! From a prompt to what came of it: outcomes, differences, the inbox, checks, publishing.

mod begin;
mod checks;
mod follow;
pub mod forge;
mod hostile;
mod outcomes;
mod publish;
mod rerun;
mod workspace;

use std::path::Path;

use serde_json::Value;

use crate::support::{TestEnv, eventually};

/// Commits as the agent would.
pub const COMMIT: &str = "git -c user.name=T -c user.email=t@localhost commit -q";

/// Starts a session on a repository, and waits for the end of its first turn.
#[track_caller]
pub fn first_turn(env: &TestEnv, name: &str, repo: &str, extra: &[&str], prompt: &str) {
    let args = ["run", "--wait", "--name", name, "--repo", repo];
    let args: Vec<&str> = args.iter().chain(extra).copied().chain([prompt]).collect();
    env.cmd(&args).ok();
}

/// The newest outcome of a session that is whole, once it has `count` of them.
#[track_caller]
pub fn outcome(env: &TestEnv, session: &str, count: usize) -> Value {
    eventually(&format!("`{session}` has {count} outcomes"), || {
        let outcomes = env.http().get(&format!("/v1/sessions/{session}/outcomes")).json();
        let list = outcomes.as_array().cloned().unwrap_or_default();
        let newest = list.first().cloned()?;
        let whole = env.http().get(&format!("/v1/outcomes/{}", newest["id"])).json();
        (list.len() >= count && whole["whole"] == true).then(|| whole["outcome"].clone())
    })
}

pub fn repo_arg(path: &Path) -> String {
    path.display().to_string()
}
