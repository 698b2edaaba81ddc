//! The daemon's own repository over the objects of a workspace.
//!
//! No git of ours ever runs in the agent's git directory, not even `upload-pack`, which reads its config: the refs are read
//! as files, and a bare repository of ours, with a config of ours, borrows the objects. So what the agent can make git read
//! are objects and nothing else, whatever the version of git.

use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::layout::Layout;
use super::mirror::remove_tree;
use super::refname::is_ref_name;
use crate::domain::fault::{Fault, Kind, Result};

/// A loose ref is 41 or 65 bytes long; a symbolic one names a branch.
const LOOSE_BYTES_MAX: u64 = 4096;
const PACKED_BYTES_MAX: u64 = 16 * 1024 * 1024;
const REFS_MAX: usize = 20_000;
const DEPTH_MAX: usize = 16;

/// What a workspace's HEAD, branches and stash are, and a repository of ours that shows them. Removed when dropped.
pub(super) struct Lens {
    pub dir: PathBuf,
    pub head: Head,
    pub has_stash: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Head {
    Commit(String),
    /// A branch without a commit.
    Unborn,
}

impl Drop for Lens {
    fn drop(&mut self) {
        let _ = remove_tree(&self.dir);
    }
}

impl Lens {
    /// Looks at a git directory, which was checked, and makes the repository at `dir`.
    pub(super) fn open(layout: &Layout, dir: PathBuf) -> Result<Self> {
        let git_dir = &layout.common_dir;
        let mut refs = Refs::read(git_dir)?;
        let head = refs.head(&layout.head_dir)?;
        if let Some(only) = &layout.only {
            refs.named.retain(|(name, _)| name == only);
        }
        let lens = Self {
            dir,
            has_stash: refs.named.iter().any(|(name, _)| name == "refs/stash"),
            head,
        };
        lens.make(git_dir, &refs)
            .map_err(|error| Fault::io(format!("making {}", lens.dir.display()), &error))?;
        Ok(lens)
    }

    fn make(&self, git_dir: &Path, refs: &Refs) -> std::io::Result<()> {
        match std::fs::remove_dir_all(&self.dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        std::fs::create_dir_all(self.dir.join("objects/info"))?;
        std::fs::create_dir_all(self.dir.join("refs/heads"))?;
        let sha256 = refs.named.iter().any(|(_, id)| id.len() == 64);
        let format = if sha256 {
            "1\n[extensions]\n\tobjectFormat = sha256\n"
        } else {
            "0\n"
        };
        std::fs::write(
            self.dir.join("config"),
            format!("[core]\n\tbare = true\n\trepositoryformatversion = {format}"),
        )?;
        let mut lent = git_dir.join("objects").as_os_str().as_bytes().to_vec();
        lent.push(b'\n');
        std::fs::write(self.dir.join("objects/info/alternates"), lent)?;
        let mut packed = String::from("# pack-refs with: sorted \n");
        for (name, id) in &refs.named {
            packed.push_str(&format!("{id} {name}\n"));
        }
        std::fs::write(self.dir.join("packed-refs"), packed)?;
        let head = match &self.head {
            Head::Commit(id) => format!("{id}\n"),
            Head::Unborn => "ref: refs/heads/telecoder-unborn\n".to_owned(),
        };
        std::fs::write(self.dir.join("HEAD"), head)?;
        if let Some(shallow) = read_plain(&git_dir.join("shallow"), PACKED_BYTES_MAX)? {
            let ids: Vec<&str> = shallow.lines().filter(|line| is_id(line)).collect();
            std::fs::write(self.dir.join("shallow"), ids.join("\n") + "\n")?;
        }
        Ok(())
    }
}

struct Refs {
    /// Sorted by name; branches and the stash.
    named: Vec<(String, String)>,
}

impl Refs {
    fn read(git_dir: &Path) -> Result<Self> {
        let told = |error: std::io::Error| Fault::io(format!("reading the refs of {}", git_dir.display()), &error);
        let mut found = std::collections::BTreeMap::new();
        let packed = read_plain(&git_dir.join("packed-refs"), PACKED_BYTES_MAX).map_err(told)?;
        for line in packed.as_deref().unwrap_or_default().lines() {
            if let Some((id, name)) = line.split_once(' ')
                && is_id(id)
                && is_wanted(name)
            {
                found.insert(name.to_owned(), id.to_owned());
            }
        }
        let refs = git_dir.join("refs");
        collect(&refs.join("heads"), "refs/heads", 0, &mut found).map_err(told)?;
        if let Some(id) = read_plain(&refs.join("stash"), LOOSE_BYTES_MAX)
            .map_err(told)?
            .filter(|id| is_id(id.trim()))
        {
            found.insert("refs/stash".into(), id.trim().to_owned());
        }
        if found.len() > REFS_MAX {
            return Err(Fault::new(
                Kind::OverLimit,
                format!("{} has more than {REFS_MAX} branches", git_dir.display()),
            ));
        }
        Ok(Self {
            named: found.into_iter().collect(),
        })
    }

    fn head(&self, git_dir: &Path) -> Result<Head> {
        let path = git_dir.join("HEAD");
        let text = read_plain(&path, LOOSE_BYTES_MAX)
            .map_err(|error| Fault::io(format!("reading {}", path.display()), &error))?
            .unwrap_or_default();
        let text = text.trim();
        if is_id(text) {
            return Ok(Head::Commit(text.to_owned()));
        }
        let branch = text.strip_prefix("ref: ").map(str::trim);
        let known = branch.and_then(|branch| self.named.iter().find(|(name, _)| name == branch));
        Ok(known.map_or(Head::Unborn, |(_, id)| Head::Commit(id.clone())))
    }
}

fn collect(
    dir: &Path,
    prefix: &str,
    depth: usize,
    found: &mut std::collections::BTreeMap<String, String>,
) -> std::io::Result<()> {
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let Ok(part) = entry.file_name().into_string() else {
            continue;
        };
        let name = format!("{prefix}/{part}");
        let kind = entry.file_type()?;
        if kind.is_dir() && depth < DEPTH_MAX {
            collect(&entry.path(), &name, depth + 1, found)?;
        } else if kind.is_file() && is_wanted(&name) && found.len() <= REFS_MAX {
            let id = read_plain(&entry.path(), LOOSE_BYTES_MAX)?.unwrap_or_default();
            if is_id(id.trim()) {
                found.insert(name, id.trim().to_owned());
            }
        }
    }
    Ok(())
}

fn is_wanted(name: &str) -> bool {
    name == "refs/stash" || (name.starts_with("refs/heads/") && is_ref_name(name))
}

fn is_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// A regular file, opened without following a link and without blocking. None when there is none, or when it is something
/// else, longer than `max`, or no text: all of these are the agent's doing.
fn read_plain(path: &Path, max: u64) -> std::io::Result<Option<String>> {
    let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits();
    let opened = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(flags.cast_signed())
        .open(path);
    let Ok(file) = opened else { return Ok(None) };
    let meta = file.metadata()?;
    if !meta.is_file() || meta.len() > max {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    file.take(max).read_to_end(&mut bytes)?;
    Ok(String::from_utf8(bytes).ok())
}
