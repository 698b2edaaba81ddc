//! What the screen has to say where no hook speaks: ready after the start, a dialog that went away, the end of a turn of an agent
//! without evidence. Looks only in passing states; an idle session's screen is not read.

use std::time::Duration;

use tokio::time::Instant;

use super::actor::{Actor, Next};
use crate::domain::agent::Evidence;
use crate::domain::fault::Result;
use crate::domain::launch::Launch;
use crate::domain::screen::ScreenReading;
use crate::domain::session::{Session, SessionEvent, SessionState, Source};

/// Pauses between looks at a screen that does not change: the first, and the longest (status is to be true within 2 s).
const LOOK_PAUSE_MIN: Duration = Duration::from_millis(30);
const LOOK_PAUSE_MAX: Duration = Duration::from_millis(1000);
/// An agent that announces its start by a hook, shows its box, and still has not announced it after this long, will not.
const START_HOOK_LIMIT: Duration = Duration::from_secs(20);
/// Looks in a row without the dialog before it counts as gone: hooks announce a dialog before it is drawn.
const LOOKS_WITHOUT_DIALOG: u32 = 6;

impl Actor {
    /// Reads the screen where the state asks for it. `None`: the state needs no look, go on.
    pub(super) async fn observe(&mut self, session: &Session, launch: &Launch) -> Result<Option<Next>> {
        let wanted = match session.status.state {
            SessionState::Starting | SessionState::NeedsInput | SessionState::Limited => true,
            SessionState::Working => self.adapter.evidence() == Evidence::None,
            _ => false,
        };
        if !wanted {
            self.memory.idle_looks = 0;
            return Ok(None);
        }
        let Some(reading) = self.read_screen(launch).await? else {
            return Ok(Some(Next::after(LOOK_PAUSE_MAX)));
        };
        let event = match session.status.state {
            SessionState::Starting => self.while_starting(reading),
            SessionState::NeedsInput => self.while_in_dialog(reading),
            SessionState::Limited => self.while_limited(reading),
            _ => self.while_working(&reading),
        };
        if let Some(event) = event {
            self.memory.idle_looks = 0;
            if self.engine.apply_now(&self.id, event).await? {
                return Ok(Some(Next::now()));
            }
        }
        self.memory.idle_looks += 1;
        Ok(Some(Next::after(self.look_pause())))
    }

    /// None when the pane cannot be read (it is going away; the exit record will tell).
    pub(super) async fn read_screen(&self, launch: &Launch) -> Result<Option<ScreenReading>> {
        let Some(placement) = &launch.placement else {
            return Ok(None);
        };
        match self.engine.0.tmux.screen(&placement.pane).await {
            Ok(screen) if !screen.dead => Ok(Some(self.adapter.read_screen(&screen))),
            Ok(_) | Err(_) => Ok(None),
        }
    }

    fn while_starting(&self, reading: ScreenReading) -> Option<SessionEvent> {
        match reading {
            ScreenReading::Dialog { text, .. } => Some(SessionEvent::Dialog {
                source: Source::Screen,
                text,
            }),
            ScreenReading::ComposerEmpty | ScreenReading::ComposerHolds { .. } if self.has_announced_itself() => {
                Some(SessionEvent::Ready { source: Source::Screen })
            }
            _ => None,
        }
    }

    fn has_announced_itself(&self) -> bool {
        let overdue = |at: Instant| at.elapsed() > START_HOOK_LIMIT;
        self.memory.started || self.memory.launched_at.is_some_and(overdue)
    }

    fn while_in_dialog(&self, reading: ScreenReading) -> Option<SessionEvent> {
        let source = Source::Screen;
        match reading {
            ScreenReading::Dialog { text, .. } => Some(SessionEvent::Dialog { source, text }),
            ScreenReading::Unknown => None,
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
            ScreenReading::Dialog { text, .. } => Some(SessionEvent::Dialog { source, text }),
            _ if self.memory.idle_looks < LOOKS_WITHOUT_DIALOG => None,
            ScreenReading::ComposerEmpty => Some(SessionEvent::Ready { source }),
            _ => None,
        }
    }

    fn while_working(&self, reading: &ScreenReading) -> Option<SessionEvent> {
        let source = Source::Screen;
        match reading {
            ScreenReading::ComposerEmpty => Some(SessionEvent::Ready { source }),
            ScreenReading::Dialog { text, .. } => Some(SessionEvent::Dialog {
                source,
                text: text.clone(),
            }),
            _ => None,
        }
    }

    fn look_pause(&self) -> Duration {
        LOOK_PAUSE_MIN
            .saturating_mul(1 << self.memory.idle_looks.min(6))
            .min(LOOK_PAUSE_MAX)
    }
}
