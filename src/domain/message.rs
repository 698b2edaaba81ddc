//! A message to a person: the outbox row, its states, and the machine of its delivery.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Timestamp;
use super::dialog::DialogDigest;
use super::ids::{LetterId, MessageId, SessionId, TurnId};
use super::letter::Done;
use super::route::ChatRef;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// What the agent said with `notify` (with or without `--done`).
    Reply,
    /// A question of the agent's (`notify --ask`).
    Ask,
    /// What TeleCoder itself has to say about a session: needs input, failed, lost, refused prompts.
    Notice,
    /// The answer to a command of the person's (`/list`, `/status` ...).
    Answer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    Queued,
    /// Stored before the request goes out.
    Sending,
    /// The request may or may not have been taken (time-out, reset, 5xx, crash while sending).
    Unknown,
    Sent,
    Failed,
}

impl MessageState {
    pub const fn as_str(self) -> &'static str {
        match self {
            MessageState::Queued => "queued",
            MessageState::Sending => "sending",
            MessageState::Unknown => "unknown",
            MessageState::Sent => "sent",
            MessageState::Failed => "failed",
        }
    }
}

/// The durable record of a message. A message without a channel (`to` is none) is read with `telecoder messages`,
/// `logs` and the API only, and is `sent` from the start.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub id: MessageId,
    /// None for answers to commands that concern no session.
    pub session: Option<SessionId>,
    pub kind: MessageKind,
    /// Markdown as the agent wrote it; a channel renders it.
    pub text: String,
    pub done: Option<Done>,
    pub choices: Vec<String>,
    pub files: Vec<MessageFile>,
    pub to: Option<ChatRef>,
    /// The message in the chat that this one answers.
    pub reply_to: Option<i64>,
    pub letter: Option<LetterId>,
    /// The agent's dialog that the message shows; `choices` are its choices.
    pub dialog: Option<DialogDigest>,
    pub state: MessageState,
    /// Why it failed, or why its state is unknown.
    pub reason: Option<String>,
    pub created_at: Timestamp,
    pub sent_at: Option<Timestamp>,
    /// Set when `telecoder messages --unread` showed it.
    pub read_at: Option<Timestamp>,
    /// What it concerns, where a channel can offer something to do about it.
    pub about: Option<About>,
}

/// What a message concerns. A channel with buttons makes buttons of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum About {
    /// A prompt that needs a person's decision.
    Turn { turn: TurnId },
    /// The state of a prompt, in a chat that takes no reactions: the person's own message.
    Receipt { message_id: i64 },
    /// What came of a turn: an entry of the inbox.
    Outcome { id: i64 },
    /// What can be done, row by row.
    Offer { rows: Vec<Vec<Offer>> },
}

/// One thing that can be done, in words for a person and in the channel's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    pub label: String,
    pub action: serde_json::Value,
}

/// A file that goes with a message, in the daemon's own keeping (`sessions/<id>/outgoing/`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageFile {
    pub path: PathBuf,
    pub name: String,
    pub size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
}

/// One request to the channel: a message longer than the channel allows has several. Parts of one chat go out strictly
/// in order, one in flight.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    pub message: MessageId,
    /// From 0.
    pub index: u32,
    pub body: PartBody,
    pub state: MessageState,
    pub attempts: u32,
    /// Not to be sent before (retry-after, back-off).
    pub not_before: Option<Timestamp>,
    /// The channel's own id of the sent message.
    pub sent_id: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PartBody {
    Text {
        text: String,
        /// Formatting in the channel's own units; dropped when the channel refuses it.
        entities: Vec<Entity>,
        /// Row by row.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        buttons: Vec<Vec<Button>>,
    },
    /// A text that goes out as a file: it is too long, or the channel refuses it as a text.
    Document {
        name: String,
        content: String,
    },
    File {
        file: MessageFile,
    },
    /// A text in the channel's own markup for documents, with tables and more room. Where the channel refuses it, the parts of
    /// `instead` go out, which say the same.
    Rich {
        html: String,
        instead: Vec<PartBody>,
    },
}

/// A button under a text. `data` comes back when somebody taps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    pub label: String,
    pub data: String,
}

/// A formatted range of a part's text, in UTF-16 code units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entity {
    pub offset: usize,
    pub length: usize,
    #[serde(flatten)]
    pub style: EntityStyle,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EntityStyle {
    Bold,
    Italic,
    Underline,
    Strikethrough,
    Code,
    Pre {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        language: Option<String>,
    },
    Blockquote,
    TextLink {
        url: String,
    },
}

/// What came of one attempt to send a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    Sent {
        sent_id: i64,
    },
    /// It stands in the chat, and not in the topic that was named: that one is gone.
    SentElsewhere {
        sent_id: i64,
    },
    /// The channel asks for a pause and did not take the part.
    RetryAfter {
        seconds: u64,
        whole_channel: bool,
    },
    /// Formatting refused; the same text goes out plain.
    FormattingRefused,
    /// A document of the channel's own markup was refused; the same goes out as texts. `unsupported`: it takes none at all.
    RichRefused {
        unsupported: bool,
    },
    /// The request surely did not reach the channel (connection refused, name not found).
    NotReached(String),
    /// It may have been taken.
    Ambiguous(String),
    /// It was refused for good.
    Refused(String),
    /// The text itself was refused, without its formatting too.
    TextRefused(String),
    /// Nobody can be reached in this chat now (blocked, kicked, gone).
    Unreachable(String),
    /// The topic is gone.
    TopicGone,
    /// The topic is closed.
    TopicClosed,
    /// The chat has a new id.
    Migrated {
        to: i64,
    },
}

/// What the outbox does with a part after an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartStep {
    Sent {
        sent_id: i64,
    },
    /// Back to `queued`, not before `wait_ms` from now. `plain` drops the formatting. `marked` prefixes the possible-repeat mark.
    Again {
        wait_ms: u64,
        plain: bool,
        marked: bool,
    },
    Fail(String),
    /// The part is given up and the message counts as failed; `told` stands in its place, and what is behind it goes out all the same.
    FailPart {
        reason: String,
        told: String,
    },
    /// Back to `queued`; the chat's messages wait until somebody writes there.
    Hold(String),
    /// Back to `queued` as a file.
    AsFile,
    /// Back to `queued` as the plain parts that a rich one holds.
    Flatten,
    /// Back to `queued`; the session's topic is made anew, or the message stands in the chat itself.
    LoseTopic,
    /// As `Sent`, and the session's topic is made anew.
    SentAndLoseTopic {
        sent_id: i64,
    },
    /// Back to `queued` until the topic is open again.
    OpenTopic,
    Migrate {
        to: i64,
    },
}

/// First pause after a failed attempt, doubled up to the limit.
pub const BACKOFF_MS_MIN: u64 = 500;
pub const BACKOFF_MS_MAX: u64 = 60_000;

/// Decides what follows an attempt. A definite refusal is never repeated, an ambiguous one is repeated *marked*.
pub fn after_attempt(attempts: u32, outcome: SendOutcome) -> PartStep {
    let backoff = BACKOFF_MS_MIN.saturating_mul(1 << attempts.min(10)).min(BACKOFF_MS_MAX);
    match outcome {
        SendOutcome::Sent { sent_id } => PartStep::Sent { sent_id },
        SendOutcome::RetryAfter { seconds, .. } => PartStep::Again {
            wait_ms: seconds.saturating_mul(1000),
            plain: false,
            marked: false,
        },
        SendOutcome::FormattingRefused => PartStep::Again {
            wait_ms: 0,
            plain: true,
            marked: false,
        },
        SendOutcome::NotReached(_) => PartStep::Again {
            wait_ms: backoff,
            plain: false,
            marked: false,
        },
        SendOutcome::Ambiguous(_) => PartStep::Again {
            wait_ms: backoff,
            plain: false,
            marked: true,
        },
        SendOutcome::RichRefused { .. } => PartStep::Flatten,
        SendOutcome::Refused(reason) => PartStep::Fail(reason),
        SendOutcome::TextRefused(_) => PartStep::AsFile,
        SendOutcome::Unreachable(reason) => PartStep::Hold(reason),
        SendOutcome::TopicGone => PartStep::LoseTopic,
        SendOutcome::TopicClosed => PartStep::OpenTopic,
        SendOutcome::SentElsewhere { sent_id } => PartStep::SentAndLoseTopic { sent_id },
        SendOutcome::Migrated { to } => PartStep::Migrate { to },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_ambiguous_attempt_is_repeated_with_a_mark() {
        let again = |outcome| match after_attempt(1, outcome) {
            PartStep::Again { wait_ms, plain, marked } => Some((wait_ms, plain, marked)),
            _ => None,
        };
        let seconds = 7;
        assert_eq!(
            again(SendOutcome::RetryAfter {
                seconds,
                whole_channel: false
            }),
            Some((7000, false, false))
        );
        assert_eq!(again(SendOutcome::FormattingRefused), Some((0, true, false)));
        assert_eq!(
            again(SendOutcome::NotReached(String::new())),
            Some((1000, false, false))
        );
        assert_eq!(again(SendOutcome::Ambiguous(String::new())), Some((1000, false, true)));
        assert_eq!(again(SendOutcome::Refused(String::new())), None);
        assert_eq!(
            after_attempt(60, SendOutcome::NotReached(String::new())),
            PartStep::Again {
                wait_ms: BACKOFF_MS_MAX,
                plain: false,
                marked: false
            }
        );
    }
}
