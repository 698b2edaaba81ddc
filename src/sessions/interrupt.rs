//! A person's interrupt, and the prompt that it may put back into the agent's box: the next one would be glued to it. A busy agent
//! draws the empty box first and the text seconds later, so it is looked for until the next prompt is typed.

use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::Instant;

use super::Engine;
use crate::agents::Adapter;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::{PaneId, SessionId};
use crate::domain::screen::ScreenReading;
use crate::domain::session::{Reason, Session, SessionEvent, SessionState, Source};
use crate::domain::turn::Turn;

/// How long an agent that took a prompt may take to show that it works. Keys that interrupt are lost on some before that.
const WORK_SHOWN_LIMIT: Duration = Duration::from_secs(3);
/// How long an interrupt may take to be heeded, and how often its keys are pressed: a busy program may read two Escapes as one key.
/// They are pressed again only while its screen shows that it works.
const HEEDED_LIMIT: Duration = Duration::from_secs(2);
const INTERRUPT_TRIES: u32 = 3;
/// What the agent was sent while it works may be what it does next, and its screen shows no pause between the two.
const INTERRUPT_TRIES_STEERED: u32 = 1;
/// How long a key that the agent has not read yet is waited for before the limits above count.
const UNREAD_LIMIT: Duration = Duration::from_secs(20);
/// How long the box of an interrupted agent is looked at before the person gets an answer, and the pause between looks.
const RETURN_LIMIT: Duration = Duration::from_secs(3);
const RETURN_PAUSE: Duration = Duration::from_millis(100);
/// How long after an interrupt the prompt may come back. Later, the same text in the box is a person's.
const PUT_BACK_LIMIT: Duration = Duration::from_secs(120);
/// Keys that empty a box (Ctrl-C) end Claude Code and Gemini CLI when they come twice within a second or two, also where the first
/// emptied a box and the second would have.
const CLEAR_PAUSE: Duration = Duration::from_secs(3);

/// What an interrupt did beside cutting the turn short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interrupted {
    /// The prompt came back into the agent's box, and was taken out of it.
    pub text_returned: bool,
}

/// The last interrupt of a session, until the next prompt is typed.
pub(super) struct Cut {
    pane: PaneId,
    at: Instant,
    /// What was typed for the turns that were cut short.
    texts: Vec<String>,
    taken_out: bool,
}

impl Engine {
    /// Presses the agent's own interrupt, and says whether the prompt came back into the agent's box.
    pub async fn interrupt(&self, id: &SessionId) -> Result<Interrupted> {
        let session = self.session(id).await?;
        if !matches!(
            session.status.state,
            SessionState::Working | SessionState::NeedsInput | SessionState::Limited
        ) {
            return Err(no_turn(&session));
        }
        let turns = self.running_turns(id).await?;
        if session.status.state == SessionState::Limited && turns.is_empty() {
            // The agent does not wait; TeleCoder does.
            self.apply_now(id, SessionEvent::Ready { source: Source::Person })
                .await?;
            return Ok(Interrupted { text_returned: false });
        }
        let adapter = self.0.agents.get(&session.agent)?;
        let interrupt = adapter.interrupt();
        let pane = self.pane(id).await?;
        // One by one: two Escapes in one piece are one key to some programs.
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
            self.note_cut(id, &pane, &*adapter, &turns);
            if !was_working || self.await_work(&*adapter, id, &pane, false, HEEDED_LIMIT).await? {
                break;
            }
        }
        let returns = interrupt.returns_text_to_box && !turns.is_empty();
        let text_returned = returns && self.await_put_back(&*adapter, id, &pane).await?;
        Ok(Interrupted { text_returned })
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
        let begun = Instant::now();
        let mut until = begun + limit;
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
            if screen.has_unread_input && begun.elapsed() < UNREAD_LIMIT {
                until = Instant::now() + limit;
            }
            if Instant::now() >= until {
                return Ok(false);
            }
            tokio::time::sleep(RETURN_PAUSE).await;
        }
        Ok(true)
    }

    /// Looks for the prompt in the box for a while; the session's actor goes on with that. True when it was taken out.
    async fn await_put_back(&self, adapter: &dyn Adapter, id: &SessionId, pane: &PaneId) -> Result<bool> {
        let mut until = Instant::now() + RETURN_LIMIT;
        let mut has_ended = false;
        while Instant::now() < until {
            tokio::time::sleep(RETURN_PAUSE).await;
            let screen = self.0.tmux.screen(pane).await?;
            let is_over = match adapter.read_screen(&screen) {
                ScreenReading::ComposerHolds { shown } if self.is_put_back(id, adapter, &shown) => {
                    self.clear_put_back(id, adapter, pane).await?;
                    // Another one may have emptied the box a moment ago.
                    until = until.max(Instant::now() + CLEAR_PAUSE);
                    false
                }
                ScreenReading::ComposerHolds { .. } => true,
                ScreenReading::ComposerEmpty => has_ended || adapter.was_interrupted(&screen),
                _ => false,
            };
            if self.was_taken_out(id) {
                return Ok(true);
            }
            if is_over {
                return Ok(false);
            }
            // Asked before the next look, so that what was drawn with the end is seen.
            has_ended = self.running_turns(id).await?.is_empty();
        }
        Ok(false)
    }

    fn note_cut(&self, id: &SessionId, pane: &PaneId, adapter: &dyn Adapter, turns: &[Turn]) {
        let texts = turns.iter().map(|turn| adapter.prepare(&turn.text).text);
        self.expect_cut(id, pane, texts.collect());
    }

    /// A person's No may end the turn without a word of the agent's, as an interrupt does.
    pub(super) fn note_refusal(&self, id: &SessionId, pane: &PaneId) {
        self.expect_cut(id, pane, Vec::new());
    }

    fn expect_cut(&self, id: &SessionId, pane: &PaneId, texts: Vec<String>) {
        let cut = Cut {
            pane: pane.clone(),
            at: Instant::now(),
            texts,
            taken_out: false,
        };
        let mut cuts = self.0.cuts.lock().unwrap_or_else(PoisonError::into_inner);
        cuts.retain(|_, cut| cut.at.elapsed() < PUT_BACK_LIMIT);
        cuts.insert(id.clone(), cut);
    }

    /// The box holds the next prompt: what comes back from now on is not what was cut short.
    pub(super) fn forget_cut(&self, id: &SessionId) {
        self.0.cuts.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// Whether the last turn in this window was interrupted by a person through us, and nothing was typed since.
    pub(super) fn was_cut(&self, id: &SessionId, pane: &PaneId) -> bool {
        self.asked_cut(id, |cut| cut.pane == *pane && cut.at.elapsed() < PUT_BACK_LIMIT)
    }

    /// Whether the box shows nothing but a prompt that an interrupt put back.
    pub(super) fn is_put_back(&self, id: &SessionId, adapter: &dyn Adapter, shown: &str) -> bool {
        adapter.interrupt().returns_text_to_box
            && self.asked_cut(id, |cut| {
                let texts = &cut.texts;
                cut.at.elapsed() < PUT_BACK_LIMIT && texts.iter().any(|text| adapter.composer_shows(shown, text))
            })
    }

    fn was_taken_out(&self, id: &SessionId) -> bool {
        self.asked_cut(id, |cut| cut.taken_out)
    }

    fn asked_cut(&self, id: &SessionId, ask: impl Fn(&Cut) -> bool) -> bool {
        let cuts = self.0.cuts.lock().unwrap_or_else(PoisonError::into_inner);
        cuts.get(id).is_some_and(ask)
    }

    /// Empties a box that was just seen to hold what an interrupt put back; its turn has ended with that. Nothing when it was
    /// emptied a moment ago: whoever looks again sees whether it still holds the text.
    pub(super) async fn clear_put_back(&self, id: &SessionId, adapter: &dyn Adapter, pane: &PaneId) -> Result<()> {
        if !self.asked_cut(id, |cut| cut.pane == *pane) || self.claim_clear(id).is_err() {
            return Ok(());
        }
        self.press(id, pane, &adapter.interrupt().clear_keys).await?;
        if let Some(cut) = self.0.cuts.lock().unwrap_or_else(PoisonError::into_inner).get_mut(id) {
            cut.taken_out = true;
        }
        let (engine, session) = (self.clone(), id.clone());
        let store = &self.0.store;
        store
            .write(move |tx| {
                if tx.running_turns(&session)?.is_empty() {
                    return Ok(());
                }
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

    /// Takes the right to press the keys that empty the session's box; `Err` holds how long nobody may.
    pub(super) fn claim_clear(&self, id: &SessionId) -> std::result::Result<(), Duration> {
        let mut cleared = self.0.cleared.lock().unwrap_or_else(PoisonError::into_inner);
        cleared.retain(|_, at| at.elapsed() < CLEAR_PAUSE);
        if let Some(at) = cleared.get(id) {
            return Err(CLEAR_PAUSE.saturating_sub(at.elapsed()));
        }
        cleared.insert(id.clone(), Instant::now());
        Ok(())
    }

    async fn running_turns(&self, id: &SessionId) -> Result<Vec<Turn>> {
        let id = id.clone();
        self.0.store.read(move |tx| tx.running_turns(&id)).await
    }
}

fn no_turn(session: &Session) -> Fault {
    let (name, state) = (&session.name, session.status.state);
    let message = format!("{name} runs no turn that could be interrupted ({state})");
    Fault::new(Kind::RefusedByState, message).hint(format!(
        "To end the agent: `telecoder stop {name}`; to prompt it: `telecoder send {name} \"...\"`."
    ))
}
