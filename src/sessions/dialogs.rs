//! Dialogs of agents: what a hook announced and the screen shows becomes a question with choices, told once.

use super::actor::Actor;
use super::{Engine, tell};
use crate::domain::dialog::{Asker, Dialog};
use crate::domain::fault::Result;
use crate::domain::ids::{LaunchNo, LetterId, SessionId};
use crate::domain::launch::Launch;
use crate::domain::letter::{Answer, LETTER_VERSION};
use crate::domain::session::{SessionEvent, SessionState, Source};
use crate::runner::mailbox;
use crate::store::Tx;

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

/// The dialog on the screen with the hook that waits for its decision, if it is the one that the hook speaks of.
fn asked_by(shown: &Dialog, asker: Option<&Asker>) -> Dialog {
    let asker = asker.filter(|asker| shown.is_about(&asker.subject));
    Dialog {
        asker: asker.or(shown.asker.as_ref()).cloned(),
        ..shown.clone()
    }
}
