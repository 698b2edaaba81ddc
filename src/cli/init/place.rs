//! Where `init` writes: the token's file, and the `[telegram]` table of the configuration.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::cli::context::Context;
use crate::config::new_file;
use crate::domain::fault::{Fault, Kind, Result};

pub struct Place {
    pub config: PathBuf,
    pub token: PathBuf,
}

impl Place {
    /// The configuration that is read, or the one that would be. `RefusedByState` when it names a bot already.
    pub fn find(cx: &Context) -> Result<Self> {
        // A configuration that is wrong is told before anything is asked.
        let known = cx.config();
        let named = cx.overrides.config.clone();
        let config = match (known, named) {
            (Ok(config), _) if config.telegram.is_some() => {
                let file = config.file.unwrap_or_default();
                return Err(Fault::new(
                    Kind::RefusedByState,
                    format!("{} has a `[telegram]` table already", file.display()),
                )
                .hint("Take it out first, or change it there; `telecoder pair` lets more people in."));
            }
            (Ok(config), _) => match config.file {
                Some(file) => file,
                None => new_file()?,
            },
            (Err(_), Some(named)) if !named.exists() => named,
            (Err(fault), _) => return Err(fault),
        };
        let token = config.with_file_name("telegram-token");
        Ok(Self { config, token })
    }

    pub fn write(&self, token: &str, api_url: Option<&str>, owner: i64) -> Result<()> {
        let dir = self.config.parent().unwrap_or(Path::new("."));
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(|error| Fault::io(format!("making {}", dir.display()), &error))?;
        put(&self.token, token, false)?;
        let before = std::fs::read_to_string(&self.config).unwrap_or_default();
        let gap = if before.is_empty() { "" } else { "\n" };
        let api_url = api_url.map(|url| format!("api_url = {url:?}\n")).unwrap_or_default();
        let table = format!(
            "{gap}[telegram]\ntoken_file = {:?}\n{api_url}allow = [{owner}]\nhome_chat = {owner}\n",
            self.token.display().to_string()
        );
        put(&self.config, &table, true)
    }
}

/// Writes a file of ours, 0600, or appends to one that is there.
fn put(path: &Path, text: &str, append: bool) -> Result<()> {
    let failed = |error: std::io::Error| Fault::io(format!("writing {}", path.display()), &error);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .append(append)
        .truncate(!append)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(failed)
}
