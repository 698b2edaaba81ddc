//! Dialogs of agents: what a hook announced and the screen shows becomes a question with choices, told once.

use std::time::Duration;

use tokio::time::Instant;

use super::actor::{Actor, DialogLooks, Next};
use super::observe::DIALOG_LOOK_PAUSE;
use super::{Engine, tell};
use crate::domain::dialog::{Asker, Dialog};
use crate::domain::fault::Result;
use crate::domain::ids::{LaunchNo, LetterId, SessionId};
use crate::domain::launch::Launch;
use crate::domain::letter::{Answer, LETTER_VERSION};
use crate::domain::screen::ScreenReading;
use crate::domain::session::{Session, SessionEvent, SessionState, Source};
use crate::runner::mailbox;
use crate::store::Tx;

/// Pause between looks at a dialog that may not be drawn to its end, and how long one that changes all the time is waited for.
const DIALOG_DRAW_PAUSE: Duration = Duration::from_millis(50);
const DIALOG_DRAW_LIMIT: Duration = Duration::from_secs(3);
/// How long the screen of an agent that has just become idle is looked at, and the first and the longest pause between looks.
const BEHIND_THE_END: Duration = Duration::from_secs(4);
const BEHIND_THE_END_PAUSE: Duration = Duration::from_millis(100);
const BEHIND_THE_END_PAUSE_MAX: Duration = Duration::from_millis(800);
/// How long an answered dialog may stay on the screen, and how long when the agent computes: OpenCode was seen to draw more than a
/// second after its turn had ended.
const REDRAW_LIMIT: Duration = Duration::from_secs(5);
const BUSY_REDRAW_LIMIT: Duration = Duration::from_secs(30);

impl Engine {
    /// A hook or the screen says that this dialog is open. A hook comes before the dialog is drawn and knows less of it, so the
    /// person is told when the screen shows it, or at once where no screen can be read. True when something changed.
    pub(super) fn on_dialog(
        &self,
        tx: &Tx<'_>,
        id: &SessionId,
        launch: LaunchNo,
        dialog: &Dialog,
        source: Source,
    ) -> Result<bool> {
        let event = SessionEvent::Dialog {
            source,
            text: dialog.text(),
        };
        let changed = self.apply(tx, id, &event)?;
        let session = tx.session(id)?;
        if session.status.state != SessionState::NeedsInput {
            return Ok(changed);
        }
        let is_readable = self.0.agents.get(&session.agent).is_ok_and(|a| a.box_is_readable());
        let seen = source == Source::Screen || !is_readable;
        match tx.dialog(id)? {
            // The screen has the word: a hook that comes late speaks of this dialog or of one that is not shown yet.
            Some(open) if open.seen && !seen => {
                let shown = asked_by(&open.dialog, dialog.asker.as_ref());
                if shown != open.dialog {
                    tx.see_dialog(id, &shown)?;
                }
                return Ok(changed);
            }
            Some(open) if open.seen && open.dialog.digest == dialog.digest => return Ok(changed),
            Some(open) if !open.seen && seen => tx.see_dialog(id, &asked_by(dialog, open.dialog.asker.as_ref()))?,
            _ => tx.open_dialog(id, launch, dialog, seen)?,
        }
        if seen {
            tell::dialog_notice(self, tx, &session, dialog)?;
        }
        Ok(true)
    }
}

impl Actor {
    /// A dialog is on the screen, whatever the state was. It is looked at again: it goes away without a signal.
    pub(super) async fn note_dialog(&mut self, launch: &Launch, dialog: Dialog) -> Result<Next> {
        if !self.is_drawn(&dialog) {
            return Ok(Next::after(DIALOG_DRAW_PAUSE));
        }
        let (engine, id, no) = (self.engine.clone(), self.id.clone(), launch.no);
        let was_noted = self.memory.dialog.noted.replace(dialog.digest.clone()) == Some(dialog.digest.clone());
        let store = &self.engine.0.store;
        let noted = store
            .write(move |tx| {
                if was_noted && is_left_over(tx, &id, &dialog)? {
                    return Ok(None);
                }
                engine.on_dialog(tx, &id, no, &dialog, Source::Screen).map(Some)
            })
            .await?;
        let Some(changed) = noted else {
            return self.await_redraw(launch).await;
        };
        self.memory.dialog.left_since = None;
        // Looks are counted from the last one that showed it.
        self.memory.idle_looks = 0;
        self.memory.idle_since = None;
        if changed {
            self.engine.wake(&self.id);
        }
        Ok(Next::after(DIALOG_LOOK_PAUSE))
    }

    /// An answered dialog is still on the screen. One that stays there is a new one that asks the same.
    async fn await_redraw(&mut self, launch: &Launch) -> Result<Next> {
        let left_for = self.memory.dialog.left_since.get_or_insert_with(Instant::now).elapsed();
        if left_for >= REDRAW_LIMIT && (left_for >= BUSY_REDRAW_LIMIT || !self.computes(launch).await?) {
            self.memory.dialog = DialogLooks::default();
        }
        Ok(Next::after(DIALOG_DRAW_PAUSE))
    }

    /// A dialog counts when it stays the same for a moment: it may be half drawn, and then its digest is not the one that an answer
    /// will meet.
    fn is_drawn(&mut self, dialog: &Dialog) -> bool {
        let now = Instant::now();
        let looks = &mut self.memory.dialog;
        let since_any = *looks.since.get_or_insert(now);
        let same_since = match &looks.seen {
            Some((digest, since)) if *digest == dialog.digest => *since,
            _ => now,
        };
        looks.seen = Some((dialog.digest.clone(), same_since));
        now - same_since >= self.adapter.draw_time(dialog) || now - since_any >= DIALOG_DRAW_LIMIT
    }

    /// A dialog stood in the way of a prompt while the session counted as idle.
    pub(super) async fn meet_dialog(&mut self, launch: &Launch) -> Result<Next> {
        match self.read_screen(launch).await? {
            Some(ScreenReading::Dialog(dialog)) => self.note_dialog(launch, dialog).await,
            _ => Ok(Next::after(DIALOG_LOOK_PAUSE)),
        }
    }

    /// Some agents ask when their turn has ended and their hook has said so (Codex: "Implement this plan?"). `None`: the time for that
    /// is over.
    pub(super) async fn look_behind_the_end(&mut self, session: &Session, launch: &Launch) -> Result<Option<Next>> {
        let became_idle = match self.memory.became_idle {
            Some((at, seen)) if at == session.status_since => seen,
            _ => {
                let now = Instant::now();
                self.memory.became_idle = Some((session.status_since, now));
                now
            }
        };
        let idle_for = became_idle.elapsed();
        let draws = self.memory.dialog.since.is_some();
        if (idle_for >= BEHIND_THE_END && !draws) || !self.adapter.box_is_readable() {
            return Ok(None);
        }
        let Some(screen) = self.screen(launch).await else {
            return Ok(Some(Next::after(BEHIND_THE_END_PAUSE_MAX)));
        };
        match self.adapter.read_screen(&screen) {
            ScreenReading::Dialog(dialog) if !self.engine.is_being_answered(&self.id) => {
                self.note_dialog(launch, dialog).await.map(Some)
            }
            reading => {
                // A prompt that an interrupt puts back comes behind the end, too.
                self.look_for_put_back(launch, &screen, &reading).await?;
                self.memory.dialog.since = None;
                self.memory.dialog.seen = None;
                let pause = idle_for.clamp(BEHIND_THE_END_PAUSE, BEHIND_THE_END_PAUSE_MAX);
                Ok(Some(Next::after(pause)))
            }
        }
    }

    /// Hooks that wait for a decision now. Looked up before their letters are taken: one that comes in between is not among them.
    pub(super) fn waiting_hooks(&self, launch: &Launch) -> Vec<LetterId> {
        mailbox::awaited_answers(&self.launch_dir(launch).decisions())
    }

    /// Ends the waiting of hooks whose dialog is not open any more: it was answered at the terminal, or is not theirs. They print
    /// nothing, and what the agent shows stays as it is.
    pub(super) async fn release_hooks(&self, launch: &Launch, waiting: Vec<LetterId>) -> Result<()> {
        if waiting.is_empty() {
            return Ok(());
        }
        let id = self.id.clone();
        let (open, now) = self
            .engine
            .0
            .store
            .read(move |tx| Ok((tx.dialog(&id)?, tx.now())))
            .await?;
        let open = open.and_then(|open| open.dialog.asker).and_then(|asker| asker.letter);
        let dir = self.launch_dir(launch).decisions();
        for letter in waiting.into_iter().filter(|letter| Some(letter) != open.as_ref()) {
            let nothing = Answer {
                v: LETTER_VERSION,
                id: letter,
                text: String::new(),
                at: now,
            };
            if let Err(fault) = mailbox::put_answer(&dir, &nothing) {
                tracing::warn!(session.id = %self.id, error = %fault, "a hook goes on waiting for a decision");
            }
        }
        Ok(())
    }
}

/// Whether the dialog that looks show is not the one that is open now: it was answered, or a hook has announced another one.
fn is_left_over(tx: &Tx<'_>, id: &SessionId, shown: &Dialog) -> Result<bool> {
    match tx.dialog(id)? {
        Some(open) if open.seen || open.dialog.digest == shown.digest => Ok(false),
        Some(announced) => Ok(!shown.mentions(&announced.dialog)),
        None => tx.is_answered(id, &shown.digest),
    }
}

/// The dialog on the screen with the hook that waits for its decision, if it is the one that the hook speaks of.
fn asked_by(shown: &Dialog, asker: Option<&Asker>) -> Dialog {
    let asker = asker.filter(|asker| shown.is_about(&asker.subject));
    Dialog {
        asker: asker.or(shown.asker.as_ref()).cloned(),
        ..shown.clone()
    }
}
