//! OpenAI Responses, as Codex speaks it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::anthropic::flat;
use super::serve::{Event, fresh_id};
use super::talk::{Item, Refusal, Reply, Request, Tool};

pub fn read(body: &Value) -> Result<Request, Refusal> {
    let model = body["model"]
        .as_str()
        .ok_or_else(|| Refusal::invalid("Missing required parameter: 'model'."))?;
    let input = match &body["input"] {
        Value::String(text) => vec![json!({"role": "user", "content": text})],
        Value::Array(items) if !items.is_empty() => items.clone(),
        _ => return Err(Refusal::invalid("Missing required parameter: 'input'.")),
    };
    let mut tools = read_tools(&body["tools"])?;
    let mut items = Vec::new();
    for (i, item) in input.iter().enumerate() {
        items.extend(read_item(i, item)?);
        if item["type"] == "additional_tools" {
            tools.extend(read_tools(&item["tools"])?);
        }
    }
    check_calls(&input)?;
    Ok(Request {
        model: model.to_owned(),
        stream: body["stream"].as_bool().unwrap_or(false),
        items,
        tools,
        answer_schema: body.pointer("/text/format/schema").cloned(),
        plan_file: None,
    })
}

fn read_tools(tools: &Value) -> Result<BTreeMap<String, Tool>, Refusal> {
    let mut read = BTreeMap::new();
    for (i, tool) in tools.as_array().into_iter().flatten().enumerate() {
        let kind = tool["type"]
            .as_str()
            .ok_or_else(|| Refusal::invalid(format!("Missing required parameter: 'tools[{i}].type'.")))?;
        let named = matches!(kind, "function" | "custom");
        let name = tool["name"].as_str();
        if named && name.is_none_or(str::is_empty) {
            return Err(Refusal::invalid(format!(
                "Missing required parameter: 'tools[{i}].name'."
            )));
        }
        if kind == "function" && !tool["parameters"].is_object() {
            return Err(Refusal::invalid(format!(
                "Invalid schema for function '{}'.",
                name.unwrap_or_default()
            )));
        }
        let form = if kind == "custom" {
            Tool::Free
        } else {
            Tool::Object(tool["parameters"].clone())
        };
        read.insert(name.unwrap_or(kind).to_owned(), form);
    }
    Ok(read)
}

fn read_item(i: usize, item: &Value) -> Result<Option<Item>, Refusal> {
    let kind = item["type"].as_str().unwrap_or("message");
    if kind.ends_with("_call_output") {
        return Ok(Some(Item::Result(flat(&item["output"]))));
    }
    if kind != "message" {
        return Ok(None);
    }
    let role = item["role"].as_str().unwrap_or_default();
    if !matches!(role, "user" | "assistant" | "system" | "developer") {
        return Err(Refusal::invalid(format!(
            "Invalid value: '{role}'. Supported values are: 'assistant', 'system', 'developer', and 'user'."
        )));
    }
    let texts = match &item["content"] {
        Value::String(text) => vec![text.clone()],
        Value::Array(parts) => read_parts(i, role, parts)?,
        _ => {
            return Err(Refusal::invalid(format!(
                "Missing required parameter: 'input[{i}].content'."
            )));
        }
    };
    Ok(match role {
        "user" => Some(Item::User(texts)),
        "assistant" => Some(Item::Assistant(texts.concat())),
        _ => None,
    })
}

fn read_parts(i: usize, role: &str, parts: &[Value]) -> Result<Vec<String>, Refusal> {
    let mut texts = Vec::new();
    for (j, part) in parts.iter().enumerate() {
        let kind = part["type"].as_str().unwrap_or_default();
        let fits = match role {
            "assistant" => matches!(kind, "output_text" | "refusal"),
            _ => matches!(kind, "input_text" | "input_image" | "input_file"),
        };
        if !fits {
            return Err(Refusal::invalid(format!(
                "Invalid value: '{kind}' in 'input[{i}].content[{j}].type'."
            )));
        }
        texts.extend(part["text"].as_str().map(str::to_owned));
    }
    Ok(texts)
}

/// Each call has its result and each result its call.
fn check_calls(input: &[Value]) -> Result<(), Refusal> {
    let mut calls = BTreeSet::new();
    let mut answered = BTreeSet::new();
    for item in input {
        let kind = item["type"].as_str().unwrap_or_default();
        let id = item["call_id"].as_str().unwrap_or_default().to_owned();
        match kind {
            "function_call" | "custom_tool_call" | "local_shell_call" => {
                calls.insert(id);
            }
            "function_call_output" | "custom_tool_call_output" | "local_shell_call_output" => {
                if !calls.contains(&id) {
                    return Err(Refusal::invalid(format!(
                        "No tool call found for function call output with call_id {id}."
                    )));
                }
                answered.insert(id);
            }
            _ => {}
        }
    }
    match calls.difference(&answered).next() {
        Some(id) => Err(Refusal::invalid(format!(
            "No tool output found for function call {id}."
        ))),
        None => Ok(()),
    }
}

fn item(reply: &Reply) -> Value {
    match reply {
        Reply::Text(text) => {
            json!({"type": "message", "id": fresh_id("msg_"), "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": text, "annotations": []}]})
        }
        Reply::Call {
            tool,
            input: Value::String(input),
        } => json!({"type": "custom_tool_call", "id": fresh_id("ctc_"),
            "call_id": fresh_id("call_"), "name": tool, "input": input, "status": "completed"}),
        Reply::Call { tool, input } => {
            json!({"type": "function_call", "id": fresh_id("fc_"), "call_id": fresh_id("call_"),
            "name": tool, "arguments": input.to_string(), "status": "completed"})
        }
    }
}

fn response(model: &str, item: &Value) -> Value {
    json!({"id": fresh_id("resp_"), "object": "response", "created_at": jiff::Timestamp::now().as_second(), "status": "completed",
           "model": model, "output": [item],
           "usage": {"input_tokens": 100, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 20,
                     "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 120}})
}

pub fn whole(request: &Request, reply: &Reply) -> Value {
    response(&request.model, &item(reply))
}

pub fn events(request: &Request, reply: &Reply, pieces: &[String]) -> Vec<Event> {
    let item = item(reply);
    let done = response(&request.model, &item);
    let mut begun = done.clone();
    begun["status"] = json!("in_progress");
    begun["output"] = json!([]);
    begun["usage"] = Value::Null;
    let mut opened = item.clone();
    opened["status"] = json!("in_progress");
    if item["type"] == "message" {
        opened["content"] = json!([]);
    }
    let mut events = vec![
        Event::named("response.created", json!({"response": begun})),
        Event::named("response.output_item.added", json!({"output_index": 0, "item": opened})),
    ];
    if item["type"] == "message" {
        events.extend(pieces.iter().map(|text| {
            let delta = json!({"item_id": item["id"], "output_index": 0, "content_index": 0, "delta": text});
            Event::piece("response.output_text.delta", delta)
        }));
    }
    events.extend([
        Event::named("response.output_item.done", json!({"output_index": 0, "item": item})),
        Event::named("response.completed", json!({"response": done})),
    ]);
    for (i, event) in events.iter_mut().enumerate() {
        event.data["type"] = json!(event.name);
        event.data["sequence_number"] = json!(i);
    }
    events
}

/// A refusal in this provider's form; the chat interface shares it.
pub fn refusal(refusal: &Refusal) -> Value {
    json!({"error": {"message": refusal.message, "type": "invalid_request_error", "param": null, "code": null}})
}
