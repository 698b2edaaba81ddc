//! Steering: a prompt that goes into the turn that runs. It is typed while the agent works, behind the same looks and guards as any
//! other; it is accepted by the agent's own word, and ends with the turn that it went into.

use std::time::Duration;

use tokio::time::Instant;

use super::actor::{Actor, Next, Turns};
use super::deliver::HELD_PAUSE;
use super::request::new_turn;
use super::{Engine, tell};
use crate::agents::Recorded;
use crate::domain::agent::AgentPlace;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::{SessionId, TurnId};
use crate::domain::launch::Launch;
use crate::domain::route::PromptOrigin;
use crate::domain::screen::{Screen, ScreenReading};
use crate::domain::session::{Reason, Session, SessionEvent, SessionState, Source};
use crate::domain::turn::{Turn, TurnEvent, TurnState};
use crate::store::{NewTurn, Tx};

/// How long the box of an agent that has a text in a queue of its own must be seen idle after the end of a turn, until it counts as
/// taken into that turn.
const QUEUE_LIMIT: Duration = Duration::from_millis(900);
/// How long it must be seen at work until it counts as having gone on with that: the sign of work stands for a moment after the end.
const QUEUE_BUSY_LIMIT: Duration = Duration::from_millis(1500);
/// Pause between looks meanwhile, and between looks for a text whose evidence is awaited while the agent works.
const QUEUE_PAUSE: Duration = Duration::from_millis(50);

impl Engine {
    /// Makes the prompt durable, for the turn that runs; where none runs it is a usual prompt.
    ///
    /// Errors: those of [`Engine::prompt`]; `RefusedByState` for an agent that does not take a text while it works, and where
    /// prompts wait that it would overtake.
    pub async fn steer(
        &self,
        session: &SessionId,
        text: &str,
        origin: PromptOrigin,
        key: Option<String>,
    ) -> Result<Turn> {
        let (engine, id, text) = (self.clone(), session.clone(), text.to_owned());
        self.make_turn(session, move |tx| engine.enqueue_steered(tx, &id, &text, origin, key))
            .await
    }

    fn enqueue_steered(
        &self,
        tx: &Tx<'_>,
        id: &SessionId,
        text: &str,
        origin: PromptOrigin,
        key: Option<String>,
    ) -> Result<Turn> {
        if let Some(key) = &key
            && let Some(known) = tx.turn_by_key(id, key)?
        {
            return Ok(known);
        }
        let session = tx.session(id)?;
        if self.0.agents.get(&session.agent)?.steering().is_none() {
            return Err(does_not_steer(&session));
        }
        if session.status.state != SessionState::Working {
            return self.enqueue(tx, id, text, origin, key);
        }
        let before = tx.usual_waiting_count(id)?;
        if before > 0 {
            return Err(would_overtake(&session, before));
        }
        let text = self.prompt_text(text)?;
        let new = NewTurn {
            steered: true,
            ..new_turn(id, text, origin, key)?
        };
        self.enqueue_as(tx, new)
    }

    /// Ends a steered text as the turn ended that it was meant for. After an interrupt nobody knows whether the model got it.
    fn end_steered(&self, tx: &Tx<'_>, id: &TurnId) -> Result<()> {
        let turn = tx.turn(id)?;
        let turns = tx.turns(&turn.session, None)?;
        let before = turns.iter().rev().find(|other| !other.steered && other.seq < turn.seq);
        if before.is_none_or(|before| before.state != TurnState::Interrupted) {
            let event = TurnEvent::Finished { final_text: None };
            return tx.step_turn(id, &event).map(drop);
        }
        let text = "interrupted while the agent had this in a queue of its own: its model may not have got it";
        let event = TurnEvent::Interrupted(Reason::new("interrupted", text));
        match tx.step_turn(id, &event)? {
            Some(_) => tell::turn_notice(self, tx, &tx.turn(id)?),
            None => Ok(()),
        }
    }

    /// The agent's own word that it took this prompt, and into which turn of its own. A steered one that meets no running turn
    /// begins its own; and so does one that the agent left the running turn for.
    pub(super) fn accept_turn(&self, tx: &Tx<'_>, turn: &Turn, agent_turn: Option<&str>) -> Result<()> {
        if turn.steered {
            let running = tx.running_turns(&turn.session)?;
            let is_other = |other: &&Turn| other.id != turn.id && other.state == TurnState::Accepted;
            let (left, goes_on): (Vec<&Turn>, Vec<&Turn>) = running
                .iter()
                .filter(is_other)
                .partition(|other| is_not(other, agent_turn));
            if goes_on.is_empty() {
                left.iter().try_for_each(|other| self.leave(tx, other))?;
                tx.unsteer_turn(&turn.id)?;
            }
        }
        if let Some(agent_turn) = agent_turn {
            tx.set_agent_turn(&turn.id, agent_turn)?;
        }
        tx.step_turn(&turn.id, &TurnEvent::Accepted).map(drop)
    }

    /// The agent began another turn, with a text that it had got while it worked on this one.
    pub(super) fn leave(&self, tx: &Tx<'_>, turn: &Turn) -> Result<()> {
        let text = "cut short: the agent went on with a text that it was sent meanwhile";
        let event = TurnEvent::Interrupted(Reason::new("interrupted", text));
        tx.step_turn(&turn.id, &event).map(drop)
    }
}

/// Splits the accepted turns, oldest first, at the end of the one that runs: those that have an end of their own, and the steered
/// texts that went into them. A steered text behind no other has an end of its own.
pub(super) fn with_their_steered(turns: Vec<Turn>) -> (Vec<Turn>, Vec<Turn>) {
    let accepted = turns.into_iter().filter(|turn| turn.state == TurnState::Accepted);
    let (mut steered, mut own): (Vec<Turn>, Vec<Turn>) = accepted.partition(|turn| turn.steered);
    if own.is_empty() && !steered.is_empty() {
        own.push(steered.remove(0));
    }
    (own, steered)
}

/// Whether the agent says that this is another turn of its own.
pub(super) fn is_not(turn: &Turn, agent_turn: Option<&str>) -> bool {
    let known = turn.agent_turn.as_deref().zip(agent_turn);
    known.is_some_and(|(known, said)| known != said)
}

fn does_not_steer(session: &Session) -> Fault {
    Fault::new(
        Kind::RefusedByState,
        format!(
            "the agent `{}` of {} cannot be steered: it does not take a text while it works, or does not say that it did",
            session.agent, session.name
        ),
    )
    .hint(format!(
        "Send it without --steer, and it waits for its turn: telecoder send {} \"…\"",
        session.name
    ))
}

fn would_overtake(session: &Session, before: i64) -> Fault {
    Fault::new(
        Kind::RefusedByState,
        format!(
            "{} has prompts that wait ({before}), and a steered one would overtake them",
            session.name
        ),
    )
    .hint(format!(
        "Send it without --steer, and it waits behind them: telecoder send {} \"…\"",
        session.name
    ))
}

/// Whether what runs goes on, so that a steered text may still be taken into it.
pub(super) fn goes_on(session: &Session) -> bool {
    matches!(session.status.state, SessionState::Working | SessionState::NeedsInput)
}

impl Actor {
    /// Types a steered prompt while the agent works, if it is the next one and none before it is still unproven. True when it was
    /// tried; one that is held is tried again after a pause, in which the screen has its say.
    pub(super) async fn steer_next(&mut self, session: &Session, launch: &Launch, turns: &Turns) -> Result<bool> {
        let unproven = |turn: &Turn| matches!(turn.state, TurnState::Typing | TurnState::Typed);
        let just_tried = self.memory.steer_tried.is_some_and(|at| at.elapsed() < HELD_PAUSE);
        let Some(turn) = turns.waiting.as_ref().filter(|turn| turn.steered) else {
            return Ok(false);
        };
        if session.status.state != SessionState::Working
            || turns.running.iter().any(unproven)
            || turn.state == TurnState::Held && just_tried
            || self.adapter.steering().is_none()
            || self.engine.placement(launch).is_none()
        {
            return Ok(false);
        }
        self.memory.steer_tried = Some(Instant::now());
        self.deliver_waiting(launch, turn.clone()).await?;
        Ok(true)
    }

    /// A working agent shows its box, and the box is empty.
    pub(super) fn box_is_open_at_work(&self, screen: &Screen) -> bool {
        self.adapter.steering().is_some() && self.adapter.shows_box_at_work(screen)
    }

    /// A steered text whose evidence has not come. While the agent works its time does not run out: some say that they took it only
    /// after a long tool call. A text that stays in the box, though, was not submitted. `None`: nothing to wait for here.
    pub(super) async fn await_steered(
        &mut self,
        session: &Session,
        launch: &Launch,
        turn: &Turn,
    ) -> Result<Option<Next>> {
        if !turn.steered || !goes_on(session) {
            if std::mem::take(&mut self.memory.steered_at_work) {
                // What ran has ended: from here on the agent has its usual time.
                self.memory.evidence_until = None;
            }
            return Ok(None);
        }
        self.memory.steered_at_work = true;
        let timeout = self.adapter.evidence_timeout();
        let until = *self
            .memory
            .evidence_until
            .get_or_insert_with(|| Instant::now() + timeout);
        self.check_enter(turn, launch).await?;
        if Instant::now() < until {
            return Ok(None);
        }
        self.memory.evidence_until = Some(Instant::now() + timeout);
        if self.recorded(session, turn) == Recorded::Taken {
            self.accept_by_transcript(&turn.id).await?;
            return Ok(Some(Next::now()));
        }
        match self.read_screen(launch).await? {
            Some(ScreenReading::ComposerHolds { shown })
                if self.adapter.composer_shows(&shown, &self.typed_text(turn)) && !self.is_behind(launch).await? =>
            {
                let reason = Reason::new(
                    "still_in_box",
                    "typed while the agent worked, but the text is still in its box",
                );
                self.unclear(turn, reason).await.map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The turn is over, and the agent had taken a steered text into a queue of its own. Either it went into that turn, and the box
    /// stays idle, or the agent goes on with it by itself: then it is a turn of its own. The agent's record knows; the screen is a
    /// moment behind the hook that tells the end.
    pub(super) async fn settle_queue(
        &mut self,
        session: &Session,
        launch: &Launch,
        running: &[Turn],
    ) -> Result<Option<Next>> {
        let is_left = |turn: &&Turn| turn.state == TurnState::Accepted && turn.steered;
        let is_over = matches!(session.status.state, SessionState::Idle | SessionState::Verifying);
        let (true, Some(first)) = (is_over, running.iter().find(is_left)) else {
            self.memory.queue_seen = None;
            return Ok(None);
        };
        match self.went_into_turn(session, first) {
            Some(true) => self.end_queued(vec![first.id.clone()]).await?,
            Some(false) => self.goes_on_with(first).await?,
            None => match self.queue_by_screen(launch).await? {
                None => return Ok(Some(Next::after(QUEUE_PAUSE))),
                Some(true) => self.goes_on_with(first).await?,
                Some(false) => {
                    let steered = running.iter().filter(|turn| turn.steered);
                    self.end_queued(steered.map(|turn| turn.id.clone()).collect()).await?;
                }
            },
        }
        self.memory.queue_seen = None;
        Ok(Some(Next::now()))
    }

    fn went_into_turn(&self, session: &Session, turn: &Turn) -> Option<bool> {
        let session_dir = self.engine.0.paths.session(&self.id);
        let place = AgentPlace {
            session_dir: &session_dir,
            work_dir: &session.work_dir,
            native_id: session.native_id.as_deref(),
        };
        let since = turn.typed_at.unwrap_or(turn.created_at);
        self.adapter.went_into_turn(&place, &turn.text, since)
    }

    /// Whether the agent goes on with its queue, when its screen has said the same for long enough.
    async fn queue_by_screen(&mut self, launch: &Launch) -> Result<Option<bool>> {
        let works = match self.read_screen(launch).await? {
            Some(ScreenReading::Dialog(_)) => return Ok(Some(true)),
            Some(ScreenReading::Busy) => true,
            Some(ScreenReading::ComposerEmpty | ScreenReading::ComposerHolds { .. }) => false,
            _ => return Ok(None),
        };
        let since = match self.memory.queue_seen {
            Some((seen, since)) if seen == works => since,
            _ => Instant::now(),
        };
        self.memory.queue_seen = Some((works, since));
        let limit = if works { QUEUE_BUSY_LIMIT } else { QUEUE_LIMIT };
        Ok((since.elapsed() >= limit).then_some(works))
    }

    async fn end_queued(&self, ids: Vec<TurnId>) -> Result<()> {
        let (engine, store) = (self.engine.clone(), &self.engine.0.store);
        store
            .write(move |tx| ids.iter().try_for_each(|id| engine.end_steered(tx, id)))
            .await
    }

    async fn goes_on_with(&self, first: &Turn) -> Result<()> {
        let (engine, id, first) = (self.engine.clone(), self.id.clone(), first.id.clone());
        let store = &self.engine.0.store;
        store
            .write(move |tx| {
                tx.unsteer_turn(&first)?;
                let event = SessionEvent::Working { source: Source::Screen };
                engine.apply(tx, &id, &event).map(drop)
            })
            .await
    }
}
