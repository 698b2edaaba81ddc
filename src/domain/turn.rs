//! A turn: one prompt and what came of it. The inbox row, its states, and the machine of its delivery.
//!
//! The order of facts is fixed: `typing` is stored before the first byte goes out, and nothing is ever typed a second
//! time without the agent's own record that says that the first time did not arrive.

use serde::{Deserialize, Serialize};

use super::Timestamp;
use super::ids::{LaunchNo, SessionId, TurnId};
use super::route::PromptOrigin;
use super::session::Reason;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnState {
    Queued,
    /// Ready to go, but something stands in the way: a dialog, a person's half-typed text, copy mode.
    Held,
    /// Stored before the first byte goes to the terminal.
    Typing,
    /// The text is in the agent's box and Enter was sent; the agent has not said that it took it.
    Typed,
    /// The agent itself said that it took the prompt.
    Accepted,
    Finished,
    Interrupted,
    Refused,
    /// Typed, and no evidence either way; a person decides.
    Uncertain,
    Cancelled,
    Failed,
    /// The end for agents that declare no evidence.
    DeliveredUnconfirmed,
}

impl TurnState {
    pub const ALL: [TurnState; 12] = [
        TurnState::Queued,
        TurnState::Held,
        TurnState::Typing,
        TurnState::Typed,
        TurnState::Accepted,
        TurnState::Finished,
        TurnState::Interrupted,
        TurnState::Refused,
        TurnState::Uncertain,
        TurnState::Cancelled,
        TurnState::Failed,
        TurnState::DeliveredUnconfirmed,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            TurnState::Queued => "queued",
            TurnState::Held => "held",
            TurnState::Typing => "typing",
            TurnState::Typed => "typed",
            TurnState::Accepted => "accepted",
            TurnState::Finished => "finished",
            TurnState::Interrupted => "interrupted",
            TurnState::Refused => "refused",
            TurnState::Uncertain => "uncertain",
            TurnState::Cancelled => "cancelled",
            TurnState::Failed => "failed",
            TurnState::DeliveredUnconfirmed => "delivered_unconfirmed",
        }
    }

    /// Whether nothing more will happen to the turn by itself.
    pub const fn is_ended(self) -> bool {
        matches!(
            self,
            TurnState::Finished
                | TurnState::Interrupted
                | TurnState::Refused
                | TurnState::Uncertain
                | TurnState::Cancelled
                | TurnState::Failed
                | TurnState::DeliveredUnconfirmed
        )
    }

    /// Whether the prompt still waits for its turn at the keyboard.
    pub const fn is_waiting(self) -> bool {
        matches!(self, TurnState::Queued | TurnState::Held)
    }
}

impl std::fmt::Display for TurnState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is typed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnKind {
    #[default]
    Prompt,
    /// A command of the agent's own (`/compact`), typed as it is. Agents give no evidence for it.
    Command,
    /// Goes on with a turn that a limit of the provider's cut off; goes before the prompts that wait.
    Continuation,
}

/// The durable record of a turn. `text` is what goes to the agent: sanitised once, when it was accepted from a person.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    pub id: TurnId,
    pub session: SessionId,
    /// Order within the session, from 1.
    pub seq: u32,
    pub kind: TurnKind,
    pub state: TurnState,
    pub reason: Option<Reason>,
    pub text: String,
    /// How many control characters the sanitiser took out.
    pub stripped: u32,
    /// It is meant for the turn that runs, and goes into the agent's box while that works.
    pub steered: bool,
    /// The agent's own id of the turn that it began or went into, where the agent tells it.
    pub agent_turn: Option<String>,
    pub origin: PromptOrigin,
    /// The launch into which it was typed.
    pub launch: Option<LaunchNo>,
    pub created_at: Timestamp,
    /// When its typing began: the agent's own record is searched from here on.
    pub typed_at: Option<Timestamp>,
    pub accepted_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// The agent's last message of the turn, from its own hook or transcript.
    pub final_text: Option<String>,
}

impl Turn {
    /// Its state as people read it.
    pub fn in_words(&self) -> String {
        in_words(self.state, self.steered)
    }
}

/// A prompt's state, and that it was steered.
pub fn in_words(state: TurnState, steered: bool) -> String {
    match steered {
        true => format!("steered, {state}"),
        false => state.to_string(),
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TurnEvent {
    Hold(Reason),
    Release,
    BeginTyping {
        launch: LaunchNo,
    },
    /// The paste was refused before a byte went out (dead pane, other session in the pane).
    NotTyped(Reason),
    /// It is typed, and the agent has not come to it yet; why.
    Behind(Reason),
    /// Enter was sent.
    Submitted,
    /// The agent's own evidence.
    Accepted,
    /// The agent declared that it gives no evidence, and Enter was sent.
    NoEvidence,
    /// The agent refused the text as a prompt, with its words.
    Refused(Reason),
    /// The time for evidence passed, or the screen does not show what it should.
    Unclear(Reason),
    Finished {
        final_text: Option<String>,
    },
    Interrupted(Reason),
    /// The agent gave the turn up, with its words.
    Failed(Reason),
    Cancelled(Reason),
    /// The session ended under it.
    SessionEnded(Reason),
    /// After a crash: the agent's own record shows that the text never arrived.
    ProvenAbsent,
}

/// One step of the turn's machine: the new state, and the reason where there is one. `None`: the event changes nothing
/// here (a late or repeated signal).
pub fn step(state: TurnState, event: &TurnEvent) -> Option<(TurnState, Option<Reason>)> {
    use TurnEvent as E;
    use TurnState as S;
    let next = match (state, event) {
        (S::Queued | S::Held, E::Hold(reason)) => (S::Held, Some(reason.clone())),
        (S::Held, E::Release) => (S::Queued, None),
        (S::Queued | S::Held, E::BeginTyping { .. }) => (S::Typing, None),
        (S::Typing, E::NotTyped(reason)) => (S::Held, Some(reason.clone())),
        (S::Typing | S::Typed, E::Behind(reason)) => (state, Some(reason.clone())),
        (S::Typing, E::Submitted) => (S::Typed, None),
        // Evidence may overtake our own bookkeeping, and may come late.
        (S::Typing | S::Typed | S::Uncertain, E::Accepted) => (S::Accepted, None),
        (S::Typing | S::Typed, E::NoEvidence) => (S::DeliveredUnconfirmed, None),
        (S::Typing | S::Typed, E::Refused(reason)) => (S::Refused, Some(reason.clone())),
        (S::Queued | S::Held, E::Refused(reason)) => (S::Refused, Some(reason.clone())),
        (S::Typing | S::Typed, E::Unclear(reason)) => (S::Uncertain, Some(reason.clone())),
        (S::Typing | S::Typed | S::Uncertain, E::ProvenAbsent) => (S::Queued, None),
        (S::Accepted, E::Finished { .. }) => (S::Finished, None),
        (S::Accepted, E::Interrupted(reason)) => (S::Interrupted, Some(reason.clone())),
        (S::Accepted, E::Failed(reason)) => (S::Failed, Some(reason.clone())),
        (S::Queued | S::Held, E::Cancelled(reason)) => (S::Cancelled, Some(reason.clone())),
        (S::Accepted, E::SessionEnded(reason)) => (S::Failed, Some(reason.clone())),
        (S::Typing | S::Typed, E::SessionEnded(reason)) => (S::Uncertain, Some(reason.clone())),
        _ => return None,
    };
    Some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_event() -> Vec<TurnEvent> {
        let reason = Reason::new("x", "x");
        vec![
            TurnEvent::Hold(reason.clone()),
            TurnEvent::Failed(reason.clone()),
            TurnEvent::Release,
            TurnEvent::BeginTyping { launch: LaunchNo(1) },
            TurnEvent::NotTyped(reason.clone()),
            TurnEvent::Behind(reason.clone()),
            TurnEvent::Submitted,
            TurnEvent::Accepted,
            TurnEvent::NoEvidence,
            TurnEvent::Refused(reason.clone()),
            TurnEvent::Unclear(reason.clone()),
            TurnEvent::Finished { final_text: None },
            TurnEvent::Interrupted(reason.clone()),
            TurnEvent::Failed(reason.clone()),
            TurnEvent::Cancelled(reason.clone()),
            TurnEvent::SessionEnded(reason),
            TurnEvent::ProvenAbsent,
        ]
    }

    #[test]
    fn typing_begins_from_waiting_states_only() {
        for state in TurnState::ALL {
            let begun = step(state, &TurnEvent::BeginTyping { launch: LaunchNo(1) }).is_some();
            assert_eq!(begun, state.is_waiting(), "{state}");
        }
    }

    #[test]
    fn what_was_typed_waits_again_only_when_nothing_went_out_or_absence_is_proven() {
        for state in [
            TurnState::Typing,
            TurnState::Typed,
            TurnState::Accepted,
            TurnState::Uncertain,
        ] {
            for event in every_event() {
                let waits = step(state, &event).is_some_and(|(next, _)| next.is_waiting());
                let allowed = matches!(
                    (state, &event),
                    (TurnState::Typing, TurnEvent::NotTyped(_))
                        | (
                            TurnState::Typing | TurnState::Typed | TurnState::Uncertain,
                            TurnEvent::ProvenAbsent
                        )
                );
                assert_eq!(waits, allowed, "{state} with {event:?}");
            }
        }
    }

    #[test]
    fn an_ended_turn_stays_ended_but_for_late_evidence() {
        for state in TurnState::ALL.into_iter().filter(|state| state.is_ended()) {
            for event in every_event() {
                let moved = step(state, &event).is_some();
                let late =
                    state == TurnState::Uncertain && matches!(event, TurnEvent::Accepted | TurnEvent::ProvenAbsent);
                assert_eq!(moved, late, "{state} with {event:?}");
            }
        }
    }
}
