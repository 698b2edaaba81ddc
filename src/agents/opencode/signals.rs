//! What the plugin's letters say. Their names are ours, after the events of docs/agents.md where those exist.

use serde_json::Value;

use super::question;
use crate::agents::screens::OWN_WORDS;
use crate::agents::signal;
use crate::domain::Timestamp;
use crate::domain::agent::{AgentSignal, FailureKind};
use crate::domain::dialog::{Dialog, DialogChoice, DialogKind};

/// Characters of a tool's arguments that progress shows.
const DETAIL_CHARS_MAX: usize = 300;

pub fn interpret(event: &str, data: &Value) -> AgentSignal {
    match event {
        "PermissionRequest" => AgentSignal::DialogOpened(permission(data)),
        "Question" => AgentSignal::DialogOpened(question(data)),
        "PreToolUse" => AgentSignal::Progress {
            tool: text(data, "tool_name"),
            detail: argument(data.get("tool_input").unwrap_or(&Value::Null)),
        },
        "Limit" => AgentSignal::Limited {
            text: text(data, "message"),
            until: text(data, "until").parse::<Timestamp>().ok(),
        },
        "Failure" => AgentSignal::Failed {
            kind: failure(data),
            text: text(data, "message"),
        },
        other => signal::interpret(other, data),
    }
}

fn text(data: &Value, key: &str) -> String {
    data.get(key).and_then(Value::as_str).unwrap_or("").to_owned()
}

fn failure(data: &Value) -> FailureKind {
    let (kind, message) = (text(data, "kind"), text(data, "message"));
    let has = |parts: &[&str]| parts.iter().any(|part| message.contains(part));
    match (kind.as_str(), data.get("status").and_then(Value::as_u64)) {
        ("ContextOverflowError", _) => FailureKind::ContextFull,
        ("ProviderAuthError", _) | (_, Some(401 | 403)) => FailureKind::Login,
        ("ProviderModelNotFoundError", _) => FailureKind::Model,
        _ if has(&[
            "does not exist or you do not have access",
            "model not found",
            "is not supported",
        ]) =>
        {
            FailureKind::Model
        }
        (_, Some(408 | 429 | 500..)) => FailureKind::Provider,
        _ if has(&["Unable to connect", "ECONNREFUSED", "fetch failed"]) => FailureKind::Provider,
        _ => FailureKind::Other,
    }
}

/// The choices come with the screen.
fn permission(data: &Value) -> Dialog {
    let patterns = data.get("patterns").and_then(Value::as_array);
    let patterns = patterns.into_iter().flatten().filter_map(Value::as_str);
    let detail = match argument(data.get("tool_input").unwrap_or(&Value::Null)) {
        detail if detail.is_empty() => patterns.collect::<Vec<_>>().join("\n"),
        detail => detail,
    };
    let question = format!("Permission required: {}", text(data, "tool_name"));
    Dialog::new(DialogKind::Permission, &question, &detail, Vec::new())
}

/// As it will be drawn: the first question, the short names of all of them above it.
fn question(data: &Value) -> Dialog {
    let all = data
        .get("questions")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let first = all.first().unwrap_or(&Value::Null);
    let options = first.get("options").and_then(Value::as_array);
    let choices = options
        .into_iter()
        .flatten()
        .enumerate()
        .map(|(at, option)| DialogChoice::new(&(at + 1).to_string(), &text(option, "label"), None));
    let mut choices: Vec<DialogChoice> = choices.collect();
    let is_on = |key: &str| first.get(key).and_then(Value::as_bool);
    let takes_text = is_on("custom") != Some(false);
    if takes_text {
        let mut own = DialogChoice::new(&(choices.len() + 1).to_string(), OWN_WORDS, None);
        own.own_words = true;
        choices.push(own);
    }
    let names: Vec<String> = all.iter().map(|question| text(question, "header")).collect();
    let detail = question::other_tabs(&names.join("   ")).unwrap_or_default();
    let mut dialog = Dialog::new(DialogKind::Question, &text(first, "question"), &detail, choices);
    dialog.multi = is_on("multiple") == Some(true);
    dialog.free_text = takes_text;
    dialog
}

/// The argument that says most: what is run, read, written or fetched.
fn argument(input: &Value) -> String {
    let names = [
        "command",
        "filePath",
        "filepath",
        "path",
        "pattern",
        "query",
        "description",
        "url",
    ];
    let found = names
        .into_iter()
        .map(|name| text(input, name))
        .find(|text| !text.is_empty());
    found.unwrap_or_default().chars().take(DETAIL_CHARS_MAX).collect()
}
