//! Dialogs that agents show. At most one of a session is open.

use rusqlite::params;
use serde_json::json;

use super::Tx;
use super::rows::{Columns, Row, micros, to_json, word};
use crate::domain::dialog::{Dialog, DialogDigest, DialogRow, DialogState};
use crate::domain::event::EventKind;
use crate::domain::fault::Result;
use crate::domain::ids::{LaunchNo, SessionId};

impl Tx<'_> {
    /// Opens a dialog; one that was open is gone. Event `dialog.opened`.
    pub fn open_dialog(&self, session: &SessionId, launch: LaunchNo, dialog: &Dialog, seen: bool) -> Result<()> {
        self.close_dialog(session, DialogState::Gone)?;
        self.run(
            "INSERT INTO dialogs (session, launch, digest, dialog, state, seen, opened_at)
             VALUES (?1, ?2, ?3, ?4, 'open', ?5, ?6)",
            params![
                session.as_str(),
                launch.0,
                dialog.digest.as_str(),
                to_json(dialog)?,
                seen,
                micros(self.now)
            ],
        )?;
        self.tell_dialog(session, dialog)
    }

    /// The screen shows what a hook had announced: from now on its words hold. Event `dialog.opened` when they are other ones.
    pub fn see_dialog(&self, session: &SessionId, dialog: &Dialog) -> Result<()> {
        let before = self.dialog(session)?;
        self.run(
            "UPDATE dialogs SET digest = ?2, dialog = ?3, seen = 1 WHERE session = ?1 AND state = 'open'",
            params![session.as_str(), dialog.digest.as_str(), to_json(dialog)?],
        )?;
        match before {
            Some(before) if before.dialog.digest != dialog.digest => self.tell_dialog(session, dialog),
            _ => Ok(()),
        }
    }

    /// The open dialog of a session.
    pub fn dialog(&self, session: &SessionId) -> Result<Option<DialogRow>> {
        self.maybe(
            "SELECT * FROM dialogs WHERE session = ?1 AND state = 'open'",
            [session.as_str()],
            read_dialog,
        )
    }

    /// Whether the newest dialog of the session was this one, and a person's answer to it was noted.
    pub fn is_answered(&self, session: &SessionId, digest: &DialogDigest) -> Result<bool> {
        let newest = self.maybe(
            "SELECT * FROM dialogs WHERE session = ?1 ORDER BY opened_at DESC, rowid DESC LIMIT 1",
            [session.as_str()],
            read_dialog,
        )?;
        Ok(newest.is_some_and(|newest| newest.dialog.digest == *digest && newest.answer.is_some()))
    }

    /// Notes what a person answers, before the key is pressed. False when this dialog is not open any more.
    pub fn note_dialog_answer(
        &self,
        session: &SessionId,
        digest: &DialogDigest,
        answer: &str,
        by: &str,
    ) -> Result<bool> {
        let noted = self.run(
            "UPDATE dialogs SET answer = ?3, answered_by = ?4 WHERE session = ?1 AND digest = ?2 AND state = 'open'",
            [session.as_str(), digest.as_str(), answer, by],
        )?;
        Ok(noted == 1)
    }

    /// Closes the open dialog, if there is one. Event `dialog.closed`. One with a noted answer was answered: the screen may say that
    /// it is gone before whoever pressed the key does.
    pub fn close_dialog(&self, session: &SessionId, state: DialogState) -> Result<()> {
        let Some(open) = self.dialog(session)? else {
            return Ok(());
        };
        let state = open.answer.as_ref().map_or(state, |_| DialogState::Answered);
        self.run(
            "UPDATE dialogs SET state = ?2, closed_at = ?3 WHERE session = ?1 AND state = 'open'",
            params![session.as_str(), word(&state)?, micros(self.now)],
        )?;
        let data = json!({
            "digest": open.dialog.digest, "state": state, "answer": open.answer, "by": open.answered_by,
        });
        self.append_event(EventKind::DialogClosed, Some(session), data)?;
        Ok(())
    }

    fn tell_dialog(&self, session: &SessionId, dialog: &Dialog) -> Result<()> {
        let data = json!({ "digest": dialog.digest, "kind": dialog.kind });
        self.append_event(EventKind::DialogOpened, Some(session), data)?;
        Ok(())
    }
}

fn read_dialog(row: &Row<'_>) -> Result<DialogRow> {
    Ok(DialogRow {
        session: row.id("session")?,
        launch: LaunchNo(row.number("launch")?),
        dialog: row.json("dialog")?,
        state: row.word("state")?,
        seen: row.flag("seen")?,
        answer: row.maybe_text("answer")?,
        answered_by: row.maybe_text("answered_by")?,
        opened_at: row.time("opened_at")?,
    })
}
