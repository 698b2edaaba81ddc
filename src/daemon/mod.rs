//! The composition root: builds everything in the one right order, supervises it, and takes it down again.
//!
//! Order: what is missing → data directory → lock → store → tmux → engine (which recovers) → outbox and polling → API → ready. Whatever dies without
//! being told to brings the daemon down with a clear log: state is in the store, agents live on, and the next start
//! recovers. Nothing here knows what a session is.

mod compose;
mod harden;
mod install;
mod lock;
mod log;
mod panic;
mod place;
mod systemd;

use crate::config::data_dir::DataDir;
use crate::config::{Config, Overrides};
use crate::domain::fault::{Fault, Result};

pub use compose::{preflight, tmux_options};
pub use harden::private_files;
pub use place::{make_private_dir, open_private_log};

/// Worker threads of the daemon. It waits nearly always; two keep one slow task from delaying the rest.
const WORKERS: usize = 2;
/// Stack of a worker; the default of 2 MiB is never needed here.
const STACK_BYTES: usize = 1024 * 1024;
/// Threads for blocking work (files, /proc); more waits its turn.
const BLOCKING_MAX: usize = 8;

/// What `telecoder serve` was asked for.
#[derive(Debug, Clone, Default)]
pub struct ServeOptions {
    pub overrides: Overrides,
    /// Leave the terminal and the session of the command that started us; log into `<data>/daemon.log`.
    pub detach: bool,
}

/// Runs the daemon until it is told to end. Errors: `AnotherDaemon` naming the holder, `Config`, `Storage`, `ProgramMissing`;
/// `Failure` when a part of it died.
pub fn serve(options: &ServeOptions) -> Result<()> {
    harden::private_files();
    if options.detach {
        leave_the_terminal();
    }
    let config = Config::load(&options.overrides)?;
    let dir = DataDir::new(&config.data_dir);
    preflight(&config)?;
    place::prepare(&dir)?;
    let _lock = lock::take(&dir)?;
    harden::no_memory_dumps();
    log::begin(&config.log, options.detach.then(|| dir.daemon_log()))?;
    let panicked = panic::watch();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .thread_stack_size(STACK_BYTES)
        .max_blocking_threads(BLOCKING_MAX)
        .enable_all()
        .build()
        .map_err(|e| Fault::io("starting the runtime", &e))?;
    let ended = runtime.block_on(compose::run(config, dir, panicked));
    // What still runs holds nothing that the store does not know; waiting for it is not worth a hanging shutdown.
    runtime.shutdown_background();
    if let Err(fault) = &ended {
        tracing::error!(error.kind = ?fault.kind, error.message = %fault, "the daemon ends");
    }
    ended
}

/// A session of our own, so that no terminal's end reaches us. It fails only for a group leader, which has none to lose.
fn leave_the_terminal() {
    let _ = rustix::process::setsid();
}
