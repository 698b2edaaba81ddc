//! What a person does to a session, as calls: create, prompt, resume, interrupt, keys, screen.

use super::request::new_turn;
use super::{Engine, NewSessionRequest};
use crate::domain::agent::AgentCommand;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::{PaneId, SessionId};
use crate::domain::policy::Policy;
use crate::domain::route::PromptOrigin;
use crate::domain::screen::Screen;
use crate::domain::session::{Session, SessionEvent};
use crate::domain::text::{Sanitised, sanitise};
use crate::domain::turn::{Turn, TurnKind};
use crate::store::{NewTurn, Tx};
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
        self.make_turn(session, move |tx| engine.enqueue(tx, &id, &text, origin, key))
            .await
    }

    /// Makes a turn durable and wakes the session's actor.
    pub(super) async fn make_turn(
        &self,
        session: &SessionId,
        make: impl FnOnce(&Tx<'_>) -> Result<Turn> + Send + 'static,
    ) -> Result<Turn> {
        let turn = self.0.store.write(make).await?;
        self.wake(session);
        Ok(turn)
    }

    /// Queues a new launch of an ended session; the agent's own resume brings the conversation back where it can.
    pub async fn resume(&self, id: &SessionId) -> Result<Session> {
        let resumed = self.apply_now(id, SessionEvent::ResumeRequested).await?;
        self.resumed(id, resumed).await
    }

    /// [`Engine::resume`] under another policy, which the session keeps from then on: a person's own word for this one session.
    pub async fn resume_under(&self, id: &SessionId, policy: Policy) -> Result<Session> {
        let (engine, session) = (self.clone(), id.clone());
        let resumed = self
            .0
            .store
            .write(move |tx| {
                let resumed = engine.apply(tx, &session, &SessionEvent::ResumeRequested)?;
                if resumed {
                    tx.set_policy(&session, policy)?;
                }
                Ok(resumed)
            })
            .await?;
        if resumed {
            self.wake(id);
        }
        self.resumed(id, resumed).await
    }

    async fn resumed(&self, id: &SessionId, resumed: bool) -> Result<Session> {
        let session = self.session(id).await?;
        if !resumed {
            return Err(Fault::new(
                Kind::RefusedByState,
                format!("{} has not ended ({})", session.name, session.status.state),
            )
            .hint(format!(
                "Send it a prompt instead: telecoder send {} \"…\"",
                session.name
            )));
        }
        Ok(session)
    }

    /// The commands of its own that the session's agent declares.
    pub fn own_commands(&self, session: &Session) -> Result<Vec<AgentCommand>> {
        Ok(self.0.agents.get(&session.agent)?.commands().to_vec())
    }

    /// Sends a command of the agent's own (`/compact`), as it is. Only declared ones: others open screens that swallow what follows.
    pub async fn command(&self, id: &SessionId, text: &str, origin: PromptOrigin, key: Option<String>) -> Result<Turn> {
        let session = self.session(id).await?;
        let adapter = self.0.agents.get(&session.agent)?;
        let text = declared(&session, adapter.commands(), text)?;
        let (engine, id) = (self.clone(), id.clone());
        let turn = self
            .0
            .store
            .write(move |tx| {
                if let Some(key) = &key
                    && let Some(known) = tx.turn_by_key(&id, key)?
                {
                    return Ok(known);
                }
                let new = NewTurn {
                    kind: TurnKind::Command,
                    ..new_turn(&id, text, origin, key)?
                };
                engine.enqueue_as(tx, new)
            })
            .await?;
        self.wake(&session.id);
        Ok(turn)
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

/// The command as it will be typed, if the agent's adapter declares it.
fn declared(session: &Session, commands: &[AgentCommand], text: &str) -> Result<Sanitised> {
    let text = sanitise(text.trim());
    let (word, rest) = text.text.split_once(char::is_whitespace).unwrap_or((&text.text, ""));
    let known = commands.iter().find(|command| command.word == word);
    let list = || {
        let words: Vec<&str> = commands.iter().map(|command| command.word).collect();
        match words.as_slice() {
            [] => format!("The agent `{}` declares no commands.", session.agent),
            words => format!("Commands of `{}`: {}.", session.agent, words.join(", ")),
        }
    };
    match known {
        None => Err(Fault::new(Kind::Usage, format!("`{word}` is not a command that may be sent")).hint(list())),
        Some(command) if !command.takes_text && !rest.trim().is_empty() => {
            Err(Fault::new(Kind::Usage, format!("`{word}` takes nothing behind it")).hint(list()))
        }
        Some(_) if text.text.contains('\n') => Err(Fault::new(Kind::Usage, "a command is one line").hint(list())),
        Some(_) => Ok(text),
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
