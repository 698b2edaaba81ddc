//! The end of a launch: exit record, last screen, status; and the stop that a person asked for.

use std::time::Duration;

use tokio::time::Instant;

use super::Engine;
use super::actor::{Actor, Next};
use crate::config::AfterLoss;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::SessionId;
use crate::domain::launch::Launch;
use crate::domain::session::{Session, SessionEvent};
use crate::runner::{self, process};
use crate::store::Tx;

/// Lines of the screen and its history that are kept when an agent ends.
const LAST_SCREEN_LINES: u32 = 200;
/// How long a shim may take to end its tree before we do it ourselves: its own grace and a reserve.
const SHIM_STOP_LIMIT: Duration = Duration::from_secs(6);
/// Grace between TERM and KILL when we end a tree without its shim.
const KILL_GRACE: Duration = Duration::from_secs(1);
/// How long `stop` waits for the end to be on record.
const STOP_LIMIT: Duration = Duration::from_secs(20);
/// At most so many launches within this time are followed by a resume that nobody asked for.
const LOSSES_MAX: i64 = 3;
const LOSS_WINDOW: Duration = Duration::from_secs(10 * 60);
/// How long a shim may be on its way (window made, record not yet written).
const SHIM_START_LIMIT: Duration = Duration::from_secs(10);

impl Actor {
    /// Reads the exit record. True when the launch has ended and its end is stored.
    pub(super) async fn check_exit(&mut self, launch: &Launch) -> Result<bool> {
        let dir = self.launch_dir(launch);
        if let Some(exit) = runner::read_exit(&dir)? {
            self.end_launch(launch, SessionEvent::Exited(exit)).await?;
            return Ok(true);
        }
        let Some(record) = self.shim(launch)? else {
            return self.check_unborn(launch).await;
        };
        if process::is_alive(record.shim) {
            if let (false, Some(key)) = (self.memory.shim_watched, &self.watching) {
                self.engine.0.watcher.watch_shim(key.clone(), record.shim)?;
                self.memory.shim_watched = true;
            }
            self.dirty.exit = false;
            return Ok(false);
        }
        // The shim may have written its record between our two looks.
        let event = match runner::read_exit(&dir)? {
            Some(exit) => SessionEvent::Exited(exit),
            None => {
                self.end_tree(launch).await;
                SessionEvent::Vanished {
                    text: "the agent's parent process was killed and left no exit record".to_owned(),
                }
            }
        };
        self.end_launch(launch, event).await?;
        Ok(true)
    }

    /// No shim has reported yet: it is on its way, or its window is gone before it ran.
    async fn check_unborn(&mut self, launch: &Launch) -> Result<bool> {
        let Some(placement) = &launch.placement else {
            self.dirty.exit = false;
            return Ok(false);
        };
        let panes = self.engine.0.tmux.panes().await?;
        let there = panes
            .iter()
            .any(|pane| pane.pane == placement.pane && pane.session.as_ref() == Some(&self.id) && !pane.dead);
        let born = runner::read_shim(&self.launch_dir(launch))?.is_some();
        let young = self
            .memory
            .launched_at
            .is_some_and(|at| at.elapsed() < SHIM_START_LIMIT);
        if there || born || young {
            return Ok(false);
        }
        self.end_tree(launch).await;
        let text = "the agent's window was gone before the agent started".to_owned();
        self.end_launch(launch, SessionEvent::Vanished { text }).await?;
        Ok(true)
    }

    async fn end_launch(&mut self, launch: &Launch, event: SessionEvent) -> Result<()> {
        crate::failpoint!("S7");
        self.keep_last_screen(launch).await;
        // Letters that were written before the end count.
        self.take_last_letters(launch).await?;
        let (engine, id, no) = (self.engine.clone(), self.id.clone(), launch.no);
        let can_resume = self.adapter.can_resume();
        self.engine
            .0
            .store
            .write(move |tx| {
                engine.end_asks(tx, &id, no)?;
                engine.apply(tx, &id, &event)?;
                tx.end_launch(&id, no)?;
                engine.resume_after_loss(tx, &id, can_resume)
            })
            .await?;
        self.unwatch();
        self.dirty.exit = false;
        if let Some(placement) = self.engine.placement(launch) {
            self.engine.0.tmux.kill_window(&placement.window).await.ok();
        }
        self.engine.wake(&self.id);
        Ok(())
    }

    async fn take_last_letters(&mut self, launch: &Launch) -> Result<()> {
        let id = self.id.clone();
        let session = self.engine.0.store.read(move |tx| tx.session(&id)).await?;
        self.take_letters(&session, launch).await
    }

    async fn keep_last_screen(&self, launch: &Launch) {
        let Some(placement) = self.engine.placement(launch) else {
            return;
        };
        let path = self.launch_dir(launch).last_screen();
        if path.exists() {
            return;
        }
        if let Ok(text) = self.engine.0.tmux.history(&placement.pane, LAST_SCREEN_LINES).await
            && let Err(error) = std::fs::write(&path, text.trim_end())
        {
            tracing::warn!(session.id = %self.id, error = %error, "the last screen could not be kept");
        }
    }

    /// A stop was asked for: the shim ends its tree; if it does not in time, we do. A shim that is still on its way is asked
    /// when its record comes.
    pub(super) async fn push_stop(&mut self, launch: &Launch) -> Result<Next> {
        self.dirty.exit = true;
        let until = *self
            .memory
            .stop_until
            .get_or_insert_with(|| Instant::now() + SHIM_STOP_LIMIT);
        if let Some(record) = self.shim(launch)?
            && self.memory.stop_asked.replace(record.shim) != Some(record.shim)
        {
            process::ask_shim_to_stop(record.shim);
            crate::failpoint!("S6");
        }
        if Instant::now() < until {
            return Ok(Next::Sleep(Some(until)));
        }
        self.memory.stop_until = None;
        self.end_tree(launch).await;
        let text = "stopped by request; its processes were ended by force".to_owned();
        self.end_launch(launch, SessionEvent::Vanished { text }).await?;
        Ok(Next::now())
    }

    pub(super) async fn never_started(&mut self) -> Result<Next> {
        let text = "stopped by request before it started".to_owned();
        self.engine.apply_now(&self.id, SessionEvent::Vanished { text }).await?;
        Ok(Next::now())
    }

    pub(super) async fn vanished(&mut self, text: &str) -> Result<Next> {
        let text = text.to_owned();
        self.engine.apply_now(&self.id, SessionEvent::Vanished { text }).await?;
        Ok(Next::now())
    }

    async fn end_tree(&self, launch: &Launch) {
        let shim = self.shim(launch).ok().flatten().map(|record| record.shim);
        let (session, no) = (self.id.to_string(), launch.no.0);
        let left =
            tokio::task::spawn_blocking(move || process::end_launch_processes(&session, no, shim, KILL_GRACE)).await;
        if !matches!(left, Ok(0)) {
            tracing::error!(session.id = %self.id, "processes of an ended launch could not be ended");
        }
    }
}

impl Engine {
    /// A session whose terminal was lost is resumed by itself where the configuration says so, but not over and over: what takes its
    /// terminal away may be the agent itself.
    fn resume_after_loss(&self, tx: &Tx<'_>, id: &SessionId, can_resume: bool) -> Result<()> {
        let session = tx.session(id)?;
        let code = session.status.reason.code.as_str();
        let is_lost = matches!(code, "terminal_lost" | "terminated" | "no_exit_record");
        if self.0.config.after_loss != AfterLoss::Resume || !is_lost || !can_resume || session.native_id.is_none() {
            return Ok(());
        }
        if tx.launches_since(id, tx.now() - LOSS_WINDOW)? > LOSSES_MAX {
            return Ok(());
        }
        self.apply(tx, id, &SessionEvent::ResumeRequested).map(drop)
    }

    /// Ends the whole process tree; returns when the end is on record. Idempotent: an ended session is returned as it is.
    pub async fn stop(&self, id: &SessionId) -> Result<Session> {
        self.apply_now(id, SessionEvent::StopRequested).await?;
        let mut seq = self.0.store.event_seq();
        let ended = async {
            loop {
                let session = self.session(id).await?;
                if session.status.state.is_ended() {
                    return Ok(session);
                }
                if seq.changed().await.is_err() {
                    return Err(Fault::new(Kind::Failure, "the daemon is shutting down"));
                }
            }
        };
        match tokio::time::timeout(STOP_LIMIT, ended).await {
            Ok(session) => session,
            Err(_) => Err(Fault::new(
                Kind::Timeout,
                format!("{id} has not ended within {} s; the stop goes on", STOP_LIMIT.as_secs()),
            )
            .hint(format!("Look again with: telecoder status {id}"))),
        }
    }

    /// The last lines of the agent's screen when its last launch ended.
    pub fn last_screen(&self, session: &Session) -> Option<String> {
        let dir = runner::LaunchDir::new(self.0.paths.launch(&session.id, session.launch?));
        std::fs::read_to_string(dir.last_screen())
            .ok()
            .filter(|text| !text.trim().is_empty())
    }

    pub(super) async fn session(&self, id: &SessionId) -> Result<Session> {
        let id = id.clone();
        self.0.store.read(move |tx| tx.session(&id)).await
    }
}
