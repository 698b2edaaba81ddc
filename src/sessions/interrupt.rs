//! A person's interrupt, and the prompt that it may put back into the agent's box: the next one would be glued to it. A busy agent
//! draws the empty box first and the text seconds later, so it is looked for until the next prompt is typed.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::Instant;

use super::Engine;
use crate::agents::Adapter;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::{PaneId, SessionId, TurnId};
use crate::domain::screen::{Screen, ScreenReading};
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
/// How long after the box was seen empty again the text may come once more.
const AGAIN_LIMIT: Duration = Duration::from_secs(5);
/// Work that is seen so long after an interrupt or a No is no screen from before it: the turn goes on.
const STALE_LIMIT: Duration = Duration::from_secs(10);
/// A longer text, or one of more lines, may be shown folded or in part.
const WHOLE_CHARS_MAX: usize = 400;
const WHOLE_LINES_MAX: usize = 3;
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
    /// The turns that were cut short, and what was typed for them.
    turns: Vec<(TurnId, String)>,
    taken_out: bool,
    /// When the box was seen empty after that.
    emptied_at: Option<Instant>,
    /// The agent was seen at work again.
    goes_on: bool,
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
            self.await_work(&*adapter, id, &pane, &turns, true).await?;
        }
        let tries = match turns.iter().any(|turn| turn.steered) {
            true => INTERRUPT_TRIES_STEERED,
            false => INTERRUPT_TRIES,
        };
        for _ in 0..tries {
            self.press(id, &pane, &interrupt.keys).await?;
            self.note_cut(id, &pane, &*adapter, &turns);
            if !was_working || self.await_work(&*adapter, id, &pane, &turns, false).await? {
                break;
            }
        }
        let returns = interrupt.returns_text_to_box && !turns.is_empty();
        let text_returned = returns && self.await_put_back(&*adapter, id, &pane).await?;
        Ok(Interrupted { text_returned })
    }

    /// Waits until the screen shows that the agent works, or that it does not any more; false when the limit has passed. The end of
    /// the turns ends the wait, too: what works then is the next prompt.
    async fn await_work(
        &self,
        adapter: &dyn Adapter,
        id: &SessionId,
        pane: &PaneId,
        turns: &[Turn],
        wanted: bool,
    ) -> Result<bool> {
        let limit = if wanted { WORK_SHOWN_LIMIT } else { HEEDED_LIMIT };
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
            if works == Some(wanted) || self.have_ended(id, turns).await? {
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
        let begun = Instant::now();
        let mut until = begun + RETURN_LIMIT;
        let mut has_ended = false;
        while Instant::now() < until && begun.elapsed() < UNREAD_LIMIT {
            tokio::time::sleep(RETURN_PAUSE).await;
            let screen = self.0.tmux.screen(pane).await?;
            let is_over = match adapter.read_screen(&screen) {
                ScreenReading::ComposerHolds { shown } if self.is_put_back(id, adapter, pane, &shown) => {
                    self.clear_put_back(id, adapter, pane, &screen).await?;
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
        let typed = |turn: &Turn| (turn.id.clone(), adapter.prepare(&turn.text).text);
        self.expect_cut(id, pane, turns.iter().map(typed).collect());
    }

    /// A person's No may end the turn without a word of the agent's, as an interrupt does.
    pub(super) fn note_refusal(&self, id: &SessionId, pane: &PaneId) {
        self.expect_cut(id, pane, Vec::new());
    }

    fn expect_cut(&self, id: &SessionId, pane: &PaneId, mut turns: Vec<(TurnId, String)>) {
        let mut cuts = self.cuts();
        cuts.retain(|_, cut| cut.at.elapsed() < PUT_BACK_LIMIT);
        if let Some(before) = cuts.remove(id).filter(|cut| cut.pane == *pane) {
            turns.extend(before.turns);
        }
        let cut = Cut {
            pane: pane.clone(),
            at: Instant::now(),
            turns,
            taken_out: false,
            emptied_at: None,
            goes_on: false,
        };
        cuts.insert(id.clone(), cut);
    }

    /// The next prompt is about to be typed: what stands in the box from now on is not what was cut short.
    pub(super) fn forget_cut(&self, id: &SessionId) {
        self.cuts().remove(id);
    }

    /// The agent was seen at work.
    pub(super) fn note_work(&self, id: &SessionId) {
        if let Some(cut) = self.cuts().get_mut(id) {
            cut.goes_on |= cut.at.elapsed() >= STALE_LIMIT;
        }
    }

    /// The box was seen empty.
    pub(super) fn note_empty(&self, id: &SessionId) {
        if let Some(cut) = self.cuts().get_mut(id).filter(|cut| cut.taken_out) {
            cut.emptied_at.get_or_insert_with(Instant::now);
        }
    }

    /// Whether a person has interrupted the turn in this window through us, or said No, and nothing was typed or seen to work since.
    pub(super) fn was_cut(&self, id: &SessionId, pane: &PaneId) -> bool {
        let cuts = self.cuts();
        let cut = cuts.get(id).filter(|cut| cut.pane == *pane);
        cut.is_some_and(|cut| !cut.goes_on && cut.at.elapsed() < PUT_BACK_LIMIT)
    }

    /// Whether the box shows nothing but a prompt that an interrupt put back.
    pub(super) fn is_put_back(&self, id: &SessionId, adapter: &dyn Adapter, pane: &PaneId, shown: &str) -> bool {
        let cuts = self.cuts();
        let Some(cut) = cuts.get(id).filter(|cut| cut.pane == *pane) else {
            return false;
        };
        let is_late =
            cut.emptied_at.is_some_and(|at| at.elapsed() >= AGAIN_LIMIT) || cut.at.elapsed() >= PUT_BACK_LIMIT;
        let shows = |text: &str| adapter.composer_shows(shown, text) && (may_be_folded(text) || is_same(shown, text));
        !is_late && adapter.interrupt().returns_text_to_box && cut.turns.iter().any(|(_, text)| shows(text))
    }

    fn was_taken_out(&self, id: &SessionId) -> bool {
        self.cuts().get(id).is_some_and(|cut| cut.taken_out)
    }

    fn cuts(&self) -> std::sync::MutexGuard<'_, HashMap<SessionId, Cut>> {
        self.0.cuts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Empties a box that this screen shows to hold what an interrupt put back; its turn has ended with that. Nothing is pressed while
    /// the agent works, has not read what was pressed before, or was sent these keys a moment ago. True where whoever looks has to look
    /// again.
    pub(super) async fn clear_put_back(
        &self,
        id: &SessionId,
        adapter: &dyn Adapter,
        pane: &PaneId,
        screen: &Screen,
    ) -> Result<bool> {
        if screen.has_unread_input {
            self.put_off_clear(id);
            return Ok(true);
        }
        if screen.in_mode || adapter.shows_work(screen) == Some(true) {
            return Ok(false);
        }
        if self.claim_clear(id).is_err() {
            return Ok(true);
        }
        self.press(id, pane, &adapter.interrupt().clear_keys).await?;
        let cut_short = match self.cuts().get_mut(id) {
            Some(cut) => {
                cut.taken_out = true;
                cut.emptied_at = None;
                cut.turns.iter().map(|(turn, _)| turn.clone()).collect()
            }
            None => Vec::new(),
        };
        self.end_cut_short(id, cut_short).await?;
        self.wake(id);
        Ok(true)
    }

    async fn end_cut_short(&self, id: &SessionId, cut_short: Vec<TurnId>) -> Result<()> {
        let (engine, session) = (self.clone(), id.clone());
        let store = &self.0.store;
        store
            .write(move |tx| {
                let running = tx.running_turns(&session)?;
                if running.is_empty() || running.iter().any(|turn| !cut_short.contains(&turn.id)) {
                    return Ok(());
                }
                let text = "interrupted by a person; the prompt came back into the agent's box and was taken out";
                engine.interrupt_turns(tx, &session, &Reason::new("interrupted", text))?;
                engine
                    .apply(tx, &session, &SessionEvent::Ready { source: Source::Person })
                    .map(drop)
            })
            .await
    }

    /// What was pressed is not read yet, so the pause before the next time has not begun.
    fn put_off_clear(&self, id: &SessionId) {
        let mut cleared = self.0.cleared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = cleared.get_mut(id) {
            *at = Instant::now();
        }
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

    /// Whether the session does not work any more, or not on these turns. A prompt at the terminal has none.
    async fn have_ended(&self, id: &SessionId, turns: &[Turn]) -> Result<bool> {
        if self.session(id).await?.status.state != SessionState::Working {
            return Ok(true);
        }
        let running = self.running_turns(id).await?;
        let runs = |turn: &Turn| running.iter().any(|other| other.id == turn.id);
        Ok(!turns.is_empty() && !turns.iter().any(runs))
    }

    async fn running_turns(&self, id: &SessionId) -> Result<Vec<Turn>> {
        let id = id.clone();
        self.0.store.read(move |tx| tx.running_turns(&id)).await
    }
}

fn may_be_folded(text: &str) -> bool {
    text.chars().count() > WHOLE_CHARS_MAX || text.lines().count() > WHOLE_LINES_MAX
}

/// But for where the box breaks its rows, and for characters that it does not show.
fn is_same(shown: &str, text: &str) -> bool {
    let plain = |text: &str| text.chars().filter(|c| c.is_ascii_graphic()).collect::<String>();
    plain(shown) == plain(text)
}

fn no_turn(session: &Session) -> Fault {
    let (name, state) = (&session.name, session.status.state);
    let message = format!("{name} runs no turn that could be interrupted ({state})");
    Fault::new(Kind::RefusedByState, message).hint(format!(
        "To end the agent: `telecoder stop {name}`; to prompt it: `telecoder send {name} \"...\"`."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_holds_the_same_or_it_is_not_the_same() {
        let prompt = "llm: wait for-ever\nround 0";
        assert!(is_same("llm: wait\nfor-ever\nround 0", prompt), "broken elsewhere");
        for other in ["llm: wait for-ever\nround 1", "wait for-ever", "[Pasted text #3]", ""] {
            assert!(!is_same(other, prompt), "{other}");
        }
        assert!(!may_be_folded(prompt) && may_be_folded("1\n2\n3\n4") && may_be_folded(&"x".repeat(401)));
    }
}
