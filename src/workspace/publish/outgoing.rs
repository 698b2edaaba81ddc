//! What would go out: the commit that the branch is to stand on, and what it brings.

use super::super::changes::Look;
use super::super::git::{self, Git};
use super::super::mirrors::Mirrors;
use super::scan;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::SessionId;
use crate::domain::outcome::{DiffStat, FileChange};

/// The patches of every commit that goes out may be so long; what cannot be read to its end is not published.
const SCAN_BYTES_MAX: u64 = 64 * 1024 * 1024;
const SUBJECTS_MAX: &str = "--max-count=50";

/// Name and address of a commit of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    pub name: String,
    pub address: String,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Wish<'a> {
    /// Commit what is not committed.
    pub commit: bool,
    pub message: &'a str,
    pub author: &'a Author,
    /// What stands on the branch of the forge already, as far as we know.
    pub pushed: Option<&'a str>,
    /// What an earlier attempt made, so that a repeat makes the same.
    pub intended: Option<&'a str>,
    pub file_bytes_max: u64,
    /// Findings of the scan do not stand in the way.
    pub allow_findings: bool,
}

/// What would go out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The commit, in the mirror.
    pub tip: String,
    /// Made by us, of files that were not committed.
    pub committed: bool,
    pub stat: DiffStat,
    pub files: Vec<FileChange>,
    /// Newest first.
    pub subjects: Vec<String>,
    /// Files that stay behind, because they are not committed and nobody asked for it.
    pub left_behind: u32,
    pub findings: Vec<scan::Finding>,
}

/// Looks at the workspace from the mirror and makes the commit that would go out. Nothing leaves the machine.
///
/// Errors: `RefusedByState` when there is nothing to publish, when only uncommitted files are there and `commit` was not
/// asked for, and for what the scan finds.
pub async fn prepare_outgoing(
    mirrors: &Mirrors,
    work_dir: &std::path::Path,
    id: &SessionId,
    wish: &Wish<'_>,
) -> Result<Outgoing> {
    let looked = Look::at(mirrors, work_dir, id).await?.into_mirror();
    let base = looked.base(id).await?;
    let head = looked.head().ok_or_else(|| {
        Fault::new(Kind::RefusedByState, "the branch has no commit").hint("Let the agent commit something first.")
    })?;
    let scan = looked.view.scan().await?;
    let loose = scan.loose();
    let head_tree = looked.view.resolve(&format!("{head}^{{tree}}")).await?;
    let tree = match wish.commit && loose > 0 {
        true => looked.view.tree(&scan).await?,
        false => head_tree.clone(),
    };
    if tree == base.tree && wish.pushed.is_none() {
        let hint = match loose {
            0 => "Nothing changed: `telecoder diff` shows the same.",
            _ => "Its changes are not committed: `--commit` commits them.",
        };
        return Err(Fault::new(Kind::RefusedByState, "there is nothing to publish").hint(hint));
    }
    let tip = tip(&looked, &head, &head_tree, &tree, wish).await?;
    let call = looked
        .view
        .git("update-ref")
        .args(&[&format!("refs/telecoder-published/{id}"), &tip]);
    call.run()
        .await
        .map_err(|error| error.into_fault("noting what is to be published"))?;
    let (files, stat) = looked.view.compare(&base.tree, &tree).await?;
    let base_commit = base.head.unwrap_or_default();
    let findings = findings(&looked, &tip, &base_commit, &files, wish.file_bytes_max).await?;
    if !wish.allow_findings {
        scan::refuse(&findings)?;
    }
    Ok(Outgoing {
        committed: tip != head,
        subjects: subjects(&looked, &tip, &base_commit).await?,
        left_behind: if wish.commit { 0 } else { loose },
        tip,
        stat,
        files,
        findings,
    })
}

/// The commit to push: the agent's own, or one of ours on top of it. It always descends from what stands there already, so
/// a push is never forced.
async fn tip(looked: &Look, head: &str, head_tree: &str, tree: &str, wish: &Wish<'_>) -> Result<String> {
    let view = &looked.view;
    let beside = match wish.pushed {
        Some(pushed) if !view.is_ancestor(pushed, head).await? => Some(pushed),
        _ => None,
    };
    let parents = match beside {
        None if tree == head_tree => return Ok(head.to_owned()),
        None => vec![head.to_owned()],
        Some(pushed)
            if view.resolve(&format!("{pushed}^{{tree}}")).await? == tree && view.is_ancestor(head, pushed).await? =>
        {
            return Ok(pushed.to_owned());
        }
        Some(pushed) if view.is_ancestor(head, pushed).await? => vec![pushed.to_owned()],
        Some(pushed) => vec![pushed.to_owned(), head.to_owned()],
    };
    if let Some(intended) = wish.intended
        && is_same(looked, intended, tree, &parents).await
    {
        return Ok(intended.to_owned());
    }
    let mut git = view.git("commit-tree").arg(tree);
    for parent in &parents {
        git = git.args(&["-p", parent]);
    }
    let made = as_author(git, wish.author).args(&["-m", wish.message]).run().await;
    let made = made.map_err(|error| error.into_fault("committing what is not committed"))?;
    Ok(git::lines(&made).next().unwrap_or_default().to_owned())
}

fn as_author(git: Git, author: &Author) -> Git {
    git.env("GIT_AUTHOR_NAME", &author.name)
        .env("GIT_AUTHOR_EMAIL", &author.address)
        .env("GIT_COMMITTER_NAME", &author.name)
        .env("GIT_COMMITTER_EMAIL", &author.address)
}

/// Whether an earlier attempt made this very commit.
async fn is_same(looked: &Look, commit: &str, tree: &str, parents: &[String]) -> bool {
    let out = looked
        .view
        .git("log")
        .args(&["--no-show-signature", "-1", "--format=%T %P", commit, "--"])
        .run()
        .await;
    let Ok(out) = out else { return false };
    let line = String::from_utf8_lossy(&out).trim().to_owned();
    let mut words = line.split(' ').filter(|word| !word.is_empty());
    words.next() == Some(tree) && words.map(str::to_owned).collect::<Vec<_>>() == parents
}

async fn subjects(looked: &Look, tip: &str, base: &str) -> Result<Vec<String>> {
    let out = looked
        .view
        .git("log")
        .args(&[
            "--no-show-signature",
            "--format=%s",
            SUBJECTS_MAX,
            tip,
            "--not",
            base,
            "--",
        ])
        .run()
        .await
        .map_err(|error| error.into_fault("reading what would go out"))?;
    Ok(String::from_utf8_lossy(&out).lines().map(str::to_owned).collect())
}

async fn findings(looked: &Look, tip: &str, base: &str, files: &[FileChange], max: u64) -> Result<Vec<scan::Finding>> {
    let fail = |error: git::GitError| error.into_fault("scanning what would go out");
    // Every commit: what a later one deletes goes out all the same.
    let args = [
        "--no-show-signature",
        "-p",
        "-m",
        "--no-ext-diff",
        "--no-textconv",
        "--no-color",
        "--format=",
        tip,
        "--not",
        base,
        "--",
    ];
    let (patches, cut) = looked
        .view
        .git("log")
        .args(&args)
        .run_cut(SCAN_BYTES_MAX)
        .await
        .map_err(fail)?;
    if cut {
        return Err(Fault::new(
            Kind::OverLimit,
            format!("what would go out is longer than {SCAN_BYTES_MAX} bytes and cannot be scanned"),
        )
        .hint("Publish it by hand, from the workspace."));
    }
    let mut findings = scan::secrets(&String::from_utf8_lossy(&patches));
    let listing = looked
        .view
        .git("ls-tree")
        .args(&["-r", "-l", "-z", tip])
        .run()
        .await
        .map_err(fail)?;
    findings.extend(scan::too_large(&listing, max, |path| {
        files.iter().any(|file| file.path == path)
    }));
    Ok(findings)
}
