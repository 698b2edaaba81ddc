//! Gemini `generateContent` and `streamGenerateContent`, as Gemini CLI speaks it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::anthropic::flat;
use super::serve::{Event, fresh_id};
use super::talk::{Item, Refusal, Reply, Request, Tool};

/// The fields of a request. The provider's own parser refuses every other.
const FIELDS: &[&str] = &[
    "contents",
    "systemInstruction",
    "tools",
    "toolConfig",
    "generationConfig",
    "safetySettings",
    "cachedContent",
    "labels",
    "model",
];

pub fn read(body: &Value, model: &str, stream: bool) -> Result<Request, Refusal> {
    for name in body.as_object().into_iter().flat_map(serde_json::Map::keys) {
        if !FIELDS.contains(&name.as_str()) {
            return Err(Refusal::invalid(format!(
                "Invalid JSON payload received. Unknown name \"{name}\": Cannot find field."
            )));
        }
    }
    let contents = match body["contents"].as_array() {
        Some(contents) if !contents.is_empty() => contents,
        _ => {
            return Err(Refusal::invalid(
                "* GenerateContentRequest.contents: contents is not specified",
            ));
        }
    };
    let config = &body["generationConfig"];
    let answer_schema = config
        .get("responseJsonSchema")
        .or_else(|| config.get("responseSchema"));
    Ok(Request {
        model: model.to_owned(),
        stream,
        items: conversation(contents)?,
        tools: tools(body)?,
        answer_schema: answer_schema.cloned(),
        plan_file: None,
    })
}

fn tools(body: &Value) -> Result<BTreeMap<String, Tool>, Refusal> {
    let groups = body["tools"].as_array().into_iter().flatten();
    let functions = groups.flat_map(|group| group["functionDeclarations"].as_array().into_iter().flatten());
    let mut tools = BTreeMap::new();
    for (i, function) in functions.enumerate() {
        let Some(name) = function["name"].as_str().filter(|name| !name.is_empty()) else {
            return Err(Refusal::invalid(format!(
                "* GenerateContentRequest.tools[0].function_declarations[{i}].name: Invalid function name."
            )));
        };
        let schema = function
            .get("parametersJsonSchema")
            .or_else(|| function.get("parameters"));
        tools.insert(name.to_owned(), Tool::Object(schema.cloned().unwrap_or(json!({}))));
    }
    Ok(tools)
}

fn conversation(contents: &[Value]) -> Result<Vec<Item>, Refusal> {
    let mut items = Vec::new();
    let mut open = 0;
    for (i, content) in contents.iter().enumerate() {
        let role = content["role"].as_str().unwrap_or("user");
        if !matches!(role, "user" | "model") {
            return Err(Refusal::invalid("Please use a valid role: user, model."));
        }
        let parts = match content["parts"].as_array() {
            Some(parts) if !parts.is_empty() => parts,
            _ => {
                return Err(Refusal::invalid(format!(
                    "* GenerateContentRequest.contents[{i}].parts: contents.parts must not be empty."
                )));
            }
        };
        let count = |word: &str| parts.iter().filter(|part| part.get(word).is_some()).count();
        let answered = count("functionResponse");
        if answered != open {
            return Err(Refusal::invalid(
                "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.",
            ));
        }
        open = if role == "model" { count("functionCall") } else { 0 };
        items.extend(read_content(role, parts));
    }
    Ok(items)
}

fn read_content(role: &str, parts: &[Value]) -> Vec<Item> {
    let texts: Vec<String> = parts
        .iter()
        .filter_map(|part| part["text"].as_str().map(str::to_owned))
        .collect();
    if role == "model" {
        return vec![Item::Assistant(texts.concat())];
    }
    let responses = parts.iter().filter_map(|part| part.get("functionResponse"));
    let mut items: Vec<Item> = responses
        .map(|result| {
            let response = &result["response"];
            Item::Result(flat(response.get("output").unwrap_or(response)))
        })
        .collect();
    if !texts.is_empty() {
        items.push(Item::User(texts));
    }
    items
}

fn frame(request: &Request, part: &Value, ends: bool) -> Value {
    let mut candidate = json!({"index": 0, "content": {"role": "model", "parts": [part]}});
    if ends {
        candidate["finishReason"] = json!("STOP");
    }
    json!({"candidates": [candidate], "modelVersion": request.model, "responseId": fresh_id(""),
           "usageMetadata": {"promptTokenCount": 100, "candidatesTokenCount": 20, "totalTokenCount": 120}})
}

fn part(reply: &Reply) -> Value {
    match reply {
        Reply::Text(text) => json!({"text": text}),
        Reply::Call { tool, input } => json!({"functionCall": {"id": fresh_id("fc-"), "name": tool, "args": input}}),
    }
}

pub fn whole(request: &Request, reply: &Reply) -> Value {
    frame(request, &part(reply), true)
}

pub fn events(request: &Request, reply: &Reply, pieces: &[String]) -> Vec<Event> {
    if matches!(reply, Reply::Call { .. }) {
        return vec![Event::plain(whole(request, reply))];
    }
    let last = pieces.len().saturating_sub(1);
    let said = pieces.iter().enumerate();
    said.map(|(i, text)| Event::piece("", frame(request, &json!({"text": text}), i == last)))
        .collect()
}

/// A refusal in this provider's form.
pub fn refusal(refusal: &Refusal) -> Value {
    let status = if refusal.status == 401 {
        "UNAUTHENTICATED"
    } else {
        "INVALID_ARGUMENT"
    };
    json!({"error": {"code": refusal.status, "message": refusal.message, "status": status}})
}
