//! Writes a launch's directory: `run.sh` (0700), `env` (0600), `launch.json`, `ctl/`, the mailbox.
//!
//! Starts nothing and knows no agent. After a crash it is simply called again: every file is replaced whole, what the
//! shim or the agent wrote stays. `run.sh` is written last, so a launch that has one is complete.

mod compose;

use std::path::{Component, Path};

use super::{LaunchDir, files};
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::{LaunchNo, SessionId, SessionName};
use crate::domain::launch::{LaunchFile, LaunchSpec};

pub struct ScriptContext<'a> {
    pub session: &'a SessionId,
    pub name: &'a SessionName,
    pub launch: LaunchNo,
    pub work_dir: &'a Path,
    /// `<data>/bin`: first in the agent's PATH; holds `telecoder`.
    pub bin_dir: &'a Path,
    pub agents_md: &'a Path,
}

/// Names in a launch's directory that an adapter's files must not take.
const OWN_NAMES: [&str; 7] = [
    "run.sh",
    "env",
    "launch.json",
    "ctl",
    "mail",
    "quarantine",
    "last_screen.txt",
];

/// Makes everything that the launch needs; nothing runs yet. Every value in the script is shell-quoted.
///
/// Errors: `Config` for what cannot be written down (a NUL byte, a name that is no variable name, a file outside the
/// launch), `Storage` for a full disk.
pub fn prepare(dir: &LaunchDir, context: &ScriptContext<'_>, spec: &LaunchSpec) -> Result<()> {
    // Composed first: a launch that cannot be written down leaves nothing behind.
    let script = compose::run_sh(dir, context, spec)?;
    let secrets = compose::env_file(spec)?;
    let description = compose::launch_json(context, spec);
    spec.files.iter().try_for_each(check_place)?;

    let doing = format!("preparing {}", dir.path().display());
    let failed = |error: std::io::Error| Fault::io(&doing, &error);
    make_dirs(dir).map_err(failed)?;
    for file in &spec.files {
        write_file(dir, file).map_err(failed)?;
    }
    files::replace(&dir.env_file(), &secrets, 0o600).map_err(failed)?;
    files::replace(&dir.launch_json(), &description, 0o600).map_err(failed)?;
    files::replace(&dir.run_sh(), &script, 0o700).map_err(failed)?;
    files::sync_dir(dir.path()).map_err(failed)?;
    // `launches/` itself may be new too.
    dir.path()
        .ancestors()
        .skip(1)
        .take(2)
        .try_for_each(files::sync_dir)
        .map_err(failed)
}

fn make_dirs(dir: &LaunchDir) -> std::io::Result<()> {
    let mail = dir.mail();
    files::make_dir(dir.path())?;
    files::make_dir(&dir.ctl())?;
    files::make_dir(&dir.decisions().join("answers"))?;
    for part in ["tmp", "new", "att", "answers"] {
        files::make_dir(&mail.join(part))?;
    }
    files::sync_dir(&mail)
}

fn write_file(dir: &LaunchDir, file: &LaunchFile) -> std::io::Result<()> {
    let path = dir.path().join(&file.path);
    let parent = path.parent().unwrap_or(dir.path());
    files::make_dir(parent)?;
    files::replace(&path, file.content.as_bytes(), 0o600)?;
    files::sync_dir(parent)
}

fn check_place(file: &LaunchFile) -> Result<()> {
    let mut parts = file.path.components();
    let beneath = file.path.components().all(|part| matches!(part, Component::Normal(_)));
    let ours = match parts.next() {
        Some(Component::Normal(first)) => OWN_NAMES.iter().any(|own| first == *own),
        _ => true,
    };
    if beneath && !ours {
        return Ok(());
    }
    let path = file.path.display();
    Err(Fault::new(
        Kind::Config,
        format!("`{path}` cannot be a file of a launch"),
    ))
}

#[cfg(test)]
mod tests;
