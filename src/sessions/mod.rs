//! The engine: start, prompt, observe, approve, stop, resume, reconcile. One actor per live session; the store is the truth,
//! an actor only hurries.
//!
//! Knows no channel and no HTTP. What people say comes in as rows (`admit`, `enqueue`), what they must know goes out as rows.
//! Crash behaviour: every act is stored as begun before it is done, so a new engine finds out what became of it
//! (`actor::settle`); a lost wake-up costs at most one sweep.

mod actor;
mod actors;
mod answering;
mod asks;
mod conversations;
mod deliver;
mod dialogs;
mod end;
mod explain;
mod files;
mod held_text;
mod interrupt;
mod launch;
mod letters;
mod observe;
mod one_at_a_time;
mod outcome;
mod pulse;
mod removal;
mod request;
mod schedule;
mod settle;
mod speaker;
mod status;
mod steer;
mod tell;
mod verbs;
mod work;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::agents::Registry;
use crate::config::Config;
use crate::config::data_dir::DataDir;
use crate::domain::fault::Result;
use crate::domain::ids::SessionId;
use crate::domain::launch::{Launch, Placement};
use crate::runner::watch::Watcher;
use crate::store::Store;
use crate::tmux::Tmux;

pub use conversations::Fork;
pub use explain::Explanation;
pub use interrupt::Interrupted;
pub use request::{NewSessionRequest, RawRequest};
pub use work::{
    DiffRequest, GcItem, GcReport, GcRequest, PublishRequest, Published, Relative, RerunRequest, ShownFile,
    VerifyRequest, inbox,
};

/// What the engine is built from.
pub struct EngineParts {
    pub config: Arc<Config>,
    pub store: Store,
    pub tmux: Tmux,
    pub agents: Registry,
    pub paths: DataDir,
    pub cancel: CancellationToken,
    pub tracker: TaskTracker,
}

/// A handle to the engine; cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    config: Arc<Config>,
    store: Store,
    tmux: Tmux,
    agents: Registry,
    paths: DataDir,
    watcher: Watcher,
    actors: actors::Actors,
    schedule: tokio::sync::Notify,
    work: work::WorkState,
    mirrors: crate::workspace::Mirrors,
    /// Dialogs of a session are answered one after another: two answers at once would be two keys.
    answering: one_at_a_time::OneAtATime,
    /// The sessions whose dialogs are being answered.
    being_answered: std::sync::Mutex<HashSet<SessionId>>,
    /// When the box of a session was emptied last; see [`Engine::claim_clear`].
    cleared: std::sync::Mutex<HashMap<SessionId, Instant>>,
    cuts: std::sync::Mutex<HashMap<SessionId, interrupt::Cut>>,
    cancel: CancellationToken,
    tracker: TaskTracker,
}

impl Engine {
    /// Builds the engine and recovers: every session that has not ended gets its actor, whose first look reads exit records,
    /// then letters, then tmux, then settles half-done prompts.
    pub async fn start(parts: EngineParts) -> Result<Self> {
        let (watcher, changes) = Watcher::new()?;
        let mirrors = work::mirrors(&parts.config, &parts.paths);
        let engine = Self(Arc::new(Inner {
            config: parts.config,
            store: parts.store,
            tmux: parts.tmux,
            agents: parts.agents,
            paths: parts.paths,
            watcher,
            actors: actors::Actors::default(),
            schedule: tokio::sync::Notify::new(),
            work: work::WorkState::default(),
            mirrors,
            answering: one_at_a_time::OneAtATime::default(),
            being_answered: std::sync::Mutex::default(),
            cleared: std::sync::Mutex::default(),
            cuts: std::sync::Mutex::default(),
            cancel: parts.cancel,
            tracker: parts.tracker,
        }));
        engine.0.tmux.wait_for_old_clients().await?;
        schedule::recover(&engine).await?;
        schedule::spawn_tasks(&engine, changes);
        work::spawn(&engine);
        Ok(engine)
    }

    /// Something durable changed for this session: look.
    pub fn wake(&self, session: &SessionId) {
        self.0.schedule.notify_one();
        self.0.actors.nudge(session, actors::Nudge::Look);
    }

    /// Where a launch runs, if the tmux server that gave it its ids is the one that runs now. In another server the same ids
    /// are somebody else's window.
    fn placement<'a>(&self, launch: &'a Launch) -> Option<&'a Placement> {
        let server = self.0.tmux.server();
        launch
            .placement
            .as_ref()
            .filter(|placement| Some(placement.server) == server)
    }

    pub fn registry(&self) -> &Registry {
        &self.0.agents
    }
}
