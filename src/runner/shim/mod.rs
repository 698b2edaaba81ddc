//! The pane process of a launch; see docs/architecture.md, "The shim".
//!
//! Takes the launch's lock, starts the agent in the terminal's foreground, waits, ends what the agent left behind,
//! records how it ended, holds the pane for a moment, and resets the terminal. Lives as long as the agent, once per
//! session, so: no threads, no async runtime, little memory. Knows no tmux, no daemon and no agent by name.
//!
//! Crash behaviour: the kernel frees the lock; there is no exit record then, and the daemon ends the tree
//! (`process::end_launch_processes`).

mod agent;
mod lock;
mod record;
mod signals;
mod supervise;
mod terminal;
mod tree;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use self::record::Recorder;
use self::signals::Signals;
use self::supervise::Ending;
use self::terminal::Terminal;
use super::LaunchDir;
use crate::domain::Timestamp;
use crate::domain::exit::{ExitCause, ExitRecord};
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::LaunchNo;
use crate::domain::letter::ProcessRef;

/// The daemon has this long to capture the last screen; it kills the window as soon as it has.
const HOLD_MAX: Duration = Duration::from_secs(2);
/// What a shell returns for a program that it could not start.
const EXIT_CANNOT_START: u8 = 127;

/// What `telecoder shim` was told to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub launch_dir: PathBuf,
    pub task: Task,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Program and arguments; never empty.
    Run(Vec<OsString>),
    /// `run.sh` found that the agent cannot be started: record that, with the reason.
    CannotStart(String),
}

/// Runs a launch to its end. Returns the exit code: the agent's, 128 + n for a signal, 127 for a program that could not
/// be started.
///
/// Errors: `AnotherDaemon` (75) when a shim holds this launch already, `Storage` or `Failure` when `ctl/` cannot be
/// used; the agent was not started then.
pub fn run(order: Order) -> Result<u8> {
    let dir = LaunchDir::new(order.launch_dir);
    let launch = dir.number().ok_or_else(|| {
        let path = dir.path().display();
        Fault::new(Kind::Usage, format!("`{path}` is not a launch directory"))
    })?;
    let _lock = lock::take(&dir)?;
    let shim = Shim {
        launch,
        recorder: Recorder::new(&dir),
        signals: Signals::install().map_err(|error| Fault::io("installing signal handlers", &error))?,
        terminal: Terminal::open(),
        started_at: Timestamp::now(),
    };
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .map_err(|error| Fault::io("becoming the subreaper", &error.into()))?;
    Ok(shim.run(order.task))
}

struct Shim {
    launch: LaunchNo,
    recorder: Recorder,
    signals: Signals,
    terminal: Option<Terminal>,
    started_at: Timestamp,
}

impl Shim {
    fn run(&self, task: Task) -> u8 {
        let started = match task {
            Task::Run(argv) => agent::start(&argv, self.terminal.as_ref()),
            Task::CannotStart(why) => Err(why),
        };
        let (exit, code) = match started {
            Ok(agent) => {
                self.note_start(Some(agent));
                let ending = supervise::until_ended(agent, &self.signals, self.terminal.as_ref());
                self.say_left_over(ending.left_over);
                (self.record_of(&ending), ending.exit_code())
            }
            Err(detail) => {
                self.note_start(None);
                say(&format!("the agent could not be started: {detail}"));
                (self.record_of_failure(detail), EXIT_CANNOT_START)
            }
        };
        if let Err(error) = self.recorder.exit(&exit, &self.signals) {
            say(&format!("the exit record could not be written: {error}"));
        }
        self.hold();
        if let Some(terminal) = &self.terminal {
            terminal.reset();
        }
        code
    }

    fn note_start(&self, agent: Option<ProcessRef>) {
        if let Err(error) = self.recorder.started(self.launch, agent) {
            // The agent runs all the same: the daemon finds the launch by its lock and its environment.
            say(&format!("ctl/shim.json could not be written: {error}"));
        }
    }

    fn say_left_over(&self, left_over: usize) {
        if left_over > 0 {
            say(&format!("{left_over} processes of this launch could not be ended"));
        }
    }

    fn record_of(&self, ending: &Ending) -> ExitRecord {
        ExitRecord {
            code: ending.code,
            signal: ending.signal,
            cause: ending.cause,
            detail: None,
            ..self.record_of_failure(String::new())
        }
    }

    fn record_of_failure(&self, detail: String) -> ExitRecord {
        ExitRecord {
            v: 1,
            launch: self.launch,
            code: None,
            signal: None,
            cause: ExitCause::ExecFailed,
            detail: Some(detail),
            started_at: self.started_at,
            ended_at: Timestamp::now(),
        }
    }

    /// Keeps the pane, with the agent's last picture untouched, until the daemon has looked. The alternate screen is
    /// left only afterwards: leaving it throws its picture away.
    fn hold(&self) {
        let deadline = Instant::now() + HOLD_MAX;
        self.signals.forget();
        while self.terminal.as_ref().is_some_and(Terminal::is_connected) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.signals.stop_asked() || self.signals.hung_up() {
                return;
            }
            self.signals.wait(Some(left));
        }
    }
}

/// To the person at the terminal. It may be gone, which is no reason to fail.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "\r\ntelecoder: {text}\r");
}
