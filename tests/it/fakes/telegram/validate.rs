//! What the Bot API demands of a request.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::multipart::Form;
use super::{Sent, State};

pub struct Refusal {
    pub code: u16,
    pub description: String,
    pub parameters: Option<Value>,
}

impl Refusal {
    pub fn new(code: u16, description: &str) -> Self {
        Self {
            code,
            description: description.to_owned(),
            parameters: None,
        }
    }

    pub fn with(self, parameters: Value) -> Self {
        Self {
            parameters: Some(parameters),
            ..self
        }
    }
}

/// A mistake of the client's: refused as Telegram would, and remembered.
fn mistake(state: &mut State, what: &str) -> Refusal {
    state.violation(what);
    Refusal::new(400, &format!("Bad Request: {what}"))
}

pub struct PollWish {
    pub offset: Option<i64>,
    pub limit: usize,
    pub timeout: Duration,
}

pub fn get_updates(state: &mut State, fields: &Value) -> Result<PollWish, Refusal> {
    only(state, fields, &["offset", "limit", "timeout", "allowed_updates"])?;
    let limit = fields["limit"].as_u64().unwrap_or(100);
    let timeout = fields["timeout"].as_u64().unwrap_or(0);
    let offset = fields.get("offset").map(|offset| offset.as_i64().unwrap_or(-1));
    if !(1..=100).contains(&limit) || timeout > 50 || offset.is_some_and(|offset| offset < 0) {
        return Err(mistake(state, "getUpdates is out of its limits"));
    }
    if fields.get("allowed_updates").is_some_and(|kinds| !kinds.is_array()) {
        return Err(mistake(state, "allowed_updates is no list"));
    }
    Ok(PollWish {
        offset,
        limit: usize::try_from(limit).expect("at most 100"),
        timeout: Duration::from_secs(timeout),
    })
}

pub fn message(state: &mut State, form: &Form) -> Result<Sent, Refusal> {
    let fields = &form.fields;
    let known = [
        "chat_id",
        "message_thread_id",
        "text",
        "entities",
        "reply_parameters",
        "link_preview_options",
    ];
    only(state, fields, &known)?;
    let Some(text) = fields["text"].as_str() else {
        return Err(mistake(state, "text is no string"));
    };
    let units = text.encode_utf16().count();
    if text.trim().is_empty() {
        return Err(mistake(state, "message text is empty"));
    }
    if units > 4096 {
        return Err(mistake(state, "message is too long"));
    }
    let entities = fields["entities"].as_array().cloned().unwrap_or_default();
    for entity in &entities {
        check_entity(state, text, entity)?;
    }
    sent(state, fields, text.to_owned(), entities)
}

pub fn document(state: &mut State, form: &Form) -> Result<Sent, Refusal> {
    let known = [
        "chat_id",
        "message_thread_id",
        "document",
        "caption",
        "reply_parameters",
    ];
    only(state, &form.fields, &known)?;
    let caption = form.fields["caption"].as_str().unwrap_or_default().to_owned();
    if caption.encode_utf16().count() > 1024 {
        return Err(mistake(state, "message caption is too long"));
    }
    // The field names the part that holds the file.
    let named = form.fields["document"]
        .as_str()
        .and_then(|field| field.strip_prefix("attach://"));
    let file = form
        .files
        .iter()
        .find(|file| Some(file.field.as_str()) == named || file.field == "document");
    let Some(file) = file else {
        return Err(mistake(state, "there is no document in the request"));
    };
    if file.content.is_empty() {
        return Err(Refusal::new(400, "Bad Request: file must be non-empty"));
    }
    let mut sent = sent(state, &form.fields, caption, vec![])?;
    sent.document = Some((file.name.clone(), file.content.clone()));
    Ok(sent)
}

fn sent(state: &mut State, fields: &Value, text: String, entities: Vec<Value>) -> Result<Sent, Refusal> {
    let Some(chat_id) = fields["chat_id"].as_i64() else {
        return Err(mistake(state, "chat_id is no number"));
    };
    if !state.chats.contains_key(&chat_id) {
        return Err(Refusal::new(400, "Bad Request: chat not found"));
    }
    Ok(Sent {
        chat_id,
        message_id: 0,
        text,
        entities,
        reply_to: reply_to(state, chat_id, fields)?,
        at: Instant::now(),
        document: None,
    })
}

fn reply_to(state: &mut State, chat: i64, fields: &Value) -> Result<Option<i64>, Refusal> {
    let Some(parameters) = fields.get("reply_parameters") else {
        return Ok(None);
    };
    let Some(message_id) = parameters["message_id"].as_i64() else {
        return Err(mistake(state, "reply_parameters has no message_id"));
    };
    let exists = state.messages.get(&chat).is_some_and(|ids| ids.contains(&message_id));
    match (exists, parameters["allow_sending_without_reply"].as_bool()) {
        (true, _) => Ok(Some(message_id)),
        (false, Some(true)) => Ok(None),
        (false, _) => Err(Refusal::new(400, "Bad Request: message to be replied not found")),
    }
}

fn check_entity(state: &mut State, text: &str, entity: &Value) -> Result<(), Refusal> {
    const TYPES: [&str; 8] = [
        "bold",
        "italic",
        "underline",
        "strikethrough",
        "code",
        "pre",
        "blockquote",
        "text_link",
    ];
    let kind = entity["type"].as_str().unwrap_or_default();
    if !TYPES.contains(&kind) || (kind == "text_link") != entity["url"].is_string() {
        return Err(mistake(state, &format!("an entity of an unknown shape: {entity}")));
    }
    let (Some(offset), Some(length)) = (entity["offset"].as_u64(), entity["length"].as_u64()) else {
        return Err(mistake(state, "an entity without offset and length"));
    };
    let mut borders = vec![0];
    for c in text.chars() {
        borders.push(borders[borders.len() - 1] + c.len_utf16() as u64);
    }
    if length == 0 || !borders.contains(&offset) || !borders.contains(&(offset + length)) {
        return Err(mistake(
            state,
            &format!("an entity outside of the text or inside a character: {entity}"),
        ));
    }
    Ok(())
}

fn only(state: &mut State, fields: &Value, known: &[&str]) -> Result<(), Refusal> {
    let unknown = fields
        .as_object()
        .and_then(|fields| fields.keys().find(|key| !known.contains(&key.as_str())));
    match unknown {
        Some(unknown) => Err(mistake(state, &format!("unknown field {unknown}"))),
        None => Ok(()),
    }
}
