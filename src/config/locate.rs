//! Where things are: the file that is read, and what a path in it means.

use std::path::{Component, Path, PathBuf};

use super::Overrides;
use super::environment::Environment;
use super::source::Sources;
use crate::domain::fault::{Fault, Kind, Result};

/// The longest socket path; the kernel's own limit is 107 bytes and tmux puts a few behind.
pub(super) const SOCKET_BYTES_MAX: usize = 100;
/// The sockets of a data directory.
const SOCKETS: [&str; 2] = ["api.sock", "tmux/sock"];
/// Begins the name of a systemd credential.
pub(super) const CREDENTIAL: &str = "cred:";

/// The file to read: `--config`, `TELECODER_CONFIG`, the user's, the system's; the first two must exist.
pub(super) fn config_file(overrides: &Overrides, env: &Environment) -> Result<Option<PathBuf>> {
    let named = overrides
        .config
        .clone()
        .or_else(|| env.filled("TELECODER_CONFIG").map(PathBuf::from));
    if let Some(named) = named {
        return Ok(Some(absolute(&env.cwd, &named)));
    }
    for file in user_file(env).into_iter().chain([env.system_file.clone()]) {
        match file.try_exists() {
            Ok(true) => return Ok(Some(file)),
            Ok(false) => {}
            // Silently going on to the next place would be a surprise.
            Err(error) => return Err(Fault::new(Kind::Config, format!("{}: {error}", file.display()))),
        }
    }
    Ok(None)
}

/// Where a person's own file is, there or not.
pub(super) fn user_file(env: &Environment) -> Option<PathBuf> {
    let dir = match env.dir("XDG_CONFIG_HOME") {
        Some(dir) => dir.to_path_buf(),
        None => env.dir("HOME")?.join(".config"),
    };
    Some(dir.join("telecoder/config.toml"))
}

/// The data directory: `--data-dir`, else what the sources say. Absolute, and short enough for its sockets.
pub(super) fn data_dir(overrides: &Overrides, typed: &str, env: &Environment, sources: &Sources) -> Result<PathBuf> {
    let dir = match &overrides.data_dir {
        Some(dir) => absolute(&env.cwd, dir),
        None => path("data_dir", typed, env, sources)?,
    };
    for socket in SOCKETS {
        let socket = dir.join(socket);
        let bytes = socket.as_os_str().len();
        if bytes > SOCKET_BYTES_MAX {
            return Err(Fault::new(
                Kind::Usage,
                format!(
                    "the socket path {} has {bytes} bytes, over the limit of {SOCKET_BYTES_MAX}",
                    socket.display()
                ),
            )
            .hint("Choose a shorter data directory with `--data-dir` or `data_dir`."));
        }
    }
    Ok(dir)
}

/// A path as typed: `~` is the home directory, a relative one is relative to where it was typed.
pub(super) fn path(key: &str, typed: &str, env: &Environment, sources: &Sources) -> Result<PathBuf> {
    if typed.is_empty() {
        return Err(sources.fault(key, "is empty"));
    }
    let Some(rest) = typed.strip_prefix('~') else {
        return Ok(absolute(sources.base(key), Path::new(typed)));
    };
    if !rest.is_empty() && !rest.starts_with('/') {
        return Err(sources.fault(
            key,
            format_args!("is `{typed}`; only `~` and `~/…` stand for a home directory"),
        ));
    }
    let home = env.dir("HOME").ok_or_else(|| {
        sources
            .fault(key, format_args!("is `{typed}`, and HOME is not set"))
            .hint("Set HOME, or give an absolute path (`--data-dir`, `data_dir`).")
    })?;
    Ok(absolute(home, Path::new(rest.trim_start_matches('/'))))
}

/// A path to a secret: `cred:NAME` is a systemd credential, and stays as it is where there are none.
pub(super) fn secret_path(key: &str, typed: &str, env: &Environment, sources: &Sources) -> Result<PathBuf> {
    let Some(name) = typed.strip_prefix(CREDENTIAL) else {
        return path(key, typed, env, sources);
    };
    let one_name = Path::new(name).components().count() == 1 && !name.contains('/') && name != "." && name != "..";
    if !one_name {
        return Err(sources.fault(
            key,
            format_args!("is `{typed}`; `cred:` takes the name of one credential"),
        ));
    }
    // Only the daemon's unit has credentials. Everybody else who loads the configuration (`telecoder list`) needs none, so a
    // missing one is an error when it is read, not here.
    Ok(match env.dir("CREDENTIALS_DIRECTORY") {
        Some(dir) => dir.join(name),
        None => typed.into(),
    })
}

/// A program: a name is left for PATH, anything with a `/` is a path.
pub(super) fn program(key: &str, typed: &str, env: &Environment, sources: &Sources) -> Result<String> {
    if typed.is_empty() {
        return Err(sources.fault(key, "is empty"));
    }
    if !typed.contains('/') {
        return Ok(typed.into());
    }
    let path = path(key, typed, env, sources)?;
    path.into_os_string()
        .into_string()
        .map_err(|_| sources.fault(key, "is relative to a directory whose name is not UTF-8"))
}

/// A command line: its first word is a program, the rest is its own matter.
pub(super) fn command_line(key: &str, typed: &str, env: &Environment, sources: &Sources) -> Result<String> {
    let (first, rest) = typed.trim().split_once(char::is_whitespace).unwrap_or((typed, ""));
    let first = program(key, first, env, sources)?;
    if rest.is_empty() {
        return Ok(first);
    }
    Ok(format!("{first} {}", rest.trim_start()))
}

/// Joined and without `.`; `..` stays, because what is before it may be a link.
fn absolute(base: &Path, path: &Path) -> PathBuf {
    base.join(path)
        .components()
        .filter(|part| !matches!(part, Component::CurDir))
        .collect()
}
