//! What lies beneath a directory: to see that nothing changed.

use std::collections::BTreeMap;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Each path beneath `root` with its type, mode and content. Names of `except` are left out wherever they are.
pub fn snapshot(root: &Path, except: &[&str]) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    visit(root, except, &mut found);
    found
}

fn visit(path: &Path, except: &[&str], found: &mut BTreeMap<PathBuf, String>) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // What vanishes between the listing and the look belongs to somebody who still runs.
    let Ok(meta) = std::fs::symlink_metadata(path) else {
        return;
    };
    if except.contains(&name.as_ref()) {
        return;
    }
    let what = match meta.file_type() {
        kind if kind.is_file() => format!("{:x?}", std::fs::read(path).unwrap_or_default()),
        kind if kind.is_symlink() => format!("{:?}", std::fs::read_link(path)),
        kind if kind.is_socket() => "socket".to_owned(),
        _ => String::new(),
    };
    found.insert(path.to_owned(), format!("{:o} {what}", meta.mode()));
    if meta.is_dir() {
        for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
            visit(&entry.path(), except, found);
        }
    }
}

/// The files beneath `root` that hold one of these texts.
pub fn holders(root: &Path, texts: &[&str]) -> Vec<PathBuf> {
    let mut holders = Vec::new();
    let mut dirs = vec![root.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            let Ok(meta) = std::fs::symlink_metadata(&path) else {
                continue;
            };
            if meta.is_dir() {
                dirs.push(path);
            } else if meta.is_file() {
                let content = std::fs::read(&path).unwrap_or_default();
                let holds = |text: &&str| content.windows(text.len()).any(|window| window == text.as_bytes());
                if texts.iter().any(holds) {
                    holders.push(path);
                }
            }
        }
    }
    holders
}
