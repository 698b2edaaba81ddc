//! The five policy words of docs/contract.md.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::fault::{Fault, Kind};

/// What an agent may do. Until containment by the operating system is in force for a session, the word is passed to the
/// agent's own permission system and nothing else holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    Locked,
    Observe,
    Ask,
    Standard,
    Yolo,
}

impl Policy {
    pub const ALL: [Policy; 5] = [
        Policy::Locked,
        Policy::Observe,
        Policy::Ask,
        Policy::Standard,
        Policy::Yolo,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Policy::Locked => "locked",
            Policy::Observe => "observe",
            Policy::Ask => "ask",
            Policy::Standard => "standard",
            Policy::Yolo => "yolo",
        }
    }

    /// What a session has that is begun from one with this policy, unless its person names another: `yolo` holds for one session.
    pub const fn inherited(self) -> Policy {
        match self {
            Policy::Yolo => Policy::Standard,
            narrower => narrower,
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Policy {
    type Err = Fault;
    fn from_str(text: &str) -> Result<Self, Fault> {
        Self::ALL.into_iter().find(|p| p.as_str() == text).ok_or_else(|| {
            Fault::new(Kind::Usage, format!("`{text}` is not a policy"))
                .hint("Policies are locked, observe, ask, standard and yolo.")
        })
    }
}
