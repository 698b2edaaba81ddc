//! Where the mirrors are, and the credential with which repositories of the forge are fetched and pushed.

use std::ops::Deref;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::git::Git;

/// What git is run with when it asks for a user and a password. It reads the token from its file, so that no argument, no
/// environment and no second file ever holds it.
const ASKPASS: &str = "#!/bin/sh\n# Written by telecoder.\ncase \"$1\" in\n  Username*) echo x-access-token ;;\n  Password*) exec cat -- \"$TELECODER_GIT_TOKEN\" ;;\nesac\n";

/// The directory of the mirrors; cheap to clone.
#[derive(Debug, Clone)]
pub struct Mirrors {
    dir: PathBuf,
    credential: Option<Credential>,
}

/// A token for the repositories of one forge, and no other address.
#[derive(Debug, Clone)]
pub struct Credential {
    /// `https://github.com`, without a slash at its end.
    pub web_url: String,
    pub token_file: PathBuf,
}

impl Mirrors {
    pub fn new(dir: PathBuf, credential: Option<Credential>) -> Self {
        Self { dir, credential }
    }

    /// Gives the call the credential if the address is one of the forge's, for this call alone.
    pub(super) fn authorise(&self, git: Git, url: &str) -> Git {
        let Some(credential) = self.credential_for(url) else {
            return git;
        };
        let askpass = self.dir.join("askpass");
        if let Err(error) = write_askpass(&self.dir, &askpass) {
            tracing::warn!(%error, "git cannot be given the forge's token");
            return git;
        }
        // A redirect must not lead the token elsewhere.
        git.config("http.followRedirects=false")
            .env("GIT_ASKPASS", askpass)
            .env("TELECODER_GIT_TOKEN", &credential.token_file)
    }

    fn credential_for(&self, url: &str) -> Option<&Credential> {
        let credential = self.credential.as_ref()?;
        let rest = url.strip_prefix(credential.web_url.as_str())?;
        rest.starts_with('/').then_some(credential)
    }
}

impl Deref for Mirrors {
    type Target = Path;
    fn deref(&self) -> &Path {
        &self.dir
    }
}

fn write_askpass(dir: &Path, askpass: &Path) -> std::io::Result<()> {
    use std::io::Write;
    if std::fs::read_to_string(askpass).is_ok_and(|there| there == ASKPASS) {
        return Ok(());
    }
    std::fs::create_dir_all(dir)?;
    let making = askpass.with_extension("making");
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o700)
        .open(&making)?;
    file.write_all(ASKPASS.as_bytes())?;
    file.sync_all()?;
    drop(file);
    std::fs::rename(making, askpass)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_for_the_forge_and_no_other_address() {
        let credential = Credential {
            web_url: "https://forge.invalid".into(),
            token_file: "/t".into(),
        };
        let mirrors = Mirrors::new("/m".into(), Some(credential));
        for (url, gets_it) in [
            ("https://forge.invalid/a/b.git", true),
            ("https://forge.invalid.evil/a/b.git", false),
            ("https://forge.invalid@evil/a", false),
            ("http://forge.invalid/a/b.git", false),
            ("ssh://git@forge.invalid/a/b", false),
            ("/home/a", false),
        ] {
            assert_eq!(mirrors.credential_for(url).is_some(), gets_it, "{url}");
        }
    }
}
