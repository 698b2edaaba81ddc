//! git: a session's own clone on its own branch. The user's checkout is only read.
//!
//! Every repository that a session works on has one bare mirror of ours; a session's clone borrows its objects. A mirror is
//! never collected or repacked away from under its borrowers. What an agent did is looked at from the mirror, never under
//! the config of the workspace (docs/architecture.md, "git as a boundary").
//!
//! Knows no session state, no database and no agent. Crash behaviour: a clone exists under its final name only when it is
//! complete; whatever a crash left half-made is removed by the next attempt.

mod changes;
mod checkout;
mod clone;
mod collect;
mod files;
mod git;
mod layout;
mod lens;
mod lock;
mod mirror;
mod mirrors;
mod prepare;
pub mod publish;
mod refname;
mod repo_source;
mod unpublished;
mod view;
mod worktree;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod speed;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use crate::domain::fault::Result;
use crate::domain::ids::SessionId;

pub use changes::{Patch, Span, diff, forget_session, is_in_commit, measure};
pub use collect::{remove_mirror, unused_mirrors};
pub use files::{base_file, copy_ignored, head_file};
pub use mirrors::{Credential, Mirrors};
pub use prepare::{adopt, prepare};
pub use refname::{check_base, check_branch};
pub use repo_source::{forge_address, repository_of, resolve_repo};
pub use unpublished::unpublished;
pub use worktree::add_worktree;

/// What `--repo` named, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepoSource {
    /// The top level of a local repository (canonical); for a bare one, the repository itself.
    Local(PathBuf),
    /// An https or ssh URL (`host:path` too), without a password in it.
    Url(String),
}

/// Where a session's work begins, and on which branch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Begin {
    /// A branch, a tag or a commit; none: the source's HEAD, or the branch itself where the source has it.
    pub base: Option<String>,
    /// None: `telecoder/<id>`.
    pub branch: Option<String>,
    /// The number of a pull request: its commit is the base.
    pub pull: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The session's branch.
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

/// Where a session's repository is published: its own address, or its source's `origin` as it was when the session began.
pub fn address_of(mirrors: &Mirrors, id: &SessionId) -> Result<Option<String>> {
    mirror::Mirror::address_of(mirrors, id)
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
