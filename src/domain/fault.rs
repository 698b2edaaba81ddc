//! The one error type that crosses rooms: a kind, a message that names the thing, and a hint that names the way out.
//!
//! Rooms with their own failure space (tmux, git) keep typed errors and convert at their public face. Texts are
//! lower-case fragments without a full stop; a hint is a sentence on its own line that names an exact command or key.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What went wrong, as a person or a script has to tell it apart. Each kind has one exit code (see [`Kind::exit_code`])
/// and one HTTP status (see `api`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Failure,
    Usage,
    NotFound,
    Ambiguous,
    RefusedByState,
    DaemonUnreachable,
    NotPermitted,
    Timeout,
    Storage,
    ProgramMissing,
    NoMailbox,
    OverLimit,
    Uncertain,
    SessionFailed,
    NeedsInput,
    AnotherDaemon,
    Config,
}

impl Kind {
    /// The process exit code of docs/contract.md.
    pub const fn exit_code(self) -> u8 {
        match self {
            Kind::Failure => 1,
            Kind::Usage => 2,
            Kind::NotFound | Kind::Ambiguous => 3,
            Kind::RefusedByState => 4,
            Kind::DaemonUnreachable => 5,
            Kind::NotPermitted => 6,
            Kind::Timeout => 7,
            Kind::Storage => 8,
            Kind::ProgramMissing => 9,
            Kind::NoMailbox => 10,
            Kind::OverLimit => 11,
            Kind::Uncertain => 12,
            Kind::SessionFailed => 20,
            Kind::NeedsInput => 21,
            Kind::AnotherDaemon => 75,
            Kind::Config => 78,
        }
    }

    /// The kind that a program of ours ended with. None for 0, for what we never end with, and where two kinds share the code
    /// the first.
    pub fn from_exit_code(code: i32) -> Option<Self> {
        use Kind as K;
        [
            K::Failure,
            K::Usage,
            K::NotFound,
            K::RefusedByState,
            K::DaemonUnreachable,
            K::NotPermitted,
            K::Timeout,
            K::Storage,
            K::ProgramMissing,
            K::NoMailbox,
            K::OverLimit,
            K::Uncertain,
            K::SessionFailed,
            K::NeedsInput,
            K::AnotherDaemon,
            K::Config,
        ]
        .into_iter()
        .find(|kind| i32::from(kind.exit_code()) == code)
    }
}

/// An error that a person may read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    pub kind: Kind,
    /// Lower-case fragment that names the object.
    pub message: String,
    /// A sentence that names the way out, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

pub type Result<T, E = Fault> = std::result::Result<T, E>;

impl Fault {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
        }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Puts what was being done before the cause: `opening the store: disk full`.
    #[must_use]
    pub fn context(mut self, doing: impl fmt::Display) -> Self {
        self.message = format!("{doing}: {}", self.message);
        self
    }

    /// An input/output failure of ours (not of a person's input).
    pub fn io(doing: impl fmt::Display, error: &std::io::Error) -> Self {
        let kind = match error.raw_os_error() {
            Some(ENOSPC | EDQUOT | EROFS) => Kind::Storage,
            _ => Kind::Failure,
        };
        Self::new(kind, format!("{doing}: {error}"))
    }
}

// Linux errno values; the domain has no dependency on libc.
const ENOSPC: i32 = 28;
const EROFS: i32 = 30;
const EDQUOT: i32 = 122;

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}
