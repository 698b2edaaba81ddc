//! The daemon's health.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::Timestamp;

/// The daemon and what it stands on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// Every part that is in use works.
    pub ok: bool,
    pub pid: u32,
    pub version: String,
    pub started_at: Timestamp,
    pub uptime_seconds: u64,
    pub data_dir: String,
    pub store: HealthPart,
    pub tmux: HealthPart,
    /// None when no Telegram token is configured.
    pub telegram: Option<TelegramHealth>,
    /// Sessions that are not removed, by state; states without any are left out.
    pub sessions: BTreeMap<String, usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthPart {
    pub ok: bool,
    /// What is wrong.
    pub problem: Option<String>,
}

impl HealthPart {
    pub fn good() -> Self {
        Self {
            ok: true,
            problem: None,
        }
    }
    pub fn bad(problem: impl ToString) -> Self {
        Self {
            ok: false,
            problem: Some(problem.to_string()),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TelegramHealth {
    /// When the last request for updates came back; none before the first.
    pub last_poll_at: Option<Timestamp>,
    /// Why the last request for updates failed, or that none has come back for too long.
    pub poll_error: Option<String>,
    /// Why the last message could not be sent; none after one that could.
    pub send_error: Option<String>,
}
