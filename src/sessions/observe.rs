//! What the screen has to say where no hook speaks: ready after the start, a dialog that went away, the end of a turn of an agent
//! without evidence, or of one whose hook was lost. Looks only in passing states; an idle session's screen is not read.

use std::time::Duration;

use tokio::time::Instant;

use super::actor::{Actor, Next};
use super::{Engine, letters, tell};
use crate::agents::TurnEnd;
use crate::domain::agent::{AgentPlace, AgentSignal, Evidence};
use crate::domain::dialog::Dialog;
use crate::domain::fault::Result;
use crate::domain::launch::Launch;
use crate::domain::screen::ScreenReading;
use crate::domain::session::{Reason, Session, SessionEvent, SessionState, Source};
use crate::domain::turn::{Turn, TurnEvent, TurnState};
use crate::store::Tx;

/// Pauses between looks at a screen that does not change: the first, and the longest (status is to be true within 2 s).
const LOOK_PAUSE_MIN: Duration = Duration::from_millis(30);
const LOOK_PAUSE_MAX: Duration = Duration::from_millis(1000);
/// An agent that announces its start by a hook, shows its box, and still has not announced it after this long, will not.
const START_HOOK_LIMIT: Duration = Duration::from_secs(20);
/// Pause between looks at a dialog that is open.
const DIALOG_LOOK_PAUSE: Duration = Duration::from_millis(500);
/// Looks in a row without the dialog before it counts as gone: hooks announce a dialog before it is drawn.
const LOOKS_WITHOUT_DIALOG: u32 = 6;

/// Pause between looks at the screen of an agent that works and tells its end by a hook.
const HOOKED_LOOK_PAUSE: Duration = Duration::from_secs(5);
/// How long the box of such an agent stays empty until its hook counts as lost.
const END_HOOK_LIMIT: Duration = Duration::from_secs(9);

impl Actor {
    /// Reads the screen where the state asks for it. `None`: the state needs no look, go on.
    pub(super) async fn observe(&mut self, session: &Session, launch: &Launch) -> Result<Option<Next>> {
        let state = session.status.state;
        if state != SessionState::Working {
            self.memory.empty_since = None;
        }
        if !matches!(
            state,
            SessionState::Starting | SessionState::NeedsInput | SessionState::Limited | SessionState::Working
        ) {
            self.memory.idle_looks = 0;
            return Ok(None);
        }
        let Some(mut reading) = self.read_screen(launch).await? else {
            return Ok(Some(Next::after(LOOK_PAUSE_MAX)));
        };
        if let ScreenReading::Dialog(dialog) = &reading {
            return self.note_dialog(launch, dialog.clone()).await.map(Some);
        }
        let by_hooks = state == SessionState::Working && self.adapter.evidence() != Evidence::None;
        if by_hooks && reading == ScreenReading::ComposerEmpty {
            match self.told_end(session).await? {
                TurnEnd::Ended(signal) => return self.take_end(launch, signal).await.map(Some),
                // It only looks idle: some draw no sign of work while they write their answer.
                TurnEnd::Runs => reading = ScreenReading::Busy,
                TurnEnd::Unknown => {}
            }
        }
        let event = match state {
            SessionState::Starting => self.while_starting(reading),
            SessionState::NeedsInput => self.while_in_dialog(reading),
            SessionState::Limited => self.while_limited(reading),
            _ if by_hooks => self.while_working_by_hooks(&reading),
            _ => self.while_working(&reading),
        };
        if let Some(event) = event {
            self.memory.idle_looks = 0;
            if self.apply_seen(event).await? {
                return Ok(Some(Next::now()));
            }
        }
        self.memory.idle_looks += 1;
        let hooks_tell = by_hooks && self.adapter.announces_every_end();
        let pause = if hooks_tell {
            HOOKED_LOOK_PAUSE
        } else {
            self.look_pause()
        };
        Ok(Some(Next::after(pause)))
    }

    /// No hook spoke, and the box is empty: the agent's transcript may say how the turn ended.
    async fn told_end(&self, session: &Session) -> Result<TurnEnd> {
        let id = self.id.clone();
        let running = self.engine.0.store.read(move |tx| tx.running_turns(&id)).await?;
        let typed = |turn: &Turn| turn.typed_at.unwrap_or(turn.created_at);
        let since = running.first().map_or(session.status_since, typed);
        let session_dir = self.engine.0.paths.session(&self.id);
        let place = AgentPlace {
            session_dir: &session_dir,
            work_dir: &session.work_dir,
            native_id: session.native_id.as_deref(),
        };
        Ok(self.adapter.turn_end(&place, since))
    }

    async fn take_end(&mut self, launch: &Launch, signal: AgentSignal) -> Result<Next> {
        let (engine, id, no) = (self.engine.clone(), self.id.clone(), launch.no);
        let store = &self.engine.0.store;
        store
            .write(move |tx| letters::on_signal(&engine, tx, &id, no, &signal, Source::Screen))
            .await?;
        self.engine.wake(&self.id);
        Ok(Next::now())
    }

    /// A dialog is on the screen, whatever the state was. It is looked at again: it goes away without a signal.
    async fn note_dialog(&mut self, launch: &Launch, dialog: Dialog) -> Result<Next> {
        let (engine, id, no) = (self.engine.clone(), self.id.clone(), launch.no);
        let store = &self.engine.0.store;
        let changed = store
            .write(move |tx| engine.on_dialog(tx, &id, no, &dialog, Source::Screen))
            .await?;
        // Looks are counted from the last one that showed it.
        self.memory.idle_looks = 0;
        if changed {
            self.engine.wake(&self.id);
        }
        Ok(Next::after(DIALOG_LOOK_PAUSE))
    }

    /// Stores what the screen says. While the agent still owes us the end of a turn, a dialog that went away means work; where the
    /// screen has the last word on that end, too, it stands in the turn as its reason.
    async fn apply_seen(&self, event: SessionEvent) -> Result<bool> {
        let (engine, id) = (self.engine.clone(), self.id.clone());
        let seen = move |tx: &Tx<'_>| {
            let open: Vec<Turn> = tx.running_turns(&id)?;
            let owed: Vec<&Turn> = open.iter().filter(|turn| turn.state == TurnState::Accepted).collect();
            let state = tx.session(&id)?.status.state;
            let event = match event {
                SessionEvent::Ready { source } if state == SessionState::NeedsInput && !owed.is_empty() => {
                    SessionEvent::DialogClosed { source }
                }
                event => event,
            };
            if !engine.apply(tx, &id, &event)? {
                return Ok(false);
            }
            if let SessionEvent::Ready { .. } = event {
                owed.iter().try_for_each(|turn| end_untold(&engine, tx, turn))?;
            }
            Ok(true)
        };
        let changed = self.engine.0.store.write(seen).await?;
        if changed {
            self.engine.wake(&self.id);
        }
        Ok(changed)
    }

    /// None when the pane cannot be read (it is going away; the exit record will tell).
    pub(super) async fn read_screen(&self, launch: &Launch) -> Result<Option<ScreenReading>> {
        let Some(placement) = self.engine.placement(launch) else {
            return Ok(None);
        };
        match self.engine.0.tmux.screen(&placement.pane).await {
            Ok(screen) if !screen.dead => Ok(Some(self.adapter.read_screen(&screen))),
            Ok(_) | Err(_) => Ok(None),
        }
    }

    fn while_starting(&self, reading: ScreenReading) -> Option<SessionEvent> {
        match reading {
            ScreenReading::ComposerEmpty | ScreenReading::ComposerHolds { .. } if self.has_announced_itself() => {
                Some(SessionEvent::Ready { source: Source::Screen })
            }
            _ => None,
        }
    }

    fn has_announced_itself(&self) -> bool {
        let overdue = |at: Instant| at.elapsed() > START_HOOK_LIMIT;
        self.memory.started || !self.adapter.announces_start() || self.memory.launched_at.is_some_and(overdue)
    }

    fn while_in_dialog(&self, reading: ScreenReading) -> Option<SessionEvent> {
        let source = Source::Screen;
        match reading {
            ScreenReading::Dialog(_) | ScreenReading::Unknown => None,
            _ if self.memory.idle_looks < LOOKS_WITHOUT_DIALOG => None,
            ScreenReading::ComposerEmpty | ScreenReading::ComposerHolds { .. } => Some(SessionEvent::Ready { source }),
            ScreenReading::Busy => Some(SessionEvent::DialogClosed { source }),
        }
    }

    /// The limit is over when the agent shows its empty box again: it waited, or a person pressed its key. An agent that shows
    /// its box at once is tried again by the next prompt; its own sign of the limit brings the state back.
    fn while_limited(&self, reading: ScreenReading) -> Option<SessionEvent> {
        let source = Source::Screen;
        match reading {
            _ if self.memory.idle_looks < LOOKS_WITHOUT_DIALOG => None,
            ScreenReading::ComposerEmpty => Some(SessionEvent::Ready { source }),
            _ => None,
        }
    }

    fn while_working(&self, reading: &ScreenReading) -> Option<SessionEvent> {
        let source = Source::Screen;
        match reading {
            ScreenReading::ComposerEmpty => Some(SessionEvent::Ready { source }),
            _ => None,
        }
    }

    /// The hooks have the word; only a box that stays empty means that the one for the end of the turn was lost.
    fn while_working_by_hooks(&mut self, reading: &ScreenReading) -> Option<SessionEvent> {
        if *reading != ScreenReading::ComposerEmpty {
            self.memory.empty_since = None;
            return None;
        }
        let since = *self.memory.empty_since.get_or_insert_with(Instant::now);
        (since.elapsed() >= END_HOOK_LIMIT).then_some(SessionEvent::Ready { source: Source::Screen })
    }

    fn look_pause(&self) -> Duration {
        LOOK_PAUSE_MIN
            .saturating_mul(1 << self.memory.idle_looks.min(6))
            .min(LOOK_PAUSE_MAX)
    }
}

fn end_untold(engine: &Engine, tx: &Tx<'_>, turn: &Turn) -> Result<()> {
    let text = "the agent's box is empty again, without a word of the agent's on how the turn ended";
    let event = TurnEvent::Interrupted(Reason::new("no_end_signal", text));
    match tx.step_turn(&turn.id, &event)? {
        Some(_) => tell::turn_notice(engine, tx, &tx.turn(&turn.id)?),
        None => Ok(()),
    }
}
