//! A session: one agent at work in one tmux window. The record, its states, and the machine that moves it.

use serde::{Deserialize, Serialize};

use super::Timestamp;
use super::exit::{ExitCause, ExitRecord};
use super::ids::{LaunchNo, SessionId, SessionName};
use super::policy::Policy;
use super::route::ChatRef;

/// The states of docs/contract.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// Waits for a free slot (`max_active_sessions`).
    Queued,
    /// The window is being made, or the agent is not ready yet.
    Starting,
    /// The agent's box is empty and waits for a prompt.
    Idle,
    Working,
    /// The agent shows a question, a permission or a trust dialog; typed text would answer it.
    NeedsInput,
    Verifying,
    /// The agent's provider refuses until a time.
    Limited,
    Stopping,
    /// The agent's process ended with 0 and not by our stop.
    Complete,
    Failed,
    Stopped,
    /// No exit record after everything was read.
    Lost,
}

impl SessionState {
    pub const ALL: [SessionState; 12] = [
        SessionState::Queued,
        SessionState::Starting,
        SessionState::Idle,
        SessionState::Working,
        SessionState::NeedsInput,
        SessionState::Verifying,
        SessionState::Limited,
        SessionState::Stopping,
        SessionState::Complete,
        SessionState::Failed,
        SessionState::Stopped,
        SessionState::Lost,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            SessionState::Queued => "queued",
            SessionState::Starting => "starting",
            SessionState::Idle => "idle",
            SessionState::Working => "working",
            SessionState::NeedsInput => "needs_input",
            SessionState::Verifying => "verifying",
            SessionState::Limited => "limited",
            SessionState::Stopping => "stopping",
            SessionState::Complete => "complete",
            SessionState::Failed => "failed",
            SessionState::Stopped => "stopped",
            SessionState::Lost => "lost",
        }
    }

    pub const fn is_ended(self) -> bool {
        matches!(
            self,
            SessionState::Complete | SessionState::Failed | SessionState::Stopped | SessionState::Lost
        )
    }

    /// Whether a launch holds one of the `max_active_sessions` slots.
    pub const fn holds_slot(self) -> bool {
        !self.is_ended() && !matches!(self, SessionState::Queued)
    }

    /// The states that a filter word names: a state, or an alias (`pending running completed error active`).
    pub fn from_filter(word: &str) -> Option<Vec<SessionState>> {
        use SessionState as S;
        let states = match word {
            "pending" => vec![S::Queued, S::Starting],
            "running" => vec![S::Working, S::Verifying],
            "completed" => vec![S::Complete],
            "error" => vec![S::Failed, S::Lost],
            "active" => S::ALL.into_iter().filter(|s| !s.is_ended()).collect(),
            other => vec![S::ALL.into_iter().find(|s| s.as_str() == other)?],
        };
        Some(states)
    }
}

impl std::fmt::Display for SessionState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a state holds: a code for programs, a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    pub code: String,
    pub text: String,
}

impl Reason {
    pub fn new(code: &str, text: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            text: text.into(),
        }
    }
}

/// Where a verdict comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    Hook,
    Screen,
    Process,
    Person,
}

/// State, reason and source: they change together or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    pub state: SessionState,
    pub reason: Reason,
    pub source: Source,
}

impl Status {
    pub fn new(state: SessionState, source: Source, code: &str, text: impl Into<String>) -> Self {
        Self {
            state,
            reason: Reason::new(code, text),
            source,
        }
    }
}

/// The durable record of a session.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    pub id: SessionId,
    pub name: SessionName,
    /// The configured agent's name (a key of `[agents]`, or a built-in).
    pub agent: String,
    pub policy: Policy,
    pub status: Status,
    pub status_since: Timestamp,
    /// The current or last launch; none before the first.
    pub launch: Option<LaunchNo>,
    /// The agent's own session id, as soon as it is known. Resume uses it.
    pub native_id: Option<String>,
    /// What `--repo` named (canonical path or URL), if anything.
    pub repo: Option<String>,
    /// The directory in which the agent works: `sessions/<id>/work`.
    pub work_dir: std::path::PathBuf,
    pub branch: Option<String>,
    /// Where replies go; none means `home_chat`.
    pub chat: Option<ChatRef>,
    pub parent: Option<SessionId>,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub exit: Option<ExitRecord>,
    /// Set by `rm`: the row stays for the message log, the name is free again.
    pub removed_at: Option<Timestamp>,
    /// While `limited`: when it is tried again.
    pub limited_until: Option<Timestamp>,
    /// The agent's own id of the conversation that the first launch begins from.
    pub fork_of: Option<String>,
}

/// What happens to a session. Produced by the engine from commands, agent signals and the process.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionEvent {
    /// A slot is free and the window is being made (also for a resume).
    LaunchBegun,
    /// The window could not be made; nothing runs.
    LaunchRefused {
        code: String,
        text: String,
    },
    /// The agent's own sign (or its screen) says that its box is empty and ready.
    Ready {
        source: Source,
    },
    /// The agent took a prompt and works.
    Working {
        source: Source,
    },
    /// A dialog is open.
    Dialog {
        source: Source,
        text: String,
    },
    /// The dialog went away and the agent goes on.
    DialogClosed {
        source: Source,
    },
    /// The provider refuses; the text names the time when it is known.
    Limited {
        source: Source,
        text: String,
    },
    /// Checks of the turn's work run in a window of their own.
    ChecksBegun,
    ChecksEnded,
    /// Only a person can help: the login expired, the screen is one that nobody knows. The code says what it is.
    NeedsPerson {
        source: Source,
        code: String,
        text: String,
    },
    StopRequested,
    Exited(ExitRecord),
    /// The process is gone and no exit record was found after everything was read.
    Vanished {
        text: String,
    },
    /// A person asked for a new launch of an ended session.
    ResumeRequested,
}

/// What the engine has to do after a step, beside storing the new status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionEffect {
    /// Deliver the next queued prompt.
    DeliverNext,
    /// Close the turns: what was running has ended with the session; what waits is cancelled, or kept for a resume.
    EndTurn,
    /// Tell the person (needs input, failed, lost): an outbox row.
    Tell,
    /// A slot became free.
    ReleaseSlot,
}

/// One step of the session's machine. `None` means that the event changes nothing in this state (late or repeated
/// signals are normal: hooks, screen and process report the same truth at different times).
///
/// Rules: an ended state is left only by `ResumeRequested`; `Stopping` is left only by the end of the process; the
/// process always wins over hook and screen.
pub fn step(status: &Status, event: &SessionEvent) -> Option<(Status, Vec<SessionEffect>)> {
    use SessionEvent as E;
    if status.state.is_ended() {
        return match event {
            E::ResumeRequested => Some((queued_for_resume(), vec![])),
            // The exit record may arrive after we gave the session up as lost.
            E::Exited(exit) if status.state == SessionState::Lost => Some((ended(exit, false), vec![])),
            _ => None,
        };
    }
    match event {
        E::Exited(exit) => Some(on_exit(status, exit)),
        E::Vanished { text } if status.state == SessionState::Stopping => Some((
            Status::new(SessionState::Stopped, Source::Process, "stopped", text.clone()),
            vec![SessionEffect::EndTurn, SessionEffect::ReleaseSlot],
        )),
        E::Vanished { text } => Some((
            Status::new(SessionState::Lost, Source::Process, "no_exit_record", text.clone()),
            vec![SessionEffect::EndTurn, SessionEffect::Tell, SessionEffect::ReleaseSlot],
        )),
        E::StopRequested => on_stop(status),
        _ if status.state == SessionState::Stopping => None,
        E::LaunchBegun => matches!(status.state, SessionState::Queued | SessionState::Starting).then(|| {
            let status = Status::new(
                SessionState::Starting,
                Source::Process,
                "launching",
                "the agent is starting",
            );
            (status, vec![])
        }),
        E::LaunchRefused { code, text } => Some((
            Status::new(SessionState::Failed, Source::Process, code, text.clone()),
            vec![SessionEffect::EndTurn, SessionEffect::Tell, SessionEffect::ReleaseSlot],
        )),
        E::ResumeRequested => None,
        _ if status.state == SessionState::Queued => None,
        E::ChecksBegun => (status.state == SessionState::Idle).then(|| {
            let text = "the turn's work is being checked";
            (
                Status::new(SessionState::Verifying, Source::Process, "checking", text),
                vec![],
            )
        }),
        E::ChecksEnded => (status.state == SessionState::Verifying).then(|| {
            let status = Status::new(SessionState::Idle, Source::Process, "ready", "the checks have ended");
            (status, vec![SessionEffect::DeliverNext])
        }),
        E::Ready { source } => on_ready(status, *source),
        E::Working { source } | E::DialogClosed { source } => (status.state != SessionState::Working).then(|| {
            let status = Status::new(
                SessionState::Working,
                *source,
                "turn_running",
                "the agent works on a prompt",
            );
            (status, vec![])
        }),
        E::Dialog { source, text } => on_dialog(status, *source, text),
        E::NeedsPerson { source, code, text } => {
            (status.state != SessionState::NeedsInput || status.reason.code != *code).then(|| {
                let status = Status::new(SessionState::NeedsInput, *source, code, text.clone());
                (status, vec![SessionEffect::Tell])
            })
        }
        E::Limited { source, text } => {
            (status.state != SessionState::Limited || status.reason.text != *text).then(|| {
                let status = Status::new(SessionState::Limited, *source, "usage_limit", text.clone());
                (status, vec![SessionEffect::Tell])
            })
        }
    }
}

fn queued_for_resume() -> Status {
    Status::new(
        SessionState::Queued,
        Source::Person,
        "resume",
        "waits for a free slot to resume",
    )
}

fn on_ready(status: &Status, source: Source) -> Option<(Status, Vec<SessionEffect>)> {
    let text = match status.state {
        SessionState::Idle | SessionState::Verifying => return None,
        SessionState::Starting => "the agent is ready for a prompt",
        SessionState::Limited => "the limit is over",
        _ => "the agent ended its turn",
    };
    let status = Status::new(SessionState::Idle, source, "ready", text);
    Some((status, vec![SessionEffect::DeliverNext]))
}

/// Whom to tell of a dialog, and when, is the dialog's own matter: it has a row of its own.
fn on_dialog(status: &Status, source: Source, text: &str) -> Option<(Status, Vec<SessionEffect>)> {
    if status.state == SessionState::NeedsInput && status.reason.text == text {
        return None;
    }
    Some((Status::new(SessionState::NeedsInput, source, "dialog", text), vec![]))
}

fn on_stop(status: &Status) -> Option<(Status, Vec<SessionEffect>)> {
    match status.state {
        SessionState::Stopping => None,
        SessionState::Queued => Some((
            Status::new(
                SessionState::Stopped,
                Source::Person,
                "stopped",
                "stopped before it started",
            ),
            vec![SessionEffect::EndTurn],
        )),
        _ => Some((
            Status::new(
                SessionState::Stopping,
                Source::Person,
                "stop_requested",
                "the agent is being stopped",
            ),
            vec![],
        )),
    }
}

fn on_exit(status: &Status, exit: &ExitRecord) -> (Status, Vec<SessionEffect>) {
    let ours = status.state == SessionState::Stopping;
    let new = ended(exit, ours);
    let mut effects = vec![SessionEffect::EndTurn, SessionEffect::ReleaseSlot];
    if !ours {
        effects.push(SessionEffect::Tell);
    }
    (new, effects)
}

fn ended(exit: &ExitRecord, stopping: bool) -> Status {
    use SessionState as S;
    let (state, code, text) = match (exit.cause, exit.code, exit.signal) {
        (ExitCause::ExecFailed, ..) => {
            let detail = exit.detail.as_deref().unwrap_or("the operating system gave no reason");
            (
                S::Failed,
                "exec_failed",
                format!("the agent's program could not be started: {detail}"),
            )
        }
        (ExitCause::Stopped, ..) if stopping => (S::Stopped, "stopped", "stopped by request".into()),
        // The machine or the service of the tmux server went down in order, or somebody signalled the supervisor.
        (ExitCause::Stopped, ..) => (
            S::Failed,
            "terminated",
            "the agent was ended from outside TeleCoder (a shutdown, or a signal)".into(),
        ),
        (ExitCause::TerminalLost, ..) if stopping => (S::Stopped, "stopped", "stopped by request".into()),
        (ExitCause::TerminalLost, ..) => (
            S::Failed,
            "terminal_lost",
            "the agent's terminal went away (its window or the tmux server was killed)".into(),
        ),
        _ if stopping => (S::Stopped, "stopped", "stopped by request".into()),
        (_, Some(0), _) => (
            S::Complete,
            "exit_0",
            "the agent ended by itself with exit code 0".into(),
        ),
        (_, Some(code), _) => (S::Failed, "exit_code", format!("the agent ended with exit code {code}")),
        (_, None, Some(signal)) => (S::Failed, "signal", format!("the agent was ended by signal {signal}")),
        (_, None, None) => (
            S::Failed,
            "exit_unknown",
            "the agent ended and its exit code is unknown".into(),
        ),
    };
    Status::new(state, Source::Process, code, text)
}

#[cfg(test)]
mod tests;
