//! What a workspace's files are, as a tree of ours, and what differs from an earlier state.
//!
//! The mirror's git looks, with an index and an object directory of the session's own (`mirrors/sessions/<id>.view/`): nothing
//! of the agent's config is read, nothing of ours lands in the workspace, and files that were never committed go away with
//! the session.

use std::path::{Path, PathBuf};

use super::git::{self, GitError};
use super::layout::Layout;
use super::lens::Head;
use super::mirror::{Mirror, session_refs};
use super::mirrors::Mirrors;
use super::unpublished::fetch_work;
use super::view::{View, clean_line, count, shown};
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::SessionId;
use crate::domain::outcome::{DiffStat, FILES_MAX, FileChange, Mark, Measured, SUBJECTS_MAX};

const LEFT_OUT_MAX: usize = 50;

/// Two states of which the difference is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    /// Everything that the session did.
    Session,
    /// From the session's begin to this state.
    UpTo(Mark),
    /// What came after this state.
    Since(Mark),
    /// From one state to another one.
    Between(Mark, Mark),
}

/// A difference as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    pub stat: DiffStat,
    pub files: Vec<FileChange>,
    pub text: String,
    /// The text was longer than was asked for, and is cut.
    pub cut: bool,
}

/// Measures a session's workspace against its base and against the state after the turn before.
///
/// Errors: `NotFound` for a session without a repository of its own, `RefusedByState` for a rebuilt git directory.
pub async fn measure(mirrors: &Mirrors, work_dir: &Path, id: &SessionId, since: Option<&Mark>) -> Result<Measured> {
    let looked = Look::at(mirrors, work_dir, id).await?;
    let scan = looked.view.scan().await?;
    let tree = looked.view.tree(&scan).await?;
    let base = looked.base(id).await?;
    let from = since.cloned().unwrap_or_else(|| base.clone());
    let (files, turn) = looked.view.compare(&from.tree, &tree).await?;
    let (_, total) = match from == base {
        true => (Vec::new(), turn.clone()),
        false => looked.view.compare(&base.tree, &tree).await?,
    };
    let head = looked.head();
    let (subjects, commits) = looked.commits(head.as_deref(), &[&from, &base]).await?;
    let (_, total_commits) = looked.commits(head.as_deref(), &[&base]).await?;
    let rewritten = looked.is_rewritten(from.head.as_deref(), head.as_deref()).await?;
    Ok(Measured {
        mark: Mark { head, tree },
        commits,
        subjects,
        uncommitted: count(scan.changed.len()),
        untracked: count(scan.untracked.len() + scan.left_out.len()),
        left_out: scan
            .left_out
            .iter()
            .take(LEFT_OUT_MAX)
            .map(|path| shown(path))
            .collect(),
        turn,
        files: files.into_iter().take(FILES_MAX).collect(),
        total,
        total_commits,
        rewritten,
    })
}

/// The difference as a patch of at most `bytes_max` bytes.
pub async fn diff(mirrors: &Mirrors, work_dir: &Path, id: &SessionId, span: &Span, bytes_max: u64) -> Result<Patch> {
    let looked = Look::at(mirrors, work_dir, id).await?;
    let (from, to) = match span {
        Span::Between(from, to) => (from.tree.clone(), to.tree.clone()),
        Span::Since(mark) => (mark.tree.clone(), looked.tree_now().await?),
        Span::Session => (looked.base(id).await?.tree, looked.tree_now().await?),
        Span::UpTo(mark) => (looked.base(id).await?.tree, mark.tree.clone()),
    };
    let (files, stat) = looked.view.compare(&from, &to).await?;
    let (text, cut) = looked.view.patch(&from, &to, bytes_max).await?;
    Ok(Patch { stat, files, text, cut })
}

/// Prepares the view's index from the clone's, while nobody else has touched it: later looks read only what changed.
pub(super) fn prime(mirrors: &Mirrors, work_dir: &Path, id: &SessionId) -> std::io::Result<()> {
    let dir = view_dir(mirrors, id);
    std::fs::create_dir_all(dir.join("objects"))?;
    std::fs::copy(work_dir.join(".git/index"), dir.join("index")).map(drop)
}

/// Takes away what was kept of a session that is removed.
pub fn forget(mirrors: &Mirrors, id: &SessionId) -> Result<()> {
    super::mirror::remove_tree(&view_dir(mirrors, id))
}

/// Takes away what is known of a session that is removed with its workspace: nothing borrows from the mirror for it.
pub async fn forget_session(mirrors: &Mirrors, id: &SessionId) -> Result<()> {
    if let Err(fault) = super::worktree::remove_registration(mirrors, id).await {
        tracing::warn!(session.id = %id, error = %fault, "its worktree is still known to the repository it was made of");
    }
    forget(mirrors, id)?;
    let record = super::mirror::record_path(mirrors, id);
    match std::fs::remove_file(&record) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Fault::io(format!("removing {}", record.display()), &error))
        }
        _ => Ok(()),
    }
}

/// Whether everything that the workspace holds stands in this commit: its branch, and its files as they are.
pub async fn is_in_commit(mirrors: &Mirrors, work_dir: &Path, id: &SessionId, commit: &str) -> Result<bool> {
    let looked = Look::at(mirrors, work_dir, id).await?;
    let view = &looked.view;
    let ours = session_refs(id);
    let glob = format!("--glob={ours}/*");
    let base = format!("{ours}/base");
    let count = view
        .git("rev-list")
        .args(&["--count", &glob, "--not", commit, &base, "--branches", "--tags", "--"]);
    let counted = count
        .run()
        .await
        .map_err(|error| error.into_fault("counting commits"))?;
    if git::lines(&counted).next() != Some("0") {
        return Ok(false);
    }
    let scan = view.scan().await?;
    if scan.loose() == 0 {
        return Ok(true);
    }
    let tree = view.tree(&scan).await?;
    Ok(scan.left_out.is_empty() && view.resolve(&format!("{commit}^{{tree}}")).await? == tree)
}

pub(super) fn view_dir(mirrors: &Mirrors, id: &SessionId) -> PathBuf {
    mirrors.join("sessions").join(format!("{id}.view"))
}

/// A locked mirror with the workspace's commits in it, and the view of its files.
pub(super) struct Look {
    pub view: View,
    head: Head,
}

impl Look {
    pub(super) async fn at(mirrors: &Mirrors, work_dir: &Path, id: &SessionId) -> Result<Self> {
        if std::fs::symlink_metadata(work_dir).is_err() {
            return Err(Fault::new(
                Kind::NotFound,
                format!("the workspace {} is gone", work_dir.display()),
            ));
        }
        let Some(mirror) = Mirror::of_session(mirrors, id).await? else {
            return Err(Fault::new(Kind::NotFound, "the session works on no repository")
                .hint("Start one with a repository: telecoder run --repo PATH \"...\""));
        };
        let layout = Layout::of(&mirror, work_dir, id)?;
        let head = fetch_work(&mirror, &layout, work_dir, id).await?;
        let dir = view_dir(mirrors, id);
        std::fs::create_dir_all(dir.join("objects"))
            .map_err(|error| Fault::io(format!("making {}", dir.display()), &error))?;
        let view = View {
            mirror,
            work_dir: work_dir.to_owned(),
            index: dir.join("index"),
            objects: Some(dir.join("objects")),
            commit: match &head {
                Head::Commit(id) => Some(id.clone()),
                Head::Unborn => None,
            },
            dir,
        };
        // A git that was killed leaves its lock; the mirror's lock says that nobody works here now.
        let _ = std::fs::remove_file(view.dir.join("index.lock"));
        Ok(Self { view, head })
    }

    pub(super) fn head(&self) -> Option<String> {
        match &self.head {
            Head::Commit(id) => Some(id.clone()),
            Head::Unborn => None,
        }
    }

    /// The same look, for what is to be published.
    pub(super) fn into_mirror(self) -> Self {
        Self {
            view: self.view.into_mirror(),
            head: self.head,
        }
    }

    async fn tree_now(&self) -> Result<String> {
        let scan = self.view.scan().await?;
        self.view.tree(&scan).await
    }

    /// Where the session began.
    pub(super) async fn base(&self, id: &SessionId) -> Result<Mark> {
        let base = format!("{}/base", session_refs(id));
        Ok(Mark {
            head: Some(self.view.resolve(&base).await?),
            tree: self.view.resolve(&format!("{base}^{{tree}}")).await?,
        })
    }

    /// Subjects and number of the commits of `head` that none of `known` has.
    async fn commits(&self, head: Option<&str>, known: &[&Mark]) -> Result<(Vec<String>, u32)> {
        let Some(head) = head else { return Ok((Vec::new(), 0)) };
        let mut args = vec![head.to_owned(), "--not".to_owned()];
        args.extend(known.iter().filter_map(|mark| mark.head.clone()));
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let fail = |error: GitError| error.into_fault("counting commits");
        let counted = self
            .view
            .git("rev-list")
            .arg("--count")
            .args(&args)
            .arg("--")
            .run()
            .await
            .map_err(fail)?;
        let count = git::lines(&counted).next().and_then(|n| n.parse().ok()).unwrap_or(0);
        let max = format!("--max-count={SUBJECTS_MAX}");
        let log = self
            .view
            .git("log")
            .args(&["--no-show-signature", "--format=%s", &max])
            .args(&args)
            .arg("--");
        let subjects = log.run().await.map_err(fail)?;
        let subjects = String::from_utf8_lossy(&subjects).lines().map(clean_line).collect();
        Ok((subjects, count))
    }

    async fn is_rewritten(&self, from: Option<&str>, head: Option<&str>) -> Result<bool> {
        match (from, head) {
            (Some(from), Some(head)) => Ok(!self.view.is_ancestor(from, head).await?),
            (Some(_), None) => Ok(true),
            (None, _) => Ok(false),
        }
    }
}
