//! Anthropic Messages, as Claude Code speaks it.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

use super::serve::{Event, fresh_id};
use super::talk::{Item, Refusal, Reply, Request, Tool};

/// What stands in a conversation, checked as the provider does.
pub fn read(body: &Value) -> Result<Request, Refusal> {
    let model = body["model"]
        .as_str()
        .ok_or_else(|| Refusal::invalid("model: Field required"))?;
    if body["max_tokens"].as_u64().is_none_or(|tokens| tokens == 0) {
        return Err(Refusal::invalid("max_tokens: Field required"));
    }
    check_thinking(body)?;
    let messages = body["messages"]
        .as_array()
        .ok_or_else(|| Refusal::invalid("messages: Field required"))?;
    Ok(Request {
        model: model.to_owned(),
        stream: body["stream"].as_bool().unwrap_or(false),
        items: conversation(messages)?,
        tools: tools(body)?,
        answer_schema: answer_schema(body),
        plan_file: plan_file(body),
    })
}

/// In what Claude Code says to the model while it plans: the last path in a directory of this name.
fn plan_file(body: &Value) -> Option<String> {
    static FILE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"/[^\s\\\x22`]+/plans/[\w-]+\.md").expect("a pattern"));
    let said = body["messages"].to_string() + &body["system"].to_string();
    FILE.find_iter(&said).last().map(|found| found.as_str().to_owned())
}

fn answer_schema(body: &Value) -> Option<Value> {
    let form = ["/output_config/format/schema", "/output_format/schema"];
    form.iter().find_map(|at| body.pointer(at)).cloned()
}

fn check_thinking(body: &Value) -> Result<(), Refusal> {
    let Some(budget) = body["thinking"]["budget_tokens"].as_u64() else {
        return Ok(());
    };
    if budget < 1024 {
        return Err(Refusal::invalid(
            "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
        ));
    }
    if body["max_tokens"].as_u64().is_some_and(|max| max <= budget) {
        return Err(Refusal::invalid(
            "`max_tokens` must be greater than `thinking.budget_tokens`.",
        ));
    }
    Ok(())
}

fn tools(body: &Value) -> Result<std::collections::BTreeMap<String, Tool>, Refusal> {
    let mut tools = std::collections::BTreeMap::new();
    for (i, tool) in body["tools"].as_array().into_iter().flatten().enumerate() {
        let name = tool["name"].as_str().unwrap_or_default();
        let is_good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || name.len() > 128 || !name.chars().all(is_good) {
            return Err(Refusal::invalid(format!(
                "tools.{i}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
            )));
        }
        // Tools of the provider's own (a web search) have a type and no schema.
        let is_custom = tool.get("type").is_none_or(|kind| kind == "custom");
        if is_custom && tool["input_schema"]["type"] != "object" {
            return Err(Refusal::invalid(format!(
                "tools.{i}.custom.input_schema.type: Field required"
            )));
        }
        if tools
            .insert(name.to_owned(), Tool::Object(tool["input_schema"].clone()))
            .is_some()
        {
            return Err(Refusal::invalid("tools: Tool names must be unique."));
        }
    }
    Ok(tools)
}

fn conversation(messages: &[Value]) -> Result<Vec<Item>, Refusal> {
    if messages.is_empty() {
        return Err(Refusal::invalid("messages: at least one message is required"));
    }
    let mut items = Vec::new();
    let mut open: BTreeSet<String> = BTreeSet::new();
    let mut breakpoints = 0;
    for (i, message) in messages.iter().enumerate() {
        let role = message["role"].as_str().unwrap_or_default();
        if !matches!(role, "user" | "assistant" | "system") {
            return Err(Refusal::invalid(format!(
                "messages.{i}.role: Input should be 'user' or 'assistant'"
            )));
        }
        // A change of the effort within a conversation comes as a system message that says nothing else.
        let only_sets = role == "system" && message["output_config"].is_object();
        let may_be_empty = only_sets || role == "assistant" && i + 1 == messages.len();
        let blocks = blocks(i, message, may_be_empty)?;
        breakpoints += blocks
            .iter()
            .filter(|block| block.get("cache_control").is_some())
            .count();
        if role == "system" {
            continue;
        }
        let answered = results(&blocks);
        if let Some(id) = answered.iter().find(|id| !open.contains(*id)) {
            return Err(Refusal::invalid(format!(
                "messages.{i}.content.0: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each `tool_result` block must have a corresponding `tool_use` block in the previous message."
            )));
        }
        if let Some(id) = open.iter().find(|id| !answered.contains(*id)) {
            return Err(Refusal::invalid(format!(
                "messages.{}: `tool_use` ids were found without `tool_result` blocks immediately after: {id}. Each `tool_use` block must have a corresponding `tool_result` block in the next message.",
                i.saturating_sub(1)
            )));
        }
        open = if role == "assistant" {
            calls(&blocks)
        } else {
            BTreeSet::new()
        };
        items.extend(read_message(role, &blocks));
    }
    if breakpoints > 4 {
        return Err(Refusal::invalid(format!(
            "A maximum of 4 blocks with cache_control may be provided. Found {breakpoints}."
        )));
    }
    Ok(items)
}

fn blocks(i: usize, message: &Value, may_be_empty: bool) -> Result<Vec<Value>, Refusal> {
    let blocks = match &message["content"] {
        Value::String(text) => vec![json!({"type": "text", "text": text})],
        Value::Array(blocks) => blocks.clone(),
        _ => return Err(Refusal::invalid(format!("messages.{i}.content: Field required"))),
    };
    if blocks.is_empty() && !may_be_empty {
        return Err(Refusal::invalid(format!(
            "messages.{i}: all messages must have non-empty content"
        )));
    }
    for (j, block) in blocks.iter().enumerate() {
        let needs: &[&str] = match block["type"].as_str().unwrap_or_default() {
            "text" if block["text"].as_str().is_none_or(str::is_empty) => {
                return Err(Refusal::invalid("messages: text content blocks must be non-empty"));
            }
            "text" => &[],
            "tool_use" => &["id", "name", "input"],
            "tool_result" => &["tool_use_id"],
            "image" | "document" => &["source"],
            "thinking" => &["thinking", "signature"],
            "redacted_thinking" => &["data"],
            // Tools that the provider runs, and references to tools that are loaded late.
            "server_tool_use" | "web_search_tool_result" | "tool_reference" | "search_result" => &[],
            other => {
                return Err(Refusal::invalid(format!(
                    "messages.{i}.content.{j}: Input tag '{other}' found using 'type' does not match any of the expected tags"
                )));
            }
        };
        if let Some(field) = needs.iter().find(|field| block.get(**field).is_none()) {
            return Err(Refusal::invalid(format!(
                "messages.{i}.content.{j}.{field}: Field required"
            )));
        }
    }
    Ok(blocks)
}

fn ids(blocks: &[Value], kind: &str, field: &str) -> BTreeSet<String> {
    let found = blocks.iter().filter(|block| block["type"] == kind);
    found
        .filter_map(|block| block[field].as_str().map(str::to_owned))
        .collect()
}

fn calls(blocks: &[Value]) -> BTreeSet<String> {
    ids(blocks, "tool_use", "id")
}

fn results(blocks: &[Value]) -> BTreeSet<String> {
    ids(blocks, "tool_result", "tool_use_id")
}

fn read_message(role: &str, blocks: &[Value]) -> Vec<Item> {
    let texts: Vec<String> = blocks
        .iter()
        .filter_map(|block| block["text"].as_str().map(str::to_owned))
        .collect();
    if role == "assistant" {
        return vec![Item::Assistant(texts.concat())];
    }
    let results = blocks.iter().filter(|block| block["type"] == "tool_result");
    let mut items: Vec<Item> = results.map(|block| Item::Result(flat(&block["content"]))).collect();
    if !texts.is_empty() {
        items.push(Item::User(texts));
    }
    items
}

/// The text of a result, which is one or has one.
pub fn flat(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts
            .iter()
            .map(|part| flat(part.get("text").unwrap_or(part)))
            .collect(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn block(reply: &Reply) -> Value {
    match reply {
        Reply::Text(text) => json!({"type": "text", "text": text}),
        Reply::Call { tool, input } => {
            json!({"type": "tool_use", "id": fresh_id("toolu_"), "name": tool, "input": input})
        }
    }
}

fn message(model: &str, reply: &Reply) -> Value {
    let stop = if matches!(reply, Reply::Call { .. }) {
        "tool_use"
    } else {
        "end_turn"
    };
    json!({"id": fresh_id("msg_"), "type": "message", "role": "assistant", "model": model, "content": [block(reply)],
           "stop_reason": stop, "stop_sequence": null,
           "usage": {"input_tokens": 100, "output_tokens": 20, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}})
}

/// The whole answer at once.
pub fn whole(request: &Request, reply: &Reply) -> Value {
    message(&request.model, reply)
}

/// The answer as events; what is said piece by piece is in `pieces`.
pub fn events(request: &Request, reply: &Reply, pieces: &[String]) -> Vec<Event> {
    let full = message(&request.model, reply);
    let mut begun = full.clone();
    begun["content"] = json!([]);
    begun["stop_reason"] = Value::Null;
    let (empty, deltas) = match reply {
        Reply::Text(_) => {
            let deltas: Vec<Value> = pieces
                .iter()
                .map(|text| json!({"type": "text_delta", "text": text}))
                .collect();
            (json!({"type": "text", "text": ""}), deltas)
        }
        Reply::Call { input, .. } => {
            let mut empty = full["content"][0].clone();
            empty["input"] = json!({});
            (
                empty,
                vec![json!({"type": "input_json_delta", "partial_json": input.to_string()})],
            )
        }
    };
    let mut events = vec![
        Event::named("message_start", json!({"type": "message_start", "message": begun})),
        Event::named(
            "content_block_start",
            json!({"type": "content_block_start", "index": 0, "content_block": empty}),
        ),
    ];
    events.extend(deltas.into_iter().map(|delta| {
        Event::piece(
            "content_block_delta",
            json!({"type": "content_block_delta", "index": 0, "delta": delta}),
        )
    }));
    events.extend([
        Event::named("content_block_stop", json!({"type": "content_block_stop", "index": 0})),
        Event::named(
            "message_delta",
            json!({"type": "message_delta", "usage": full["usage"],
                   "delta": {"stop_reason": full["stop_reason"], "stop_sequence": null}}),
        ),
        Event::named("message_stop", json!({"type": "message_stop"})),
    ]);
    events
}

/// A refusal in this provider's form.
pub fn refusal(refusal: &Refusal) -> Value {
    let kind = match refusal.status {
        401 => "authentication_error",
        404 => "not_found_error",
        _ => "invalid_request_error",
    };
    json!({"type": "error", "error": {"type": kind, "message": refusal.message}})
}
