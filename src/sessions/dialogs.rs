//! Dialogs of agents: what a hook announced and the screen shows becomes a question with choices, and an answer becomes a key.
//!
//! An answer is bound to one dialog by its digest. The screen is read right before the key and after it: a dialog that moved on
//! meanwhile takes no key, and a key that changed nothing is told.

use std::time::Duration;

use tokio::time::Instant;

use super::{Engine, tell};
use crate::agents::Adapter;
use crate::domain::dialog::{Actor, Dialog, DialogAnswer, DialogDigest, DialogOutcome, DialogRow, DialogState};
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::{LaunchNo, PaneId, SessionId};
use crate::domain::screen::ScreenReading;
use crate::domain::session::{Session, SessionEvent, SessionState, Source};
use crate::domain::turn::TurnState;
use crate::store::Tx;
use crate::tmux::Guarded;

/// How long a dialog may stay on the screen after the key that answers it, and the pause between looks.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);
const CLOSE_PAUSE: Duration = Duration::from_millis(50);
/// Pause between keys of one answer: programs that redraw between them lose faster ones.
const KEY_PAUSE: Duration = Duration::from_millis(100);

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

    /// Answers the dialog that is open. `digest` names the one that the person saw; without it the answer goes to the one that is on
    /// record as open.
    ///
    /// `RefusedByState` when none is open, or it moved on; `Usage` when it has no such answer; `Uncertain` when the key was pressed
    /// and the dialog is still there.
    pub async fn answer_dialog(
        &self,
        id: &SessionId,
        digest: Option<DialogDigest>,
        answer: DialogAnswer,
        by: Actor,
    ) -> Result<DialogOutcome> {
        let _one_at_a_time = self.0.answering.lock().await;
        let (session, open) = self.open_dialog(id, digest.is_some()).await?;
        if digest.as_ref().is_some_and(|digest| *digest != open.dialog.digest) {
            return Err(moved_on(&session));
        }
        let adapter = self.0.agents.get(&session.agent)?;
        let pane = self.pane(id).await?;
        let shown = self.shown_dialog(&*adapter, &session, &open, &pane).await?;
        let keys = adapter
            .answer_keys(&shown, &answer)
            .ok_or_else(|| no_such_answer(&session, &shown))?;
        let words = described(&shown, &answer);
        self.note_answer(&session, &shown, &words, by).await?;
        self.press(id, &pane, &keys).await?;
        self.await_answered(&*adapter, &session, &open, &shown, &pane).await
    }

    /// `named`: the answer is for a certain dialog, which was open when its person saw it.
    async fn open_dialog(&self, id: &SessionId, named: bool) -> Result<(Session, DialogRow)> {
        let wanted = id.clone();
        let (session, open) = self
            .0
            .store
            .read(move |tx| Ok((tx.session(&wanted)?, tx.dialog(&wanted)?)))
            .await?;
        match open {
            Some(open) => Ok((session, open)),
            None if named => Err(moved_on(&session)),
            None => Err(no_dialog(&session)),
        }
    }

    /// The dialog as the screen shows it now: the one on record, or the answer is stale.
    async fn shown_dialog(
        &self,
        adapter: &dyn Adapter,
        session: &Session,
        open: &DialogRow,
        pane: &PaneId,
    ) -> Result<Dialog> {
        let screen = self.0.tmux.screen(pane).await?;
        if screen.in_mode {
            return Err(Fault::new(
                Kind::RefusedByState,
                format!("somebody has the window of {} in copy mode", session.name),
            )
            .hint("Keys would go there. Leave the mode (q), then answer again."));
        }
        if !adapter.box_is_readable() {
            return Ok(open.dialog.clone());
        }
        match adapter.read_screen(&screen) {
            ScreenReading::Dialog(shown) if shown.digest == open.dialog.digest => Ok(shown),
            // What a hook announced has its digest from the hook; the screen's own words come with the first look.
            ScreenReading::Dialog(shown) if !open.seen => Ok(shown),
            ScreenReading::Dialog(other) => {
                self.note_other(session, open.launch, other).await?;
                Err(moved_on(session))
            }
            _ => {
                self.wake(&session.id);
                Err(moved_on(session))
            }
        }
    }

    async fn note_other(&self, session: &Session, launch: LaunchNo, other: Dialog) -> Result<()> {
        let (engine, id) = (self.clone(), session.id.clone());
        self.0
            .store
            .write(move |tx| engine.on_dialog(tx, &id, launch, &other, Source::Screen).map(drop))
            .await
    }

    async fn note_answer(&self, session: &Session, shown: &Dialog, words: &str, by: Actor) -> Result<()> {
        let (id, shown, words) = (session.id.clone(), shown.clone(), words.to_owned());
        let noted = self
            .0
            .store
            .write(move |tx| {
                if tx.dialog(&id)?.is_some_and(|open| !open.seen) {
                    tx.see_dialog(&id, &shown)?;
                }
                tx.audit(
                    &by.channel,
                    &by.who,
                    &format!("answered the dialog {} of {id}: {words}", shown.digest),
                )?;
                tx.note_dialog_answer(&id, &shown.digest, &words)
            })
            .await?;
        if noted { Ok(()) } else { Err(moved_on(session)) }
    }

    pub(super) async fn press(&self, id: &SessionId, pane: &PaneId, keys: &[String]) -> Result<()> {
        for (at, key) in keys.iter().enumerate() {
            if at > 0 {
                tokio::time::sleep(KEY_PAUSE).await;
            }
            match self.0.tmux.keys(pane, id, std::slice::from_ref(key)).await? {
                Guarded::Done => {}
                Guarded::Mismatch => {
                    return Err(
                        Fault::new(Kind::RefusedByState, "the agent's window went away before the answer")
                            .hint(format!("Look again with: telecoder status {id}")),
                    );
                }
            }
        }
        Ok(())
    }

    async fn await_answered(
        &self,
        adapter: &dyn Adapter,
        session: &Session,
        open: &DialogRow,
        answered: &Dialog,
        pane: &PaneId,
    ) -> Result<DialogOutcome> {
        let limit = Instant::now() + CLOSE_LIMIT;
        let next = loop {
            if !adapter.box_is_readable() {
                break None;
            }
            match self
                .0
                .tmux
                .screen(pane)
                .await
                .map(|screen| adapter.read_screen(&screen))
            {
                Ok(ScreenReading::Dialog(shown)) if shown.digest == answered.digest => {}
                Ok(ScreenReading::Dialog(other)) => break Some(other),
                // A screen in the middle of a repaint says nothing; a window that is gone has no dialog.
                Ok(ScreenReading::Unknown) => {}
                Ok(_) | Err(_) => break None,
            }
            // The turn may end, or another tool ask, faster than we look: what is on record counts, too.
            if self.current_digest(&session.id).await? != Some(answered.digest.clone()) {
                break None;
            }
            if Instant::now() > limit {
                return Err(Fault::new(
                    Kind::Uncertain,
                    format!("the key was pressed, but {} still shows the dialog", session.name),
                )
                .hint(format!("Look with: telecoder screen {}", session.name)));
            }
            tokio::time::sleep(CLOSE_PAUSE).await;
        };
        self.close_answered(session, open.launch, answered, next.clone())
            .await?;
        Ok(match next {
            Some(next) => DialogOutcome::Next(Box::new(next)),
            None => DialogOutcome::Answered,
        })
    }

    async fn current_digest(&self, id: &SessionId) -> Result<Option<DialogDigest>> {
        let id = id.clone();
        self.0
            .store
            .read(move |tx| Ok(tx.dialog(&id)?.map(|open| open.dialog.digest)))
            .await
    }

    /// While a turn runs the agent goes on with it; otherwise (a question at the start) its screen says what comes next.
    async fn close_answered(
        &self,
        session: &Session,
        launch: LaunchNo,
        answered: &Dialog,
        next: Option<Dialog>,
    ) -> Result<()> {
        let (engine, id, digest) = (self.clone(), session.id.clone(), answered.digest.clone());
        self.0
            .store
            .write(move |tx| {
                if tx.dialog(&id)?.is_some_and(|open| open.dialog.digest == digest) {
                    tx.close_dialog(&id, DialogState::Answered)?;
                }
                if let Some(next) = &next {
                    return engine.on_dialog(tx, &id, launch, next, Source::Screen).map(drop);
                }
                let runs = tx
                    .running_turns(&id)?
                    .iter()
                    .any(|turn| turn.state == TurnState::Accepted);
                let waits = tx.session(&id)?.status.state == SessionState::NeedsInput && tx.dialog(&id)?.is_none();
                if runs && waits {
                    engine.apply(tx, &id, &SessionEvent::DialogClosed { source: Source::Person })?;
                }
                Ok(())
            })
            .await?;
        self.wake(&session.id);
        Ok(())
    }
}

fn described(dialog: &Dialog, answer: &DialogAnswer) -> String {
    match (dialog.chosen(answer), answer) {
        (Some(at), _) => dialog.choices[at].label.clone(),
        (None, DialogAnswer::Text(_)) => "a text".to_owned(),
        (None, _) => "by keys".to_owned(),
    }
}

fn moved_on(session: &Session) -> Fault {
    let name = &session.name;
    Fault::new(
        Kind::RefusedByState,
        format!("{name}: it moved on; the dialog that this answers is not open any more"),
    )
    .hint(format!("See what it shows now: telecoder status {name}"))
}

fn no_dialog(session: &Session) -> Fault {
    let name = &session.name;
    Fault::new(
        Kind::RefusedByState,
        format!(
            "{name} shows no dialog ({}: {})",
            session.status.state, session.status.reason.text
        ),
    )
    .hint(format!("See what it shows now: telecoder screen {name}"))
}

fn no_such_answer(session: &Session, dialog: &Dialog) -> Fault {
    let labels: Vec<String> = dialog
        .choices
        .iter()
        .enumerate()
        .map(|(i, choice)| format!("{} {}", i + 1, choice.label))
        .collect();
    Fault::new(
        Kind::Usage,
        format!("the dialog of {} has no such answer", session.name),
    )
    .hint(format!(
        "Choose one with `telecoder answer {} NUMBER`: {}",
        session.name,
        labels.join(", ")
    ))
}
