//! What a workspace holds that its source does not.
//!
//! The workspace's git directory is the agent's: its config, hooks and filters are code. Commits are therefore fetched into
//! the mirror through a repository of ours over the same objects (`lens`), and files are compared by the mirror's git, with
//! an index of our own and the work tree as nothing but files.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Unpublished;
use super::git::{self, Git, entries};
use super::layout::Layout;
use super::lens::{Head, Lens};
use super::mirror::{Mirror, session_refs};
use super::mirrors::Mirrors;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::SessionId;

/// The source may be unreachable; then what was known of it counts.
const REFRESH: Duration = Duration::from_secs(30);

/// Commits of the session's clone that its source does not have, and uncommitted changes; looked at from the mirror, never
/// under the agent's own git config. When the source cannot be reached, its last known state counts (so it may say too
/// much, never too little). For a workspace without a repository, what lies in it counts as changed.
///
/// Errors: `RefusedByState` for a workspace whose git directory is not the one that we made, `Failure` with git's words.
pub async fn unpublished(mirrors: &Mirrors, work_dir: &Path, id: &SessionId) -> Result<Unpublished> {
    if std::fs::symlink_metadata(work_dir).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
        return Ok(Unpublished::default());
    }
    let Some(mirror) = Mirror::of_session(mirrors, id).await? else {
        return in_a_desk(work_dir);
    };
    let layout = Layout::of(&mirror, work_dir, id)?;
    if let Err(fault) = mirror.update(None, REFRESH).await {
        tracing::warn!(session.id = %id, error = %fault, "the source is compared as it was last seen");
    }
    let head = fetch_work(&mirror, &layout, work_dir, id).await?;
    let commits = count_commits(&mirror, id).await?;
    let changed_files = View::new(&mirror, work_dir, id).changed_files(&head).await?;
    Ok(Unpublished { commits, changed_files })
}

fn in_a_desk(work_dir: &Path) -> Result<Unpublished> {
    let entries = std::fs::read_dir(work_dir)
        .map_err(|error| Fault::io(format!("reading {}", work_dir.display()), &error))?
        .count();
    Ok(Unpublished {
        commits: 0,
        changed_files: u32::try_from(entries).unwrap_or(u32::MAX),
    })
}

/// Branches, HEAD and stash of the workspace into `refs/telecoder/<id>/`.
pub(super) async fn fetch_work(mirror: &Mirror, layout: &Layout, work_dir: &Path, id: &SessionId) -> Result<Head> {
    let lens = mirror.mirrors_dir().join("sessions").join(format!("{id}.lens"));
    let lens = Lens::open(layout, lens)?;
    let ours = session_refs(id);
    let mut refspecs = vec![format!("+refs/heads/*:{ours}/heads/*")];
    if matches!(lens.head, Head::Commit(_)) {
        refspecs.push(format!("+HEAD:{ours}/HEAD"));
    }
    if lens.has_stash {
        refspecs.push(format!("+refs/stash:{ours}/stash"));
    }
    mirror.fetch_lens(&lens.dir, &refspecs, work_dir).await?;
    Ok(lens.head.clone())
}

async fn count_commits(mirror: &Mirror, id: &SessionId) -> Result<u32> {
    let ours = session_refs(id);
    let out = mirror
        .git("rev-list")
        .args(&[
            "--count",
            &format!("--glob={ours}/*"),
            "--not",
            &format!("{ours}/base"),
            "--branches",
            "--tags",
            "--",
        ])
        .run()
        .await
        .map_err(|error| error.into_fault("counting commits"))?;
    git::lines(&out)
        .next()
        .and_then(|count| count.parse().ok())
        .ok_or_else(|| Fault::new(Kind::Failure, "git gave no number of commits"))
}

/// The work tree seen by the mirror's git through an index of its own, which is gone afterwards.
struct View<'a> {
    mirror: &'a Mirror,
    work_dir: &'a Path,
    index: PathBuf,
    commit: String,
}

impl Drop for View<'_> {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.index);
    }
}

impl<'a> View<'a> {
    fn new(mirror: &'a Mirror, work_dir: &'a Path, id: &SessionId) -> Self {
        let index = mirror.dir.join(format!("telecoder-index-{id}"));
        Self {
            mirror,
            work_dir,
            index,
            commit: format!("{}/HEAD", session_refs(id)),
        }
    }

    fn git(&self, subcommand: &str) -> Git {
        self.mirror
            .git(subcommand)
            .env("GIT_WORK_TREE", self.work_dir)
            .env("GIT_INDEX_FILE", &self.index)
            .cwd(self.work_dir)
            .limit(git::WORK_TREE)
    }

    async fn changed_files(&self, head: &Head) -> Result<u32> {
        let fail =
            |error: git::GitError| error.into_fault(&format!("comparing the files in {}", self.work_dir.display()));
        let tree = match head {
            Head::Commit(_) => self.git("read-tree").arg(&self.commit),
            Head::Unborn => self.git("read-tree").arg("--empty"),
        };
        tree.run().await.map_err(fail)?;
        // It fails when it finds a difference, which is no failure here.
        match self
            .git("update-index")
            .args(&["-q", "--ignore-submodules", "--refresh"])
            .run()
            .await
        {
            Err(error) if !error.is_refusal() => return Err(fail(error)),
            _ => {}
        }
        // Looking into a submodule would start a git under that submodule's own config.
        let changed = self
            .git("diff-files")
            .args(&["--name-only", "-z", "--ignore-submodules=all"])
            .run()
            .await
            .map_err(fail)?;
        let untracked = self
            .git("ls-files")
            .args(&[
                "-z",
                "--others",
                "--exclude-standard",
                "--directory",
                "--no-empty-directory",
            ])
            .run()
            .await
            .map_err(fail)?;
        let listed = self
            .git("ls-files")
            .args(&["-z", "--stage"])
            .run()
            .await
            .map_err(fail)?;
        let count = entries(&changed).count() + entries(&untracked).count() + self.filled_submodules(&listed);
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    fn filled_submodules(&self, listed: &[u8]) -> usize {
        entries(listed)
            .filter(|entry| entry.starts_with(b"160000 "))
            .filter_map(|entry| entry.splitn(2, |b| *b == b'\t').nth(1))
            .filter(|path| {
                self.work_dir
                    .join(std::ffi::OsStr::from_bytes(path))
                    .join(".git")
                    .symlink_metadata()
                    .is_ok()
            })
            .count()
    }
}
