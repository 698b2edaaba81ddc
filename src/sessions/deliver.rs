//! Delivery of a prompt into the agent's box: docs/architecture.md, "Delivery of a prompt".
//!
//! Nothing is typed before `typing` is stored, and nothing twice. Enter is pressed once, and only when the box shows our text.

use std::time::Duration;

use tokio::time::Instant;

use super::actor::{Actor, DialogLooks, Next};
use super::pulse::BEHIND_LIMIT;
use super::tell;
use crate::agents::Recorded;
use crate::domain::agent::{AgentPlace, Evidence};
use crate::domain::fault::{Kind, Result};
use crate::domain::ids::{LaunchNo, PaneId, TurnId};
use crate::domain::launch::Launch;
use crate::domain::screen::{Screen, ScreenReading};
use crate::domain::session::{Reason, Session, SessionEvent, SessionState, Source};
use crate::domain::text::Sanitised;
use crate::domain::turn::{Turn, TurnEvent, TurnKind, TurnState};
use crate::store::Tx;
use crate::tmux::Guarded;

/// How long a pasted text may take to appear in the agent's box.
pub(super) const ECHO_LIMIT: Duration = Duration::from_secs(5);
/// Pauses between looks at the box while the text is awaited: the first, and the longest.
const ECHO_PAUSE_MIN: Duration = Duration::from_micros(500);
const ECHO_PAUSE_MAX: Duration = Duration::from_millis(50);
/// How long a look at the box may lie back when the text goes out: a dialog may have come since, and the text would answer it.
const LOOK_GOOD_FOR: Duration = Duration::from_millis(20);
/// The part of the time for evidence after which it is looked whether Enter was lost.
const ENTER_CHECK_PART: u32 = 3;
/// Pause before a held prompt is tried again: what holds it (a person at the keyboard, a dialog) sends no signal.
pub(super) const HELD_PAUSE: Duration = Duration::from_millis(500);

/// The code of the reason that a dialog stands in the way.
const DIALOG: &str = "dialog";
/// The code of the reason that the box holds text.
const BOX_NOT_EMPTY: &str = "box_not_empty";

impl Actor {
    /// Types the oldest waiting prompt when the session is idle.
    pub(super) async fn deliver_next(
        &mut self,
        session: &Session,
        launch: &Launch,
        waiting: Option<Turn>,
    ) -> Result<Next> {
        if session.status.state != SessionState::Idle {
            return Ok(Next::Sleep(None));
        }
        let Some(mut turn) = waiting else {
            return Ok(Next::Sleep(None));
        };
        if std::mem::take(&mut turn.steered) {
            // What it was meant for has ended.
            let id = turn.id.clone();
            self.engine.0.store.write(move |tx| tx.unsteer_turn(&id)).await?;
        }
        self.deliver_waiting(launch, turn).await
    }

    pub(super) async fn deliver_waiting(&mut self, launch: &Launch, turn: Turn) -> Result<Next> {
        match self.engine.placement(launch) {
            Some(placement) => self.deliver(turn, launch, &placement.pane).await,
            None => Ok(Next::after(HELD_PAUSE)),
        }
    }

    async fn deliver(&mut self, turn: Turn, launch: &Launch, pane: &PaneId) -> Result<Next> {
        // What was held once is looked at before anything is stored. A fresh prompt most often goes out, so the look goes on
        // while `typing` is being synced, and comes no earlier than that way.
        if turn.state == TurnState::Held
            && let Some(obstacle) = self.look_for_obstacle(&turn, pane).await
        {
            let code = obstacle.code.clone();
            let next = self.hold(&turn, obstacle).await?;
            return self.met(launch, &code, next).await;
        }
        let text = Sanitised {
            text: self.typed_text(&turn),
            stripped: turn.stripped,
        };
        let looked_at = Instant::now();
        let begin = self.begin_typing(&turn.id, launch.no);
        let prepare = self.engine.0.tmux.prepare_paste(&text);
        let (begun, prepared, mut obstacle) = tokio::join!(begin, prepare, self.look_for_obstacle(&turn, pane));
        let Some(words) = begun? else {
            return Ok(Next::now());
        };
        if words != turn.text {
            let reason = Reason::new("reworded", "it got other words right before it was typed");
            self.step(&turn.id, TurnEvent::NotTyped(reason)).await?;
            return Ok(Next::now());
        }
        if obstacle.is_none() && looked_at.elapsed() > LOOK_GOOD_FOR {
            obstacle = self.look_for_obstacle(&turn, pane).await;
        }
        let prepared = match (obstacle, prepared) {
            (None, Ok(prepared)) => prepared,
            (Some(obstacle), _) => {
                let code = obstacle.code.clone();
                let next = self.not_typed(&turn, obstacle).await?;
                return self.met(launch, &code, next).await;
            }
            (None, Err(fault)) => {
                let reason = Reason::new("paste_failed", format!("nothing was typed: {fault}"));
                return self.not_typed(&turn, reason).await;
            }
        };
        // The box was seen, so a dialog that shows up from now on is none that was left there.
        self.memory.dialog = DialogLooks::default();
        // The box is empty: what stands in it from now on is this prompt, also where an interrupted one had the same words.
        self.engine.forget_cut(&self.id);
        crate::failpoint!("I3");
        match self.engine.0.tmux.paste_prepared(pane, &self.id, prepared).await {
            Ok(Guarded::Done) => {}
            Ok(Guarded::Mismatch) => {
                self.dirty.exit = true;
                let reason = Reason::new("pane_gone", "the agent's window is not there any more");
                return self.not_typed(&turn, reason).await;
            }
            Err(fault) => {
                let reason = Reason::new("paste_failed", format!("tmux did not confirm the paste: {fault}"));
                return self.unclear(&turn, reason).await;
            }
        }
        crate::failpoint!("I5");
        self.submit(turn, launch, pane).await
    }

    /// Claims the prompt for this launch; its words as they were claimed. Its person may have reworded it since it was read; from the
    /// claim on they are fixed. `None`: it is not to be typed any more.
    async fn begin_typing(&self, turn: &TurnId, launch: LaunchNo) -> Result<Option<String>> {
        let id = turn.clone();
        let begin = move |tx: &Tx<'_>| match tx.step_turn(&id, &TurnEvent::BeginTyping { launch })? {
            Some(_) => Ok(Some(tx.turn(&id)?.text)),
            None => Ok(None),
        };
        self.engine.0.store.write(begin).await
    }

    /// What held the prompt may be a dialog that nobody has announced: some agents show one behind their first box. It is the
    /// person's. What an interrupt put back into the box is taken out.
    async fn met(&mut self, launch: &Launch, obstacle: &str, next: Next) -> Result<Next> {
        match obstacle {
            DIALOG => return self.meet_dialog(launch).await,
            BOX_NOT_EMPTY => {
                if let Some(screen) = self.screen(launch).await {
                    let reading = self.adapter.read_screen(&screen);
                    self.look_for_put_back(launch, &screen, &reading).await?;
                }
            }
            _ => {}
        }
        Ok(next)
    }

    /// True when the box holds nothing but what an interrupt put back: it is being taken out.
    pub(super) async fn look_for_put_back(
        &self,
        launch: &Launch,
        screen: &Screen,
        reading: &ScreenReading,
    ) -> Result<bool> {
        let (Some(placement), engine) = (&launch.placement, &self.engine) else {
            return Ok(false);
        };
        let pane = &placement.pane;
        match reading {
            ScreenReading::ComposerEmpty if !screen.has_unread_input => engine.note_empty(&self.id),
            ScreenReading::ComposerHolds { shown } if engine.is_put_back(&self.id, &*self.adapter, pane, shown) => {
                return engine.clear_put_back(&self.id, &*self.adapter, pane, screen).await;
            }
            _ => {}
        }
        Ok(false)
    }

    /// `typing` was stored, and then nothing went out.
    async fn not_typed(&self, turn: &Turn, reason: Reason) -> Result<Next> {
        self.step(&turn.id, TurnEvent::NotTyped(reason)).await?;
        Ok(Next::after(HELD_PAUSE))
    }

    /// The text is on its way into the box: wait until it shows, then press Enter.
    pub(super) async fn submit(&mut self, turn: Turn, launch: &Launch, pane: &PaneId) -> Result<Next> {
        if self.adapter.box_is_readable()
            && let Err(shown) = self.await_echo(&self.typed_text(&turn), pane).await?
        {
            return match self.is_behind(launch).await? {
                true => self.wait_until_read(&turn).await,
                false => self.not_shown(&turn, &shown).await,
            };
        }
        tokio::time::sleep(self.adapter.submit_pause()).await;
        match self
            .engine
            .0
            .tmux
            .keys(pane, &self.id, &self.adapter.submit_keys())
            .await
        {
            Ok(Guarded::Done) => {}
            Ok(Guarded::Mismatch) => {
                let reason = Reason::new("pane_gone", "the agent's window went away before Enter");
                return self.unclear(&turn, reason).await;
            }
            Err(fault) => {
                let reason = Reason::new(
                    "enter_failed",
                    format!("typed, but Enter could not be pressed: {fault}"),
                );
                return self.unclear(&turn, reason).await;
            }
        }
        crate::failpoint!("I6");
        if self.adapter.evidence() == Evidence::None || turn.kind == TurnKind::Command {
            self.step(&turn.id, TurnEvent::NoEvidence).await?;
            self.engine
                .apply_now(&self.id, SessionEvent::Working { source: Source::Screen })
                .await?;
            return Ok(Next::now());
        }
        self.step(&turn.id, TurnEvent::Submitted).await?;
        crate::failpoint!("I7");
        let timeout = self.adapter.evidence_timeout();
        self.memory.evidence_until = Some(Instant::now() + timeout);
        self.memory.submitted_at = Some(Instant::now());
        self.memory.enter_check = Some(Instant::now() + timeout / ENTER_CHECK_PART);
        Ok(Next::Sleep(self.memory.enter_check))
    }

    pub(super) async fn not_shown(&self, turn: &Turn, shown: &str) -> Result<Next> {
        let text = format!("typed, but the agent's box does not show it; it shows: {shown}");
        self.unclear(turn, Reason::new("not_shown", text)).await
    }

    /// The text as it goes into the box: a prompt is made literal, a command is what it is.
    pub(super) fn typed_text(&self, turn: &Turn) -> String {
        match turn.kind {
            TurnKind::Command => turn.text.clone(),
            TurnKind::Prompt | TurnKind::Continuation => self.adapter.prepare(&turn.text).text,
        }
    }

    /// Some agents lose an Enter, or take it for "I have read your warning". Once, when the box still shows exactly our text and
    /// nothing else asks for a key, it is pressed again. The box is looked at right before, so it is no blind repetition.
    pub(super) async fn check_enter(&mut self, turn: &Turn, launch: &Launch) -> Result<()> {
        let due = self.memory.enter_check.is_some_and(|at| Instant::now() >= at);
        let (true, true, Some(placement)) = (due, self.adapter.box_is_readable(), self.engine.placement(launch)) else {
            return Ok(());
        };
        self.memory.enter_check = None;
        let still_there = matches!(
            self.read_screen(launch).await?,
            Some(ScreenReading::ComposerHolds { shown }) if self.adapter.composer_shows(&shown, &self.typed_text(turn))
        );
        // An agent that has not come to the first Enter yet takes both, the second one wherever it is by then.
        if still_there && !self.is_behind(launch).await? {
            tracing::info!(session.id = %self.id, turn.id = %turn.id, "the box still holds the prompt; Enter is pressed again");
            let keys = self.adapter.submit_keys();
            self.engine.0.tmux.keys(&placement.pane, &self.id, &keys).await?;
        }
        Ok(())
    }

    /// A prompt was submitted: nothing else is typed until the agent's evidence, or the time for it, has come.
    pub(super) async fn await_evidence(
        &mut self,
        session: &Session,
        launch: &Launch,
        running: &[Turn],
    ) -> Result<Option<Next>> {
        let Some(turn) = running.iter().find(|turn| turn.state == TurnState::Typed) else {
            self.memory.evidence_until = None;
            self.memory.steered_at_work = false;
            return Ok(None);
        };
        if let Some(next) = self.await_steered(session, launch, turn).await? {
            return Ok(Some(next));
        }
        if self.memory.steered_at_work {
            return Ok(None);
        }
        let until = *self
            .memory
            .evidence_until
            .get_or_insert_with(|| Instant::now() + self.adapter.evidence_timeout());
        self.check_enter(turn, launch).await?;
        if Instant::now() < until {
            let next = self.memory.enter_check.map_or(until, |check| check.min(until));
            return Ok(Some(Next::Sleep(Some(next))));
        }
        self.memory.evidence_until = None;
        if self.recorded(session, turn) == Recorded::Taken {
            self.accept_by_transcript(&turn.id).await?;
            return Ok(Some(Next::now()));
        }
        let since = *self.memory.submitted_at.get_or_insert(until);
        if since.elapsed() < BEHIND_LIMIT && self.is_behind(launch).await? {
            self.memory.evidence_until = Some(Instant::now() + ECHO_LIMIT);
            self.note_behind(turn).await?;
            return Ok(Some(Next::Sleep(self.memory.evidence_until)));
        }
        let reason = match self.read_screen(launch).await? {
            Some(ScreenReading::ComposerHolds { .. }) => Reason::new(
                "still_in_box",
                "typed but not submitted: the text is still in the agent's box",
            ),
            Some(ScreenReading::Dialog(dialog)) => Reason::new(
                "dialog_came",
                format!("a dialog came up while it was being submitted: {}", dialog.text()),
            ),
            _ => Reason::new("no_evidence", "submitted, but the agent has not said that it took it"),
        };
        self.unclear(turn, reason).await.map(Some)
    }

    pub(super) fn recorded(&self, session: &Session, turn: &Turn) -> Recorded {
        let session_dir = self.engine.0.paths.session(&self.id);
        let since = turn.typed_at.unwrap_or(turn.created_at);
        let place = AgentPlace {
            session_dir: &session_dir,
            work_dir: &session.work_dir,
            native_id: session.native_id.as_deref(),
        };
        self.adapter.recorded(&place, &turn.text, since)
    }

    pub(super) async fn accept_by_transcript(&self, turn: &TurnId) -> Result<()> {
        let (engine, id, turn) = (self.engine.clone(), self.id.clone(), turn.clone());
        self.engine
            .0
            .store
            .write(move |tx| {
                engine.accept_turn(tx, &tx.turn(&turn)?, None)?;
                engine
                    .apply(
                        tx,
                        &id,
                        &SessionEvent::Working {
                            source: Source::Process,
                        },
                    )
                    .map(drop)
            })
            .await
    }

    pub(super) async fn step(&self, turn: &TurnId, event: TurnEvent) -> Result<Option<TurnState>> {
        let turn = turn.clone();
        self.engine.0.store.write(move |tx| tx.step_turn(&turn, &event)).await
    }

    /// Ends the turn as uncertain and tells the person why.
    pub(super) async fn unclear(&self, turn: &Turn, reason: Reason) -> Result<Next> {
        let (engine, id) = (self.engine.clone(), turn.id.clone());
        self.engine
            .0
            .store
            .write(move |tx| {
                if tx.step_turn(&id, &TurnEvent::Unclear(reason))?.is_some() {
                    tell::turn_notice(&engine, tx, &tx.turn(&id)?)?;
                }
                Ok(())
            })
            .await?;
        Ok(Next::now())
    }

    /// What stands in the way of typing now, if anything.
    async fn look_for_obstacle(&self, turn: &Turn, pane: &PaneId) -> Option<Reason> {
        match self.engine.0.tmux.screen(pane).await {
            Ok(screen) => self.obstacle(turn, &screen),
            Err(fault) => Some(Reason::new(
                "screen_unreadable",
                format!("the agent's screen cannot be read: {fault}"),
            )),
        }
    }

    fn obstacle(&self, turn: &Turn, screen: &Screen) -> Option<Reason> {
        if screen.in_mode {
            return Some(Reason::new("copy_mode", "somebody has the agent's window in copy mode"));
        }
        if screen.has_unread_input {
            let text = "the agent has not read what was typed before: it computes, or it is stopped";
            return Some(Reason::new("input_unread", text));
        }
        match self.adapter.read_screen(screen) {
            ScreenReading::ComposerEmpty => None,
            ScreenReading::ComposerHolds { shown } => Some(Reason::new(
                BOX_NOT_EMPTY,
                format!("the agent's box holds text that nobody has submitted: {shown}"),
            )),
            ScreenReading::Dialog(dialog) => Some(Reason::new(DIALOG, format!("a dialog is open: {}", dialog.text()))),
            ScreenReading::Busy if turn.steered && self.box_is_open_at_work(screen) => None,
            ScreenReading::Busy => Some(Reason::new("busy", "the agent shows no box for text")),
            ScreenReading::Unknown if let Some(why) = self.adapter.why_closed(screen) => {
                Some(Reason::new("box_closed", why))
            }
            ScreenReading::Unknown => Some(Reason::new(
                "unknown_screen",
                "the agent's screen shows nothing that we know",
            )),
        }
    }

    async fn hold(&self, turn: &Turn, reason: Reason) -> Result<Next> {
        if turn.reason.as_ref() != Some(&reason) {
            self.step(&turn.id, TurnEvent::Hold(reason)).await?;
        }
        Ok(Next::after(HELD_PAUSE))
    }

    /// Waits until the box shows `text`. `Err` holds what it shows instead when the limit has passed.
    async fn await_echo(&self, text: &str, pane: &PaneId) -> Result<std::result::Result<(), String>> {
        let limit = Instant::now() + ECHO_LIMIT;
        let mut pause = ECHO_PAUSE_MIN;
        loop {
            let shown = match self.engine.0.tmux.screen(pane).await {
                Ok(screen) => match self.adapter.read_screen(&screen) {
                    ScreenReading::ComposerHolds { shown } if self.adapter.composer_shows(&shown, text) => {
                        return Ok(Ok(()));
                    }
                    ScreenReading::ComposerHolds { shown } => shown,
                    ScreenReading::Dialog(dialog) => return Ok(Err(format!("a dialog: {}", dialog.text()))),
                    _ => String::from("nothing"),
                },
                Err(fault) if fault.kind == Kind::Timeout => String::from("an unreadable screen"),
                Err(_) => return Ok(Err("a window that is gone".into())),
            };
            if Instant::now() >= limit {
                return Ok(Err(shown));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(ECHO_PAUSE_MAX);
        }
    }
}
