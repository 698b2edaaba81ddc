//! git: a session's own clone on its own branch. The user's checkout is only read.
//!
//! Every repository that a session works on has one bare mirror of ours; a session's clone borrows its objects. A mirror is
//! never collected or repacked away from under its borrowers. What an agent did is looked at from the mirror, never under
//! the config of the workspace (docs/architecture.md, "git as a boundary").
//!
//! Knows no session state, no database and no agent. Crash behaviour: a clone exists under its final name only when it is
//! complete; whatever a crash left half-made is removed by the next attempt.

mod changes;
mod git;
mod lens;
mod lock;
mod mirror;
mod mirrors;
mod prepare;
mod refname;
mod repo_source;
mod unpublished;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub use changes::{Patch, Span, base_file, diff, forget, measure};
pub use mirrors::{Credential, Mirrors};
pub use prepare::prepare;
pub use refname::{check_base, check_branch};
pub use repo_source::{repository_of, resolve_repo};
pub use unpublished::unpublished;

/// What `--repo` named, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepoSource {
    /// The top level of a local repository (canonical); for a bare one, the repository itself.
    Local(PathBuf),
    /// An https or ssh URL (`host:path` too), without a password in it.
    Url(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// `telecoder/<id>`.
    pub branch: String,
}

/// What would be lost if the workspace were removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unpublished {
    /// Commits of any branch, of a detached HEAD or of the stash that the source does not have.
    pub commits: u32,
    /// Files changed, added or deleted since the last commit, and not ignored. An untracked directory counts as one, and so
    /// does a submodule that was checked out: its inside is not looked at.
    pub changed_files: u32,
}

impl Unpublished {
    pub fn is_empty(&self) -> bool {
        self.commits == 0 && self.changed_files == 0
    }
}

impl RepoSource {
    /// The path or URL as git takes it and as a session's record keeps it.
    pub fn as_git_arg(&self) -> String {
        match self {
            RepoSource::Local(path) => path.to_string_lossy().into_owned(),
            RepoSource::Url(url) => url.clone(),
        }
    }
}
