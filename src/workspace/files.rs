//! Single files: of a commit, and those that git ignores and a workspace needs all the same.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::process::Stdio;

use rustix::fs::{Mode, OFlags, mkdirat, open, openat};
use rustix::io::Errno;

use super::RepoSource;
use super::git::entries;
use super::mirror::{Mirror, session_refs};
use super::mirrors::Mirrors;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::SessionId;

/// What is copied into one workspace, at most.
const FILES_MAX: usize = 2000;
const BYTES_MAX: u64 = 500 * 1024 * 1024;
const DEPTH_MAX: usize = 32;

/// A file as it stands at the session's base, whatever the agent made of it. None when there is none.
pub async fn base_file(mirrors: &Mirrors, id: &SessionId, path: &str, bytes_max: u64) -> Result<Option<Vec<u8>>> {
    match Mirror::of_session(mirrors, id).await? {
        Some(mirror) => read(&mirror, &format!("{}/base", session_refs(id)), path, bytes_max).await,
        None => Ok(None),
    }
}

/// A file as it stands at a source's HEAD. None when there is none.
pub async fn head_file(source: &RepoSource, mirrors: &Mirrors, path: &str, bytes_max: u64) -> Result<Option<Vec<u8>>> {
    let (mirror, head) = Mirror::open(mirrors, source, None).await?;
    read(&mirror, &head.commit, path, bytes_max).await
}

async fn read(mirror: &Mirror, commit: &str, path: &str, bytes_max: u64) -> Result<Option<Vec<u8>>> {
    let blob = format!("{commit}:{path}");
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

/// Copies files and directories that git ignores from a person's checkout into a workspace. Nothing there is written over, no
/// link is followed on either side, and what the repository's own `.gitignore` does not name stays: it could be published.
/// Gives what was not copied and why, in sentences.
pub async fn copy_ignored(
    source: &Path,
    mirrors: &Mirrors,
    work_dir: &Path,
    id: &SessionId,
    wanted: &[PathBuf],
) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    let mut found = Vec::new();
    for path in wanted {
        let is_plain = path.components().all(|part| matches!(part, Component::Normal(_)))
            && path.components().next().is_some_and(|part| part.as_os_str() != ".git");
        let told = |why: &str| format!("{} was not copied: {why}.", path.display());
        if !is_plain {
            notes.push(told("it is no path within the checkout"));
        } else if let Err(why) = collect(source, path, 0, &mut found) {
            notes.push(told(&why));
        }
    }
    if found.is_empty() {
        return Ok(notes);
    }
    let ignored = ignored(mirrors, work_dir, id, &found).await?;
    let mut room = BYTES_MAX;
    for path in found {
        let outcome = match ignored.contains(&path) {
            false => Err("the repository's .gitignore does not name it".to_owned()),
            true => copy(source, work_dir, &path, &mut room),
        };
        if let Err(why) = outcome {
            notes.push(format!("{} was not copied: {why}.", path.display()));
        }
    }
    Ok(notes)
}

/// The regular files at a path, relative to the checkout.
fn collect(source: &Path, path: &Path, depth: usize, found: &mut Vec<PathBuf>) -> std::result::Result<(), String> {
    let whole = source.join(path);
    let meta = std::fs::symlink_metadata(&whole).map_err(|error| error.to_string())?;
    if meta.is_dir() {
        if depth >= DEPTH_MAX {
            return Err("it is nested too deeply".into());
        }
        for entry in std::fs::read_dir(&whole).map_err(|error| error.to_string())? {
            let entry = entry.map_err(|error| error.to_string())?;
            // A link among the files of a directory is left out without a word: `node_modules` is full of them.
            if !entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
                collect(source, &path.join(entry.file_name()), depth + 1, found)?;
            }
        }
        return Ok(());
    }
    if !meta.is_file() {
        return Err("it is no regular file".into());
    }
    if found.len() >= FILES_MAX {
        return Err(format!("more than {FILES_MAX} files"));
    }
    found.push(path.to_owned());
    Ok(())
}

async fn ignored(mirrors: &Mirrors, work_dir: &Path, id: &SessionId, paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let Some(mirror) = Mirror::of_session(mirrors, id).await? else {
        return Ok(Vec::new());
    };
    let list = super::changes::view_dir(mirrors, id).join("ignored");
    let io = |error: std::io::Error| Fault::io(format!("writing {}", list.display()), &error);
    let mut text = Vec::new();
    for path in paths {
        text.extend_from_slice(path.as_os_str().as_bytes());
        text.push(0);
    }
    std::fs::write(&list, text).map_err(io)?;
    let input = Stdio::from(std::fs::File::open(&list).map_err(io)?);
    let asked = mirror
        .git("check-ignore")
        .env("GIT_WORK_TREE", work_dir)
        .cwd(work_dir)
        .args(&["--no-index", "-z", "--stdin"])
        .stdin(input);
    match asked.run().await {
        Ok(out) => Ok(entries(&out)
            .map(|path| PathBuf::from(OsStr::from_bytes(path)))
            .collect()),
        // It fails when nothing is ignored.
        Err(error) if error.is_refusal() => Ok(Vec::new()),
        Err(error) => Err(error.into_fault("asking which files are ignored")),
    }
}

fn copy(source: &Path, work_dir: &Path, path: &Path, room: &mut u64) -> std::result::Result<(), String> {
    let said = |error: Errno| std::io::Error::from(error).to_string();
    let from = beneath(source, path, false).and_then(|(dir, name)| {
        openat(
            &dir,
            &name,
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC,
            Mode::empty(),
        )
    });
    let mut from = std::fs::File::from(from.map_err(said)?);
    let meta = from.metadata().map_err(|error| error.to_string())?;
    if !meta.is_file() || meta.len() > *room {
        return Err(format!(
            "it is no regular file, or more than {BYTES_MAX} bytes would be copied"
        ));
    }
    let mode = Mode::from_raw_mode(std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o777);
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let to = beneath(work_dir, path, true).and_then(|(dir, name)| openat(&dir, &name, flags, mode));
    let mut to = match to {
        // What is there stays: an earlier try copied it, or it is the agent's.
        Err(Errno::EXIST) => return Ok(()),
        to => std::fs::File::from(to.map_err(said)?),
    };
    *room -= meta.len();
    std::io::copy(&mut from, &mut to)
        .map(drop)
        .map_err(|error| error.to_string())
}

/// The directory of a path, reached through no link, and the last name.
fn beneath(root: &Path, path: &Path, make: bool) -> rustix::io::Result<(OwnedFd, PathBuf)> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut dir = open(root, flags, Mode::empty())?;
    for part in path.parent().into_iter().flat_map(Path::components) {
        if make {
            match mkdirat(&dir, part.as_os_str(), Mode::from_raw_mode(0o777)) {
                Err(Errno::EXIST) | Ok(()) => {}
                Err(error) => return Err(error),
            }
        }
        dir = openat(&dir, part.as_os_str(), flags, Mode::empty())?;
    }
    Ok((dir, path.file_name().unwrap_or_default().into()))
}
