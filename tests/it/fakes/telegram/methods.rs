//! What each method does to the fake's world, and what it refuses. Every request was held against the schema before.

use std::time::Instant;

use serde_json::{Value, json};

use super::multipart::Form;
use super::{Sent, State, Topic, rich};

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

type Answer = Result<Value, Refusal>;

fn bad(what: &str) -> Refusal {
    Refusal::new(400, &format!("Bad Request: {what}"))
}

/// Carries a request out; none for a method that is not known here.
pub fn carry_out(state: &mut State, method: &str, form: &Form) -> Option<Answer> {
    let fields = &form.fields;
    Some(match method {
        "getMe" => Ok(state.me()),
        "getWebhookInfo" => Ok(
            json!({"url": state.webhook, "has_custom_certificate": false, "pending_update_count": state.updates.len()}),
        ),
        "deleteWebhook" => {
            state.webhook.clear();
            Ok(json!(true))
        }
        "getChat" => chat(state, fields).map(|id| state.chat_info(id)),
        "getChatMember" => chat(state, fields).map(|id| state.member(id)),
        "sendMessage" => message(state, fields),
        "sendRichMessage" => rich(state, fields),
        "sendDocument" => file(state, form, "document"),
        "sendPhoto" => file(state, form, "photo"),
        "sendMessageDraft" | "sendRichMessageDraft" => draft(state, fields),
        "sendChatAction" => chat(state, fields).map(|_| json!(true)),
        "editMessageText" | "editMessageReplyMarkup" => edit(state, method, fields),
        "deleteMessage" => delete(state, fields),
        "setMessageReaction" => reaction(state, fields),
        "answerCallbackQuery" => callback(state, fields),
        "setMyCommands" => {
            state
                .commands
                .insert(fields["scope"].to_string(), fields["commands"].clone());
            Ok(json!(true))
        }
        "deleteMyCommands" => {
            state.commands.remove(&fields["scope"].to_string());
            Ok(json!(true))
        }
        "getMyCommands" => Ok(json!([])),
        "getFile" => get_file(state, fields),
        "createForumTopic" => create_topic(state, fields),
        "editForumTopic" | "closeForumTopic" | "reopenForumTopic" => change_topic(state, method, fields),
        "leaveChat" => Ok(json!(true)),
        _ => return None,
    })
}

fn chat(state: &mut State, fields: &Value) -> Result<i64, Refusal> {
    let id = fields["chat_id"].as_i64().unwrap_or_default();
    if let Some(to) = state.moved.get(&id) {
        let words = "group chat was upgraded to a supergroup chat";
        return Err(bad(words).with(json!({"migrate_to_chat_id": to})));
    }
    if let Some(why) = state.unreachable.get(&id) {
        return Err(Refusal::new(403, &format!("Forbidden: {why}")));
    }
    if !state.chats.contains_key(&id) {
        return Err(bad("chat not found"));
    }
    Ok(id)
}

/// The topic that a request names; it has to be there and open.
fn thread(state: &mut State, chat: i64, fields: &Value) -> Result<Option<i64>, Refusal> {
    let Some(thread) = fields["message_thread_id"].as_i64() else {
        return Ok(None);
    };
    match state.topics.get(&(chat, thread)) {
        Some(topic) if topic.closed && chat < 0 => Err(bad("TOPIC_CLOSED")),
        Some(_) => Ok(Some(thread)),
        // In a private chat the server puts the message into the chat itself, and says nothing.
        None if chat > 0 && state.private_topics => Ok(None),
        None => Err(bad("message thread not found")),
    }
}

fn put(state: &mut State, fields: &Value, text: &str, entities: &str) -> Result<(Sent, i64), Refusal> {
    let chat_id = chat(state, fields)?;
    let thread = thread(state, chat_id, fields)?;
    let sent = Sent {
        chat_id,
        message_id: 0,
        text: fields[text].as_str().unwrap_or_default().to_owned(),
        entities: fields[entities].as_array().cloned().unwrap_or_default(),
        reply_to: reply_to(state, chat_id, fields)?,
        at: Instant::now(),
        document: None,
        photo: false,
        thread,
        silent: fields["disable_notification"] == true,
        markup: fields["reply_markup"].clone(),
        edits: 0,
        deleted: false,
        html: None,
    };
    Ok((sent, chat_id))
}

fn stand(state: &mut State, mut sent: Sent) -> Value {
    sent.message_id = state.take_message_id(sent.chat_id);
    let mut result = json!({
        "message_id": sent.message_id, "date": state.clock(), "text": sent.text,
        "chat": {"id": sent.chat_id, "type": super::kind(sent.chat_id), "first_name": "P"},
    });
    if let Some(thread) = sent.thread {
        result["message_thread_id"] = json!(thread);
        result["is_topic_message"] = json!(true);
    }
    state.sent.push(sent);
    result
}

fn message(state: &mut State, fields: &Value) -> Answer {
    let (sent, _) = put(state, fields, "text", "entities")?;
    Ok(stand(state, sent))
}

fn unknown_method() -> Refusal {
    Refusal::new(404, "Not Found: method not found")
}

fn rich(state: &mut State, fields: &Value) -> Answer {
    if state.old {
        return Err(unknown_method());
    }
    let (mut sent, _) = put(state, fields, "text", "entities")?;
    let html = fields["rich_message"]["html"].as_str().unwrap_or_default();
    sent.text = rich::read(html).map_err(|why| bad(&format!("can't parse entities: {why}")))?;
    sent.html = Some(html.to_owned());
    Ok(stand(state, sent))
}

/// Only private chats have drafts, and nothing of them stays.
fn draft(state: &mut State, fields: &Value) -> Answer {
    if state.old {
        return Err(unknown_method());
    }
    let chat_id = chat(state, fields)?;
    if chat_id < 0 || fields["draft_id"] == 0 {
        return Err(bad("drafts are for private chats, and have an id"));
    }
    let text = fields["text"].as_str().unwrap_or_default().to_owned();
    let id = fields["draft_id"].as_i64().unwrap_or_default();
    state.drafts.push((chat_id, id, text));
    Ok(json!(true))
}

fn file(state: &mut State, form: &Form, field: &str) -> Answer {
    let (mut sent, _) = put(state, &form.fields, "caption", "caption_entities")?;
    let named = form.fields[field]
        .as_str()
        .and_then(|name| name.strip_prefix("attach://"));
    let file = form
        .files
        .iter()
        .find(|file| Some(file.field.as_str()) == named || file.field == field);
    let Some(file) = file else {
        state.violation(format!("there is no {field} in the request"));
        return Err(bad("there is no file in the request"));
    };
    if file.content.is_empty() {
        return Err(bad("file must be non-empty"));
    }
    if field == "photo"
        && !file.content.starts_with(&[0x89, b'P', b'N', b'G'])
        && !file.content.starts_with(&[0xff, 0xd8])
    {
        return Err(bad("IMAGE_PROCESS_FAILED"));
    }
    sent.document = Some((file.name.clone(), file.content.clone()));
    sent.photo = field == "photo";
    Ok(stand(state, sent))
}

fn reply_to(state: &mut State, chat: i64, fields: &Value) -> Result<Option<i64>, Refusal> {
    let Some(message_id) = fields["reply_parameters"]["message_id"].as_i64() else {
        return Ok(None);
    };
    let exists = state.messages.get(&chat).is_some_and(|ids| ids.contains(&message_id));
    match (
        exists,
        fields["reply_parameters"]["allow_sending_without_reply"].as_bool(),
    ) {
        (true, _) => Ok(Some(message_id)),
        (false, Some(true)) => Ok(None),
        (false, _) => Err(bad("message to be replied not found")),
    }
}

fn edit(state: &mut State, method: &str, fields: &Value) -> Answer {
    let chat_id = chat(state, fields)?;
    let message_id = fields["message_id"].as_i64().unwrap_or_default();
    let found = state
        .sent
        .iter_mut()
        .find(|sent| sent.chat_id == chat_id && sent.message_id == message_id && !sent.deleted);
    let Some(sent) = found else {
        return Err(bad("message to edit not found"));
    };
    let text = match method {
        "editMessageText" => fields["text"].as_str().unwrap_or_default().to_owned(),
        _ => sent.text.clone(),
    };
    if sent.text == text && sent.markup == fields["reply_markup"] {
        let words = "message is not modified: specified new message content and reply markup are exactly the same";
        return Err(bad(words));
    }
    sent.text = text;
    sent.markup = fields["reply_markup"].clone();
    sent.edits += 1;
    Ok(json!({"message_id": message_id, "date": 0, "chat": {"id": chat_id, "type": super::kind(chat_id)}}))
}

fn delete(state: &mut State, fields: &Value) -> Answer {
    let chat_id = chat(state, fields)?;
    let id = fields["message_id"].as_i64().unwrap_or_default();
    match state
        .sent
        .iter_mut()
        .find(|sent| sent.chat_id == chat_id && sent.message_id == id && !sent.deleted)
    {
        Some(sent) => {
            sent.deleted = true;
            Ok(json!(true))
        }
        None => Err(bad("message to delete not found")),
    }
}

fn reaction(state: &mut State, fields: &Value) -> Answer {
    let chat_id = chat(state, fields)?;
    if state.reactions_off {
        return Err(bad("REACTION_INVALID"));
    }
    let message_id = fields["message_id"].as_i64().unwrap_or_default();
    if !state
        .messages
        .get(&chat_id)
        .is_some_and(|ids| ids.contains(&message_id))
    {
        return Err(bad("message to react not found"));
    }
    let emoji: Vec<String> = fields["reaction"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|reaction| reaction["emoji"].as_str().map(str::to_owned))
        .collect();
    if emoji.len() > 1 {
        state.violation("a bot sets one reaction on a message");
    }
    state.reactions.entry((chat_id, message_id)).or_default().extend(emoji);
    Ok(json!(true))
}

fn callback(state: &mut State, fields: &Value) -> Answer {
    let id = fields["callback_query_id"].as_str().unwrap_or_default().to_owned();
    let Some(query) = state.callbacks.get_mut(&id) else {
        return Err(bad(
            "query is too old and response timeout expired or query ID is invalid",
        ));
    };
    let took = query.asked.elapsed();
    query.answer = Some(fields["text"].as_str().unwrap_or_default().to_owned());
    query.took = took;
    Ok(json!(true))
}

fn get_file(state: &mut State, fields: &Value) -> Answer {
    let id = fields["file_id"].as_str().unwrap_or_default();
    let Some(content) = state.files.get(id) else {
        return Err(bad("invalid file_id"));
    };
    if content.len() > 20 * 1024 * 1024 {
        return Err(bad("file is too big"));
    }
    Ok(json!({"file_id": id, "file_unique_id": id, "file_size": content.len(), "file_path": format!("documents/{id}")}))
}

fn create_topic(state: &mut State, fields: &Value) -> Answer {
    let chat_id = chat(state, fields)?;
    let allowed = if chat_id > 0 {
        state.private_topics
    } else {
        state.forums.contains(&chat_id)
    };
    if !allowed {
        return Err(bad("the chat is not a forum"));
    }
    if state.no_rights.contains(&chat_id) {
        return Err(bad("not enough rights to create a topic"));
    }
    let thread = state.take_message_id(chat_id);
    let name = fields["name"].as_str().unwrap_or_default().to_owned();
    state.topics.insert(
        (chat_id, thread),
        Topic {
            name: name.clone(),
            closed: false,
        },
    );
    Ok(json!({"message_thread_id": thread, "name": name, "icon_color": 7_322_096}))
}

fn change_topic(state: &mut State, method: &str, fields: &Value) -> Answer {
    let chat_id = chat(state, fields)?;
    if chat_id > 0 && method != "editForumTopic" {
        return Err(bad("the chat is not a supergroup"));
    }
    let thread = fields["message_thread_id"].as_i64().unwrap_or_default();
    let Some(topic) = state.topics.get_mut(&(chat_id, thread)) else {
        return Err(bad("message thread not found"));
    };
    match method {
        "editForumTopic" => {
            let name = fields["name"].as_str().unwrap_or_default();
            if topic.name == name {
                return Err(bad("TOPIC_NOT_MODIFIED"));
            }
            topic.name = name.to_owned();
        }
        "closeForumTopic" if topic.closed => return Err(bad("TOPIC_NOT_MODIFIED")),
        "reopenForumTopic" if !topic.closed => return Err(bad("TOPIC_NOT_MODIFIED")),
        other => topic.closed = other == "closeForumTopic",
    }
    Ok(json!(true))
}
