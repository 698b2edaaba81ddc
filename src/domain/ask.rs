//! A question that an agent asked with `notify --ask`.

use serde::{Deserialize, Serialize};

use super::Timestamp;
use super::ids::{LaunchNo, LetterId, SessionId};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AskState {
    Open,
    Answered,
    /// Its time passed, or its session ended, without an answer.
    Expired,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ask {
    pub id: LetterId,
    pub session: SessionId,
    pub launch: LaunchNo,
    pub question: String,
    /// Empty: free text.
    pub choices: Vec<String>,
    pub state: AskState,
    pub answer: Option<String>,
    pub opened_at: Timestamp,
    pub expires_at: Option<Timestamp>,
}
