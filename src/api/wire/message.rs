//! Messages and questions.

use serde::{Deserialize, Serialize};

use super::{Chat, Done};
use crate::domain::Timestamp;
use crate::domain::ask::{self, AskState};
use crate::domain::message::{self, MessageKind};

/// What an agent, or TeleCoder about it, said to a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    pub id: i64,
    pub session: Option<String>,
    pub kind: MessageKind,
    pub text: String,
    pub done: Option<Done>,
    pub choices: Vec<String>,
    pub files: Vec<MessageFile>,
    pub chat: Option<Chat>,
    pub state: String,
    pub reason: Option<String>,
    pub created_at: Timestamp,
    pub sent_at: Option<Timestamp>,
    pub read_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageFile {
    pub path: String,
    pub name: String,
    pub size: u64,
    pub caption: Option<String>,
}

impl From<&message::Message> for Message {
    fn from(message: &message::Message) -> Self {
        Self {
            id: message.id.0,
            session: message.session.as_ref().map(ToString::to_string),
            kind: message.kind,
            text: message.text.clone(),
            done: message.done.as_ref().map(Done::from),
            choices: message.choices.clone(),
            files: message.files.iter().map(MessageFile::from).collect(),
            chat: message.to.as_ref().map(Chat::from),
            state: message.state.as_str().into(),
            reason: message.reason.clone(),
            created_at: message.created_at,
            sent_at: message.sent_at,
            read_at: message.read_at,
        }
    }
}

impl From<&message::MessageFile> for MessageFile {
    fn from(file: &message::MessageFile) -> Self {
        Self {
            path: file.path.display().to_string(),
            name: file.name.clone(),
            size: file.size,
            caption: file.caption.clone(),
        }
    }
}

/// A question that an agent asked and that may still be answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ask {
    pub id: String,
    pub session: String,
    pub question: String,
    /// Empty: free text.
    pub choices: Vec<String>,
    pub state: AskState,
    pub answer: Option<String>,
    pub opened_at: Timestamp,
    pub expires_at: Option<Timestamp>,
}

impl From<&ask::Ask> for Ask {
    fn from(ask: &ask::Ask) -> Self {
        Self {
            id: ask.id.to_string(),
            session: ask.session.to_string(),
            question: ask.question.clone(),
            choices: ask.choices.clone(),
            state: ask.state,
            answer: ask.answer.clone(),
            opened_at: ask.opened_at,
            expires_at: ask.expires_at,
        }
    }
}
