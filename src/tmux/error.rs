//! What can go wrong between us and tmux, before it becomes a `Fault`.

use std::time::Duration;

use crate::domain::fault::{Fault, Kind};

/// Whether a command may be sent again when its answer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// It only looks, or does the same thing twice without harm.
    Safe,
    /// It types or makes something: a lost answer is told as `Uncertain`.
    Never,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum TmuxError {
    #[error("no tmux server answers on {0}")]
    NoServer(String),
    /// tmux refused a command of the list; the commands behind it were dropped.
    #[error("tmux refused: {0}")]
    Refused(String),
    /// The command was never given to tmux.
    #[error("the command did not reach tmux")]
    NotSent,
    /// The command was given to tmux and the connection ended before the answer.
    #[error("the connection to tmux ended before it answered")]
    Lost,
    #[error("tmux did not answer within {} s", .0.as_secs())]
    Timeout(Duration),
    #[error("{0} is not there or cannot be started")]
    ProgramMissing(String),
    #[error("{0}")]
    Io(String),
}

impl TmuxError {
    /// tmux's own words for an id that is gone.
    pub fn is_missing_target(&self) -> bool {
        matches!(self, TmuxError::Refused(text) if is_missing_target(text))
    }

    /// `doing` is what was attempted: `pasting into %3`.
    pub fn fault(self, doing: &str, repeat: Repeat) -> Fault {
        let missing = self.is_missing_target();
        let kind = match &self {
            TmuxError::Lost | TmuxError::Timeout(_) if repeat == Repeat::Never => Kind::Uncertain,
            TmuxError::Timeout(_) => Kind::Timeout,
            TmuxError::ProgramMissing(_) => Kind::ProgramMissing,
            TmuxError::NoServer(_) => Kind::RefusedByState,
            TmuxError::Refused(_) if missing => Kind::NotFound,
            _ => Kind::Failure,
        };
        let hint = match &self {
            TmuxError::ProgramMissing(_) => Some(HINT_INSTALL),
            TmuxError::NoServer(_) => Some("Start the daemon with `telecoder serve`, or the unit of its tmux server."),
            _ => None,
        };
        let fault = Fault::new(kind, self.to_string()).context(doing);
        match hint {
            Some(hint) => fault.hint(hint),
            None => fault,
        }
    }
}

pub(super) const HINT_INSTALL: &str =
    "Install tmux 3.3 or newer with the system's package manager, or name it with the configuration key `tmux.path`.";

pub(super) fn is_missing_target(text: &str) -> bool {
    [
        "can't find pane",
        "can't find window",
        "can't find session",
        "no such window",
        "no such session",
    ]
    .iter()
    .any(|words| text.contains(words))
}
