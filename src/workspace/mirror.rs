//! The daemon's bare mirror of a repository: one per source, shared by all its sessions.
//!
//! `mirrors/<slug>-<hash>.git`, beside it `….lock`. Its own refs follow the source's (`refs/heads/*`, `refs/tags/*`, also
//! when they are removed or rewritten there); what belongs to a session stands under `refs/telecoder/<id>/`. Objects are
//! never removed: sessions' clones borrow them. `mirrors/sessions/<id>.json` says which mirror a session has; it lies
//! outside of every workspace, so an agent's word about it is never needed.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::git::{self, Git};
use super::lock::MirrorLock;
use super::mirrors::Mirrors;
use super::repo_source::is_loopback;
use super::{Begin, RepoSource};
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::SessionId;

/// Protected config of calls that read a local repository: the far side of the fetch (`upload-pack`) takes only this file
/// from us, and refuses a repository of another user's without it.
const GLOBAL_CONFIG: &str = "[safe]\n\tdirectory = *\n";
const RECORD_VERSION: u32 = 1;

/// Where a source's HEAD stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SourceHead {
    /// Hexadecimal object id of the commit.
    pub commit: String,
    /// None when it is detached.
    pub branch: Option<String>,
}

/// What `prepare` leaves for `unpublished`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Record {
    pub v: u32,
    /// Directory name beneath `mirrors`.
    pub mirror: String,
    pub source: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The session works in a worktree of the source, on this branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worktree: Option<String>,
}

impl Record {
    pub(super) fn read(mirrors: &Mirrors, id: &SessionId) -> Result<Option<Self>> {
        let path = record_path(mirrors, id);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Fault::io(format!("reading {}", path.display()), &error)),
        };
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| Fault::new(Kind::Storage, format!("{} is damaged: {error}", path.display())))
    }
}

/// A locked mirror. Nobody else of ours works in it as long as this value lives.
pub(super) struct Mirror {
    pub dir: PathBuf,
    global: PathBuf,
    lock: MirrorLock,
    pub source: String,
    mirrors: Mirrors,
    /// The source's own `origin`, as it was when the session began.
    pub origin: Option<String>,
    /// The branch of a session that works in a worktree of the source.
    pub worktree: Option<String>,
}

impl Mirror {
    /// The mirror of this source, made if there is none, and brought up to it; see [`Mirror::update`].
    pub(super) async fn open(
        mirrors: &Mirrors,
        source: &RepoSource,
        base_of: Option<(&SessionId, Option<u64>)>,
    ) -> Result<(Self, SourceHead)> {
        let source = source.as_git_arg();
        let mut mirror = Self::lock(mirrors, mirror_name(&source), source).await?;
        if !mirror.dir.exists() {
            mirror.make(&mirror.ask_source().await?).await?;
        }
        mirror.remove_stale_locks()?;
        // Side by side: each is a process or two that mostly waits.
        let (origin, head, updated) = tokio::join!(
            mirror.ask_origin(),
            mirror.ask_source(),
            mirror.update(base_of, git::FETCH)
        );
        // The question has the better words for a source that cannot be reached.
        let head = head?;
        updated?;
        mirror.origin = origin;
        Ok((mirror, head))
    }

    /// The mirror that a session's clone was made of; none for a session without a repository.
    pub(super) async fn of_session(mirrors: &Mirrors, id: &SessionId) -> Result<Option<Self>> {
        let Some(record) = Record::read(mirrors, id)? else {
            return Ok(None);
        };
        let mut mirror = Self::lock(mirrors, record.mirror, record.source).await?;
        mirror.origin = record.origin;
        mirror.worktree = record.worktree;
        if !mirror.dir.is_dir() {
            return Err(Fault::new(
                Kind::Storage,
                format!("the mirror {} is gone", mirror.dir.display()),
            ));
        }
        mirror.remove_stale_locks()?;
        Ok(Some(mirror))
    }

    /// Where a session's repository is published: its own address, or its source's `origin` as it was when the session began.
    pub(super) fn address_of(mirrors: &Mirrors, id: &SessionId) -> Result<Option<String>> {
        let Some(record) = Record::read(mirrors, id)? else {
            return Ok(None);
        };
        let local = Path::new(&record.source).is_absolute();
        Ok(if local { record.origin } else { Some(record.source) })
    }

    async fn lock(mirrors: &Mirrors, name: String, source: String) -> Result<Self> {
        let global = mirrors.join("gitconfig");
        private_dir(mirrors)?;
        write_once(&global, GLOBAL_CONFIG)?;
        let lock = MirrorLock::acquire(&mirrors.join(&name).with_extension("lock")).await?;
        Ok(Self {
            dir: mirrors.join(name),
            global,
            lock,
            source,
            mirrors: mirrors.clone(),
            origin: None,
            worktree: None,
        })
    }

    /// A call in this mirror.
    pub(super) fn git(&self, subcommand: &str) -> Git {
        Git::at(&self.dir, subcommand)
            .env("GIT_CONFIG_GLOBAL", &self.global)
            .stdin(self.stdin())
    }

    pub(super) fn stdin(&self) -> Stdio {
        self.lock.stdin()
    }

    /// Brings the mirror's refs up to the source's, and pins the source's HEAD as the base of a session.
    pub(super) async fn update(&self, base_of: Option<(&SessionId, Option<u64>)>, limit: Duration) -> Result<()> {
        let base = base_of.map(|(id, pull)| {
            let from = pull.map_or_else(|| "HEAD".to_owned(), |number| format!("refs/pull/{number}/head"));
            format!("+{from}:{}/base", session_refs(id))
        });
        let mut fetch = self
            .authorise(self.fetch())
            .limit(limit)
            // Without it a branch `a` that became `a/b` in the source could never be fetched again.
            .arg("--prune")
            .plain_http(url::Url::parse(&self.source).is_ok_and(|url| is_loopback(&url)))
            .args(&[
                "--",
                &self.source,
                "+refs/heads/*:refs/heads/*",
                "+refs/tags/*:refs/tags/*",
            ]);
        fetch = base.iter().fold(fetch, |fetch, refspec| fetch.arg(refspec));
        fetch
            .run()
            .await
            .map(drop)
            .map_err(|error| error.into_fault(&format!("fetching `{}`", self.source)))
    }

    /// Pins the base that was asked for, or the branch that the session goes on with.
    pub(super) async fn set_base(&self, id: &SessionId, begin: &Begin) -> Result<()> {
        let commit = match (&begin.base, &begin.branch) {
            (Some(base), _) => Some(self.find_base(base).await?),
            (None, Some(branch)) if begin.pull.is_none() => self.commit_of(&format!("refs/heads/{branch}")).await?,
            _ => None,
        };
        let Some(commit) = commit else { return Ok(()) };
        let pin = self
            .git("update-ref")
            .args(&[&format!("{}/base", session_refs(id)), &commit]);
        pin.run()
            .await
            .map(drop)
            .map_err(|error| error.into_fault("pinning the base"))
    }

    async fn find_base(&self, base: &str) -> Result<String> {
        super::refname::check_base(base)?;
        let is_id = (7..=64).contains(&base.len()) && base.bytes().all(|b| b.is_ascii_hexdigit());
        let names = [
            format!("refs/heads/{base}"),
            format!("refs/tags/{base}"),
            base.to_owned(),
        ];
        for name in names.iter().take(if is_id { 3 } else { 2 }) {
            if let Some(commit) = self.commit_of(name).await? {
                return Ok(commit);
            }
        }
        Err(Fault::new(
            Kind::NotFound,
            format!("`{}` has no branch, tag or commit `{base}`", self.source),
        )
        .hint("`git branch -a` there lists the branches."))
    }

    pub(super) fn mirrors_dir(&self) -> Mirrors {
        self.mirrors.clone()
    }

    pub(super) async fn commit_of(&self, name: &str) -> Result<Option<String>> {
        let name = format!("{name}^{{commit}}");
        let asked = self
            .git("rev-parse")
            .args(&["--quiet", "--verify", "--end-of-options", &name])
            .run()
            .await;
        match asked {
            Ok(out) => Ok(git::lines(&out).next().map(str::to_owned)),
            Err(error) if error.is_refusal() => Ok(None),
            Err(error) => Err(error.into_fault(&format!("looking for {name}"))),
        }
    }

    /// Fetches a session's work through the repository of ours that shows it.
    pub(super) async fn fetch_lens(&self, lens: &Path, refspecs: &[String], work_dir: &Path) -> Result<()> {
        let fetch = self.fetch().arg("--prune").arg("--").arg(lens);
        let fetch = refspecs.iter().fold(fetch, |fetch, refspec| fetch.arg(refspec));
        let doing = format!("reading the work in {}", work_dir.display());
        fetch.run().await.map(drop).map_err(|error| error.into_fault(&doing))
    }

    fn fetch(&self) -> Git {
        self.git("fetch").limit(git::WORK_TREE).args(&[
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-auto-maintenance",
            "--no-recurse-submodules",
            "--update-shallow",
        ])
    }

    pub(super) fn authorise(&self, git: Git) -> Git {
        self.mirrors.authorise(git, &self.source)
    }

    /// Where a local source was cloned from. Written down before an agent runs, so that its word about it is not needed.
    async fn ask_origin(&self) -> Option<String> {
        let dir = Path::new(&self.source).is_absolute().then(|| Path::new(&self.source))?;
        let out = Git::new("config")
            .cwd(dir)
            .args(&["--get", "remote.origin.url"])
            .run()
            .await
            .ok()?;
        git::lines(&out).next().map(str::to_owned)
    }

    async fn ask_source(&self) -> Result<SourceHead> {
        let out = self
            .authorise(Git::new("ls-remote"))
            .env("GIT_CONFIG_GLOBAL", &self.global)
            .limit(git::ASK_REMOTE)
            .plain_http(url::Url::parse(&self.source).is_ok_and(|url| is_loopback(&url)))
            .args(&["--symref", "--", &self.source, "HEAD"])
            .run()
            .await
            .map_err(|error| {
                error.into_fault(&format!("asking `{}`", self.source)).hint(
                    "Check that the repository can be reached without a password: git ls-remote ADDRESS. The daemon uses \
                     ssh keys and public https, not your git credential helper.",
                )
            })?;
        parse_head(&out).ok_or_else(|| {
            Fault::new(
                Kind::RefusedByState,
                format!("the repository `{}` has no commit at its HEAD", self.source),
            )
            .hint("Make a first commit there: git commit --allow-empty -m Begin")
        })
    }

    /// Made under another name and renamed, so that a mirror that exists is complete.
    async fn make(&self, head: &SourceHead) -> Result<()> {
        let half_made = self.dir.with_extension("making");
        remove_tree(&half_made)?;
        let format = if head.commit.len() == 64 { "sha256" } else { "sha1" };
        let doing = format!("making the mirror {}", self.dir.display());
        Git::new("init")
            .stdin(self.stdin())
            .args(&["--quiet", "--bare", "--template=", "--object-format", format, "--"])
            .arg(&half_made)
            .run()
            .await
            .map_err(|error| error.into_fault(&doing))?;
        // For a person who looks around in here; our own calls say the same on the command line.
        for (key, value) in [
            ("gc.auto", "0"),
            ("gc.pruneExpire", "never"),
            ("maintenance.auto", "false"),
        ] {
            Git::at(&half_made, "config")
                .args(&[key, value])
                .run()
                .await
                .map_err(|error| error.into_fault(&doing))?;
        }
        std::fs::rename(&half_made, &self.dir).map_err(|error| Fault::io(doing, &error))
    }

    /// A git that was killed leaves its lock files, and every later one refuses. We hold the flock, and so did that git
    /// while it lived (see [`MirrorLock::stdin`]): whatever lock file is there, nobody works under it any more.
    fn remove_stale_locks(&self) -> Result<()> {
        let doing = || format!("clearing {}", self.dir.display());
        let mut dirs = vec![self.dir.clone()];
        while let Some(dir) = dirs.pop() {
            for entry in std::fs::read_dir(&dir).map_err(|error| Fault::io(doing(), &error))? {
                let entry = entry.map_err(|error| Fault::io(doing(), &error))?;
                let kind = entry.file_type().map_err(|error| Fault::io(doing(), &error))?;
                if kind.is_dir() && entry.file_name() != "objects" {
                    dirs.push(entry.path());
                } else if kind.is_file() && entry.path().extension().is_some_and(|extension| extension == "lock") {
                    std::fs::remove_file(entry.path()).map_err(|error| Fault::io(doing(), &error))?;
                }
            }
        }
        Ok(())
    }

    /// Points the mirror's HEAD where the source's points, so that clones get the same `origin/HEAD`.
    pub(super) async fn follow_head(&self, head: &SourceHead) -> Result<()> {
        let Some(branch) = &head.branch else { return Ok(()) };
        let name = format!("refs/heads/{branch}");
        if std::fs::read_to_string(self.dir.join("HEAD")).is_ok_and(|there| there.trim_end() == format!("ref: {name}"))
        {
            return Ok(());
        }
        let call = self.git("symbolic-ref").args(&["HEAD", &name]);
        call.run()
            .await
            .map(drop)
            .map_err(|error| error.into_fault("setting the mirror's HEAD"))
    }

    /// Writes down which mirror this session has.
    pub(super) fn remember(&self, mirrors: &Mirrors, id: &SessionId) -> Result<()> {
        let path = record_path(mirrors, id);
        private_dir(&mirrors.join("sessions"))?;
        let mirror = self.dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let record = Record {
            v: RECORD_VERSION,
            mirror,
            source: self.source.clone(),
            origin: self.origin.clone(),
            worktree: self.worktree.clone(),
        };
        let text = serde_json::to_string(&record).expect("strings and a number");
        let half_made = path.with_extension("making");
        std::fs::write(&half_made, text)
            .and_then(|()| std::fs::rename(&half_made, &path))
            .map_err(|error| Fault::io(format!("writing {}", path.display()), &error))
    }
}

/// The namespace of a session in its mirror.
pub(super) fn session_refs(id: &SessionId) -> String {
    format!("refs/telecoder/{id}")
}

/// Removes a tree that may not be there.
pub(super) fn remove_tree(path: &Path) -> Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Fault::io(format!("removing {}", path.display()), &error))
        }
        _ => Ok(()),
    }
}

pub(super) fn record_path(mirrors: &Mirrors, id: &SessionId) -> PathBuf {
    mirrors.join("sessions").join(format!("{id}.json"))
}

fn private_dir(path: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| Fault::io(format!("making {}", path.display()), &error))
}

fn write_once(path: &Path, text: &str) -> Result<()> {
    if std::fs::read_to_string(path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    std::fs::write(path, text).map_err(|error| Fault::io(format!("writing {}", path.display()), &error))
}

/// A readable part for people and a hash that tells sources apart: `website-3f9c0a1b2c4d.git`.
fn mirror_name(source: &str) -> String {
    let last = source
        .trim_end_matches('/')
        .trim_end_matches(".git")
        .rsplit(['/', ':'])
        .next()
        .unwrap_or_default();
    let slug: String = last
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .take(32)
        .collect();
    let slug = slug.trim_matches('-');
    let slug = if slug.is_empty() { "repository" } else { slug };
    let digest = Sha256::digest(source.as_bytes());
    let hash: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    format!("{slug}-{hash}.git")
}

/// `ref: refs/heads/main\tHEAD` (absent when detached) and `<oid>\tHEAD`.
fn parse_head(out: &[u8]) -> Option<SourceHead> {
    let mut head = SourceHead {
        commit: String::new(),
        branch: None,
    };
    for line in git::lines(out) {
        let (value, name) = line.split_once('\t')?;
        if name != "HEAD" {
            continue;
        }
        match value.strip_prefix("ref: ") {
            Some(target) => head.branch = target.strip_prefix("refs/heads/").map(str::to_owned),
            None => head.commit = value.to_owned(),
        }
    }
    let is_id = matches!(head.commit.len(), 40 | 64) && head.commit.bytes().all(|b| b.is_ascii_hexdigit());
    is_id.then_some(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_sources_apart() {
        let a = mirror_name("https://host/owner/Web_Site.git");
        assert!(a.starts_with("web-site-") && a.ends_with(".git"), "{a}");
        assert_ne!(a, mirror_name("https://host/other/Web_Site.git"));
        assert!(mirror_name("/").starts_with("repository-"));
        assert!(!mirror_name("host:..").contains('.') || mirror_name("host:..").starts_with("repository-"));
    }

    #[test]
    fn heads_are_read() {
        let id = "a".repeat(40);
        let on_branch = parse_head(format!("ref: refs/heads/x/y\tHEAD\n{id}\tHEAD\n").as_bytes()).unwrap();
        assert_eq!(
            on_branch,
            SourceHead {
                commit: id.clone(),
                branch: Some("x/y".into())
            }
        );
        assert_eq!(parse_head(format!("{id}\tHEAD\n").as_bytes()).unwrap().branch, None);
        assert_eq!(parse_head(b""), None);
        assert_eq!(parse_head(b"ref: refs/heads/main\tHEAD\n"), None);
    }
}
