//! A part of a message to one request, and its end to a [`SendOutcome`].

use reqwest::multipart::{Form, Part};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use teloxide::requests::Payload;

use super::call::{CallError, call, upload};
use super::client::{Client, SEND_TIMEOUT, UPLOAD_TIMEOUT};
use super::rich::{Rich, units};
use super::{CAPTION_UNITS_MAX, TEXT_UNITS_MAX, rich_html};
use crate::domain::message::{Button, Entity, EntityStyle, MessageFile, PartBody, SendOutcome};
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
    /// Without a sound.
    pub silent: bool,
}

impl Client {
    /// Sends one part. Never fails: what happened is the outcome. Dropped half way, its end is unknown.
    pub async fn send(&self, part: &Outgoing<'_>) -> SendOutcome {
        match part.body {
            PartBody::Text {
                text,
                entities,
                buttons,
            } => self.send_text(part, text, entities, buttons).await,
            PartBody::File { file } => self.send_file(part, file).await,
            PartBody::Document { name, content } => self.send_document(part, name, content).await,
            PartBody::Rich { html, .. } => self.send_rich(part, html).await,
        }
    }

    async fn send_text(
        &self,
        part: &Outgoing<'_>,
        text: &str,
        entities: &[Entity],
        buttons: &[Vec<Button>],
    ) -> SendOutcome {
        let rich = dressed(text, entities, part);
        let formatted = !rich.entities.is_empty();
        let payload = SendText {
            chat_id: part.to.chat_id,
            message_thread_id: part.to.thread_id,
            text: &rich.text,
            entities: rich.entities.iter().map(WireEntity).collect(),
            reply_parameters: part.reply_to.map(ReplyTo::new),
            reply_markup: Keyboard::of(buttons),
            link_preview_options: LinkPreview { is_disabled: true },
            disable_notification: part.silent,
        };
        match call(&self.sender(), &payload, SEND_TIMEOUT).await {
            Ok(sent) => stands(part, &sent),
            Err(error) => outcome(error, if formatted { What::Formatted } else { What::Plain }),
        }
    }

    /// As a rich message, which older servers do not know.
    async fn send_rich(&self, part: &Outgoing<'_>, html: &str) -> SendOutcome {
        let html = match part.marked {
            true => rich_html::marked(html, REPEAT_MARK),
            false => html.to_owned(),
        };
        let payload = SendRich {
            chat_id: part.to.chat_id,
            message_thread_id: part.to.thread_id,
            rich_message: RichMessage { html: &html },
            reply_parameters: part.reply_to.map(ReplyTo::new),
            disable_notification: part.silent,
        };
        match call(&self.sender(), &payload, SEND_TIMEOUT).await {
            Ok(sent) => stands(part, &sent),
            Err(error) => outcome(error, What::Rich),
        }
    }

    async fn send_file(&self, part: &Outgoing<'_>, file: &MessageFile) -> SendOutcome {
        // The upload streams from the path: without this look, a missing file would end as a broken connection.
        match tokio::fs::metadata(&file.path).await {
            Ok(found) if found.is_file() => {}
            Ok(_) => return SendOutcome::Refused(format!("`{}` is not a file any more", file.name)),
            Err(error) => return SendOutcome::Refused(format!("`{}` cannot be read: {error}", file.name)),
        }
        let content = match Part::file(&file.path).await {
            Ok(content) => content.file_name(file.name.clone()),
            Err(error) => return SendOutcome::Refused(format!("`{}` cannot be read: {error}", file.name)),
        };
        // A picture that the server does not take as one goes out as a file.
        let as_photo = is_photo(file) && !part.plain;
        let caption = caption(file, part.marked);
        self.send_upload(part, as_photo, content, caption).await
    }

    async fn send_document(&self, part: &Outgoing<'_>, name: &str, content: &str) -> SendOutcome {
        let caption = part.marked.then(|| REPEAT_MARK.to_owned());
        let content = Part::bytes(content.as_bytes().to_vec()).file_name(name.to_owned());
        self.send_upload(part, false, content, caption).await
    }

    async fn send_upload(
        &self,
        part: &Outgoing<'_>,
        as_photo: bool,
        content: Part,
        caption: Option<String>,
    ) -> SendOutcome {
        let (method, field) = if as_photo {
            ("sendPhoto", "photo")
        } else {
            ("sendDocument", "document")
        };
        let mut form = Form::new()
            .text("chat_id", part.to.chat_id.to_string())
            .part(field, content);
        if let Some(thread) = part.to.thread_id {
            form = form.text("message_thread_id", thread.to_string());
        }
        if let Some(caption) = caption {
            form = form.text("caption", caption);
        }
        if part.silent {
            form = form.text("disable_notification", "true");
        }
        if let Some(reply_to) = part.reply_to.map(ReplyTo::new) {
            // Plain data cannot fail to become JSON.
            form = form.text("reply_parameters", serde_json::to_string(&reply_to).unwrap_or_default());
        }
        match upload::<SentMessage>(&self.sender(), method, form, UPLOAD_TIMEOUT).await {
            Ok(sent) => stands(part, &sent),
            Err(error) => outcome(error, if as_photo { What::Photo } else { What::File }),
        }
    }
}

/// A message whose topic is gone stands in the chat itself, and the server says so only by leaving the topic out.
fn stands(part: &Outgoing<'_>, sent: &SentMessage) -> SendOutcome {
    let sent_id = sent.message_id;
    if part.to.thread_id.is_some() && sent.message_thread_id != part.to.thread_id {
        return SendOutcome::SentElsewhere { sent_id };
    }
    SendOutcome::Sent { sent_id }
}

/// The longest picture that the server takes as one.
const PHOTO_BYTES_MAX: u64 = 10_000_000;

fn is_photo(file: &MessageFile) -> bool {
    let name = file.name.to_ascii_lowercase();
    file.size <= PHOTO_BYTES_MAX && [".png", ".jpg", ".jpeg"].iter().any(|end| name.ends_with(end))
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
        ..Rich::default()
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

/// What was asked of the server, so that a refusal can be read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Formatted,
    Plain,
    Photo,
    File,
    Rich,
}

fn outcome(error: CallError, what: What) -> SendOutcome {
    match error {
        CallError::RetryAfter { seconds } => SendOutcome::RetryAfter {
            seconds,
            whole_channel: false,
        },
        CallError::Migrated { to } => SendOutcome::Migrated { to },
        CallError::Refused { code, description } => refused(code, description, what),
        CallError::NotReached(why) => SendOutcome::NotReached(why),
        CallError::Ambiguous(why) => SendOutcome::Ambiguous(why),
    }
}

fn refused(code: u16, description: String, what: What) -> SendOutcome {
    let words = description.to_ascii_lowercase();
    let says = |signs: &[&str]| signs.iter().any(|sign| words.contains(sign));
    match code {
        404 if what == What::Rich && is_unknown_method(&words) => SendOutcome::RichRefused { unsupported: true },
        // A token that is not valid (or a wrong address) says nothing about the message: it waits until that is mended.
        401 | 404 => SendOutcome::NotReached(description),
        400 | 403 if says(&["not enough rights", "have no rights"]) => without_rights(description, what),
        403 => SendOutcome::Unreachable(description),
        400 if says(&["chat not found", "user not found", "peer_id", "chat was deleted"]) => {
            SendOutcome::Unreachable(description)
        }
        400 if says(&["thread not found", "topic_deleted", "topic_id_invalid"]) => SendOutcome::TopicGone,
        400 if says(&["topic_closed", "topic is closed"]) => SendOutcome::TopicClosed,
        400 if matches!(what, What::Formatted | What::Photo) => {
            tracing::debug!(reason = %description, "telegram refused the formatting; sending without it");
            SendOutcome::FormattingRefused
        }
        400 if what == What::Rich => {
            tracing::info!(reason = %description, "telegram refused a rich message; sending it as texts");
            SendOutcome::RichRefused { unsupported: false }
        }
        400 if what == What::Plain => SendOutcome::TextRefused(description),
        _ => SendOutcome::Refused(description),
    }
}

/// A chat may forbid one kind of message and take the others. Only where texts are forbidden, too, can nobody be reached.
fn without_rights(description: String, what: What) -> SendOutcome {
    match what {
        What::Photo => SendOutcome::FormattingRefused,
        What::Rich => SendOutcome::RichRefused { unsupported: false },
        What::File => SendOutcome::Refused(description),
        What::Formatted | What::Plain => SendOutcome::Unreachable(description),
    }
}

/// A server of an older version of the Bot API says so; a wrong token is a 404 without these words.
pub fn is_unknown_method(words: &str) -> bool {
    words.to_ascii_lowercase().contains("method not found")
}

/// Of the message that the server made, only its id: the rest may change its shape without hurting us.
#[derive(serde::Deserialize)]
struct SentMessage {
    message_id: i64,
    #[serde(default)]
    message_thread_id: Option<i64>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_markup: Option<Keyboard<'a>>,
    link_preview_options: LinkPreview,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    disable_notification: bool,
}

impl Payload for SendText<'_> {
    type Output = SentMessage;
    const NAME: &'static str = "sendMessage";
}

#[derive(Serialize)]
struct SendRich<'a> {
    chat_id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_thread_id: Option<i64>,
    rich_message: RichMessage<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_parameters: Option<ReplyTo>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    disable_notification: bool,
}

#[derive(Serialize)]
struct RichMessage<'a> {
    html: &'a str,
}

impl Payload for SendRich<'_> {
    type Output = SentMessage;
    const NAME: &'static str = "sendRichMessage";
}

#[derive(Serialize)]
pub(super) struct LinkPreview {
    pub(super) is_disabled: bool,
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

/// Buttons under a text.
#[derive(Serialize)]
pub(super) struct Keyboard<'a> {
    inline_keyboard: Vec<Vec<WireButton<'a>>>,
}

impl<'a> Keyboard<'a> {
    /// None without buttons: an edit without them takes the old ones away.
    pub(super) fn of(buttons: &'a [Vec<Button>]) -> Option<Self> {
        let row = |row: &'a Vec<Button>| {
            let button = |button: &'a Button| WireButton {
                text: &button.label,
                callback_data: &button.data,
            };
            row.iter().map(button).collect()
        };
        (!buttons.is_empty()).then(|| Self {
            inline_keyboard: buttons.iter().map(row).collect(),
        })
    }
}

#[derive(Serialize)]
struct WireButton<'a> {
    text: &'a str,
    callback_data: &'a str,
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
