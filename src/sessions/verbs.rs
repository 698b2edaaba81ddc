//! What a person does to a session, as calls: create, prompt, resume, interrupt, keys, screen.

use super::{Engine, NewSessionRequest};
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::{PaneId, SessionId};
use crate::domain::route::PromptOrigin;
use crate::domain::screen::Screen;
use crate::domain::session::{Session, SessionEvent, SessionState};
use crate::domain::turn::Turn;
use crate::tmux::Guarded;

impl Engine {
    /// Makes the session durable and returns; the launch follows by itself.
    pub async fn create(&self, request: NewSessionRequest) -> Result<Session> {
        let engine = self.clone();
        let session = self.0.store.write(move |tx| engine.admit(tx, &request)).await?;
        self.wake(&session.id);
        Ok(session)
    }

    /// Makes the prompt durable and returns; the delivery follows by itself.
    pub async fn prompt(
        &self,
        session: &SessionId,
        text: &str,
        origin: PromptOrigin,
        key: Option<String>,
    ) -> Result<Turn> {
        let (engine, id, text) = (self.clone(), session.clone(), text.to_owned());
        let turn = self
            .0
            .store
            .write(move |tx| engine.enqueue(tx, &id, &text, origin, key))
            .await?;
        self.wake(session);
        Ok(turn)
    }

    /// Queues a new launch of an ended session; the agent's own resume brings the conversation back where it can.
    pub async fn resume(&self, id: &SessionId) -> Result<Session> {
        if !self.apply_now(id, SessionEvent::ResumeRequested).await? {
            let session = self.session(id).await?;
            return Err(Fault::new(
                Kind::RefusedByState,
                format!("{} has not ended ({})", session.name, session.status.state),
            )
            .hint(format!(
                "Send it a prompt instead: telecoder send {} \"…\"",
                session.name
            )));
        }
        self.session(id).await
    }

    /// Presses the agent's own interrupt.
    pub async fn interrupt(&self, id: &SessionId) -> Result<()> {
        let session = self.session(id).await?;
        if !matches!(
            session.status.state,
            SessionState::Working | SessionState::NeedsInput | SessionState::Limited
        ) {
            return Err(Fault::new(
                Kind::RefusedByState,
                format!(
                    "{} runs no turn that could be interrupted ({})",
                    session.name, session.status.state
                ),
            )
            .hint(format!(
                "To end the agent: `telecoder stop {0}`; to prompt it: `telecoder send {0} \"...\"`.",
                session.name
            )));
        }
        let keys = self.0.agents.get(&session.agent)?.interrupt().keys;
        self.keys(id, &keys).await
    }

    /// Presses keys in the agent's window, by their tmux names.
    pub async fn keys(&self, id: &SessionId, keys: &[String]) -> Result<()> {
        let pane = self.pane(id).await?;
        match self.0.tmux.keys(&pane, id, keys).await? {
            Guarded::Done => Ok(()),
            Guarded::Mismatch => Err(window_gone(id)),
        }
    }

    pub async fn screen(&self, id: &SessionId) -> Result<Screen> {
        let pane = self.pane(id).await?;
        self.0.tmux.screen(&pane).await
    }

    pub(super) async fn pane(&self, id: &SessionId) -> Result<PaneId> {
        let (engine, id) = (self.clone(), id.clone());
        self.0
            .store
            .read(move |tx| {
                let session = tx.session(&id)?;
                let launch = session.launch.map(|no| tx.launch(&id, no)).transpose()?;
                launch
                    .filter(|launch| launch.ended_at.is_none())
                    .and_then(|launch| engine.placement(&launch).cloned())
                    .map(|placement| placement.pane)
                    .ok_or_else(|| no_window(&session))
            })
            .await
    }
}

fn no_window(session: &Session) -> Fault {
    let fault = Fault::new(
        Kind::RefusedByState,
        format!(
            "{} has no window ({}: {})",
            session.name, session.status.state, session.status.reason.text
        ),
    );
    if session.status.state.is_ended() {
        fault.hint(format!("Bring it back first: telecoder resume {}", session.name))
    } else {
        fault
    }
}

fn window_gone(id: &SessionId) -> Fault {
    Fault::new(Kind::RefusedByState, "the agent's window went away; nothing was typed")
        .hint(format!("Look again with: telecoder status {id}"))
}
