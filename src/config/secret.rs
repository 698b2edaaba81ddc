//! Secrets are read from files that nobody else can read, when they are needed, and live in memory only.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use secrecy::SecretString;

use super::TelegramConfig;
use super::locate::CREDENTIAL;
use crate::domain::fault::{Fault, Kind, Result};

/// A token is far shorter; what is longer is some other file.
const TOKEN_BYTES_MAX: u64 = 4096;
const READABLE_BY_OTHERS: u32 = 0o077;

/// Reads the bot's token. `Config`: no such file, readable by group or others (other than a systemd credential, which systemd
/// guards), empty, or no token. The token itself is in no message.
pub fn read_token(telegram: &TelegramConfig) -> Result<SecretString> {
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY");
    read_secret(&telegram.token_file, credentials.as_deref().map(Path::new))
}

/// Reads the forge's token. Errors as [`read_token`].
pub fn read_token_file(file: &Path) -> Result<SecretString> {
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY");
    read_secret(file, credentials.as_deref().map(Path::new))
}

pub(super) fn read_secret(file: &Path, credentials: Option<&Path>) -> Result<SecretString> {
    let told = |what: String| Fault::new(Kind::Config, format!("token file {}: {what}", file.display()));
    if let Some(name) = file.to_str().and_then(|file| file.strip_prefix(CREDENTIAL)) {
        return Err(told("there is no CREDENTIALS_DIRECTORY".into()).hint(format!(
            "Credentials exist in a systemd unit with `LoadCredential={name}:/path/to/file`; elsewhere name a 0600 file."
        )));
    }
    // One handle for looking and reading: the file cannot be exchanged in between.
    let handle = File::open(file).map_err(|error| told(error.to_string()))?;
    let meta = handle.metadata().map_err(|error| told(error.to_string()))?;
    if !meta.is_file() {
        return Err(told("not a regular file".into()));
    }
    // systemd grants a service its credential by an access list, which shows as a mode of the group.
    let guarded = credentials.is_some_and(|dir| file.starts_with(dir));
    if !guarded && meta.permissions().mode() & READABLE_BY_OTHERS != 0 {
        return Err(told(format!(
            "others can read it (mode {:o})",
            meta.permissions().mode() & 0o777
        ))
        .hint(format!("Run `chmod 600 {}`.", file.display())));
    }
    let mut text = String::new();
    handle
        .take(TOKEN_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(|error| told(error.to_string()))?;
    let token = text.trim();
    if token.is_empty() {
        return Err(told("empty".into()));
    }
    if text.len() as u64 > TOKEN_BYTES_MAX || token.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(told("holds something else than one token".into()));
    }
    Ok(SecretString::from(token.to_owned()))
}
