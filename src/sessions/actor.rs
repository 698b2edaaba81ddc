//! The actor of one session: wakes, looks at the store and the launch directory, does what there is to do, sleeps.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

use super::Engine;
use super::actors::Nudge;
use super::pulse::Behind;
use crate::agents::Adapter;
use crate::domain::Timestamp;
use crate::domain::dialog::DialogDigest;
use crate::domain::fault::{Kind, Result};
use crate::domain::ids::SessionId;
use crate::domain::launch::{Launch, ShimRecord};
use crate::domain::letter::ProcessRef;
use crate::domain::session::{Session, SessionState};
use crate::domain::turn::Turn;
use crate::runner::watch::{LaunchChange, LaunchKey};
use crate::runner::{self, LaunchDir};
use crate::store::Tx;

/// Pause after a look that failed (a full disk, a broken tmux), so that an actor never spins; the next nudge does not wait for it.
const RETRY_AFTER_FAULT: Duration = Duration::from_secs(2);

pub(super) struct Actor {
    pub engine: Engine,
    pub id: SessionId,
    pub adapter: Arc<dyn Adapter>,
    nudges: UnboundedReceiver<Nudge>,
    pub dirty: Dirty,
    pub watching: Option<LaunchKey>,
    /// Half-done prompts of an earlier engine were looked into.
    pub settled: bool,
    pub memory: Memory,
}

/// What has to be read again from outside the store. Everything, at first.
pub(super) struct Dirty {
    pub mail: bool,
    pub exit: bool,
}

/// What the actor knows beyond the store, and may forget without harm.
#[derive(Default)]
pub(super) struct Memory {
    /// The agent said that it runs, or never says so: from here on its screen decides when it is ready.
    pub started: bool,
    pub launched_at: Option<Instant>,
    /// Looks at the screen in a row that changed nothing; the pause between them grows with it.
    pub idle_looks: u32,
    /// Since when the box of an agent that should work, or wait for a limit, was seen idle.
    pub idle_since: Option<Instant>,
    /// Since when such a box was seen while the agent computed.
    pub computing_since: Option<Instant>,
    /// The last time that the session became idle, and when that was first seen.
    pub became_idle: Option<(Timestamp, Instant)>,
    /// The screen that nobody knows, and since when it stands there unchanged.
    pub unknown: Option<(Vec<String>, Instant)>,
    pub dialog: DialogLooks,
    /// The agent was seen to wait for the end of a limit.
    pub waits_for_limit: bool,
    /// Since when the screen of a starting agent is looked at.
    pub starting_since: Option<Instant>,
    /// When it is looked whether Enter was lost; none when it was looked, or nothing was submitted.
    pub enter_check: Option<Instant>,
    /// When the agent's evidence for the typed prompt is overdue.
    pub evidence_until: Option<Instant>,
    /// When a steered prompt was last tried.
    pub steer_tried: Option<Instant>,
    /// A steered text was typed, and what it was meant for went on.
    pub steered_at_work: bool,
    /// Whether an agent that had a steered text in a queue of its own was seen at work, and since when it was seen so or idle.
    pub queue_seen: Option<(bool, Instant)>,
    /// A text that is typed is waited for.
    pub behind: Option<Behind>,
    /// When the typed prompt was submitted.
    pub submitted_at: Option<Instant>,
    /// When a half-done prompt of an earlier engine is decided by the screen.
    pub settle_until: Option<Instant>,
    /// Since when it is waited for that.
    pub settle_since: Option<Instant>,
    /// When the shim's time for a stop has passed.
    pub stop_until: Option<Instant>,
    /// The shim that was asked to stop.
    pub stop_asked: Option<ProcessRef>,
    pub shim_watched: bool,
    /// Files of the mailbox that were dealt with and could not be removed.
    pub immovable: HashSet<String>,
}

/// What looks in a row showed of a dialog.
#[derive(Default)]
pub(super) struct DialogLooks {
    /// Since when each look has shown some dialog.
    pub since: Option<Instant>,
    /// The one that the last look showed, and since when looks have shown the same.
    pub seen: Option<(DialogDigest, Instant)>,
    /// The one that was put on record.
    pub noted: Option<DialogDigest>,
    /// Since when looks have shown the one on record after it was answered.
    pub left_since: Option<Instant>,
}

/// One look's result: sleep until a nudge or this time, or the session has ended.
pub(super) enum Next {
    Sleep(Option<Instant>),
    Ended,
}

impl Next {
    /// Look again at once.
    pub fn now() -> Self {
        Next::Sleep(Some(Instant::now()))
    }
    pub fn after(pause: Duration) -> Self {
        Next::Sleep(Some(Instant::now() + pause))
    }
}

/// What one look reads from the store at once.
pub(super) struct View {
    pub session: Session,
    pub launch: Option<Launch>,
    /// A damaged row must not keep an agent from being stopped, so its fault waits until somebody needs the turns.
    pub turns: Result<Turns>,
}

/// The turns that an actor cares for.
pub(super) struct Turns {
    /// Typed, and not ended; oldest first.
    pub running: Vec<Turn>,
    /// The oldest that waits.
    pub waiting: Option<Turn>,
    /// One that ended has no outcome yet, in a session with a branch to measure.
    pub unmeasured: bool,
}

impl Actor {
    pub fn new(engine: Engine, id: SessionId, adapter: Arc<dyn Adapter>, nudges: UnboundedReceiver<Nudge>) -> Self {
        Self {
            engine,
            id,
            adapter,
            nudges,
            dirty: Dirty { mail: true, exit: true },
            watching: None,
            settled: false,
            memory: Memory {
                started: true,
                ..Memory::default()
            },
        }
    }

    /// Runs until the session has ended or the engine is cancelled.
    pub async fn run(mut self) {
        let cancel = self.engine.0.cancel.clone();
        loop {
            let next = tokio::select! {
                () = cancel.cancelled() => return,
                next = self.look() => next,
            };
            let until = match next {
                Ok(Next::Ended) => {
                    if self.retire() {
                        return;
                    }
                    None
                }
                Ok(Next::Sleep(until)) => until,
                Err(fault) => {
                    tracing::warn!(session.id = %self.id, error = %fault, "a look at the session failed");
                    // It may have failed between a byte that went out and the row that says so: a prompt that is half done
                    // is looked into as after a crash.
                    self.settled = false;
                    Some(Instant::now() + RETRY_AFTER_FAULT)
                }
            };
            tokio::select! {
                () = cancel.cancelled() => return,
                () = sleep_until(until) => {}
                nudge = self.nudges.recv() => match nudge {
                    Some(nudge) => self.note(nudge),
                    None => return,
                },
            }
            while let Ok(nudge) = self.nudges.try_recv() {
                self.note(nudge);
            }
        }
    }

    fn note(&mut self, nudge: Nudge) {
        match nudge {
            Nudge::Look => {}
            Nudge::Change(LaunchChange::Mail) => self.dirty.mail = true,
            Nudge::Change(LaunchChange::ShimStarted) => self.dirty = Dirty { mail: true, exit: true },
            Nudge::Change(LaunchChange::ExitRecorded | LaunchChange::ShimGone) => self.dirty.exit = true,
            Nudge::Sweep | Nudge::Tmux => self.dirty = Dirty { mail: true, exit: true },
        }
    }

    async fn look(&mut self) -> Result<Next> {
        let Some(mut view) = self.view().await? else {
            return Ok(Next::Ended);
        };
        if let Some(launch) = &view.launch {
            let launch = launch.clone();
            self.watch(&launch)?;
            if self.dirty.mail || self.dirty.exit {
                let waiting = self.waiting_hooks(&launch);
                self.take_letters(&view.session, &launch).await?;
                self.release_hooks(&launch, waiting).await?;
                if self.dirty.exit {
                    self.check_exit(&launch).await?;
                }
                view = match self.view().await? {
                    Some(view) => view,
                    None => return Ok(Next::Ended),
                };
            }
        }
        self.act(view).await
    }

    async fn act(&mut self, view: View) -> Result<Next> {
        match (view.session.status.state, &view.launch) {
            (SessionState::Queued, _) => Ok(Next::Sleep(None)),
            (state, None) if state.is_ended() => Ok(Next::Ended),
            (SessionState::Starting, None) => self.start_launch(&view.session, None).await,
            (SessionState::Stopping, None) => self.never_started().await,
            (_, None) => self.vanished("its launch is not on record").await,
            (SessionState::Starting, Some(launch)) if launch.placement.is_none() => {
                self.start_launch(&view.session, Some(launch)).await
            }
            (SessionState::Stopping, Some(launch)) => self.push_stop(launch).await,
            (_, Some(launch)) => self.tend(&view.session, launch, view.turns?).await,
        }
    }

    /// The session runs: half-done prompts first, then what its screen has to say, then the next prompt.
    /// Whatever changes a turn ends the look, so the turns that were read at its begin hold to its end.
    async fn tend(&mut self, session: &Session, launch: &Launch, turns: Turns) -> Result<Next> {
        if let Some(next) = self.settle(session, launch, &turns.running).await? {
            return Ok(next);
        }
        if let Some(next) = self.await_evidence(session, launch, &turns.running).await? {
            return Ok(next);
        }
        if self.steer_next(session, launch, &turns).await? {
            return Ok(Next::now());
        }
        if let Some(next) = self.settle_queue(session, launch, &turns.running).await? {
            return Ok(next);
        }
        if let Some(next) = self.observe(session, launch).await? {
            return Ok(next);
        }
        // The delivery of a prompt looks by itself.
        if session.status.state == SessionState::Idle
            && turns.waiting.is_none()
            && let Some(next) = self.look_behind_the_end(session, launch).await?
        {
            return Ok(next);
        }
        // The next prompt would change what the turn before is measured by.
        if turns.unmeasured {
            return Ok(Next::Sleep(None));
        }
        self.deliver_next(session, launch, turns.waiting).await
    }

    async fn view(&self) -> Result<Option<View>> {
        let id = self.id.clone();
        self.engine
            .0
            .store
            .read(move |tx| {
                let session = match tx.session(&id) {
                    Ok(session) => session,
                    Err(fault) if fault.kind == Kind::NotFound => return Ok(None),
                    Err(fault) => return Err(fault),
                };
                let launch = match session.launch {
                    Some(no) => Some(tx.launch(&id, no)?).filter(|launch| launch.ended_at.is_none()),
                    None => None,
                };
                let turns = turns(tx, &session);
                Ok(Some(View { session, launch, turns }))
            })
            .await
    }

    /// Begins the watch of a launch, once.
    pub fn watch(&mut self, launch: &Launch) -> Result<()> {
        let key = LaunchKey {
            session: self.id.clone(),
            launch: launch.no,
        };
        if self.watching.as_ref() == Some(&key) {
            return Ok(());
        }
        let dir = self.launch_dir(launch);
        // A crash may have left it half made; whoever starts the launch makes the rest first.
        if !dir.ctl().exists() || !dir.mail().join("new").exists() {
            return Ok(());
        }
        self.unwatch();
        self.engine.0.watcher.watch(key.clone(), &dir)?;
        self.watching = Some(key);
        self.dirty = Dirty { mail: true, exit: true };
        Ok(())
    }

    pub fn unwatch(&mut self) {
        if let Some(key) = self.watching.take() {
            self.engine.0.watcher.unwatch(&key);
        }
    }

    pub fn launch_dir(&self, launch: &Launch) -> LaunchDir {
        LaunchDir::new(self.engine.0.paths.launch(&self.id, launch.no))
    }

    pub fn shim(&self, launch: &Launch) -> Result<Option<ShimRecord>> {
        runner::read_shim(&self.launch_dir(launch))
    }

    fn retire(&mut self) -> bool {
        self.unwatch();
        self.engine.0.actors.retire(&self.id, &self.nudges)
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        self.unwatch();
        if std::thread::panicking() {
            self.engine.0.actors.forget(&self.id);
        }
    }
}

fn turns(tx: &Tx<'_>, session: &Session) -> Result<Turns> {
    let id = &session.id;
    Ok(Turns {
        running: tx.running_turns(id)?,
        waiting: tx.next_waiting_turn(id)?,
        unmeasured: session.branch.is_some() && tx.turn_without_outcome(id)?.is_some(),
    })
}

async fn sleep_until(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}
