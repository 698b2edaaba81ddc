//! Who may do what. A person is a numeric id of a channel, because names can be given up and taken by others.

use serde::{Deserialize, Serialize};

use super::Timestamp;
use super::fault::{Fault, Kind};

/// What a person may do, from little to much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks: lists, states, screens, logs.
    Viewer,
    /// Works: prompts, answers, keys, starts and stops sessions.
    Operator,
    /// Everything, and says who else may.
    Owner,
}

impl Role {
    pub const ALL: [Role; 3] = [Role::Viewer, Role::Operator, Role::Owner];

    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Operator => "operator",
            Role::Owner => "owner",
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Role {
    type Err = Fault;
    fn from_str(word: &str) -> Result<Self, Fault> {
        Role::ALL.into_iter().find(|role| role.as_str() == word).ok_or_else(|| {
            Fault::new(Kind::Usage, format!("there is no role `{word}`")).hint("Roles are viewer, operator and owner.")
        })
    }
}

/// Somebody who was let in; with a negative id a group in which those who are let in may speak.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    pub channel: String,
    pub id: i64,
    pub role: Role,
    /// As the channel showed it when the person was let in.
    pub name: Option<String>,
    pub added_by: String,
    pub added_at: Timestamp,
}
