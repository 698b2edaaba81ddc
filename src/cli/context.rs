//! What every command has: where to look, how to print, and the way to the daemon.

use std::path::PathBuf;

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
            overrides: Overrides { config, data_dir },
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
