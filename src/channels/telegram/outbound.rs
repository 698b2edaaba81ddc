//! A part of a message to one request, and its end to a [`SendOutcome`].

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use teloxide::requests::{MultipartPayload, MultipartRequest, Payload, Request};
use teloxide::types::InputFile;

use super::call::{CallError, call, from_teloxide};
use super::client::{Client, SEND_TIMEOUT};
use super::rich::{Rich, units};
use super::{CAPTION_UNITS_MAX, TEXT_UNITS_MAX};
use crate::domain::message::{Entity, EntityStyle, MessageFile, PartBody, SendOutcome};
use crate::domain::route::ChatRef;

/// Stands before a text that may have arrived before.
pub const REPEAT_MARK: &str = "↻ possibly repeated";

/// One part on its way to a chat.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    pub to: &'a ChatRef,
    /// The message in the chat that it answers; it goes out also when that one is gone.
    pub reply_to: Option<i64>,
    pub body: &'a PartBody,
    /// Without formatting.
    pub plain: bool,
    /// With the mark of a possible repeat.
    pub marked: bool,
}

impl Client {
    /// Sends one part. Never fails: what happened is the outcome. Dropped half way, its end is unknown.
    pub async fn send(&self, part: &Outgoing<'_>) -> SendOutcome {
        match part.body {
            PartBody::Text { text, entities } => self.send_text(part, text, entities).await,
            PartBody::File { file } => self.send_file(part, file).await,
        }
    }

    async fn send_text(&self, part: &Outgoing<'_>, text: &str, entities: &[Entity]) -> SendOutcome {
        let rich = dressed(text, entities, part);
        let formatted = !rich.entities.is_empty();
        let payload = SendText {
            chat_id: part.to.chat_id,
            message_thread_id: part.to.thread_id,
            text: &rich.text,
            entities: rich.entities.iter().map(WireEntity).collect(),
            reply_parameters: part.reply_to.map(ReplyTo::new),
            link_preview_options: LinkPreview { is_disabled: true },
        };
        match call(&self.sender, &payload, SEND_TIMEOUT).await {
            Ok(sent) => SendOutcome::Sent {
                sent_id: sent.message_id,
            },
            Err(error) => outcome(error, formatted),
        }
    }

    async fn send_file(&self, part: &Outgoing<'_>, file: &MessageFile) -> SendOutcome {
        // The upload streams from the path: without this look, a missing file would end as a broken connection.
        match tokio::fs::metadata(&file.path).await {
            Ok(found) if found.is_file() => {}
            Ok(_) => return SendOutcome::Refused(format!("`{}` is not a file any more", file.name)),
            Err(error) => return SendOutcome::Refused(format!("`{}` cannot be read: {error}", file.name)),
        }
        let payload = SendFile {
            chat_id: part.to.chat_id,
            message_thread_id: part.to.thread_id,
            document: InputFile::file(&file.path).file_name(file.name.clone()),
            caption: caption(file, part.marked),
            reply_parameters: part.reply_to.map(ReplyTo::new),
        };
        match MultipartRequest::new(self.sender.clone(), payload).send().await {
            Ok(sent) => SendOutcome::Sent {
                sent_id: sent.message_id,
            },
            Err(error) => outcome(from_teloxide(&self.sender, error), false),
        }
    }
}

/// The text as it goes out: with the mark, without formatting where it was refused.
fn dressed(text: &str, entities: &[Entity], part: &Outgoing<'_>) -> Rich {
    let mut rich = Rich::default();
    if part.marked {
        rich.push(REPEAT_MARK);
        rich.push("\n");
    }
    let body = Rich {
        text: text.to_owned(),
        entities: entities.to_vec(),
    };
    if part.plain {
        let room = TEXT_UNITS_MAX.saturating_sub(rich.units());
        rich.push(&without_formatting(body, room));
    } else {
        rich.append(body);
    }
    rich
}

/// The same text without entities. An address that only an entity held is written behind its words, where there is room.
fn without_formatting(body: Rich, room: usize) -> String {
    let mut links: Vec<(usize, &str)> = body
        .entities
        .iter()
        .filter_map(|entity| match &entity.style {
            EntityStyle::TextLink { url } => Some((entity.offset + entity.length, url.as_str())),
            _ => None,
        })
        .collect();
    links.sort_by_key(|(end, _)| std::cmp::Reverse(*end));
    let mut text = body.text.clone();
    let mut left = room.saturating_sub(units(&text));
    for (end, url) in links {
        let addition = format!(" ({url})");
        if units(&addition) <= left {
            left -= units(&addition);
            text.insert_str(super::rich::byte_at(&body.text, end), &addition);
        }
    }
    text
}

fn caption(file: &MessageFile, marked: bool) -> Option<String> {
    let own = file.caption.as_deref().filter(|text| caption_fits(text));
    match (own, marked) {
        (Some(own), true) => Some(format!("{REPEAT_MARK}\n{own}")),
        (Some(own), false) => Some(own.to_owned()),
        (None, true) => Some(REPEAT_MARK.to_owned()),
        (None, false) => None,
    }
}

/// Whether a caption goes out with its file, also when that is marked. A longer one has to be a text of its own.
pub fn caption_fits(text: &str) -> bool {
    units(text) < CAPTION_UNITS_MAX - units(REPEAT_MARK)
}

fn outcome(error: CallError, formatted: bool) -> SendOutcome {
    match error {
        CallError::RetryAfter { seconds } => SendOutcome::RetryAfter {
            seconds,
            whole_channel: false,
        },
        CallError::Migrated { to } => SendOutcome::Migrated { to },
        CallError::Refused { code: 400, description } if formatted && !concerns_the_chat(&description) => {
            tracing::debug!(reason = %description, "telegram refused the formatting; sending the text plain");
            SendOutcome::FormattingRefused
        }
        // A token that is not valid (or a wrong address) says nothing about the message: it waits until that is mended.
        CallError::Refused {
            code: 401 | 404,
            description,
        } => SendOutcome::NotReached(description),
        CallError::Refused { description, .. } => SendOutcome::Refused(description),
        CallError::NotReached(why) => SendOutcome::NotReached(why),
        CallError::Ambiguous(why) => SendOutcome::Ambiguous(why),
    }
}

/// A 400 that no other formatting could mend.
fn concerns_the_chat(description: &str) -> bool {
    let words = description.to_ascii_lowercase();
    [
        "chat not found",
        "thread not found",
        "topic",
        "not enough rights",
        "user not found",
        "peer_id",
    ]
    .iter()
    .any(|sign| words.contains(sign))
}

/// Of the message that the server made, only its id: the rest may change its shape without hurting us.
#[derive(serde::Deserialize)]
struct SentMessage {
    message_id: i64,
}

#[derive(Serialize)]
struct SendText<'a> {
    chat_id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_thread_id: Option<i64>,
    text: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    entities: Vec<WireEntity<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_parameters: Option<ReplyTo>,
    link_preview_options: LinkPreview,
}

impl Payload for SendText<'_> {
    type Output = SentMessage;
    const NAME: &'static str = "sendMessage";
}

#[derive(Serialize)]
struct LinkPreview {
    is_disabled: bool,
}

#[derive(Serialize)]
struct ReplyTo {
    message_id: i64,
    allow_sending_without_reply: bool,
}

impl ReplyTo {
    fn new(message_id: i64) -> Self {
        Self {
            message_id,
            allow_sending_without_reply: true,
        }
    }
}

#[derive(Serialize)]
struct SendFile {
    chat_id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_thread_id: Option<i64>,
    document: InputFile,
    #[serde(skip_serializing_if = "Option::is_none")]
    caption: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_parameters: Option<ReplyTo>,
}

impl Payload for SendFile {
    type Output = SentMessage;
    const NAME: &'static str = "sendDocument";
}

impl MultipartPayload for SendFile {
    fn copy_files(&self, into: &mut dyn FnMut(InputFile)) {
        into(self.document.clone());
    }

    fn move_files(&mut self, into: &mut dyn FnMut(InputFile)) {
        into(self.document.clone());
    }
}

/// An entity in the Bot API's shape.
pub(super) struct WireEntity<'a>(pub(super) &'a Entity);

impl Serialize for WireEntity<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (name, extra) = match &self.0.style {
            EntityStyle::Bold => ("bold", None),
            EntityStyle::Italic => ("italic", None),
            EntityStyle::Underline => ("underline", None),
            EntityStyle::Strikethrough => ("strikethrough", None),
            EntityStyle::Code => ("code", None),
            EntityStyle::Pre { language } => ("pre", language.as_ref().map(|language| ("language", language))),
            EntityStyle::Blockquote => ("blockquote", None),
            EntityStyle::TextLink { url } => ("text_link", Some(("url", url))),
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", name)?;
        map.serialize_entry("offset", &self.0.offset)?;
        map.serialize_entry("length", &self.0.length)?;
        if let Some((key, value)) = extra {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}
