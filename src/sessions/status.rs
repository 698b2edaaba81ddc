//! Status: asks the pure machine and stores its verdict, with everything of it that is rows, in one transaction.

use super::{Engine, tell};
use crate::domain::Timestamp;
use crate::domain::dialog::DialogState;
use crate::domain::exit::ExitRecord;
use crate::domain::fault::Result;
use crate::domain::ids::SessionId;
use crate::domain::session::{SessionEffect, SessionEvent, SessionState, Source, Status, step};
use crate::store::Tx;

impl Engine {
    /// Steps a session in the caller's transaction. True when something changed.
    pub(super) fn apply(&self, tx: &Tx<'_>, id: &SessionId, event: &SessionEvent) -> Result<bool> {
        let session = tx.session(id)?;
        let Some((status, effects)) = step(&session.status, event) else {
            return Ok(false);
        };
        tx.set_status(id, &status, exit_of(event))?;
        if session.limited_until.is_some() && status.state != SessionState::Limited {
            tx.set_limited_until(id, None)?;
        }
        if status.state != SessionState::NeedsInput {
            tx.close_dialog(id, DialogState::Gone)?;
        }
        for effect in effects {
            match effect {
                SessionEffect::EndTurn => self.end_turns(tx, id, &status)?,
                SessionEffect::Tell => tell::status_notice(self, tx, id, &status)?,
                SessionEffect::DeliverNext | SessionEffect::ReleaseSlot => {}
            }
        }
        Ok(true)
    }

    /// The time as the store has it.
    pub(super) async fn now(&self) -> Result<Timestamp> {
        self.0.store.read(|tx| Ok(tx.now())).await
    }

    /// Steps a session in a transaction of its own and hurries whoever has to act on it.
    pub(super) async fn apply_now(&self, id: &SessionId, event: SessionEvent) -> Result<bool> {
        let (engine, session) = (self.clone(), id.clone());
        let changed = self.0.store.write(move |tx| engine.apply(tx, &session, &event)).await?;
        if changed {
            self.wake(id);
        }
        Ok(changed)
    }

    /// A session that was stopped or ended well takes no more prompts; after a failure the waiting ones stay, for a resume.
    fn end_turns(&self, tx: &Tx<'_>, id: &SessionId, status: &Status) -> Result<()> {
        let cancel_waiting = matches!(status.state, SessionState::Stopped | SessionState::Complete);
        for turn in tx.end_turns(id, &status.reason, cancel_waiting)? {
            let turn = tx.turn(&turn)?;
            // Who asked for the stop knows; everybody else is told what became of a prompt.
            if status.source != Source::Person && status.reason.code != "stopped" {
                tell::turn_notice(self, tx, &turn)?;
            }
        }
        Ok(())
    }
}

fn exit_of(event: &SessionEvent) -> Option<&ExitRecord> {
    match event {
        SessionEvent::Exited(exit) => Some(exit),
        _ => None,
    }
}
