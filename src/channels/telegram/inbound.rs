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
    /// Whether the chat is a group with topics.
    pub is_forum: bool,
    /// What the person is called now. Shown, never decided by.
    pub name: Option<String>,
    /// When it was sent, in seconds since 1970.
    pub date: Option<i64>,
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
    /// A message with a file. An album is several of them with one `album`.
    File(FileMessage),
    /// Somebody tapped a button under a message of ours.
    Tap {
        id: String,
        message_id: i64,
        data: String,
    },
    /// A message that carries something that cannot be taken (`location`, `poll` ...). Its sender has to be told.
    Unsupported {
        message_id: i64,
        what: &'static str,
    },
    /// A new text (or caption) for an old message. A caption that was taken away is an empty one.
    Edited {
        message_id: i64,
        text: Option<String>,
        caption: bool,
    },
    /// The group became a supergroup with this id.
    MovedTo {
        chat_id: i64,
    },
    /// The bot was let in, or thrown out, or blocked.
    Standing {
        may_write: bool,
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

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileMessage {
    pub message_id: i64,
    pub reply_to: Option<i64>,
    pub caption: Option<String>,
    /// What the parts of an album have in common.
    pub album: Option<String>,
    pub file: RemoteFile,
}

/// A file that lies with the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteFile {
    pub file_id: String,
    /// `photo`, `document`, `voice` ...
    pub what: &'static str,
    /// As its sender called it; made up where nobody did.
    pub name: String,
    pub mime: Option<String>,
    pub size: Option<u64>,
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
        is_forum: chat["is_forum"].as_bool().unwrap_or(false),
        name: display_name(&body["from"]),
        date: message["date"].as_i64(),
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

fn display_name(from: &Value) -> Option<String> {
    let part = |key: &str| from[key].as_str().map(str::trim).filter(|name| !name.is_empty());
    match (part("first_name"), part("last_name")) {
        (Some(first), Some(last)) => Some(format!("{first} {last}")),
        (Some(name), None) | (None, Some(name)) => Some(name.to_owned()),
        (None, None) => part("username").map(str::to_owned),
    }
}

fn content(kind: &str, body: &Value) -> Content {
    let message_id = body["message_id"].as_i64();
    match (kind, message_id) {
        ("message", Some(message_id)) => message(message_id, body),
        ("edited_message", Some(message_id)) => edited(message_id, body),
        ("callback_query", _) => tap(body),
        ("my_chat_member", _) => standing(&body["new_chat_member"]),
        ("message" | "edited_message", None) => Content::Ignored("a message without an id"),
        _ => Content::Ignored("an update of a kind that we do not read"),
    }
}

fn edited(message_id: i64, body: &Value) -> Content {
    let caption = remote_file(message_id, body).is_some();
    let text = match caption {
        true => Some(body["caption"].as_str().unwrap_or_default()),
        false => body["text"].as_str(),
    };
    Content::Edited {
        message_id,
        text: text.map(str::to_owned),
        caption,
    }
}

fn tap(body: &Value) -> Content {
    let fields = (
        body["id"].as_str(),
        body["message"]["message_id"].as_i64(),
        body["data"].as_str(),
    );
    match fields {
        (Some(id), Some(message_id), Some(data)) => Content::Tap {
            id: id.to_owned(),
            message_id,
            data: data.to_owned(),
        },
        _ => Content::Ignored("a tap on nothing of ours"),
    }
}

fn standing(member: &Value) -> Content {
    let may_write = match member["status"].as_str() {
        Some("left" | "kicked") => false,
        Some("restricted") => member["can_send_messages"].as_bool().unwrap_or(false),
        _ => true,
    };
    Content::Standing { may_write }
}

fn message(message_id: i64, body: &Value) -> Content {
    let reply_to = body["reply_to_message"]["message_id"].as_i64();
    // In a topic, every message that replies to none "replies" to the one that opened the topic.
    let reply_to = reply_to.filter(|id| thread(body) != Some(*id));
    if let Some(text) = body["text"].as_str() {
        return Content::Text(TextMessage {
            message_id,
            reply_to,
            text: text.to_owned(),
        });
    }
    if let Some(chat_id) = body["migrate_to_chat_id"].as_i64() {
        return Content::MovedTo { chat_id };
    }
    if let Some(file) = remote_file(message_id, body) {
        return Content::File(FileMessage {
            message_id,
            reply_to,
            caption: body["caption"].as_str().map(str::to_owned),
            album: body["media_group_id"].as_str().map(str::to_owned),
            file,
        });
    }
    match UNSUPPORTED.iter().find(|what| body.get(**what).is_some()) {
        Some(what) => Content::Unsupported { message_id, what },
        None => Content::Ignored("a service message"),
    }
}

/// Kinds of messages with a file, and the end of a name that nobody gave. An animation is a document too, so it comes first.
const FILES: [(&str, &str); 7] = [
    ("animation", "mp4"),
    ("photo", "jpg"),
    ("voice", "ogg"),
    ("audio", "mp3"),
    ("video_note", "mp4"),
    ("video", "mp4"),
    ("document", "bin"),
];

fn remote_file(message_id: i64, body: &Value) -> Option<RemoteFile> {
    let (what, ending) = FILES.into_iter().find(|(what, _)| body.get(*what).is_some())?;
    // Of a photo there are several sizes, the largest last.
    let file = match body[what].as_array() {
        Some(sizes) => sizes.last()?,
        None => &body[what],
    };
    let name = match file["file_name"].as_str() {
        Some(name) => name.to_owned(),
        None => format!("{}-{message_id}.{ending}", what.replace('_', "-")),
    };
    let mime = match (what, file["mime_type"].as_str()) {
        (_, Some(mime)) => Some(mime.to_owned()),
        ("photo", None) => Some("image/jpeg".to_owned()),
        ("video_note", None) => Some("video/mp4".to_owned()),
        _ => None,
    };
    Some(RemoteFile {
        file_id: file["file_id"].as_str()?.to_owned(),
        what,
        name,
        mime,
        size: file["file_size"].as_u64(),
    })
}

/// What a person may send that is neither text nor a file.
const UNSUPPORTED: [&str; 11] = [
    "sticker",
    "location",
    "contact",
    "poll",
    "dice",
    "venue",
    "story",
    "checklist",
    "paid_media",
    "game",
    "giveaway",
];
