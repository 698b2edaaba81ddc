//! What every command has: where to look, how to print, and the way to the daemon.

use std::path::{Path, PathBuf};

use super::start_daemon;
use crate::api::client::{Client, Starter};
use crate::config::data_dir::DataDir;
use crate::config::{Config, Overrides};
use crate::domain::fault::{Fault, Kind, Result};

pub struct Context {
    pub overrides: Overrides,
    pub json: bool,
}

impl Context {
    pub fn new(config: Option<PathBuf>, data_dir: Option<PathBuf>, json: bool) -> Self {
        Self {
            overrides: Overrides {
                config,
                data_dir: data_dir.or_else(own_data_dir),
            },
            json,
        }
    }

    pub fn config(&self) -> Result<Config> {
        Config::load(&self.overrides)
    }

    /// The daemon's client; it starts a daemon when none runs.
    pub fn client(&self) -> Result<Client> {
        let config = self.config()?;
        let socket = DataDir::new(&config.data_dir).api_sock();
        let overrides = self.overrides.clone();
        let starter: Starter = Box::new(move || start_daemon::ensure(&config, &overrides));
        Ok(Client::new(socket, starter))
    }

    /// A client that never starts a daemon.
    pub fn client_of_running(&self) -> Result<Client> {
        let socket = DataDir::new(self.config()?.data_dir).api_sock();
        let shown = socket.display().to_string();
        let starter: Starter = Box::new(move || {
            Err(
                Fault::new(Kind::DaemonUnreachable, format!("no daemon answers at {shown}"))
                    .hint("Start it with `telecoder serve`; most commands start it by themselves."),
            )
        });
        Ok(Client::new(socket, starter))
    }

    /// Runs a command's future on this thread: a client waits for one thing at a time.
    pub fn block_on<T>(&self, future: impl Future<Output = Result<T>>) -> Result<T> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(|e| Fault::io("starting the runtime", &e))?;
        runtime.block_on(future)
    }
}

/// Inside an agent's session: the data directory that the session belongs to, told by its mailbox
/// (`<data>/sessions/<id>/launches/<n>/mail`). An agent's environment names no other place.
fn own_data_dir() -> Option<PathBuf> {
    if std::env::var_os("TELECODER_DATA_DIR").is_some() {
        return None;
    }
    let mail = PathBuf::from(std::env::var_os("TELECODER_MAILBOX")?);
    data_dir_of(&mail)
}

fn data_dir_of(mail: &Path) -> Option<PathBuf> {
    let sessions = mail.ancestors().nth(4)?;
    (mail.file_name()? == "mail" && sessions.file_name()? == "sessions")
        .then(|| sessions.parent().map(Path::to_owned))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_tells_its_data_directory() {
        let of = |path| data_dir_of(Path::new(path));
        let mail = "/d/sessions/abcdefghij23/launches/2/mail";
        assert_eq!(of(mail), Some(PathBuf::from("/d")));
        assert_eq!(of("/mail"), None);
        assert_eq!(of("/d/elsewhere/abcdefghij23/launches/2/mail"), None);
    }
}
