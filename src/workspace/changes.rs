//! What a workspace's files are, as a tree of ours, and what differs from an earlier state.
//!
//! The mirror's git looks, with an index and an object directory of the session's own (`mirrors/sessions/<id>.view/`): nothing
//! of the agent's config is read, nothing of ours lands in the workspace, and files that were never committed go away with
//! the session.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::git::{self, Git, GitError, entries};
use super::lens::Head;
use super::mirror::{Mirror, session_refs};
use super::mirrors::Mirrors;
use super::unpublished::{check_layout, fetch_work};
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::SessionId;
use crate::domain::outcome::{DiffStat, FILES_MAX, FileChange, FileStatus, Mark, Measured, SUBJECTS_MAX};

/// A file that is larger than this is named and not looked into.
const FILE_BYTES_MAX: u64 = 20 * 1024 * 1024;
/// Together, what git does not know may be so large.
const NEW_BYTES_MAX: u64 = 200 * 1024 * 1024;
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

/// A file as it stands at the session's base, whatever the agent made of it. None when there is none.
pub async fn base_file(mirrors: &Mirrors, id: &SessionId, path: &str, bytes_max: u64) -> Result<Option<Vec<u8>>> {
    let Some(mirror) = Mirror::of_session(mirrors, id).await? else {
        return Ok(None);
    };
    let blob = format!("{}/base:{path}", session_refs(id));
    let exists = mirror
        .git("rev-parse")
        .args(&["--quiet", "--verify", "--end-of-options", &blob])
        .run()
        .await;
    match exists {
        Err(error) if error.is_refusal() => return Ok(None),
        other => other.map_err(|error| error.into_fault(&format!("looking for {path}")))?,
    };
    let (bytes, cut) = mirror
        .git("cat-file")
        .args(&["blob", &blob])
        .run_cut(bytes_max)
        .await
        .map_err(|error| error.into_fault(&format!("reading {path}")))?;
    if cut {
        return Err(Fault::new(
            Kind::OverLimit,
            format!("{path} is longer than {bytes_max} bytes"),
        ));
    }
    Ok(Some(bytes))
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
        check_layout(work_dir, &mirror.dir)?;
        let head = fetch_work(&mirror, mirrors, work_dir, id).await?;
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

/// The work tree seen by the mirror's git.
pub(super) struct View {
    pub mirror: Mirror,
    work_dir: PathBuf,
    pub dir: PathBuf,
    index: PathBuf,
    /// Where objects of files go that are in no commit; none: into the mirror.
    objects: Option<PathBuf>,
    commit: Option<String>,
}

/// Paths as git prints them.
pub(super) struct Scan {
    /// Tracked files that differ from the commit.
    changed: Vec<Vec<u8>>,
    untracked: Vec<Vec<u8>>,
    left_out: Vec<Vec<u8>>,
}

impl View {
    /// The same look, writing into the mirror, with an index that knows no object yet: for what is to be published.
    pub(super) fn into_mirror(self) -> Self {
        let index = self.dir.join("index.publish");
        let _ = std::fs::remove_file(&index);
        let _ = std::fs::remove_file(self.dir.join("index.publish.lock"));
        Self {
            index,
            objects: None,
            ..self
        }
    }

    pub(super) fn git(&self, subcommand: &str) -> Git {
        let git = self
            .mirror
            .git(subcommand)
            .env("GIT_WORK_TREE", &self.work_dir)
            .env("GIT_INDEX_FILE", &self.index)
            .cwd(&self.work_dir)
            .limit(git::WORK_TREE);
        match &self.objects {
            Some(objects) => git
                .env("GIT_OBJECT_DIRECTORY", objects)
                .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", self.mirror.dir.join("objects")),
            None => git,
        }
    }

    fn fail(&self) -> impl Fn(GitError) -> Fault {
        let doing = format!("comparing the files in {}", self.work_dir.display());
        move |error| error.into_fault(&doing)
    }

    /// Which files differ from the commit, and which git does not know.
    pub(super) async fn scan(&self) -> Result<Scan> {
        let read = match &self.commit {
            // With `-m` what is known of unchanged files stays, and they need not be read again.
            Some(commit) => self.git("read-tree").args(&["-m", commit]),
            None => self.git("read-tree").arg("--empty"),
        };
        if let Err(error) = read.run().await {
            // An index that a crash left behind is thrown away once.
            let _ = std::fs::remove_file(&self.index);
            let commit = self
                .commit
                .as_deref()
                .ok_or_else(|| Fault::new(Kind::Failure, format!("{error:?}")))?;
            self.git("read-tree").arg(commit).run().await.map_err(self.fail())?;
        }
        // It fails when it finds a difference, which is no failure here.
        match self
            .git("update-index")
            .args(&["-q", "--ignore-submodules", "--refresh"])
            .run()
            .await
        {
            Err(error) if !error.is_refusal() => return Err(self.fail()(error)),
            _ => {}
        }
        // Looking into a submodule would start a git under that submodule's own config.
        let changed = self
            .git("diff-files")
            .args(&["--name-only", "-z", "--ignore-submodules=all"]);
        let changed = changed.run().await.map_err(self.fail())?;
        let others = self.git("ls-files").args(&["-z", "--others", "--exclude-standard"]);
        let others = others.run().await.map_err(self.fail())?;
        Ok(self.sort(entries(&changed), entries(&others)))
    }

    /// Sorts out what is too large, and what is no file.
    fn sort<'a>(&self, changed: impl Iterator<Item = &'a [u8]>, others: impl Iterator<Item = &'a [u8]>) -> Scan {
        let mut scan = Scan {
            changed: Vec::new(),
            untracked: Vec::new(),
            left_out: Vec::new(),
        };
        let mut room = NEW_BYTES_MAX;
        let mut fits = |path: &[u8]| {
            let meta = std::fs::symlink_metadata(self.work_dir.join(std::ffi::OsStr::from_bytes(path)));
            match meta {
                Ok(meta) if meta.is_file() && (meta.len() > FILE_BYTES_MAX || meta.len() > room) => false,
                Ok(meta) if meta.is_file() => {
                    room -= meta.len();
                    true
                }
                Ok(meta) => meta.is_symlink(),
                Err(_) => true,
            }
        };
        for path in changed {
            if fits(path) {
                scan.changed.push(path.to_vec());
            } else {
                scan.left_out.push(path.to_vec());
            }
        }
        for path in others {
            // A repository within the repository is listed as a directory.
            if !path.ends_with(b"/") && fits(path) {
                scan.untracked.push(path.to_vec());
            } else {
                scan.left_out.push(path.to_vec());
            }
        }
        scan
    }

    /// The tree of the files as they are now.
    pub(super) async fn tree(&self, scan: &Scan) -> Result<String> {
        let doing = |error: std::io::Error| Fault::io(format!("writing into {}", self.dir.display()), &error);
        let list = self.dir.join("paths");
        let mut paths = Vec::new();
        for path in scan.changed.iter().chain(&scan.untracked) {
            paths.extend_from_slice(path);
            paths.push(0);
        }
        if !paths.is_empty() {
            std::fs::write(&list, &paths).map_err(doing)?;
            let input = Stdio::from(std::fs::File::open(&list).map_err(doing)?);
            let update = self
                .git("update-index")
                .args(&["-z", "--add", "--remove", "--stdin"])
                .stdin(input);
            update.run().await.map_err(self.fail())?;
        }
        let tree = self.git("write-tree").run().await.map_err(self.fail())?;
        Ok(git::lines(&tree).next().unwrap_or_default().to_owned())
    }

    pub(super) async fn resolve(&self, name: &str) -> Result<String> {
        let out = self
            .git("rev-parse")
            .args(&["--verify", "--end-of-options", name])
            .run()
            .await;
        let out = out.map_err(|error| error.into_fault(&format!("looking for {name}")))?;
        Ok(git::lines(&out).next().unwrap_or_default().to_owned())
    }

    pub(super) async fn is_ancestor(&self, old: &str, new: &str) -> Result<bool> {
        match self.git("merge-base").args(&["--is-ancestor", old, new]).run().await {
            Ok(_) => Ok(true),
            Err(error) if error.is_refusal() => Ok(false),
            Err(error) => Err(self.fail()(error)),
        }
    }

    pub(super) async fn compare(&self, from: &str, to: &str) -> Result<(Vec<FileChange>, DiffStat)> {
        let args = [
            "-r",
            "-M",
            "--no-ext-diff",
            "--no-textconv",
            "--raw",
            "--numstat",
            "-z",
            from,
            to,
        ];
        let out = self
            .git("diff-tree")
            .args(&args)
            .arg("--")
            .run()
            .await
            .map_err(self.fail())?;
        let files = parse_changes(&out);
        let stat = DiffStat {
            files: count(files.len()),
            added: files.iter().filter_map(|file| file.added).sum(),
            removed: files.iter().filter_map(|file| file.removed).sum(),
        };
        Ok((files, stat))
    }

    pub(super) async fn patch(&self, from: &str, to: &str, bytes_max: u64) -> Result<(String, bool)> {
        let args = [
            "-r",
            "-M",
            "-p",
            "--no-ext-diff",
            "--no-textconv",
            "--no-color",
            from,
            to,
        ];
        let git = self.git("diff-tree").args(&args).arg("--");
        let (bytes, cut) = git.run_cut(bytes_max).await.map_err(self.fail())?;
        Ok((String::from_utf8_lossy(&bytes).into_owned(), cut))
    }
}

/// The output of `--raw --numstat -z`: first `:mode mode id id STATUS`, path (two for a rename) for each file, then
/// `added TAB removed TAB path`, or `added TAB removed TAB`, old path, new path for each in the same order.
fn parse_changes(out: &[u8]) -> Vec<FileChange> {
    let mut files: Vec<FileChange> = Vec::new();
    let mut tokens = entries(out);
    let mut counted = 0;
    while let Some(token) = tokens.next() {
        let text = String::from_utf8_lossy(token);
        if token.starts_with(b":") && text.split(' ').count() == 5 {
            let status = status_of(text.rsplit(' ').next().unwrap_or_default());
            let first = tokens.next().unwrap_or_default();
            let path = if status == FileStatus::Renamed {
                tokens.next().unwrap_or_default()
            } else {
                first
            };
            files.push(FileChange {
                path: shown(path),
                status,
                added: None,
                removed: None,
            });
            continue;
        }
        let mut parts = text.splitn(3, '\t');
        let (added, removed, path) = (parts.next(), parts.next(), parts.next());
        if path == Some("") {
            tokens.next();
            tokens.next();
        }
        if let Some(file) = files.get_mut(counted) {
            file.added = added.and_then(|n| n.parse().ok());
            file.removed = removed.and_then(|n| n.parse().ok());
        }
        counted += 1;
    }
    files
}

fn status_of(word: &str) -> FileStatus {
    match word.chars().next() {
        Some('A' | 'C') => FileStatus::Added,
        Some('D') => FileStatus::Deleted,
        Some('R') => FileStatus::Renamed,
        Some('T') => FileStatus::TypeChanged,
        _ => FileStatus::Modified,
    }
}

/// A path for a person: no control characters, nothing that turns the direction of the text.
fn shown(path: &[u8]) -> String {
    clean_line(&String::from_utf8_lossy(path))
}

fn clean_line(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}');
    text.chars()
        .map(|c| if c.is_control() || turns(c) { '\u{fffd}' } else { c })
        .collect()
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_and_numstat_are_read_together() {
        let id = "0".repeat(40);
        let out = format!(
            ":100644 100644 {id} {id} M\0a b.rs\0:100644 100644 {id} {id} R090\0old\0new\0:000000 100644 {id} {id} A\0pic\0\
             3\t1\ta b.rs\0{}\0old\0new\0-\t-\tpic\0",
            "2\t0\t"
        );
        let files = parse_changes(out.as_bytes());
        let short: Vec<_> = files
            .iter()
            .map(|f| (f.path.as_str(), f.status, f.added, f.removed))
            .collect();
        assert_eq!(
            short,
            [
                ("a b.rs", FileStatus::Modified, Some(3), Some(1)),
                ("new", FileStatus::Renamed, Some(2), Some(0)),
                ("pic", FileStatus::Added, None, None),
            ]
        );
    }
}
