//! How a turn ends: finished, with its last words relayed where the agent said nothing to the person; cut short; given up by the agent
//! because of a limit, a login, a full conversation.

use std::time::Duration;

use uuid::Uuid;

use super::letters::Said;
use super::steer::{is_not, with_their_steered};
use super::{Engine, tell};
use crate::config::ReplyMode;
use crate::domain::Timestamp;
use crate::domain::agent::{FailureKind, Steering};
use crate::domain::fault::Result;
use crate::domain::ids::{LetterId, SessionId, TurnId};
use crate::domain::session::{Reason, SessionEvent, SessionState, Source};
use crate::domain::text::Sanitised;
use crate::domain::turn::{Turn, TurnEvent, TurnKind, TurnState};
use crate::store::{NewTurn, Tx};

/// After how long a limit without a time, and a provider that failed, are tried again.
const LIMIT_RETRY: Duration = Duration::from_secs(5 * 60);
const PROVIDER_RETRY: Duration = Duration::from_secs(60);
/// What an agent is told when the limit that cut its turn off is over.
const CONTINUE: &str = "Your last turn was cut off before its end (a usage limit, or a failure of the provider). Go on where you left off.";
/// Begins the key of a continuation; the id of the turn that it goes on with follows, so that there is one for each.
const CONTINUES: &str = "continue:";

impl Engine {
    /// The agent says that its turn is over. Where it names another turn than the one that ran, and had a text in a queue of its own,
    /// it had left that one for this text.
    pub(super) fn finish_turns(
        &self,
        tx: &Tx<'_>,
        id: &SessionId,
        final_text: Option<&str>,
        said: Said<'_>,
    ) -> Result<()> {
        let (mut own, mut steered) = with_their_steered(tx.running_turns(id)?);
        if !steered.is_empty() && own.iter().all(|turn| is_not(turn, said.turn)) {
            own.iter().try_for_each(|turn| self.leave(tx, turn))?;
            own = vec![steered.remove(0)];
        }
        for mut turn in own {
            if turn.steered {
                tx.unsteer_turn(&turn.id)?;
                turn = tx.turn(&turn.id)?;
            }
            let event = TurnEvent::Finished {
                final_text: final_text.map(str::to_owned),
            };
            if tx.step_turn(&turn.id, &event)?.is_some() {
                self.relay(tx, &turn, final_text, said.letter)?;
            }
        }
        // One that the agent has in a queue of its own may be what it does next; its screen says so (`Actor::settle_queue`).
        if self.steering(tx, id)? == Some(Steering::OwnQueue) {
            return Ok(());
        }
        // Its answer is that of the turn that it went into.
        let event = TurnEvent::Finished { final_text: None };
        steered
            .iter()
            .try_for_each(|turn| tx.step_turn(&turn.id, &event).map(drop))
    }

    fn steering(&self, tx: &Tx<'_>, id: &SessionId) -> Result<Option<Steering>> {
        Ok(self.0.agents.get(&tx.session(id)?.agent)?.steering())
    }

    /// The final message as a reply, where the configuration asks for it; `letter` keeps a repeated signal from becoming two.
    fn relay(&self, tx: &Tx<'_>, turn: &Turn, text: Option<&str>, letter: Option<&LetterId>) -> Result<()> {
        let Some(text) = text.filter(|text| !text.trim().is_empty()) else {
            return Ok(());
        };
        let wanted = match self.0.config.reply {
            ReplyMode::Notify => false,
            ReplyMode::Final | ReplyMode::Both => true,
            ReplyMode::Auto => !tx.has_said_since(&turn.session, turn.typed_at.unwrap_or(turn.created_at))?,
        };
        if !wanted || turn.kind == TurnKind::Command {
            return Ok(());
        }
        tell::final_message(self, tx, turn, text, letter)
    }

    pub(super) fn interrupt_turns(&self, tx: &Tx<'_>, id: &SessionId, reason: &Reason) -> Result<()> {
        let (own, steered) = with_their_steered(tx.running_turns(id)?);
        // See `finish_turns`: an agent may go on with its queue after an interrupt, too.
        let queues = self.steering(tx, id)? == Some(Steering::OwnQueue);
        let steered = if queues { Vec::new() } else { steered };
        for turn in own.iter().chain(&steered) {
            tx.step_turn(&turn.id, &TurnEvent::Interrupted(reason.clone()))?;
        }
        Ok(())
    }

    /// The agent gave its turn up, in its own words.
    pub(super) fn turn_failed(&self, tx: &Tx<'_>, id: &SessionId, kind: FailureKind, text: &str) -> Result<()> {
        match kind {
            FailureKind::Limit { until } => self.limited(tx, id, kind, text, until, LIMIT_RETRY),
            FailureKind::Provider => self.limited(tx, id, kind, text, None, PROVIDER_RETRY),
            FailureKind::Login | FailureKind::Model | FailureKind::ContextFull => {
                self.fail_turns(tx, id, kind, text)?;
                let event = SessionEvent::NeedsPerson {
                    source: Source::Hook,
                    code: kind.as_str().to_owned(),
                    text: text.to_owned(),
                };
                self.apply(tx, id, &event).map(drop)
            }
            FailureKind::Other => {
                let failed = self.fail_turns(tx, id, kind, text)?;
                for turn in failed.iter().filter(|turn| !turn.steered) {
                    tell::turn_notice(self, tx, &tx.turn(&turn.id)?)?;
                }
                self.apply(tx, id, &SessionEvent::Ready { source: Source::Hook })
                    .map(drop)
            }
        }
    }

    fn fail_turns(&self, tx: &Tx<'_>, id: &SessionId, kind: FailureKind, text: &str) -> Result<Vec<Turn>> {
        let mut failed = Vec::new();
        for turn in tx.running_turns(id)? {
            let event = TurnEvent::Failed(Reason::new(kind.as_str(), text));
            if tx.step_turn(&turn.id, &event)?.is_some() {
                // Nothing says that the agent still has it, and no continuation brings it back.
                if turn.steered {
                    tell::turn_notice(self, tx, &tx.turn(&turn.id)?)?;
                }
                failed.push(turn);
            }
        }
        Ok(failed)
    }

    /// Nothing is typed until the time has come; then the turn that was cut off is continued, once, before the prompts that wait.
    fn limited(
        &self,
        tx: &Tx<'_>,
        id: &SessionId,
        kind: FailureKind,
        text: &str,
        until: Option<Timestamp>,
        retry: Duration,
    ) -> Result<()> {
        let at = until.unwrap_or(tx.now() + retry);
        for turn in self.fail_turns(tx, id, kind, text)? {
            // Without a time it is a guess; one guess for each turn is enough.
            if turn.kind == TurnKind::Continuation && until.is_none() {
                continue;
            }
            // It went into the turn that is continued.
            if turn.steered {
                continue;
            }
            continue_turn(tx, &turn)?;
        }
        tx.set_limited_until(id, Some(at))?;
        let source = Source::Hook;
        let text = format!("{text} (tried again at {})", clock(at));
        self.apply(tx, id, &SessionEvent::Limited { source, text }).map(drop)
    }

    /// The agent showed a limit and did not wait for its end: its box is empty and the turn is not over.
    pub(super) fn gave_up(&self, tx: &Tx<'_>, id: &SessionId) -> Result<()> {
        let session = tx.session(id)?;
        let text = session.status.reason.text;
        let until = session.limited_until;
        self.limited(tx, id, FailureKind::Limit { until }, &text, until, LIMIT_RETRY)
    }

    /// The end of a turn of which nobody told: what the agent's record says of it, else that a person interrupted it (`was_cut`), or
    /// that nothing is known.
    pub(super) fn end_untold(&self, tx: &Tx<'_>, turn: &Turn, final_text: Option<&str>, was_cut: bool) -> Result<()> {
        if turn.steered && final_text.is_some() {
            let event = TurnEvent::Finished { final_text: None };
            return tx.step_turn(&turn.id, &event).map(drop);
        }
        if let Some(text) = final_text {
            let event = TurnEvent::Finished {
                final_text: Some(text.to_owned()),
            };
            if tx.step_turn(&turn.id, &event)?.is_some() {
                self.relay(tx, turn, Some(text), None)?;
            }
            return Ok(());
        }
        if was_cut {
            let event = TurnEvent::Interrupted(Reason::new("interrupted", "interrupted by a person"));
            return tx.step_turn(&turn.id, &event).map(drop);
        }
        let text = "the agent's box is empty again, without a word of the agent's on how the turn ended";
        let event = TurnEvent::Interrupted(Reason::new("no_end_signal", text));
        match tx.step_turn(&turn.id, &event)? {
            Some(_) => tell::turn_notice(self, tx, &tx.turn(&turn.id)?),
            None => Ok(()),
        }
    }
}

fn continue_turn(tx: &Tx<'_>, turn: &Turn) -> Result<()> {
    let id: TurnId = Uuid::now_v7().to_string().parse()?;
    tx.insert_turn(NewTurn {
        id,
        session: turn.session.clone(),
        kind: TurnKind::Continuation,
        text: Sanitised {
            text: CONTINUE.to_owned(),
            stripped: 0,
        },
        steered: false,
        origin: turn.origin.clone(),
        key: Some(format!("{CONTINUES}{}", turn.id)),
    })?;
    Ok(())
}

/// A time as a person reads it, to the minute, in the machine's own zone.
fn clock(at: Timestamp) -> String {
    at.to_zoned(jiff::tz::TimeZone::system())
        .strftime("%H:%M on %d %b")
        .to_string()
}

/// Whether a typed turn is owed its end.
pub(super) fn is_owed(turn: &Turn) -> bool {
    turn.state == TurnState::Accepted
}

/// Whether a state was left to a person for a reason that no screen can end.
pub(super) fn waits_for_person(state: SessionState, code: &str) -> bool {
    state == SessionState::NeedsInput && matches!(code, "login" | "model" | "context_full")
}
