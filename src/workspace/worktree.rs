//! A worktree of the person's own repository: only because it was asked for by name. It shares config, hooks and branches with
//! that repository, so an agent in it can change what the person's own git does; docs/decisions/workspaces.md has the reasons.
//!
//! What is written into the person's repository is one branch and one registration (`.git/worktrees/telecoder-<id>`), by git with
//! our guards over its config. The files are written by the mirror's git, which knows no filter and no hook of the
//! repository's. Crash behaviour: the workspace appears complete or not at all; a half-made registration is made anew.

use std::path::{Path, PathBuf};

use super::checkout::write_files;
use super::git::{self, Git, GitError};
use super::layout::{is_dir, is_plain};
use super::mirror::{Mirror, Record, remove_tree, session_refs};
use super::mirrors::Mirrors;
use super::prepare::Place;
use super::{Begin, Prepared, RepoSource};
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::SessionId;

/// Where the person's repository keeps what it knows of a session's worktree.
pub(super) fn registration(common_dir: &Path, id: &SessionId) -> PathBuf {
    common_dir.join("worktrees").join(name(id))
}

fn name(id: &SessionId) -> String {
    format!("telecoder-{id}")
}

/// Makes `work_dir` a worktree of `source` on a branch of its own; a finished one is left as it is.
///
/// Errors: `Usage` for a source that is no repository on this machine, `RefusedByState` for one whose git directory is not a
/// plain one and for a branch that is somebody else's.
pub async fn add_worktree(
    source: &RepoSource,
    mirrors: &Mirrors,
    work_dir: &Path,
    id: &SessionId,
    begin: &Begin,
) -> Result<Prepared> {
    let common = common_dir(source)?;
    let prepared = Prepared {
        branch: begin.branch.clone().unwrap_or_else(|| format!("telecoder/{id}")),
    };
    super::refname::check_branch(&prepared.branch)?;
    let place = Place::of(work_dir)?;
    if place.is_taken()? {
        return Ok(prepared);
    }
    place.remove_half_made()?;
    super::changes::forget(mirrors, id)?;
    let ours = Record::read(mirrors, id)?.is_some_and(|record| record.worktree.as_ref() == Some(&prepared.branch));
    let (mut mirror, _) = Mirror::open(mirrors, source, Some((id, None))).await?;
    let there = mirror.commit_of(&format!("refs/heads/{}", prepared.branch)).await?;
    if there.is_some() && !ours {
        return Err(Fault::new(
            Kind::RefusedByState,
            format!("the branch `{}` is there already", prepared.branch),
        )
        .hint("A worktree would write to it; name another one with `--branch`, or leave out `--worktree`."));
    }
    mirror
        .set_base(
            id,
            &Begin {
                branch: None,
                ..begin.clone()
            },
        )
        .await?;
    mirror.worktree = Some(prepared.branch.clone());
    mirror.remember(mirrors, id)?;
    let base = commit(&mirror, &format!("{}/base", session_refs(id))).await?;
    let making = place.making();
    let made = Making {
        mirror: &mirror,
        common: &common,
        id,
        tree: making.join(name(id)),
    };
    let made = made.all(work_dir, &prepared.branch, &base, there.as_deref()).await;
    let _ = remove_tree(&making);
    made.map(|()| prepared)
}

struct Making<'a> {
    mirror: &'a Mirror,
    common: &'a Path,
    id: &'a SessionId,
    /// Named as the registration is to be named.
    tree: PathBuf,
}

impl Making<'_> {
    async fn all(&self, work_dir: &Path, branch: &str, base: &str, there: Option<&str>) -> Result<()> {
        let registration = registration(self.common, self.id);
        remove_tree(&registration)?;
        self.register(branch, base, there.is_some()).await?;
        self.write_files(there.unwrap_or(base), &registration).await?;
        let io = |error: std::io::Error| Fault::io(format!("making {}", work_dir.display()), &error);
        // Told before it is there: a registration whose directory is missing would be pruned only after months.
        let place = registration.join("gitdir");
        let half_made = registration.join("gitdir.making");
        std::fs::write(&half_made, format!("{}\n", work_dir.join(".git").display())).map_err(io)?;
        std::fs::rename(&half_made, &place).map_err(io)?;
        std::fs::rename(&self.tree, work_dir).map_err(io)
    }

    async fn register(&self, branch: &str, base: &str, branch_is_there: bool) -> Result<()> {
        let add = Git::at(self.common, "worktree")
            .limit(git::WORK_TREE)
            .args(&["add", "--quiet", "--no-checkout"]);
        let add = match branch_is_there {
            true => add.arg("--").arg(&self.tree).arg(branch),
            false => add.args(&["--no-track", "-b", branch, "--"]).arg(&self.tree).arg(base),
        };
        add.run().await.map(drop).map_err(|error| self.fail(error))
    }

    /// The files and the index, by the mirror's git.
    async fn write_files(&self, commit: &str, registration: &Path) -> Result<()> {
        let view = super::changes::view_dir(&self.mirror.mirrors_dir(), self.id);
        let io = |error: std::io::Error| Fault::io(format!("making {}", self.tree.display()), &error);
        std::fs::create_dir_all(view.join("objects")).map_err(io)?;
        let index = view.join("index");
        write_files(self.mirror.git("read-tree"), commit, &self.tree, &index)
            .await
            .map_err(|error| self.fail(error))?;
        std::fs::copy(&index, registration.join("index")).map(drop).map_err(io)
    }

    fn fail(&self, error: GitError) -> Fault {
        error.into_fault(&format!("making a worktree of `{}`", self.mirror.source))
    }
}

/// Takes a session's registration away, and its branch if nothing was ever committed to it. What cannot be taken away is told in
/// the log: the person's own `git worktree prune` does the same.
pub(super) async fn remove_registration(mirrors: &Mirrors, id: &SessionId) -> Result<()> {
    let Some(record) = Record::read(mirrors, id)? else {
        return Ok(());
    };
    let Some(branch) = record.worktree else { return Ok(()) };
    let common = Path::new(&record.source).join(".git");
    if !is_dir(&common) || !is_dir(&common.join("worktrees")) {
        return Ok(());
    }
    remove_tree(&registration(&common, id))?;
    let Some(mirror) = Mirror::of_session(mirrors, id).await? else {
        return Ok(());
    };
    let base = commit(&mirror, &format!("{}/base", session_refs(id))).await?;
    // With the old value: a branch with commits stays.
    let deleted = Git::at(&common, "update-ref")
        .args(&["-d", &format!("refs/heads/{branch}"), &base])
        .run()
        .await;
    match deleted {
        Err(error) if !error.is_refusal() => Err(error.into_fault("removing the session's branch")),
        _ => Ok(()),
    }
}

async fn commit(mirror: &Mirror, name: &str) -> Result<String> {
    let found = mirror.commit_of(name).await?;
    found.ok_or_else(|| Fault::new(Kind::Storage, format!("{name} is gone from {}", mirror.dir.display())))
}

fn common_dir(source: &RepoSource) -> Result<PathBuf> {
    let RepoSource::Local(path) = source else {
        return Err(Fault::new(
            Kind::Usage,
            format!("`{}` is no repository on this machine", source.as_git_arg()),
        )
        .hint("A worktree is made of a local repository; leave out `--worktree` for an address."));
    };
    let common = path.join(".git");
    if is_plain(&common, Path::new("/dev/null/objects")) {
        return Ok(common);
    }
    Err(Fault::new(
        Kind::RefusedByState,
        format!("{} is no plain checkout", path.display()),
    )
    .hint("A worktree is not made of a bare repository, of another worktree, or of one that borrows objects; leave out `--worktree`."))
}

#[cfg(test)]
mod tests;
