//! git: a session's own clone on its own branch. The user's checkout is only read.
//!
//! Runs git with hooks, fsmonitor, external diffs and credentials prompts off (docs/architecture.md, "git as a boundary").

use std::path::{Path, PathBuf};

use crate::domain::fault::Result;
use crate::domain::ids::SessionId;

/// What `--repo` named, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepoSource {
    /// The top level of a local repository (canonical).
    Local(PathBuf),
    /// An https, ssh or file URL.
    Url(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    pub branch: String,
}

/// What would be lost if the workspace were removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unpublished {
    pub commits: u32,
    pub changed_files: u32,
}

/// Parses and checks `--repo`. Errors: `NotFound`/`Usage` naming the thing; a URL scheme that runs programs (`ext::`) is refused.
pub async fn resolve_repo(_word: &str, _cwd: &Path) -> Result<RepoSource> {
    todo!()
}

/// Clones `source` into `work_dir` (through the daemon-owned mirror under `mirrors`) on the branch `telecoder/<id>`.
/// Idempotent: a half-made clone of an earlier attempt is removed first.
pub async fn prepare(_source: &RepoSource, _mirrors: &Path, _work_dir: &Path, _id: &SessionId) -> Result<Prepared> {
    todo!()
}

/// Commits of the session's branch that its origin does not have, and uncommitted changes; looked at from a bare
/// repository of the daemon's, never under the agent's own git config.
pub async fn unpublished(_mirrors: &Path, _work_dir: &Path, _id: &SessionId) -> Result<Unpublished> {
    todo!()
}

/// The top level of the repository that contains `dir`, if there is one (for the hint of a repo-less run).
pub async fn repository_of(_dir: &Path) -> Option<PathBuf> {
    todo!()
}
