//! What the screen has to say where no hook speaks: ready after the start, a dialog that came or went away, the end of a turn of an
//! agent without evidence, of one that was cut short, or of one whose hook was lost. Looks only in passing states; of an
//! idle session's screen only what comes right behind the end of a turn is read (`dialogs`).

use std::time::Duration;

use tokio::time::Instant;

use super::actor::{Actor, DialogLooks, Next};
use super::explain;
use super::letters::{self, Said};
use super::outcome::{is_owed, waits_for_person};
use crate::agents::TurnEnd;
use crate::domain::agent::{AgentPlace, AgentSignal, Evidence};
use crate::domain::fault::Result;
use crate::domain::launch::Launch;
use crate::domain::screen::{Screen, ScreenReading};
use crate::domain::session::{Reason, Session, SessionEvent, SessionState, Source};
use crate::domain::turn::Turn;
use crate::store::Tx;

/// Pauses between looks at a screen that does not change: the first, and the longest (status is to be true within 2 s).
const LOOK_PAUSE_MIN: Duration = Duration::from_millis(30);
const LOOK_PAUSE_MAX: Duration = Duration::from_millis(1000);
/// An agent that announces its start by a hook, shows its box, and still has not announced it after this long, will not.
const START_HOOK_LIMIT: Duration = Duration::from_secs(20);
/// How long a screen that nobody knows may stay, at the start or unchanged in a turn, until a person is asked to look.
const UNKNOWN_LIMIT: Duration = Duration::from_secs(90);
/// Rows of the unknown screen that the person is shown.
const UNKNOWN_ROWS: usize = 15;
/// Pause between looks at a dialog that is open.
pub(super) const DIALOG_LOOK_PAUSE: Duration = Duration::from_millis(500);
/// Looks in a row without the dialog before it counts as gone: hooks announce a dialog before it is drawn.
const LOOKS_WITHOUT_DIALOG: u32 = 6;
/// Pause between looks at the screen of an agent that works and tells its end by a hook.
const HOOKED_LOOK_PAUSE: Duration = Duration::from_secs(1);
/// How long the box of such an agent stays idle where no turn is owed its end (a command of the agent's own, a prompt at the terminal), or where the screen says that the
/// turn was cut short. Not at the first look: the screen may be older than the hook.
const END_SEEN_LIMIT: Duration = Duration::from_millis(900);
/// The same after an interrupt of ours, where the agent tells of none: its prompt may still come back into the box.
const CUT_END_LIMIT: Duration = Duration::from_secs(4);
/// How long a box that looks idle is not believed while the agent computes: what it has left running in the background may go on for ever.
const COMPUTING_LIMIT: Duration = Duration::from_secs(10 * 60);
/// How long a box stays empty under a limit until the agent counts as one that does not wait for its end.
const GAVE_UP_LIMIT: Duration = Duration::from_secs(3);

/// What a look means.
enum Verdict {
    Nothing,
    Event(SessionEvent),
    /// The screen says that a person cut the turn short.
    CutShort,
    /// Nobody said how the turn ended.
    Untold,
    /// The agent does not wait for the end of a limit.
    GaveUp,
}

impl Actor {
    /// Reads the screen where the state asks for it. `None`: the state needs no look, go on.
    pub(super) async fn observe(&mut self, session: &Session, launch: &Launch) -> Result<Option<Next>> {
        let state = session.status.state;
        if !matches!(state, SessionState::Working | SessionState::Limited) {
            self.memory.idle_since = None;
        }
        if !matches!(
            state,
            SessionState::Starting | SessionState::NeedsInput | SessionState::Limited | SessionState::Working
        ) {
            self.memory.idle_looks = 0;
            return Ok(None);
        }
        if let Some(next) = self.await_limit(session).await? {
            return Ok(Some(next));
        }
        let Some(screen) = self.screen(launch).await else {
            return Ok(Some(Next::after(LOOK_PAUSE_MAX)));
        };
        let reading = self.adapter.read_screen(&screen);
        if let ScreenReading::Dialog(_) = &reading
            && self.engine.is_being_answered(&self.id)
        {
            return Ok(Some(Next::after(DIALOG_LOOK_PAUSE)));
        }
        if let ScreenReading::Dialog(dialog) = &reading {
            return self.note_dialog(launch, dialog.clone()).await.map(Some);
        }
        self.memory.dialog = DialogLooks::default();
        if self.look_for_put_back(launch, &screen, &reading).await? {
            return Ok(Some(Next::after(DIALOG_LOOK_PAUSE)));
        }
        let by_hooks = state == SessionState::Working && self.adapter.evidence() != Evidence::None;
        let mut reading = reading;
        if state == SessionState::Starting
            && session.fork_of.is_some()
            && !launch.resumed
            && self.adapter.shows_start_page(&screen)
        {
            reading = ScreenReading::Unknown;
        }
        if by_hooks && reading == ScreenReading::ComposerEmpty {
            match self.told_end(session).await? {
                TurnEnd::Ended(signal) => return self.take_end(launch, signal).await.map(Some),
                // It only looks idle: some draw no sign of work while they write their answer.
                TurnEnd::Runs => reading = ScreenReading::Busy,
                TurnEnd::Unknown => {}
            }
        }
        let verdict = match state {
            SessionState::Starting => self.while_starting(&screen, &reading),
            SessionState::NeedsInput => self.while_in_dialog(session, &reading),
            SessionState::Limited => self.while_limited(&reading),
            _ if by_hooks => self.while_working_by_hooks(launch, &screen, &reading).await?,
            _ => while_working(&reading),
        };
        if self.carry_out(session, launch, verdict).await? {
            self.memory.idle_looks = 0;
            return Ok(Some(Next::now()));
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
        let said = Said {
            source: Source::Screen,
            letter: None,
            turn: None,
        };
        let store = &self.engine.0.store;
        store
            .write(move |tx| letters::on_signal(&engine, tx, &id, no, &signal, said))
            .await?;
        self.engine.wake(&self.id);
        Ok(Next::now())
    }

    /// True when something changed.
    async fn carry_out(&mut self, session: &Session, launch: &Launch, verdict: Verdict) -> Result<bool> {
        let cut_short = matches!(verdict, Verdict::CutShort);
        let event = match verdict {
            Verdict::Nothing => return Ok(false),
            Verdict::Event(event) => event,
            Verdict::CutShort | Verdict::Untold => SessionEvent::Ready { source: Source::Screen },
            Verdict::GaveUp => {
                let (engine, id) = (self.engine.clone(), self.id.clone());
                self.engine.0.store.write(move |tx| engine.gave_up(tx, &id)).await?;
                self.engine.wake(&self.id);
                return Ok(true);
            }
        };
        self.apply_seen(session, launch, event, cut_short).await
    }

    /// Under a limit with a time nothing is looked at before it has come.
    async fn await_limit(&mut self, session: &Session) -> Result<Option<Next>> {
        let (SessionState::Limited, Some(until)) = (session.status.state, session.limited_until) else {
            return Ok(None);
        };
        // An agent that waits by itself has the turn open; its screen says when it goes on.
        if self.owes_an_end().await? {
            return Ok(None);
        }
        let now = self.engine.now().await?;
        if let Ok(left) = Duration::try_from(until - now)
            && !left.is_zero()
        {
            return Ok(Some(Next::after(left)));
        }
        let (engine, id) = (self.engine.clone(), self.id.clone());
        self.engine
            .0
            .store
            .write(move |tx| {
                tx.set_limited_until(&id, None)?;
                engine.apply(
                    tx,
                    &id,
                    &SessionEvent::Ready {
                        source: Source::Process,
                    },
                )
            })
            .await?;
        Ok(Some(Next::now()))
    }

    async fn owes_an_end(&self) -> Result<bool> {
        let id = self.id.clone();
        let store = &self.engine.0.store;
        store
            .read(move |tx| Ok(tx.running_turns(&id)?.iter().any(is_owed)))
            .await
    }

    /// Stores what the screen says. While the agent still owes us the end of a turn, a dialog that went away means work; where the
    /// screen has the last word on that end, too, the agent's own record is asked what its last words were.
    async fn apply_seen(
        &self,
        session: &Session,
        launch: &Launch,
        event: SessionEvent,
        cut_short: bool,
    ) -> Result<bool> {
        let (engine, id) = (self.engine.clone(), self.id.clone());
        let was_cut = self.was_cut(launch);
        let last_words = self.last_words(session).await?;
        let seen = move |tx: &Tx<'_>| {
            let open: Vec<Turn> = tx.running_turns(&id)?;
            let owed: Vec<&Turn> = open.iter().filter(|turn| is_owed(turn)).collect();
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
            if cut_short {
                let by = match was_cut {
                    true => "by a person",
                    false => "at the agent's terminal",
                };
                let reason = Reason::new("interrupted", format!("interrupted {by}"));
                engine.interrupt_turns(tx, &id, &reason)?;
            } else if let SessionEvent::Ready { .. } = event {
                owed.iter()
                    .try_for_each(|turn| engine.end_untold(tx, turn, last_words.as_deref(), was_cut))?;
            }
            Ok(true)
        };
        let changed = self.engine.0.store.write(seen).await?;
        if changed {
            self.engine.wake(&self.id);
        }
        Ok(changed)
    }

    /// What the agent's own record says at the end of the turn that is owed its end.
    async fn last_words(&self, session: &Session) -> Result<Option<String>> {
        let id = self.id.clone();
        let owed = self.engine.0.store.read(move |tx| tx.running_turns(&id)).await?;
        let Some(turn) = owed.into_iter().rfind(is_owed) else {
            return Ok(None);
        };
        let session_dir = self.engine.0.paths.session(&self.id);
        let place = AgentPlace {
            session_dir: &session_dir,
            work_dir: &session.work_dir,
            native_id: session.native_id.as_deref(),
        };
        Ok(self
            .adapter
            .final_text(&place, turn.typed_at.unwrap_or(turn.created_at)))
    }

    /// None when the pane cannot be read (it is going away; the exit record will tell).
    pub(super) async fn read_screen(&self, launch: &Launch) -> Result<Option<ScreenReading>> {
        let screen = self.screen(launch).await;
        Ok(screen.map(|screen| self.adapter.read_screen(&screen)))
    }

    pub(super) async fn screen(&self, launch: &Launch) -> Option<Screen> {
        let placement = self.engine.placement(launch)?;
        let screen = self.engine.0.tmux.screen(&placement.pane).await.ok()?;
        (!screen.dead).then_some(screen)
    }

    fn while_starting(&mut self, screen: &Screen, reading: &ScreenReading) -> Verdict {
        let since = *self.memory.starting_since.get_or_insert_with(Instant::now);
        match reading {
            ScreenReading::ComposerEmpty | ScreenReading::ComposerHolds { .. } if self.has_announced_itself() => {
                Verdict::Event(SessionEvent::Ready { source: Source::Screen })
            }
            ScreenReading::Unknown if since.elapsed() > unknown_limit() => self.unknown(screen),
            _ => Verdict::Nothing,
        }
    }

    /// A screen that nobody knows and that does not change may be a question. What works moves something.
    fn stands_unknown(&mut self, screen: &Screen, reading: &ScreenReading) -> bool {
        if *reading != ScreenReading::Unknown || !self.adapter.box_is_readable() || screen.in_mode {
            self.memory.unknown = None;
            return false;
        }
        match &self.memory.unknown {
            Some((rows, since)) if *rows == screen.rows => since.elapsed() > unknown_limit(),
            _ => {
                self.memory.unknown = Some((screen.rows.clone(), Instant::now()));
                false
            }
        }
    }

    fn unknown(&self, screen: &Screen) -> Verdict {
        // May start the agent's `--version`: once, and the other sessions do not wait for it.
        let detection = tokio::task::block_in_place(|| self.adapter.detect().ok());
        let why = explain::newer_than_rules(&*self.adapter, detection.as_ref());
        let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
        let rows = screen.last_rows(UNKNOWN_ROWS).join("\n");
        let seconds = unknown_limit().as_secs();
        Verdict::Event(SessionEvent::NeedsPerson {
            source: Source::Screen,
            code: "unknown_screen".to_owned(),
            text: format!("after {seconds} s the agent shows a screen that is not known{why}:\n{rows}"),
        })
    }

    fn has_announced_itself(&self) -> bool {
        let overdue = |at: Instant| at.elapsed() > START_HOOK_LIMIT;
        self.memory.started || !self.adapter.announces_start() || self.memory.launched_at.is_some_and(overdue)
    }

    fn while_in_dialog(&self, session: &Session, reading: &ScreenReading) -> Verdict {
        let source = Source::Screen;
        if waits_for_person(session.status.state, &session.status.reason.code) {
            return Verdict::Nothing;
        }
        match reading {
            ScreenReading::Dialog(_) | ScreenReading::Unknown => Verdict::Nothing,
            _ if self.memory.idle_looks < LOOKS_WITHOUT_DIALOG => Verdict::Nothing,
            ScreenReading::ComposerEmpty | ScreenReading::ComposerHolds { .. } => {
                Verdict::Event(SessionEvent::Ready { source })
            }
            ScreenReading::Busy => Verdict::Event(SessionEvent::DialogClosed { source }),
        }
    }

    /// An agent that waits for the end of a limit shows no empty box until then. One that shows it at once gave its turn up.
    fn while_limited(&mut self, reading: &ScreenReading) -> Verdict {
        if *reading != ScreenReading::ComposerEmpty {
            self.memory.idle_since = None;
            self.memory.waits_for_limit = true;
            return Verdict::Nothing;
        }
        let since = *self.memory.idle_since.get_or_insert_with(Instant::now);
        if self.memory.waits_for_limit && self.memory.idle_looks >= LOOKS_WITHOUT_DIALOG {
            self.memory.waits_for_limit = false;
            return Verdict::Untold;
        }
        match since.elapsed() >= GAVE_UP_LIMIT {
            true => Verdict::GaveUp,
            false => Verdict::Nothing,
        }
    }

    /// The hooks have the word. A box that stays idle means that the one for the end of the turn was lost, or that there is none: a
    /// turn that was cut short, a command of the agent's own.
    async fn while_working_by_hooks(
        &mut self,
        launch: &Launch,
        screen: &Screen,
        reading: &ScreenReading,
    ) -> Result<Verdict> {
        let is_idle = match reading {
            ScreenReading::ComposerEmpty => true,
            // A person may type while the agent works.
            ScreenReading::ComposerHolds { .. } => self.adapter.shows_work(screen) == Some(false),
            _ => false,
        };
        if !is_idle {
            self.memory.idle_since = None;
            self.memory.computing_since = None;
            if *reading == ScreenReading::Busy {
                self.engine.note_work(&self.id);
            }
            if !self.stands_unknown(screen, reading) {
                return Ok(Verdict::Nothing);
            }
            let stood = self.memory.unknown.as_ref().map(|(_, since)| since.elapsed());
            return match stood >= Some(COMPUTING_LIMIT) || !self.computes(launch).await? {
                true => Ok(self.unknown(screen)),
                false => Ok(Verdict::Nothing),
            };
        }
        let idle_for = self.memory.idle_since.get_or_insert_with(Instant::now).elapsed();
        if idle_for < END_SEEN_LIMIT {
            return Ok(Verdict::Nothing);
        }
        let verdict = if idle_for >= self.adapter.cut_short_time() && self.adapter.was_interrupted(screen) {
            Verdict::CutShort
        } else if idle_for >= self.end_limit(launch) || !self.owes_an_end().await? {
            Verdict::Untold
        } else {
            return Ok(Verdict::Nothing);
        };
        let computing_since = self.memory.computing_since.unwrap_or_else(Instant::now);
        if computing_since.elapsed() < COMPUTING_LIMIT && self.computes(launch).await? {
            self.memory.computing_since = Some(computing_since);
            self.memory.idle_since = None;
            return Ok(Verdict::Nothing);
        }
        Ok(verdict)
    }

    /// How long the box stays idle until nobody will say how the turn ended. Some agents say nothing of an interrupt that came before
    /// their first word.
    fn end_limit(&self, launch: &Launch) -> Duration {
        let limit = self.adapter.end_hook_limit();
        match self.was_cut(launch) {
            true => limit.min(CUT_END_LIMIT),
            false => limit,
        }
    }

    fn was_cut(&self, launch: &Launch) -> bool {
        let placement = launch.placement.as_ref();
        placement.is_some_and(|placement| self.engine.was_cut(&self.id, &placement.pane))
    }

    fn look_pause(&self) -> Duration {
        LOOK_PAUSE_MIN
            .saturating_mul(1 << self.memory.idle_looks.min(6))
            .min(LOOK_PAUSE_MAX)
    }
}

/// [`UNKNOWN_LIMIT`]; the fault tests shorten it.
fn unknown_limit() -> Duration {
    #[cfg(feature = "failpoints")]
    if let Some(seconds) = std::env::var("TELECODER_TEST_UNKNOWN_LIMIT_S")
        .ok()
        .and_then(|text| text.parse().ok())
    {
        return Duration::from_secs(seconds);
    }
    UNKNOWN_LIMIT
}

fn while_working(reading: &ScreenReading) -> Verdict {
    match reading {
        ScreenReading::ComposerEmpty => Verdict::Event(SessionEvent::Ready { source: Source::Screen }),
        _ => Verdict::Nothing,
    }
}
