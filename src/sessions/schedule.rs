//! Who may run: slots, the order of the queue, and the tasks that carry nudges to actors.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc::UnboundedReceiver;

use super::actor::Actor;
use super::actors::Nudge;
use super::{Engine, tell};
use crate::agents::StandIn;
use crate::domain::event::EventKind;
use crate::domain::fault::Result;
use crate::domain::ids::SessionId;
use crate::domain::session::{SessionEvent, SessionState};
use crate::runner::log_writer;
use crate::runner::watch::{LaunchChange, LaunchKey};
use crate::store::SessionFilter;
use crate::tmux::TmuxEvent;

/// Backstop for lost nudges: every actor looks at everything this often, and a session without the actor that it should have
/// gets one.
const SWEEP_EVERY: Duration = Duration::from_secs(30);

/// Gives every session that has not ended, or whose launch has not, its actor.
pub async fn recover(engine: &Engine) -> Result<()> {
    let ids = engine
        .0
        .store
        .read(|tx| {
            let states = SessionState::ALL
                .into_iter()
                .filter(|state| state.holds_slot())
                .collect();
            let filter = SessionFilter {
                states,
                include_removed: false,
            };
            let mut ids: Vec<SessionId> = tx.sessions(&filter)?.into_iter().map(|session| session.id).collect();
            ids.extend(tx.open_launches()?.into_iter().map(|launch| launch.session));
            ids.sort_unstable();
            ids.dedup();
            Ok(ids)
        })
        .await?;
    for id in ids {
        engine.spawn_actor(&id).await?;
    }
    Ok(())
}

pub fn spawn_tasks(engine: &Engine, changes: UnboundedReceiver<(LaunchKey, LaunchChange)>) {
    let tracker = &engine.0.tracker;
    tracker.spawn(carry_changes(engine.clone(), changes));
    tracker.spawn(carry_tmux_events(engine.clone()));
    tracker.spawn(fill_slots(engine.clone()));
    tracker.spawn(sweep(engine.clone()));
    engine.0.schedule.notify_one();
}

impl Engine {
    /// Starts the session's actor, or nudges it. A session whose agent is not configured any more cannot start; one that runs goes on,
    /// its letters and its end count, and the person is told.
    pub(super) async fn spawn_actor(&self, id: &SessionId) -> Result<()> {
        let Some(nudges) = self.0.actors.register(id) else {
            return Ok(());
        };
        let session = id.clone();
        let agent = self.0.store.read(move |tx| Ok(tx.session(&session)?.agent)).await?;
        let adapter = match self.0.agents.get(&agent) {
            Ok(adapter) => adapter,
            Err(_) if self.tell_if_running(id, &agent).await? => Arc::new(StandIn::new(&agent)),
            Err(fault) => {
                self.0.actors.forget(id);
                let text = fault.to_string();
                let code = "unknown_agent".to_owned();
                self.apply_now(id, SessionEvent::LaunchRefused { code, text }).await?;
                return Ok(());
            }
        };
        let actor = Actor::new(self.clone(), id.clone(), adapter, nudges);
        self.0.tracker.spawn(actor.run());
        Ok(())
    }

    /// Whether a launch of the session is open; if so, the person is told that its agent is not configured any more.
    async fn tell_if_running(&self, id: &SessionId, agent: &str) -> Result<bool> {
        let (engine, id, agent) = (self.clone(), id.clone(), agent.to_owned());
        self.0
            .store
            .write(move |tx| {
                let session = tx.session(&id)?;
                let launch = session.launch.map(|no| tx.launch(&id, no)).transpose()?;
                let runs = launch.is_some_and(|launch| launch.placement.is_some() && launch.ended_at.is_none());
                if runs {
                    let text = format!(
                        "Its agent `{agent}` is not configured any more. It goes on, what it says arrives, and prompts wait \
                         until [agents.{agent}] is back and the daemon was restarted."
                    );
                    tell::notice(&engine, tx, &session, text, None)?;
                }
                Ok(runs)
            })
            .await
    }
}

async fn carry_changes(engine: Engine, mut changes: UnboundedReceiver<(LaunchKey, LaunchChange)>) {
    loop {
        let change = tokio::select! {
            () = engine.0.cancel.cancelled() => return,
            change = changes.recv() => change,
        };
        let Some((key, change)) = change else { return };
        engine.0.actors.nudge(&key.session, Nudge::Change(change));
    }
}

async fn carry_tmux_events(engine: Engine) {
    let mut events = engine.0.tmux.events();
    loop {
        let event = tokio::select! {
            () = engine.0.cancel.cancelled() => return,
            event = events.recv() => event,
        };
        let outcome = match event {
            Ok(TmuxEvent::ServerLost) => on_server_lost(&engine).await,
            Ok(TmuxEvent::ServerBack(server)) => {
                append(&engine, EventKind::TmuxBack, serde_json::json!({ "pid": server.pid })).await
            }
            // The shim's exit record tells what a closed window means; the sweep catches a window without a shim.
            Ok(TmuxEvent::WindowClosed(_)) | Err(RecvError::Lagged(_)) => Ok(()),
            Err(RecvError::Closed) => return,
        };
        if let Err(fault) = outcome {
            tracing::warn!(error = %fault, "a tmux event could not be handled");
        }
    }
}

async fn on_server_lost(engine: &Engine) -> Result<()> {
    tracing::warn!("the tmux server is gone");
    append(engine, EventKind::TmuxLost, serde_json::json!({})).await?;
    engine.0.actors.nudge_all(&Nudge::Tmux);
    engine.0.tmux.ensure_server().await?;
    Ok(())
}

async fn append(engine: &Engine, kind: EventKind, data: serde_json::Value) -> Result<()> {
    engine
        .0
        .store
        .write(move |tx| tx.append_event(kind, None, data).map(drop))
        .await
}

/// Starts queued sessions in order while slots are free. Counting and taking a slot are one transaction.
async fn fill_slots(engine: Engine) {
    loop {
        tokio::select! {
            () = engine.0.cancel.cancelled() => return,
            () = engine.0.schedule.notified() => {}
        }
        loop {
            match take_slot(&engine).await {
                Ok(Some(id)) => {
                    crate::failpoint!("S1");
                    if let Err(fault) = engine.spawn_actor(&id).await {
                        tracing::warn!(session.id = %id, error = %fault, "a session's actor could not start");
                    }
                }
                Ok(None) => break,
                Err(fault) => {
                    tracing::warn!(error = %fault, "the queue of sessions could not be read");
                    break;
                }
            }
        }
    }
}

async fn take_slot(engine: &Engine) -> Result<Option<SessionId>> {
    let next = engine
        .0
        .store
        .read(|tx| Ok(tx.next_queued_session()?.map(|session| session.id)))
        .await?;
    if next.is_none() {
        return Ok(None);
    }
    let (engine_in_tx, max) = (engine.clone(), engine.0.config.max_active_sessions);
    engine
        .0
        .store
        .write(move |tx| {
            if tx.slots_in_use()? >= max {
                return Ok(None);
            }
            let Some(session) = tx.next_queued_session()? else {
                return Ok(None);
            };
            engine_in_tx.apply(tx, &session.id, &SessionEvent::LaunchBegun)?;
            Ok(Some(session.id))
        })
        .await
}

async fn continue_log_writers(engine: &Engine) {
    let sessions = engine.0.paths.sessions();
    let continued = tokio::task::spawn_blocking(move || log_writer::continue_stopped(&sessions));
    match continued.await {
        Ok(0) => {}
        Ok(writers) => tracing::warn!(writers, "log writers had been stopped and were continued"),
        Err(error) => tracing::warn!(error = %error, "stopped log writers could not be looked for"),
    }
}

async fn sweep(engine: Engine) {
    let mut ticks = tokio::time::interval(SWEEP_EVERY);
    loop {
        tokio::select! {
            () = engine.0.cancel.cancelled() => return,
            _ = ticks.tick() => {}
        }
        engine.0.actors.nudge_all(&Nudge::Sweep);
        engine.0.schedule.notify_one();
        continue_log_writers(&engine).await;
        if let Err(fault) = recover(&engine).await {
            tracing::warn!(error = %fault, "sessions without an actor could not be looked for");
        }
        if let Err(fault) = engine.expire_asks().await {
            tracing::warn!(error = %fault, "overdue questions could not be closed");
        }
    }
}
