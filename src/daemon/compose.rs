//! Builds the parts, runs them, and ends them.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{install, systemd};
use crate::agents::Registry;
use crate::api::server::{ApiParts, Server};
use crate::bridge::{self, BridgeHealth, BridgeParts, TelegramSettings};
use crate::config::data_dir::DataDir;
use crate::config::{self, Config};
use crate::domain::Timestamp;
use crate::domain::event::EventKind;
use crate::domain::fault::{Fault, Kind, Result};
use crate::sessions::{Engine, EngineParts};
use crate::store::Store;
use crate::tmux::{Tmux, TmuxOptions};

/// From the signal to the end. Whatever is not done then is done after the next start.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(9);

/// The parts that must not end before they are told to, each with its name.
type Parts = JoinSet<(&'static str, Result<()>)>;

/// The daemon's life, from an open lock to the end.
pub async fn run(config: Config, dir: DataDir, panicked: CancellationToken) -> Result<()> {
    let mut signals = Signals::new()?;
    let cancel = CancellationToken::new();
    let tracker = TaskTracker::new();
    let mut parts = Parts::new();
    let begun = tokio::select! {
        begun = begin(Arc::new(config), &dir, &cancel, &tracker, &mut parts) => begun.map(|()| true),
        name = signals.next() => {
            tracing::info!(signal = name, "told to end while starting");
            Ok(false)
        }
    };
    let ended = match begun {
        Ok(true) => {
            systemd::ready();
            tracing::info!(pid = std::process::id(), version = env!("CARGO_PKG_VERSION"), data_dir = %dir.path().display(), "ready");
            supervise(&mut parts, &mut signals, &panicked).await
        }
        // What was begun so far ends like the whole.
        Ok(false) => Ok(()),
        Err(fault) => Err(fault),
    };
    systemd::stopping();
    cancel.cancel();
    tracker.close();
    let rest = async {
        tracker.wait().await;
        while parts.join_next().await.is_some() {}
    };
    tokio::select! {
        () = rest => {}
        () = tokio::time::sleep(SHUTDOWN_LIMIT) => tracing::warn!("not everything ended in time; the next start settles it"),
        name = signals.next() => tracing::warn!(signal = name, "told again to end; ending at once"),
    }
    let _ = std::fs::remove_file(dir.api_sock());
    ended
}

async fn begin(
    config: Arc<Config>,
    dir: &DataDir,
    cancel: &CancellationToken,
    tracker: &TaskTracker,
    parts: &mut Parts,
) -> Result<()> {
    let (db, backups) = (dir.db(), dir.backups());
    let store = tokio::task::spawn_blocking(move || Store::open(&db, &backups))
        .await
        .map_err(|e| Fault::new(Kind::Failure, format!("opening the store: {e}")))??;
    // After the store: a database of a newer version also has a newer constitution and a newer program beside it.
    install::install(dir)?;
    let tmux = Tmux::connect(tmux_options(&config, dir, !systemd::is_parent())?).await?;
    if let Some(telegram) = &config.telegram {
        bridge::shut_what_is_not_allowed(&store, telegram).await?;
        bridge::ask_about_old_prompts(&store, telegram).await?;
    }
    let engine = Engine::start(EngineParts {
        config: Arc::clone(&config),
        store: store.clone(),
        tmux: tmux.clone(),
        agents: Registry::new(&config.agents, Some(&dir.screens()))?,
        paths: dir.clone(),
        cancel: cancel.clone(),
        tracker: tracker.clone(),
    })
    .await?;
    let telegram = start_bridge(&config, &store, &engine, cancel, tracker)?;
    let server = Server::bind(ApiParts {
        store: store.clone(),
        engine,
        tmux,
        dir: dir.clone(),
        prompt_bytes_max: config.limits.prompt_bytes,
        telegram,
        cancel: cancel.clone(),
        started_at: Timestamp::now(),
    })?;
    announce(&store).await?;
    let stop = cancel.clone();
    parts.spawn(async move { ("api", server.run(stop).await) });
    let stop = cancel.clone();
    parts.spawn(async move {
        systemd::watchdog(store, stop).await;
        ("watchdog", Ok(()))
    });
    Ok(())
}

/// Starts the channels that are configured: after recovery, before we say that we are ready.
fn start_bridge(
    config: &Config,
    store: &Store,
    engine: &Engine,
    cancel: &CancellationToken,
    tracker: &TaskTracker,
) -> Result<Option<Arc<BridgeHealth>>> {
    let Some(telegram) = &config.telegram else {
        return Ok(None);
    };
    let health = bridge::start(BridgeParts {
        store: store.clone(),
        engine: engine.clone(),
        telegram: TelegramSettings {
            token: config::read_token(telegram)?,
            config: telegram.clone(),
        },
        cancel: cancel.clone(),
        tracker: tracker.clone(),
    })?;
    Ok(Some(health))
}

async fn announce(store: &Store) -> Result<()> {
    let data = serde_json::json!({ "pid": std::process::id(), "version": env!("CARGO_PKG_VERSION") });
    store
        .write(move |tx| tx.append_event(EventKind::DaemonStarted, None, data))
        .await?;
    Ok(())
}

/// Waits for the end: a signal is a good one, a part that died or a panic is not.
async fn supervise(parts: &mut Parts, signals: &mut Signals, panicked: &CancellationToken) -> Result<()> {
    tokio::select! {
        name = signals.next() => {
            tracing::info!(signal = name, "told to end");
            Ok(())
        }
        () = panicked.cancelled() => Err(Fault::new(Kind::Failure, "a part of the daemon panicked")
            .hint("The log names the place; please report it.")),
        part = parts.join_next() => Err(match part {
            Some(Ok((name, Err(fault)))) => fault.context(format!("the {name} part died")),
            Some(Ok((name, Ok(())))) => Fault::new(Kind::Failure, format!("the {name} part ended by itself")),
            Some(Err(error)) => Fault::new(Kind::Failure, format!("a part of the daemon died: {error}")),
            None => Fault::new(Kind::Failure, "no part of the daemon runs"),
        }),
    }
}

/// What would end the daemon at once whatever the data directory holds; it leaves no trace. Errors: `ProgramMissing`.
pub fn preflight(config: &Config) -> Result<()> {
    let options = tmux_options(config, &DataDir::new(&config.data_dir), false)?;
    let check = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| Fault::io("starting the runtime", &e))?;
        runtime.block_on(Tmux::check(&options)).map(drop)
    };
    // A thread of its own: a command that starts the daemon is inside a runtime already.
    std::thread::scope(|scope| scope.spawn(check).join())
        .unwrap_or_else(|_| Err(Fault::new(Kind::Failure, "the check of tmux panicked")))
}

/// Where our tmux is. Errors: `ProgramMissing`.
pub fn tmux_options(config: &Config, dir: &DataDir, may_start_server: bool) -> Result<TmuxOptions> {
    let wanted = &config.tmux.path;
    let program = which::which(wanted).map_err(|e| {
        Fault::new(Kind::ProgramMissing, format!("tmux was not found as `{wanted}`: {e}"))
            .hint("Install tmux (3.3a or newer), or name its path as `tmux.path` in the configuration.")
    })?;
    Ok(TmuxOptions {
        program,
        dir: dir.tmux(),
        history_lines: config.tmux.history_lines,
        may_start_server,
    })
}

struct Signals {
    term: Signal,
    int: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        let listen = |kind| signal(kind).map_err(|e| Fault::io("listening for signals", &e));
        Ok(Self {
            term: listen(SignalKind::terminate())?,
            int: listen(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.term.recv() => "SIGTERM",
            _ = self.int.recv() => "SIGINT",
        }
    }
}
