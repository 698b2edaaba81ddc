//! The program's state and its loop: do what there is to do, draw, wait, take what came.

use std::ops::ControlFlow;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use serde_json::{Value, json};

use super::block::{self, ComposerView};
use super::composer::Composer;
use super::dialog::Dialog;
use super::hooks::{DecidingHook, Hooks};
use super::keys::KeyParser;
use super::screen::{Block, Screen, UNPAINTED_MAX};
use super::signals::Signals;
use super::terminal::{Modes, Size, Terminal};
use super::transcript::Transcript;
use super::turn::{Doing, Turn, Waiting};
use super::{Conversation, Options, process};
use crate::agents::demo::look;
use crate::agents::demo::wire::Record;
use crate::agents::signal;
use crate::domain::fault::{Fault, Result};

/// An ESC that nothing follows for so long is the key.
const ESCAPE_WAIT: Duration = Duration::from_millis(25);
/// The shell's way to say that a signal was the reason.
const SIGNAL_CODE: i32 = 128;
const SIGHUP: i32 = 1;

/// `Break` carries the exit code.
pub type Flow = ControlFlow<i32>;

pub enum Phase {
    /// The question at the start (a quirk); nothing else is there yet.
    Trust(Dialog),
    Idle,
    Turn(Turn),
}

pub struct App {
    pub options: Options,
    pub phase: Phase,
    pub composer: Composer,
    pub queue: Vec<Waiting>,
    pub terminal: Terminal,
    pub size: Size,
    parser: KeyParser,
    /// Since when an ESC waits for what follows it.
    escape_since: Option<Instant>,
    pub last_paste: Option<Instant>,
    /// When Ctrl-C was pressed once on an empty box, and no other key after it.
    pub leaving: Option<Instant>,
    /// SessionStart is still to be fired.
    pub unannounced: bool,
    pub hooks: Hooks,
    /// The hook of the dialog that is open, where it waits for a decision.
    pub deciding: Option<DecidingHook>,
    /// When a dialog comes up over the idle box (a quirk).
    late_dialog: Option<Instant>,
    /// When an interrupted prompt comes back into the box, and its text (a quirk).
    coming_back: Option<(Instant, String)>,
    /// Until when nothing is drawn (a quirk).
    undrawn_until: Option<Instant>,
    signals: Signals,
    screen: Screen,
    transcript: Transcript,
    dirty: bool,
}

/// What a wait ended with.
struct Ready {
    input: bool,
    signals: bool,
    decision: bool,
}

impl App {
    pub fn open(options: Options, transcript: Transcript, history: &[Record]) -> Result<Self> {
        let signals = Signals::new().map_err(|e| Fault::io("watching for signals", &e))?;
        let terminal = Terminal::open(Modes {
            alternate_screen: options.alternate_screen,
            mouse: options.quirks.mouse,
        })?;
        thread::sleep(options.quirks.slow_start);
        let mut app = Self {
            phase: Phase::Idle,
            composer: Composer::default(),
            queue: Vec::new(),
            size: terminal.size(),
            terminal,
            parser: KeyParser::default(),
            escape_since: None,
            last_paste: None,
            leaving: None,
            unannounced: true,
            hooks: Hooks::new(
                options.telecoder.clone(),
                options.conversation.id(),
                options.decisions.clone(),
            ),
            deciding: None,
            late_dialog: None,
            coming_back: None,
            undrawn_until: None,
            signals,
            screen: Screen::default(),
            transcript,
            dirty: true,
            options,
        };
        app.show_header(history);
        if app.options.quirks.trust_dialog {
            app.phase = Phase::Trust(trust_dialog());
        } else {
            app.begin();
        }
        Ok(app)
    }

    pub fn run(&mut self) -> i32 {
        loop {
            if let ControlFlow::Break(code) = self.round() {
                self.end_job();
                self.leave_terminal();
                return code;
            }
        }
    }

    /// The agent is up: SessionStart first, the prompt box after it.
    pub fn begin(&mut self) {
        if !self.options.quirks.late_session_start {
            self.announce();
        }
        let delay = self.options.quirks.late_composer;
        if !delay.is_zero() {
            thread::sleep(delay);
            self.terminal.discard_input();
        }
        self.phase = Phase::Idle;
        self.dirty = true;
        let after = self.options.quirks.late_dialog.take();
        self.late_dialog = after.map(|after| Instant::now() + after);
    }

    fn open_late_dialog(&mut self) {
        let due = self.late_dialog.is_some_and(|at| at <= Instant::now());
        if due && matches!(self.phase, Phase::Idle) {
            self.late_dialog = None;
            self.phase = Phase::Trust(trust_dialog());
            self.dirty = true;
        }
    }

    /// An interrupted prompt comes back into the box, at once or as late as the quirk says.
    pub fn restore(&mut self, prompt: String) {
        self.coming_back = Some((Instant::now() + self.options.quirks.late_restore, prompt));
        self.put_back();
    }

    fn put_back(&mut self) {
        if let Some((_, prompt)) = self.coming_back.take_if(|(at, _)| *at <= Instant::now()) {
            self.composer.paste(prompt, usize::MAX);
            self.dirty = true;
        }
    }

    /// Fires SessionStart, once.
    pub fn announce(&mut self) {
        if !std::mem::take(&mut self.unannounced) {
            return;
        }
        let source = match self.options.conversation {
            Conversation::New(_) => "startup",
            Conversation::Resumed(_) => "resume",
        };
        let path = self.transcript.path().to_owned();
        self.fire(
            signal::SESSION_START,
            json!({"source": source, "transcript_path": path}),
        );
    }

    /// Adds to the transcript area.
    pub fn show(&mut self, gutter: &'static str, text: &str) {
        let mut gutter = gutter;
        for line in text.split('\n') {
            self.screen.push(gutter, line);
            gutter = look::GUTTER_REST;
            if self.screen.unpainted() >= UNPAINTED_MAX {
                self.paint();
            }
        }
        self.dirty = true;
    }

    pub fn touch(&mut self) {
        self.dirty = true;
    }

    /// A record that nobody waits for; a failure is shown.
    pub fn record(&mut self, record: &Record) {
        if let Err(fault) = self.transcript.append(record) {
            self.show(look::GUTTER_REST, &fault.message);
        }
    }

    /// A record that must be durable before anybody hears of it. False: it is not, and that was shown.
    pub fn record_synced(&mut self, record: &Record) -> bool {
        let written = self.transcript.append_synced(record);
        if let Err(fault) = &written {
            self.show(look::GUTTER_REST, &fault.message);
        }
        written.is_ok()
    }

    pub fn fire(&mut self, event: &'static str, payload: Value) {
        if self.options.quirks.mutes(event) {
            return;
        }
        if let Err(told) = self.hooks.fire(event, payload) {
            self.show(look::GUTTER_REST, &told);
        }
    }

    pub fn paint(&mut self) {
        if self.undrawn_until.is_some_and(|until| Instant::now() < until) {
            self.dirty = true;
            return;
        }
        self.undrawn_until = None;
        self.dirty = false;
        let block = self.block();
        let bytes = self.screen.paint(&block, self.size);
        self.write(&bytes);
    }

    /// From now on nothing is drawn for so long.
    pub fn stop_drawing(&mut self, time: Duration) {
        self.undrawn_until = (!time.is_zero()).then(|| Instant::now() + time);
    }

    /// Draws everything anew.
    pub fn repaint(&mut self) {
        self.dirty = false;
        self.size = self.terminal.size();
        let block = self.block();
        let bytes = self.screen.repaint(&block, self.size);
        self.write(&bytes);
    }

    pub fn erase(&mut self) {
        let erase = self.screen.erase();
        self.write(&erase);
    }

    /// Takes the block away and puts the terminal in order; what was said stays.
    pub fn leave_terminal(&mut self) {
        self.erase();
        self.terminal.leave();
    }

    fn round(&mut self) -> Flow {
        self.advance()?;
        self.open_late_dialog();
        self.put_back();
        if self.dirty {
            self.paint();
        }
        let ready = self.wait();
        if ready.signals {
            self.on_signals()?;
        }
        if ready.decision {
            self.on_decision();
        }
        if ready.input {
            self.on_input()?;
        } else {
            self.on_no_input()?;
        }
        ControlFlow::Continue(())
    }

    fn wait(&self) -> Ready {
        let mut fds = vec![
            PollFd::from_borrowed_fd(self.terminal.input(), PollFlags::IN),
            PollFd::from_borrowed_fd(self.signals.readable(), PollFlags::IN),
        ];
        let hook = self.deciding.as_ref().map(DecidingHook::readable);
        fds.extend(hook.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        if let Phase::Turn(Turn {
            doing: Doing::Job { job, .. },
            ..
        }) = &self.phase
        {
            fds.extend(job.readable().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        }
        // A failing poll comes back as "nothing"; the next round tries again.
        let _ = process::wait_readable(&mut fds, self.wait_limit());
        Ready {
            input: !fds[0].revents().is_empty(),
            signals: !fds[1].revents().is_empty(),
            decision: hook.is_some() && !fds[2].revents().is_empty(),
        }
    }

    fn wait_limit(&self) -> Option<Duration> {
        let escape = self
            .escape_since
            .map(|since| ESCAPE_WAIT.saturating_sub(since.elapsed()));
        let turn = match &self.phase {
            Phase::Turn(turn) => turn.wait_limit(),
            Phase::Trust(_) | Phase::Idle => None,
        };
        let until = |at: Instant| at.saturating_duration_since(Instant::now());
        let late = self
            .late_dialog
            .filter(|_| matches!(self.phase, Phase::Idle))
            .map(until);
        let undrawn = self.undrawn_until.map(until);
        let coming_back = self.coming_back.as_ref().map(|(at, _)| until(*at));
        [escape, turn, late, undrawn, coming_back].into_iter().flatten().min()
    }

    fn on_signals(&mut self) -> Flow {
        self.signals.drain();
        if self.signals.take_resized() {
            self.repaint();
        }
        let Some(number) = self.signals.take_end() else {
            return ControlFlow::Continue(());
        };
        if self.options.quirks.deaf_to_term && number != SIGHUP {
            return ControlFlow::Continue(());
        }
        self.end_job();
        self.leave_terminal();
        // Whoever waits for us shall see the signal, not a code.
        let _ = signal_hook::low_level::emulate_default_handler(number);
        ControlFlow::Break(SIGNAL_CODE + number)
    }

    fn on_input(&mut self) -> Flow {
        let bytes = self.terminal.read();
        if bytes.is_empty() {
            return ControlFlow::Break(SIGNAL_CODE + SIGHUP);
        }
        let mut keys = Vec::new();
        self.parser.feed(&bytes, &mut keys);
        self.escape_since = self.parser.escape_is_pending().then(Instant::now);
        self.press(keys)
    }

    /// Something else woke us: the ESC may still be the begin of a sequence that is on its way.
    fn on_no_input(&mut self) -> Flow {
        if self.escape_since.is_none_or(|since| since.elapsed() < ESCAPE_WAIT) {
            return ControlFlow::Continue(());
        }
        self.escape_since = None;
        let mut keys = Vec::new();
        self.parser.flush_escape(&mut keys);
        self.press(keys)
    }

    fn block(&self) -> Block {
        let status = match &self.phase {
            Phase::Trust(dialog) => return block::dialog(dialog, self.size),
            Phase::Turn(turn) => match &turn.doing {
                Doing::Ask(dialog) => return block::dialog(dialog, self.size),
                _ => Some(turn.status()),
            },
            Phase::Idle => None,
        };
        let queue: Vec<String> = self
            .queue
            .iter()
            .map(|waiting| waiting.text.chars().take(200).collect())
            .collect();
        let view = ComposerView {
            status: status.as_deref(),
            queue: &queue,
            shown: &self.composer.shown(),
            hint: match self.leaving {
                Some(_) => "ctrl-c again exits",
                None => "enter sends · esc interrupts · ctrl-c twice exits",
            },
        };
        block::composer(&view, self.size)
    }

    fn write(&mut self, bytes: &str) {
        // A terminal that is gone tells so when it is read.
        let _ = self.terminal.write(bytes.as_bytes());
    }

    fn show_header(&mut self, history: &[Record]) {
        let (id, mode) = (self.options.conversation.id(), self.options.mode.as_str());
        let header = format!("TeleCoder demo agent · session {id} · mode {mode}");
        self.show(look::GUTTER_REST, &header);
        for record in history {
            match record {
                Record::Prompt { text, .. } => self.show_prompt(text),
                Record::Final { text, .. } => self.show(look::GUTTER_REPLY, text),
                _ => {}
            }
        }
    }
}

fn trust_dialog() -> Dialog {
    let choices = ["No, exit", "Yes, I trust this directory"];
    Dialog::new("Directory", "Do you trust this directory?", &choices)
}
