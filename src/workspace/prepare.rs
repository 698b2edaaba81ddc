//! A session's clone: made beside its final place, renamed when it is complete.

use std::path::{Path, PathBuf};

use super::clone::Making;
use super::layout::Layout;
use super::mirror::{Mirror, remove_tree};
use super::mirrors::Mirrors;
use super::refname::check_branch;
use super::{Begin, Prepared, RepoSource};
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::SessionId;

/// Clones `source` into `work_dir` (through the daemon-owned mirror under `mirrors`) on the branch `telecoder/<id>`, which
/// begins at the source's HEAD. `work_dir` appears complete or not at all; a finished one is left as it is.
///
/// The clone borrows the mirror's objects and has the source as its `origin`. Submodules are not checked out, LFS files stay
/// pointers: both would run programs that the repository names; the agent can fetch them itself.
///
/// Errors: `RefusedByState` for a repository without a commit and for a `work_dir` that holds something else, `Failure` with
/// git's words, `Timeout`, `Storage`.
pub async fn prepare(
    source: &RepoSource,
    mirrors: &Mirrors,
    work_dir: &Path,
    id: &SessionId,
    begin: &Begin,
) -> Result<Prepared> {
    let prepared = Prepared {
        branch: begin.branch.clone().unwrap_or_else(|| format!("telecoder/{id}")),
    };
    check_branch(&prepared.branch)?;
    let place = Place::of(work_dir)?;
    place.remove_half_made()?;
    if place.is_taken()? {
        return Ok(prepared);
    }
    super::changes::forget(mirrors, id)?;
    let (mirror, head) = Mirror::open(mirrors, source, Some((id, begin.pull))).await?;
    mirror.set_base(id, begin).await?;
    mirror.follow_head(&head).await?;
    mirror.remember(mirrors, id)?;
    let making = Making {
        source,
        mirror: mirror.dir.clone(),
        dir: place.making(),
        id,
        branch: &prepared.branch,
        came_from: head.branch.as_deref().unwrap_or(&head.commit),
    };
    // Other sessions may fetch while we check out: objects only come, they never go.
    drop(mirror);
    let made = making.all().await.and_then(|tree| {
        if let Err(error) = super::changes::prime(mirrors, &tree, id) {
            tracing::warn!(session.id = %id, %error, "the first look at this workspace will read every file");
        }
        std::fs::rename(&tree, work_dir).map_err(|error| Fault::io(format!("making {}", work_dir.display()), &error))
    });
    // What is left over (all of it after an error) goes; the next attempt would do it too, so an error here need not be told.
    let _ = remove_tree(&making.dir);
    made.map(|()| prepared)
}

/// Takes the person's own checkout as a session's workspace: only because it was asked for by name. Nothing is written there;
/// the mirror is made, so that the work can be looked at without the checkout's config.
pub async fn adopt(source: &RepoSource, mirrors: &Mirrors, work_dir: &Path, id: &SessionId) -> Result<Prepared> {
    Layout::plain(work_dir, &mirrors.join("none")).map_err(|_| {
        Fault::new(
            Kind::RefusedByState,
            format!("{} is no plain checkout", work_dir.display()),
        )
        .hint("A linked worktree, or one that borrows objects, cannot be worked on in place; leave out `--in-place`.")
    })?;
    let (mirror, head) = Mirror::open(mirrors, source, Some((id, None))).await?;
    mirror.remember(mirrors, id)?;
    Ok(Prepared {
        branch: head.branch.unwrap_or_else(|| "HEAD".to_owned()),
    })
}

/// Where a workspace goes, and where the half-made one of an earlier attempt may lie.
pub(super) struct Place<'a> {
    work_dir: &'a Path,
    parent: &'a Path,
    /// `work.making-`
    prefix: String,
}

impl<'a> Place<'a> {
    pub(super) fn of(work_dir: &'a Path) -> Result<Self> {
        let (Some(parent), Some(name)) = (work_dir.parent(), work_dir.file_name()) else {
            return Err(Fault::new(
                Kind::Usage,
                format!("`{}` cannot be a workspace", work_dir.display()),
            ));
        };
        std::fs::create_dir_all(parent).map_err(|error| Fault::io(format!("making {}", parent.display()), &error))?;
        Ok(Self {
            work_dir,
            parent,
            prefix: format!("{}.making-", name.to_string_lossy()),
        })
    }

    /// Whether a finished workspace is there. Errors when something else is: it may be somebody's work.
    pub(super) fn is_taken(&self) -> Result<bool> {
        if self.work_dir.join(".git").exists() {
            return Ok(true);
        }
        match std::fs::remove_dir(self.work_dir) {
            Ok(()) => Ok(false),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(_) => Err(Fault::new(
                Kind::RefusedByState,
                format!("{} is not empty and is no clone", self.work_dir.display()),
            )
            .hint("Move what is there away, then resume the session.")),
        }
    }

    /// A name that no earlier attempt used: its git might still be writing into the old one.
    pub(super) fn making(&self) -> PathBuf {
        self.parent
            .join(format!("{}{}", self.prefix, uuid::Uuid::now_v7().simple()))
    }

    pub(super) fn remove_half_made(&self) -> Result<()> {
        let doing = || format!("clearing {}", self.parent.display());
        for entry in std::fs::read_dir(self.parent).map_err(|error| Fault::io(doing(), &error))? {
            let entry = entry.map_err(|error| Fault::io(doing(), &error))?;
            if entry.file_name().to_string_lossy().starts_with(&self.prefix) {
                remove_tree(&entry.path())?;
            }
        }
        Ok(())
    }
}
