//! What a person does to a session, as calls: create, prompt, resume, interrupt, keys, screen.

use std::time::Duration;

use tokio::time::Instant;

use super::request::new_turn;
use super::{Engine, NewSessionRequest};
use crate::agents::Adapter;
use crate::domain::agent::{AgentCommand, Interrupt};
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::{PaneId, SessionId};
use crate::domain::policy::Policy;
use crate::domain::route::PromptOrigin;
use crate::domain::screen::{Screen, ScreenReading};
use crate::domain::session::{Reason, Session, SessionEvent, SessionState, Source};
use crate::domain::text::{Sanitised, sanitise};
use crate::domain::turn::{Turn, TurnKind};
use crate::store::{NewTurn, Tx};
use crate::tmux::Guarded;

/// How long an agent that took a prompt may take to show that it works. Keys that interrupt are lost on some before that.
const WORK_SHOWN_LIMIT: Duration = Duration::from_secs(3);
/// How long an interrupt may take to be heeded, and how often its keys are pressed: a busy program may read two Escapes as one key.
/// They are pressed again only while its screen shows that it works.
const HEEDED_LIMIT: Duration = Duration::from_secs(2);
const INTERRUPT_TRIES: u32 = 3;
/// What the agent was sent while it works may be what it does next, and its screen shows no pause between the two.
const INTERRUPT_TRIES_STEERED: u32 = 1;
/// How long an interrupted agent may take to show its box again, and the pause between looks.
const RETURN_LIMIT: Duration = Duration::from_secs(3);
const RETURN_PAUSE: Duration = Duration::from_millis(100);

/// What an interrupt did beside cutting the turn short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interrupted {
    /// The prompt came back into the agent's box, and was taken out of it.
    pub text_returned: bool,
}

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

    /// Presses the agent's own interrupt, and says whether the prompt came back into the agent's box. One that did is taken out
    /// again: the next prompt would be glued to it.
    pub async fn interrupt(&self, id: &SessionId) -> Result<Interrupted> {
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
        let adapter = self.0.agents.get(&session.agent)?;
        let interrupt = adapter.interrupt();
        let turns = self.running_turns(id).await?;
        if session.status.state == SessionState::Limited && turns.is_empty() {
            // The agent does not wait; TeleCoder does.
            self.apply_now(id, SessionEvent::Ready { source: Source::Person })
                .await?;
            return Ok(Interrupted { text_returned: false });
        }
        // One by one: two Escapes in one piece are one key to some programs.
        let pane = self.pane(id).await?;
        let was_working = session.status.state == SessionState::Working;
        if was_working {
            self.await_work(&*adapter, id, &pane, true, WORK_SHOWN_LIMIT).await?;
        }
        let tries = match turns.iter().any(|turn| turn.steered) {
            true => INTERRUPT_TRIES_STEERED,
            false => INTERRUPT_TRIES,
        };
        for _ in 0..tries {
            self.press(id, &pane, &interrupt.keys).await?;
            if !was_working || self.await_work(&*adapter, id, &pane, false, HEEDED_LIMIT).await? {
                break;
            }
        }
        let returned = match interrupt.returns_text_to_box {
            true => self.empty_the_box(&*adapter, id, &turns, &interrupt).await?,
            false => false,
        };
        Ok(Interrupted {
            text_returned: returned,
        })
    }

    /// Waits until the screen shows that the agent works, or that it does not any more; false when the limit has passed. The end of
    /// the turn ends the wait, too.
    async fn await_work(
        &self,
        adapter: &dyn Adapter,
        id: &SessionId,
        pane: &PaneId,
        wanted: bool,
        limit: Duration,
    ) -> Result<bool> {
        let limit = Instant::now() + limit;
        while adapter.box_is_readable() {
            let screen = self.0.tmux.screen(pane).await?;
            let works = match adapter.read_screen(&screen) {
                ScreenReading::Busy => Some(true),
                // A screen in the middle of a repaint says nothing.
                ScreenReading::Unknown => None,
                ScreenReading::Dialog(_) => Some(wanted),
                _ => Some(adapter.shows_work(&screen) == Some(true)),
            };
            if works == Some(wanted) || self.session(id).await?.status.state != SessionState::Working {
                return Ok(true);
            }
            if Instant::now() >= limit {
                return Ok(false);
            }
            tokio::time::sleep(RETURN_PAUSE).await;
        }
        Ok(true)
    }

    async fn running_turns(&self, id: &SessionId) -> Result<Vec<Turn>> {
        let id = id.clone();
        self.0.store.read(move |tx| tx.running_turns(&id)).await
    }

    /// Waits until the box is back. If it holds a prompt that was interrupted, it is emptied, and the turn has ended.
    async fn empty_the_box(
        &self,
        adapter: &dyn Adapter,
        id: &SessionId,
        turns: &[Turn],
        interrupt: &Interrupt,
    ) -> Result<bool> {
        if turns.is_empty() {
            return Ok(false);
        }
        let pane = self.pane(id).await?;
        let mut limit = Instant::now() + RETURN_LIMIT;
        let prepared: Vec<String> = turns.iter().map(|turn| adapter.prepare(&turn.text).text).collect();
        while Instant::now() < limit {
            tokio::time::sleep(RETURN_PAUSE).await;
            match adapter.read_screen(&self.0.tmux.screen(&pane).await?) {
                ScreenReading::ComposerHolds { shown }
                    if prepared.iter().any(|text| adapter.composer_shows(&shown, text)) =>
                {
                    if self.await_clear_pause(id).await {
                        limit = Instant::now() + RETURN_LIMIT;
                        continue;
                    }
                    self.note_cleared(id);
                    self.keys(id, &interrupt.clear_keys).await?;
                    self.note_returned(id).await?;
                    return Ok(true);
                }
                ScreenReading::ComposerHolds { .. } | ScreenReading::ComposerEmpty => return Ok(false),
                _ => {}
            }
        }
        Ok(false)
    }

    async fn note_returned(&self, id: &SessionId) -> Result<()> {
        let (engine, session) = (self.clone(), id.clone());
        self.0
            .store
            .write(move |tx| {
                let text = "interrupted by a person; the prompt came back into the agent's box and was taken out";
                engine.interrupt_turns(tx, &session, &Reason::new("interrupted", text))?;
                engine
                    .apply(tx, &session, &SessionEvent::Ready { source: Source::Person })
                    .map(drop)
            })
            .await?;
        self.wake(id);
        Ok(())
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
