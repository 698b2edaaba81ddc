//! Raw updates to what they mean for us. Read by hand from the JSON: an update with a field or a kind that nobody has heard of
//! yet is still an update, with an id, a sender and a chat.

use serde_json::Value;

use super::CHANNEL;
use crate::domain::route::ChatRef;

/// One update, as far as it concerns us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    pub update_id: i64,
    /// The update's field name: `message`, `edited_message`, `callback_query` ...
    pub kind: String,
    /// Numeric id of the person. None where Telegram names none (channel posts).
    pub from: Option<i64>,
    pub chat: Option<ChatRef>,
    pub chat_kind: ChatKind,
    pub content: Content,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChatKind {
    Private,
    /// Groups and supergroups.
    Group,
    /// Channels, and whatever comes after them.
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Text(TextMessage),
    /// A message that carries something that we do not take yet (`photo`, `voice` ...). Its sender has to be told.
    Unsupported {
        message_id: i64,
        what: &'static str,
    },
    /// A new text for an old message. Its sender has to be told that it changes nothing.
    Edited {
        message_id: i64,
    },
    /// The group became a supergroup with this id.
    MovedTo {
        chat_id: i64,
    },
    /// Nothing that a person said to us; the reason is for the log.
    Ignored(&'static str),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextMessage {
    pub message_id: i64,
    /// The message in the same chat that this one replies to.
    pub reply_to: Option<i64>,
    pub text: String,
}

/// Reads an update. None: it has no id, so it can be neither stored nor confirmed.
pub fn read(raw: &Value) -> Option<Update> {
    let update_id = raw.get("update_id")?.as_i64()?;
    let (kind, body) = raw
        .as_object()?
        .iter()
        .find(|(key, value)| key.as_str() != "update_id" && value.is_object())
        .map_or(("unknown", &Value::Null), |(key, value)| (key.as_str(), value));
    let message = if kind == "callback_query" {
        &body["message"]
    } else {
        body
    };
    let chat = &message["chat"];
    Some(Update {
        update_id,
        kind: kind.to_owned(),
        from: sender(body),
        chat: chat["id"].as_i64().map(|chat_id| ChatRef {
            channel: CHANNEL.into(),
            chat_id,
            thread_id: thread(message),
        }),
        chat_kind: chat_kind(chat),
        content: content(kind, body),
    })
}

/// The person who sent it. Somebody who speaks in the name of a chat (`sender_chat`) is nobody whom we could know.
fn sender(body: &Value) -> Option<i64> {
    let from = &body["from"];
    let speaks_for_a_chat = body["sender_chat"].is_object();
    let is_bot = from["is_bot"].as_bool().unwrap_or(false);
    if speaks_for_a_chat || is_bot {
        return None;
    }
    from["id"].as_i64()
}

/// A topic. The thread id of a reply outside a topic is none, and the general topic has to be answered without one.
fn thread(message: &Value) -> Option<i64> {
    let in_topic = message["is_topic_message"].as_bool().unwrap_or(false);
    message["message_thread_id"].as_i64().filter(|_| in_topic)
}

fn chat_kind(chat: &Value) -> ChatKind {
    match chat["type"].as_str() {
        Some("private") => ChatKind::Private,
        Some("group" | "supergroup") => ChatKind::Group,
        _ => ChatKind::Other,
    }
}

fn content(kind: &str, body: &Value) -> Content {
    let message_id = body["message_id"].as_i64();
    match (kind, message_id) {
        ("message", Some(message_id)) => message(message_id, body),
        ("edited_message", Some(message_id)) => Content::Edited { message_id },
        ("message" | "edited_message", None) => Content::Ignored("a message without an id"),
        _ => Content::Ignored("an update of a kind that we do not read"),
    }
}

fn message(message_id: i64, body: &Value) -> Content {
    if let Some(text) = body["text"].as_str() {
        return Content::Text(TextMessage {
            message_id,
            reply_to: body["reply_to_message"]["message_id"].as_i64(),
            text: text.to_owned(),
        });
    }
    if let Some(chat_id) = body["migrate_to_chat_id"].as_i64() {
        return Content::MovedTo { chat_id };
    }
    match UNSUPPORTED.iter().find(|what| body.get(**what).is_some()) {
        Some(what) => Content::Unsupported { message_id, what },
        None => Content::Ignored("a service message"),
    }
}

/// What a person may send beside text.
const UNSUPPORTED: [&str; 16] = [
    "photo",
    "document",
    "voice",
    "audio",
    "video",
    "video_note",
    "animation",
    "sticker",
    "location",
    "contact",
    "poll",
    "dice",
    "venue",
    "story",
    "checklist",
    "paid_media",
];
