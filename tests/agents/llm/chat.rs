//! OpenAI Chat Completions, as OpenCode speaks it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::anthropic::flat;
use super::serve::{Event, fresh_id};
use super::talk::{Item, Refusal, Reply, Request, Tool};

pub fn read(body: &Value) -> Result<Request, Refusal> {
    let model = body["model"]
        .as_str()
        .ok_or_else(|| Refusal::invalid("you must provide a model parameter"))?;
    let messages = match body["messages"].as_array() {
        Some(messages) if !messages.is_empty() => messages,
        _ => return Err(Refusal::invalid("Missing required parameter: 'messages'.")),
    };
    Ok(Request {
        model: model.to_owned(),
        stream: body["stream"].as_bool().unwrap_or(false),
        items: conversation(messages)?,
        tools: tools(body)?,
        answer_schema: body.pointer("/response_format/json_schema/schema").cloned(),
        plan_file: None,
    })
}

fn tools(body: &Value) -> Result<BTreeMap<String, Tool>, Refusal> {
    let mut tools = BTreeMap::new();
    for (i, tool) in body["tools"].as_array().into_iter().flatten().enumerate() {
        let name = tool["function"]["name"].as_str().unwrap_or_default();
        if tool["type"] != "function" || name.is_empty() {
            return Err(Refusal::invalid(format!(
                "Missing required parameter: 'tools[{i}].function.name'."
            )));
        }
        tools.insert(name.to_owned(), Tool::Object(tool["function"]["parameters"].clone()));
    }
    Ok(tools)
}

fn conversation(messages: &[Value]) -> Result<Vec<Item>, Refusal> {
    let mut items = Vec::new();
    let mut open: BTreeSet<String> = BTreeSet::new();
    for (i, message) in messages.iter().enumerate() {
        let role = message["role"].as_str().unwrap_or_default();
        if role == "tool" {
            let id = message["tool_call_id"].as_str().unwrap_or_default();
            if !open.remove(id) {
                return Err(Refusal::invalid(
                    "messages with role 'tool' must be a response to a preceding message with 'tool_calls'.",
                ));
            }
            items.push(Item::Result(flat(&message["content"])));
            continue;
        }
        if let Some(id) = open.first() {
            return Err(Refusal::invalid(format!(
                "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: {id}"
            )));
        }
        match role {
            "user" => items.push(Item::User(texts(i, &message["content"])?)),
            "assistant" => {
                let calls = message["tool_calls"].as_array().into_iter().flatten();
                open = calls
                    .filter_map(|call| call["id"].as_str().map(str::to_owned))
                    .collect();
                if open.is_empty() && message["content"].is_null() {
                    return Err(Refusal::invalid(format!(
                        "Invalid value for 'content': expected a string, got null (messages[{i}])."
                    )));
                }
                items.push(Item::Assistant(flat(&message["content"])));
            }
            "system" | "developer" => {}
            other => {
                return Err(Refusal::invalid(format!(
                    "Invalid value: '{other}' in 'messages[{i}].role'."
                )));
            }
        }
    }
    Ok(items)
}

fn texts(i: usize, content: &Value) -> Result<Vec<String>, Refusal> {
    match content {
        Value::String(text) => Ok(vec![text.clone()]),
        Value::Array(parts) => Ok(parts
            .iter()
            .filter_map(|part| part["text"].as_str().map(str::to_owned))
            .collect()),
        _ => Err(Refusal::invalid(format!("Invalid type for 'messages[{i}].content'."))),
    }
}

fn call(tool: &str, input: &Value) -> Value {
    json!({"id": fresh_id("call_"), "type": "function", "function": {"name": tool, "arguments": input.to_string()}})
}

fn frame(request: &Request, object: &str, choice: &Value) -> Value {
    json!({"id": fresh_id("chatcmpl-"), "object": object, "created": jiff::Timestamp::now().as_second(), "model": request.model,
           "choices": [choice]})
}

fn usage() -> Value {
    json!({"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120})
}

pub fn whole(request: &Request, reply: &Reply) -> Value {
    let (message, reason) = match reply {
        Reply::Text(text) => (json!({"role": "assistant", "content": text}), "stop"),
        Reply::Call { tool, input } => (
            json!({"role": "assistant", "content": null, "tool_calls": [call(tool, input)]}),
            "tool_calls",
        ),
    };
    let choice = json!({"index": 0, "message": message, "finish_reason": reason});
    let mut whole = frame(request, "chat.completion", &choice);
    whole["usage"] = usage();
    whole
}

pub fn events(request: &Request, reply: &Reply, pieces: &[String]) -> Vec<Event> {
    let chunk = |delta: Value, reason: Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": reason});
        frame(request, "chat.completion.chunk", &choice)
    };
    let mut events = vec![Event::plain(chunk(
        json!({"role": "assistant", "content": ""}),
        Value::Null,
    ))];
    let reason = match reply {
        Reply::Text(_) => {
            let said = pieces
                .iter()
                .map(|text| Event::piece("", chunk(json!({"content": text}), Value::Null)));
            events.extend(said);
            "stop"
        }
        Reply::Call { tool, input } => {
            let mut call = call(tool, input);
            call["index"] = json!(0);
            events.push(Event::plain(chunk(json!({"tool_calls": [call]}), Value::Null)));
            "tool_calls"
        }
    };
    let mut last = chunk(json!({}), json!(reason));
    last["usage"] = usage();
    // All of a stream has one id.
    let id = last["id"].clone();
    events.push(Event::plain(last));
    for event in &mut events {
        event.data["id"] = id.clone();
    }
    events.push(Event::end());
    events
}
