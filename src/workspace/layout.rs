//! Where the git directory of a workspace is, and whether it is one that may be looked into.
//!
//! Which kind of workspace it is says our record, never the workspace: a `.git` file is the agent's word.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::mirror::Mirror;
use super::worktree;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::SessionId;

/// The two halves of a git directory; one and the same but for a linked worktree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// Where HEAD is.
    pub head_dir: PathBuf,
    /// Where refs and objects are.
    pub common_dir: PathBuf,
    /// Of a worktree: its branch. All others are the person's own.
    pub only: Option<String>,
}

impl Layout {
    /// The layout of a session's workspace.
    ///
    /// Errors: `RefusedByState` when it is not the one that we made.
    pub(super) fn of(mirror: &Mirror, work_dir: &Path, id: &SessionId) -> Result<Self> {
        match &mirror.worktree {
            Some(branch) => Self::worktree(Path::new(&mirror.source), work_dir, id, branch),
            None => Self::plain(work_dir, &mirror.dir),
        }
    }

    /// The git directory must be a plain one that borrows from our mirror or from nobody: links, a common directory or other
    /// alternates would make us read, on the agent's word, objects of repositories that the agent may not even see.
    pub(super) fn plain(work_dir: &Path, mirror: &Path) -> Result<Self> {
        let git_dir = work_dir.join(".git");
        if is_dir(work_dir) && is_plain(&git_dir, &mirror.join("objects")) {
            return Ok(Self {
                head_dir: git_dir.clone(),
                common_dir: git_dir,
                only: None,
            });
        }
        Err(rebuilt(work_dir))
    }

    fn worktree(source: &Path, work_dir: &Path, id: &SessionId, branch: &str) -> Result<Self> {
        let common_dir = source.join(".git");
        let head_dir = worktree::registration(&common_dir, id);
        let linked = head_dir.parent().is_some_and(is_dir) && is_dir(&head_dir);
        // A person's own repository borrows from nobody, or cannot be told from one that was made to.
        if is_dir(work_dir) && linked && is_plain(&common_dir, Path::new("/dev/null/objects")) {
            return Ok(Self {
                head_dir,
                common_dir,
                only: Some(format!("refs/heads/{branch}")),
            });
        }
        Err(rebuilt(work_dir))
    }
}

pub(super) fn is_dir(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir())
}

/// Whether this is a git directory of its own, with refs as files, that borrows from `lender` or nobody.
pub(super) fn is_plain(git_dir: &Path, lender: &Path) -> bool {
    let alternates = std::fs::read(git_dir.join("objects/info/alternates")).unwrap_or_default();
    let lent_by_others = alternates
        .split(|b| *b == b'\n')
        .any(|line| !line.is_empty() && line != lender.as_os_str().as_bytes());
    is_dir(git_dir)
        && is_dir(&git_dir.join("objects"))
        && is_dir(&git_dir.join("refs"))
        && !git_dir.join("commondir").exists()
        && !git_dir.join("reftable").exists()
        && !lent_by_others
}

fn rebuilt(work_dir: &Path) -> Fault {
    Fault::new(
        Kind::RefusedByState,
        format!(
            "the git directory of {} was rebuilt, so what it holds cannot be told",
            work_dir.display()
        ),
    )
    .hint("Look there yourself; `telecoder rm --force NAME` removes it with all that it holds.")
}
