//! The parts of a session's clone, made side by side: its files by the mirror's git, its git directory by `git clone`.
//!
//! One after the other they would take the sum of both; `docs/decisions/workspaces.md` has the figures.

use std::path::{Path, PathBuf};

use super::RepoSource;
use super::checkout::write_files;
use super::git::{self, Git, GitError};
use super::mirror::session_refs;
use crate::domain::fault::{Fault, Result};
use crate::domain::ids::SessionId;

/// A clone that is being made, in a directory of its own that no earlier attempt used.
pub(super) struct Making<'a> {
    pub source: &'a RepoSource,
    pub mirror: PathBuf,
    pub dir: PathBuf,
    pub id: &'a SessionId,
    /// The branch that the session works on.
    pub branch: &'a str,
    /// What the source's HEAD names: where `git checkout -` leads.
    pub came_from: &'a str,
}

impl Making<'_> {
    /// Makes the clone and gives the place where it is, complete, beneath [`Making::dir`].
    pub(super) async fn all(&self) -> Result<PathBuf> {
        let tree = self.dir.join("tree");
        std::fs::create_dir_all(&tree).map_err(|error| self.io(&error))?;
        let base = format!("{}/base", session_refs(self.id));
        let commit = commit_of(&self.mirror, &base).await.map_err(|error| self.fail(error))?;
        let index = self.dir.join("index");
        // Both to their end: none may still write when the other's failure removes what was made.
        let (files, repository) = tokio::join!(
            write_files(Git::at(&self.mirror, "read-tree"), &commit, &tree, &index),
            self.repository(&base, &commit)
        );
        let git_dir = repository
            .and_then(|dir| files.map(|()| dir))
            .map_err(|error| self.fail(error))?;
        std::fs::rename(&index, git_dir.join("index"))
            .and_then(|()| std::fs::rename(&git_dir, tree.join(".git")))
            .map_err(|error| self.io(&error))?;
        Ok(tree)
    }

    /// The git directory, on the session's branch; its index is still missing.
    async fn repository(&self, base: &str, commit: &str) -> std::result::Result<PathBuf, GitError> {
        let clone = self.dir.join("clone");
        let call = Git::new("clone").limit(git::WORK_TREE).args(&[
            "--quiet",
            "--shared",
            "--no-checkout",
            "--template=",
            "--no-recurse-submodules",
            "--",
        ]);
        call.arg(&self.mirror).arg(&clone).run().await?;
        let git_dir = clone.join(".git");
        if self.mirror.join("shallow").exists() {
            // git does not share the objects of a shallow repository, and a detached HEAD is in none of the copied branches.
            let fetch = Git::at(&git_dir, "fetch").limit(git::WORK_TREE).args(&[
                "--quiet",
                "--update-shallow",
                "--no-write-fetch-head",
                "--",
            ]);
            fetch.arg(&self.mirror).arg(base).run().await?;
        }
        let set_url = Git::at(&git_dir, "remote").args(&["set-url", "origin", "--", &self.source.as_git_arg()]);
        set_url.run().await?;
        self.begin_branch(&git_dir, commit).await?;
        Ok(git_dir)
    }

    /// What `git checkout -B` does to the refs. The branch may be there: the clone has the mirror's HEAD as a branch of its own.
    async fn begin_branch(&self, git_dir: &Path, commit: &str) -> std::result::Result<(), GitError> {
        let name = format!("refs/heads/{}", self.branch);
        let created = format!("branch: Created from {commit}");
        let moved = format!("checkout: moving from {} to {}", self.came_from, self.branch);
        let update = Git::at(git_dir, "update-ref").args(&["-m", &created, &name, commit]);
        update.run().await?;
        let point = Git::at(git_dir, "symbolic-ref").args(&["-m", &moved, "HEAD", &name]);
        point.run().await.map(drop)
    }

    fn fail(&self, error: GitError) -> Fault {
        error.into_fault(&format!("cloning `{}`", self.source.as_git_arg()))
    }

    fn io(&self, error: &std::io::Error) -> Fault {
        Fault::io(format!("making {}", self.dir.display()), error)
    }
}

/// The commit of a ref that was just written: a file of its own, unless git keeps its refs in another way.
async fn commit_of(mirror: &Path, name: &str) -> std::result::Result<String, git::GitError> {
    let is_id = |text: &str| text.len() >= 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if let Ok(text) = std::fs::read_to_string(mirror.join(name))
        && is_id(text.trim_end())
    {
        return Ok(text.trim_end().to_owned());
    }
    let asked = Git::at(mirror, "rev-parse").args(&["--verify", "--end-of-options", name]);
    let out = asked.run().await?;
    Ok(git::lines(&out).next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{World, id, refused};
    use super::super::{Begin, Prepared, prepare};
    use crate::domain::fault::{Kind, Result};

    async fn on_branch(world: &World, n: u64, branch: &str) -> Result<Prepared> {
        let source = world.resolve("source").await?;
        let begin = Begin {
            branch: Some(branch.to_owned()),
            ..Begin::default()
        };
        prepare(&source, &world.mirrors(), &world.work(&id(n)), &id(n), &begin).await
    }

    /// With a remote branch, tags of both kinds, an executable, a link and text that git converts.
    fn rich() -> World {
        let world = World::new();
        world.git("source", &["branch", "topic/part"]);
        world.git("source", &["tag", "light"]);
        world.git("source", &["tag", "-a", "-m", "x", "heavy"]);
        std::os::unix::fs::symlink("README", world.path("source/link")).unwrap();
        world.commit("source", ".gitattributes", "*.bat eol=crlf\n");
        world.commit("source", "a.bat", "one\ntwo\n");
        world.git("source", &["add", "link"]);
        world.git("source", &["update-index", "--chmod=+x", "README"]);
        world.git("source", &["commit", "-q", "-m", "kinds"]);
        world
    }

    #[tokio::test]
    async fn it_is_what_git_would_have_made_at_once() {
        let world = rich();
        world.prepare("source", &id(1)).await.unwrap();
        let work = world.work(&id(1));
        let branch = format!("telecoder/{}", id(1));
        world.git(".", &["clone", "-q", "--no-local", "--template=", "source", "plain"]);
        world.git("plain", &["checkout", "-q", "-B", &branch]);
        for question in [
            "for-each-ref",
            "symbolic-ref HEAD",
            "symbolic-ref refs/remotes/origin/HEAD",
            "rev-parse --abbrev-ref main@{upstream} @{-1}",
            "ls-files --stage",
            "status --porcelain --ignored",
            "config --get-regexp ^(core|branch|remote.origin.fetch)",
        ] {
            let args: Vec<&str> = question.split(' ').collect();
            assert_eq!(world.git(&work, &args), world.git("plain", &args), "{question}");
        }
        assert_eq!(std::fs::read(work.join("a.bat")).unwrap(), b"one\r\ntwo\r\n");
        world.git(&work, &["fsck", "--full", "--strict"]);
        let beside: Vec<_> = std::fs::read_dir(work.parent().unwrap())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(beside, ["work"]);
    }

    #[tokio::test]
    async fn a_branch_that_the_clone_has_already_is_gone_on_with() {
        let world = World::new();
        on_branch(&world, 1, "main").await.unwrap();
        let work = world.work(&id(1));
        assert_eq!(
            world.git(&work, &["status", "--porcelain", "--branch"]),
            "## main...origin/main"
        );
        refused(
            on_branch(&world, 2, "main/part").await,
            Kind::Failure,
            "refs/heads/main",
        );
        assert!(!world.work(&id(2)).exists());
    }

    #[tokio::test]
    async fn a_repository_with_long_ids_works() {
        let world = World::new();
        std::fs::remove_dir_all(world.path("source")).unwrap();
        world.git(".", &["init", "-q", "--object-format=sha256", "source"]);
        world.commit("source", "README", "hello\n");
        world.prepare("source", &id(1)).await.unwrap();
        assert_eq!(world.git(world.work(&id(1)), &["status", "--porcelain"]), "");
        assert_eq!(world.git(world.work(&id(1)), &["rev-parse", "HEAD"]).len(), 64);
    }
}
