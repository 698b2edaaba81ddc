//! What the program's hooks say.

use std::path::{Component, Path};

use serde_json::Value;

use super::transcript::{self, Ending};
use crate::domain::agent::{AgentSignal, FailureKind, PromptProof};
use crate::domain::dialog::{Dialog, DialogKind};
use crate::domain::text::sha256_hex;

/// The events that the session's settings hook, and whether their letters must survive a power cut.
pub const HOOKED: &[(&str, bool)] = &[
    ("SessionStart", false),
    ("BeforeAgent", true),
    ("AfterAgent", true),
    ("Notification", true),
    ("BeforeTool", false),
];
/// What stands for the answer of a turn that has none: it was cut short, or the provider refused.
const NO_TEXT: &str = "[no response text]";
/// Characters of a tool's arguments that progress shows.
const DETAIL_CHARS_MAX: usize = 300;

pub fn interpret(event: &str, data: &Value) -> AgentSignal {
    match event {
        "SessionStart" => AgentSignal::Started {
            native_id: text(data, "session_id"),
        },
        "BeforeAgent" => match text(data, "prompt") {
            Some(prompt) => AgentSignal::PromptAccepted {
                prompt: if is_cut(data, "prompt") {
                    PromptProof::Beginning(prompt)
                } else {
                    PromptProof::Text(prompt)
                },
            },
            None => AgentSignal::Nothing,
        },
        "AfterAgent" => match text(data, "prompt_response").filter(|text| text != NO_TEXT) {
            Some(final_text) => AgentSignal::TurnEnded {
                final_text: Some(final_text),
            },
            None => without_answer(data),
        },
        "Notification" if text(data, "notification_type").as_deref() == Some("ToolPermission") => {
            AgentSignal::DialogOpened(permission(data))
        }
        "BeforeTool" => AgentSignal::Progress {
            tool: text(data, "tool_name").unwrap_or_default(),
            detail: argument(data.get("tool_input").unwrap_or(&Value::Null)),
        },
        _ => AgentSignal::Nothing,
    }
}

/// It has no ids of turns, but its hooks at both ends of one hold the prompt. Two turns with one text are not told apart.
pub fn turn_of(data: &Value) -> Option<String> {
    let prompt = text(data, "prompt").filter(|_| !is_cut(data, "prompt"))?;
    Some(sha256_hex(prompt.as_bytes()))
}

fn text(data: &Value, key: &str) -> Option<String> {
    data.get(key)?.as_str().map(str::to_owned)
}

/// `telecoder hook` cut this field of a payload that did not fit a letter.
fn is_cut(data: &Value, field: &str) -> bool {
    let cut = data.get("telecoderCut").and_then(Value::as_array);
    cut.is_some_and(|names| names.iter().any(|name| name == field))
}

/// The hook does not say why there is no answer; the transcript does.
fn without_answer(data: &Value) -> AgentSignal {
    let path = text(data, "transcript_path").unwrap_or_default();
    match own_transcript(Path::new(&path)).and_then(transcript::ending) {
        Some(Ending::Cancelled) => AgentSignal::TurnInterrupted,
        Some(Ending::Error(words)) => AgentSignal::Failed {
            kind: failure(&words),
            text: words,
        },
        None => AgentSignal::TurnEnded { final_text: None },
    }
}

/// The path comes from the agent's side: only a transcript in a session's own home is looked at.
fn own_transcript(path: &Path) -> Option<&Path> {
    let plain = path.components().all(|part| part != Component::ParentDir);
    let parts: Vec<_> = path.iter().rev().take(6).collect();
    let names = [(1, "chats"), (3, "tmp"), (4, ".gemini"), (5, super::home::DIR)];
    let placed = names
        .into_iter()
        .all(|(at, name)| parts.get(at).is_some_and(|part| *part == name));
    (path.is_absolute() && plain && placed).then_some(path)
}

fn failure(words: &str) -> FailureKind {
    let has = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
    if has(&[
        "API_KEY_INVALID",
        "API key not valid",
        "UNAUTHENTICATED",
        "PERMISSION_DENIED",
        "invalid_grant",
    ]) {
        FailureKind::Login
    } else if has(&["exceeds the maximum number of tokens"]) {
        FailureKind::ContextFull
    } else if has(&[
        "was not found or is invalid",
        "is not found for API version",
        "NOT_FOUND",
    ]) {
        FailureKind::Model
    } else if has(&[
        "RESOURCE_EXHAUSTED",
        "UNAVAILABLE",
        "INTERNAL",
        "overloaded",
        "fetch failed",
        "ECONNREFUSED",
    ]) {
        FailureKind::Provider
    } else {
        FailureKind::Other
    }
}

/// The choices come with the screen.
fn permission(data: &Value) -> Dialog {
    let details = data.get("details").unwrap_or(&Value::Null);
    let question = text(details, "title").or_else(|| text(data, "message"));
    let detail = argument(details);
    Dialog::new(
        DialogKind::Permission,
        question.as_deref().unwrap_or("permission"),
        &detail,
        Vec::new(),
    )
}

/// The argument that says most: what is run, read, written or fetched.
fn argument(input: &Value) -> String {
    let names = [
        "command",
        "file_path",
        "filePath",
        "fileName",
        "path",
        "pattern",
        "query",
        "prompt",
        "url",
    ];
    let found = names.into_iter().find_map(|name| text(input, name)).unwrap_or_default();
    found.chars().take(DETAIL_CHARS_MAX).collect()
}
