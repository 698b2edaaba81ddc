//! Secrets from their files. They live in this process only: never in argv, the environment, the log or the database.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use secrecy::SecretString;

use crate::domain::fault::{Fault, Kind, Result};

/// Reads a token's file. Errors are `Config`: not there, empty, or readable by every user of the machine.
pub fn read(path: &Path) -> Result<SecretString> {
    let shown = path.display();
    let fault = |message: String| Fault::new(Kind::Config, message);
    let meta = std::fs::metadata(path).map_err(|e| {
        fault(format!("the token file {shown} cannot be read: {e}"))
            .hint("`telegram.token_file` in the configuration names it; it holds the bot's token and nothing else.")
    })?;
    if meta.mode() & 0o007 != 0 {
        return Err(
            fault(format!("the token file {shown} is open to every user of this machine")).hint(format!(
                "Close it with `chmod 600 {shown}`; if others may have read it, get a new token."
            )),
        );
    }
    let text =
        std::fs::read_to_string(path).map_err(|e| fault(format!("the token file {shown} cannot be read: {e}")))?;
    let token = text.trim();
    if token.is_empty() || token.contains(char::is_whitespace) {
        return Err(fault(format!("the token file {shown} does not hold one token")));
    }
    Ok(SecretString::from(token))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_token_is_read_from_a_private_file_only() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("token");
        assert_eq!(read(&path).unwrap_err().kind, Kind::Config);
        for (text, mode, good) in [
            ("123:abc\n", 0o600, true),
            ("123:abc\n", 0o644, false),
            (" \n", 0o600, false),
            ("123:abc\n456:def\n", 0o600, false),
        ] {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            match read(&path) {
                Ok(token) => assert!(good && token.expose_secret() == "123:abc"),
                Err(fault) => assert!(!good && !fault.message.contains("abc"), "{fault}"),
            }
        }
    }
}
