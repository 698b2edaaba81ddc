//! Dialogs of agents: what a hook announced and the screen shows becomes a question with choices, told once.

use super::{Engine, tell};
use crate::domain::dialog::Dialog;
use crate::domain::fault::Result;
use crate::domain::ids::{LaunchNo, SessionId};
use crate::domain::session::{SessionEvent, SessionState, Source};
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
            Some(open) if open.seen && !seen => return Ok(changed),
            Some(open) if open.seen && open.dialog.digest == dialog.digest => return Ok(changed),
            Some(open) if !open.seen && seen => tx.see_dialog(id, dialog)?,
            _ => tx.open_dialog(id, launch, dialog, seen)?,
        }
        if seen {
            tell::dialog_notice(self, tx, &session, dialog)?;
        }
        Ok(true)
    }
}
