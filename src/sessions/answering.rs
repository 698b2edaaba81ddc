//! A person's answer to the dialog that an agent shows.
//!
//! An answer is bound to one dialog by its digest. The screen is read right before each step and after the last one: a dialog that
//! moved on meanwhile takes no key, and an answer that changed nothing is told.

mod refusals;
mod steps;

use std::collections::HashSet;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use self::refusals::{in_copy_mode, moved_on, no_dialog, no_such_answer, stopping, window_gone};
use self::steps::Course;
use super::Engine;
use super::pulse::Patience;
use crate::agents::Adapter;
use crate::domain::dialog::{
    Actor, AnswerStep, Dialog, DialogAnswer, DialogDigest, DialogOutcome, DialogRow, DialogState,
};
use crate::domain::fault::Result;
use crate::domain::ids::{LaunchNo, PaneId, SessionId};
use crate::domain::letter::{Answer, LETTER_VERSION};
use crate::domain::screen::ScreenReading;
use crate::domain::session::{Session, SessionEvent, SessionState, Source};
use crate::domain::turn::TurnState;
use crate::runner::LaunchDir;
use crate::runner::mailbox;
use crate::tmux::Guarded;

/// How long a dialog that a hook announced may take to be drawn.
const SHOW_LIMIT: Duration = Duration::from_secs(3);
/// How long an answer may take when the agent computes or has not read the keys; less than a client waits.
const BUSY_LIMIT: Duration = Duration::from_secs(45);
/// How long the agent's hook may take to take a decision, and the pause between looks for that.
const CLAIM_LIMIT: Duration = Duration::from_secs(3);
const CLAIM_PAUSE: Duration = Duration::from_millis(10);
/// How long an answer may go on when the daemon stops.
const STOP_GRACE: Duration = Duration::from_secs(3);
/// The pause between looks.
const LOOK_PAUSE: Duration = Duration::from_millis(50);

/// One answer on its way.
struct Answering<'a> {
    engine: &'a Engine,
    adapter: &'a dyn Adapter,
    session: &'a Session,
    open: &'a DialogRow,
    pane: PaneId,
    /// Until then an agent that is behind is waited for.
    deadline: Instant,
}

/// While this lives, what the session's screen shows is part of an answer, and no dialog of its own.
struct BeingAnswered<'a> {
    engine: &'a Engine,
    id: &'a SessionId,
}

impl<'a> BeingAnswered<'a> {
    fn new(engine: &'a Engine, id: &'a SessionId) -> Self {
        engine.being_answered().insert(id.clone());
        Self { engine, id }
    }
}

impl Drop for BeingAnswered<'_> {
    fn drop(&mut self) {
        self.engine.being_answered().remove(self.id);
    }
}

impl Engine {
    pub(super) fn is_being_answered(&self, id: &SessionId) -> bool {
        self.being_answered().contains(id)
    }

    fn being_answered(&self) -> MutexGuard<'_, HashSet<SessionId>> {
        self.0.being_answered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers the dialog that is open. `digest` names the one that the person saw; without it the answer goes to the one that is on
    /// record as open.
    ///
    /// `RefusedByState` when none is open, or it moved on; `Usage` when it has no such answer; `Uncertain` when the answer was given
    /// and the dialog is still there.
    pub async fn answer_dialog(
        &self,
        id: &SessionId,
        digest: Option<DialogDigest>,
        answer: DialogAnswer,
        by: Actor,
    ) -> Result<DialogOutcome> {
        let (engine, id) = (self.clone(), id.clone());
        // Who asked may go away: an answer that has begun is given to its end.
        let answering = self.0.tracker.spawn(async move {
            let stop = async {
                engine.0.cancel.cancelled().await;
                tokio::time::sleep(STOP_GRACE).await;
            };
            tokio::select! {
                outcome = engine.give_answer(&id, digest, answer, by) => outcome,
                () = stop => Err(stopping()),
            }
        });
        answering.await.unwrap_or_else(|_| Err(stopping()))
    }

    async fn give_answer(
        &self,
        id: &SessionId,
        digest: Option<DialogDigest>,
        answer: DialogAnswer,
        by: Actor,
    ) -> Result<DialogOutcome> {
        let (_, before) = self.open_dialog(id, digest.is_some()).await?;
        let _one_at_a_time = self.0.answering.lock(id).await;
        let (session, open) = self.open_dialog(id, digest.is_some()).await?;
        // Another answer may have closed the one that this is for.
        let is_another = before.opened_at != open.opened_at;
        if is_another || digest.as_ref().is_some_and(|digest| *digest != open.dialog.digest) {
            return Err(moved_on(&session));
        }
        let adapter = self.0.agents.get(&session.agent)?;
        let answering = Answering {
            engine: self,
            adapter: &*adapter,
            session: &session,
            open: &open,
            pane: self.pane(id).await?,
            deadline: Instant::now() + BUSY_LIMIT,
        };
        answering.answer(answer, by).await
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

    pub(super) async fn press(&self, id: &SessionId, pane: &PaneId, keys: &[String]) -> Result<()> {
        for (at, key) in keys.iter().enumerate() {
            if at > 0 {
                tokio::time::sleep(steps::KEY_PAUSE).await;
            }
            match self.0.tmux.keys(pane, id, std::slice::from_ref(key)).await? {
                Guarded::Done => {}
                Guarded::Mismatch => return Err(window_gone(id)),
            }
        }
        Ok(())
    }
}

impl Answering<'_> {
    async fn answer(&self, answer: DialogAnswer, by: Actor) -> Result<DialogOutcome> {
        let (shown, in_mode) = self.shown_dialog().await?;
        let _being_answered = BeingAnswered::new(self.engine, &self.session.id);
        let answer = shown
            .understood(answer)
            .ok_or_else(|| no_such_answer(self.session, &shown))?;
        let decision = self.adapter.decision(&shown, &answer);
        let steps = self.adapter.answer_steps(&shown, &answer);
        if decision.is_none() && steps.is_none() {
            return Err(no_such_answer(self.session, &shown));
        }
        if decision.is_none() && in_mode {
            return Err(in_copy_mode(self.session));
        }
        self.note_answer(&shown, &described(&shown, &answer), by).await?;
        let decided = match decision {
            Some(decision) => self.decide(&shown, decision).await?,
            None => false,
        };
        let mut next = match (decided, steps) {
            (true, _) => self.await_gone(&shown, &shown.digest).await?,
            (false, _) if in_mode => return Err(in_copy_mode(self.session)),
            (false, Some(steps)) => self.take(&Course::of(&shown, &answer, &steps)).await?,
            (false, None) => return Err(no_such_answer(self.session, &shown)),
        };
        // Some ask once more whether that is the answer; its person has just said so.
        if let Some(asked) = &next
            && let Some(keys) = self.adapter.confirm_keys(asked)
        {
            let confirmed = Course {
                shown: asked,
                steps: &AnswerStep::keys(keys),
                chosen: None,
                may_repeat: true,
                recorded: &shown.digest,
            };
            next = self.take(&confirmed).await?;
        }
        if shown.refuses(&answer) {
            self.engine.note_refusal(&self.session.id, &self.pane);
        }
        self.close(&shown, next.clone()).await?;
        Ok(match next {
            Some(next) => DialogOutcome::Next(Box::new(next)),
            None => DialogOutcome::Answered,
        })
    }

    /// The dialog as the screen shows it now (the one on record, or the answer is stale), and whether the window is in copy mode.
    async fn shown_dialog(&self) -> Result<(Dialog, bool)> {
        let open = self.seen_row().await?;
        let mut patience = Patience::new(SHOW_LIMIT, self.deadline);
        loop {
            let screen = self.engine.0.tmux.screen(&self.pane).await?;
            if !self.adapter.box_is_readable() {
                return Ok((open.dialog, screen.in_mode));
            }
            match self.adapter.read_screen(&screen) {
                ScreenReading::Dialog(shown) if shown.digest == open.dialog.digest => {
                    let asker = open.dialog.asker;
                    return Ok((Dialog { asker, ..shown }, screen.in_mode));
                }
                // A screen in the middle of a repaint says nothing.
                ScreenReading::Unknown if patience.lasts(&self.launch_dir(), screen.has_unread_input).await => {
                    tokio::time::sleep(LOOK_PAUSE).await;
                }
                ScreenReading::Dialog(other) => {
                    self.note_other(other).await?;
                    return Err(moved_on(self.session));
                }
                _ => {
                    self.engine.wake(&self.session.id);
                    return Err(moved_on(self.session));
                }
            }
        }
    }

    /// What is on record, once the screen was seen to show it: one that only a hook has announced is given the time to be drawn.
    async fn seen_row(&self) -> Result<DialogRow> {
        let mut patience = Patience::new(SHOW_LIMIT, self.deadline);
        let mut open = self.open.clone();
        while self.adapter.box_is_readable() && !open.seen {
            if !patience.lasts(&self.launch_dir(), false).await {
                return Err(moved_on(self.session));
            }
            self.engine.wake(&self.session.id);
            tokio::time::sleep(LOOK_PAUSE).await;
            let row = self.row().await?;
            open = row.ok_or_else(|| moved_on(self.session))?;
            // Its person has spoken of the one that was announced.
            if open.opened_at != self.open.opened_at {
                return Err(moved_on(self.session));
            }
        }
        let was_announced = !self.open.seen && self.adapter.box_is_readable();
        if was_announced && !is_of(&open.dialog, &self.open.dialog) {
            return Err(moved_on(self.session));
        }
        Ok(open)
    }

    fn launch_dir(&self) -> LaunchDir {
        LaunchDir::new(self.engine.0.paths.launch(&self.session.id, self.open.launch))
    }

    /// Gives the decision to the agent's hook that waits for it. False when none does, and the answer goes by keys.
    async fn decide(&self, shown: &Dialog, decision: String) -> Result<bool> {
        let Some(letter) = shown.asker.as_ref().and_then(|asker| asker.letter.clone()) else {
            return Ok(false);
        };
        let dir = self.launch_dir().decisions();
        let answer = Answer {
            v: LETTER_VERSION,
            id: letter.clone(),
            text: decision,
            at: self.engine.now().await?,
        };
        let put = || mailbox::is_waited_for(&dir, &letter) && mailbox::put_answer(&dir, &answer).unwrap_or(false);
        if !tokio::task::block_in_place(put) {
            return Ok(false);
        }
        let limit = Instant::now() + CLAIM_LIMIT;
        while Instant::now() < limit {
            if mailbox::is_claimed(&dir, &letter) {
                return Ok(true);
            }
            tokio::time::sleep(CLAIM_PAUSE).await;
        }
        Ok(!tokio::task::block_in_place(|| {
            mailbox::withdraw_answer(&dir, &letter)
        })?)
    }

    async fn note_other(&self, other: Dialog) -> Result<()> {
        let (engine, id, launch) = (self.engine.clone(), self.session.id.clone(), self.open.launch);
        let store = &self.engine.0.store;
        store
            .write(move |tx| engine.on_dialog(tx, &id, launch, &other, Source::Screen).map(drop))
            .await
    }

    async fn note_answer(&self, shown: &Dialog, words: &str, by: Actor) -> Result<()> {
        let (id, digest, words) = (self.session.id.clone(), shown.digest.clone(), words.to_owned());
        let store = &self.engine.0.store;
        let noted = store
            .write(move |tx| {
                tx.audit(
                    &by.channel,
                    &by.who(),
                    &format!("answered the dialog {digest} of {id}: {words}"),
                )?;
                tx.note_dialog_answer(&id, &digest, &words, &by.name)
            })
            .await?;
        if noted { Ok(()) } else { Err(moved_on(self.session)) }
    }

    /// While a turn runs the agent goes on with it; otherwise (a question at the start) its screen says what comes next.
    async fn close(&self, answered: &Dialog, next: Option<Dialog>) -> Result<()> {
        let (engine, id, launch) = (self.engine.clone(), self.session.id.clone(), self.open.launch);
        let digest = answered.digest.clone();
        self.engine
            .0
            .store
            .write(move |tx| close(&engine, tx, &id, launch, &digest, next.as_ref()))
            .await?;
        self.engine.wake(&self.session.id);
        Ok(())
    }
}

/// Whether what is drawn is what a hook has announced: the hook was found to be its own, or its subject stands there, or there is
/// nothing to compare.
fn is_of(drawn: &Dialog, announced: &Dialog) -> bool {
    match (&announced.asker, &drawn.asker) {
        (Some(announced), Some(drawn)) if announced.letter == drawn.letter => true,
        (None, _) if announced.kind == drawn.kind => true,
        _ => drawn.mentions(announced),
    }
}

fn close(
    engine: &Engine,
    tx: &crate::store::Tx<'_>,
    id: &SessionId,
    launch: LaunchNo,
    digest: &DialogDigest,
    next: Option<&Dialog>,
) -> Result<()> {
    if tx.dialog(id)?.is_some_and(|open| open.dialog.digest == *digest) {
        tx.close_dialog(id, DialogState::Answered)?;
    }
    if let Some(next) = next {
        return engine.on_dialog(tx, id, launch, next, Source::Screen).map(drop);
    }
    let runs = tx
        .running_turns(id)?
        .iter()
        .any(|turn| turn.state == TurnState::Accepted);
    let waits = tx.session(id)?.status.state == SessionState::NeedsInput && tx.dialog(id)?.is_none();
    if runs && waits {
        engine.apply(tx, id, &SessionEvent::DialogClosed { source: Source::Person })?;
    }
    Ok(())
}

fn described(dialog: &Dialog, answer: &DialogAnswer) -> String {
    let label = |at: usize| dialog.choices.get(at).map_or("", |choice| choice.label.as_str());
    match (dialog.chosen(answer), answer) {
        (Some(at), _) => label(at).to_owned(),
        (None, DialogAnswer::Several { choices, text }) => {
            let mut words: Vec<&str> = choices.iter().map(|n| label(n.saturating_sub(1))).collect();
            words.extend(text.as_ref().map(|_| "a text"));
            words.join(", ")
        }
        (None, DialogAnswer::Text(_)) => "a text".to_owned(),
        (None, _) => "by keys".to_owned(),
    }
}
