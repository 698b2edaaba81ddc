//! The files of a workspace, seen by the mirror's git: which differ, their tree, and the difference of two trees.

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::Stdio;

use super::git::{self, Git, GitError, entries};
use super::mirror::Mirror;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::outcome::{DiffStat, FileChange, FileStatus};

/// A file that is larger than this is named and not looked into.
const FILE_BYTES_MAX: u64 = 20 * 1024 * 1024;
/// Together, what git does not know may be so large.
const NEW_BYTES_MAX: u64 = 200 * 1024 * 1024;

/// The work tree seen by the mirror's git.
pub(super) struct View {
    pub mirror: Mirror,
    pub work_dir: PathBuf,
    pub dir: PathBuf,
    pub index: PathBuf,
    /// Where objects of files go that are in no commit; none: into the mirror.
    pub objects: Option<PathBuf>,
    pub commit: Option<String>,
}

/// Paths as git prints them.
pub(super) struct Scan {
    /// Tracked files that differ from the commit.
    pub changed: Vec<Vec<u8>>,
    pub untracked: Vec<Vec<u8>>,
    pub left_out: Vec<Vec<u8>>,
}

impl Scan {
    /// Files that are in no commit as they are.
    pub(super) fn loose(&self) -> u32 {
        count(self.changed.len() + self.untracked.len() + self.left_out.len())
    }
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
pub(super) fn shown(path: &[u8]) -> String {
    clean_line(&String::from_utf8_lossy(path))
}

pub(super) fn clean_line(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}');
    text.chars()
        .map(|c| if c.is_control() || turns(c) { '\u{fffd}' } else { c })
        .collect()
}

pub(super) fn count(number: usize) -> u32 {
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
