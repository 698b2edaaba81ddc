//! The bot's token, read from its file. It lives in the daemon's memory only.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use secrecy::SecretString;

use crate::config::TelegramConfig;
use crate::domain::fault::{Fault, Kind, Result};

/// A token has about 46 characters; a file of more than this holds something else.
const TOKEN_BYTES_MAX: u64 = 256;

pub struct TelegramSettings {
    pub token: SecretString,
    pub config: TelegramConfig,
}

impl TelegramSettings {
    /// Reads the token from `[telegram] token_file`.
    ///
    /// Errors: `Config` for a file that is missing, that other users may read, or that holds no token.
    pub fn read(config: &TelegramConfig) -> Result<Self> {
        Ok(Self {
            token: read_token(&config.token_file)?,
            config: config.clone(),
        })
    }
}

fn read_token(path: &Path) -> Result<SecretString> {
    let meta = std::fs::metadata(path).map_err(|error| refused(path, &error.to_string()))?;
    if !meta.is_file() || meta.len() > TOKEN_BYTES_MAX {
        return Err(refused(path, "it holds no bot token"));
    }
    if meta.mode() & 0o077 != 0 && !is_credential(path) {
        return Err(Fault::new(
            Kind::Config,
            format!("`[telegram] token_file` {} can be read by other users", path.display()),
        )
        .hint(format!("Run: chmod 600 {}", path.display())));
    }
    let text = std::fs::read_to_string(path).map_err(|error| refused(path, &error.to_string()))?;
    let token = text.trim();
    let fits = !token.is_empty() && token.bytes().all(|b| b.is_ascii_alphanumeric() || b":_-".contains(&b));
    if !fits {
        return Err(refused(path, "it holds no bot token"));
    }
    Ok(SecretString::from(token))
}

/// systemd guards its credentials by an access list that shows as a group bit.
fn is_credential(path: &Path) -> bool {
    std::env::var_os("CREDENTIALS_DIRECTORY").is_some_and(|dir| path.starts_with(dir))
}

fn refused(path: &Path, why: &str) -> Fault {
    Fault::new(
        Kind::Config,
        format!("`[telegram] token_file` {} cannot be used: {why}", path.display()),
    )
    .hint("Put the token that @BotFather gave you, and nothing else, into that file.")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use secrecy::ExposeSecret;

    use super::*;

    fn token_file(dir: &Path, content: &str, mode: u32) -> std::path::PathBuf {
        let path = dir.join("token");
        std::fs::write(&path, content).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("set");
        path
    }

    #[test]
    fn a_private_file_with_a_token_is_read() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = token_file(dir.path(), "123:abc_-X\n", 0o600);
        assert_eq!(read_token(&path).expect("fits").expose_secret(), "123:abc_-X");
    }

    #[test]
    fn everything_else_is_refused_without_showing_the_content() {
        let dir = tempfile::tempdir().expect("a directory");
        for (content, mode) in [
            ("123:abc", 0o640),
            ("123:abc", 0o604),
            ("", 0o600),
            ("two words", 0o600),
            ("a/b", 0o600),
        ] {
            let fault = read_token(&token_file(dir.path(), content, mode)).expect_err("refused");
            assert_eq!(fault.kind, Kind::Config);
            assert!(content.is_empty() || !fault.message.contains(content));
        }
        assert!(read_token(&dir.path().join("missing")).is_err());
    }
}
