//! Who may talk to the bot.

use serde::{Deserialize, Serialize};

use crate::domain::Timestamp;

/// `POST /v1/pairings`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PairingRequest {
    /// `viewer`, `operator` (the default) or `owner`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// A one-time code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pairing {
    pub code: String,
    pub role: String,
    /// Opens the chat with the bot and sends the code; none while the bot's name is not known.
    pub link: Option<String>,
    pub expires_at: Timestamp,
}

/// Who was shut out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShutOut {
    pub id: i64,
}
