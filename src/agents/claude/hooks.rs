//! Hooks: which ones a launch installs, and what they mean.

use std::path::Path;

use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::limits;
use crate::domain::Timestamp;
use crate::domain::agent::{AgentSignal, FailureKind, PromptProof};
use crate::domain::dialog::{Asker, Dialog, DialogKind};
use crate::domain::launch::DECISION_WAIT_S;

/// Events, and whether their letter has to survive a power cut: evidence, the end of a turn, a question.
const EVENTS: [(&str, bool); 6] = [
    ("SessionStart", true),
    ("UserPromptSubmit", true),
    ("PermissionRequest", true),
    ("Stop", true),
    ("StopFailure", true),
    ("PreToolUse", false),
];
/// Seconds that Claude Code waits for a hook of ours; it takes milliseconds.
const TIMEOUT_S: u64 = 15;
/// The hook that waits for a person's decision. Claude Code shows its dialog meanwhile, and takes what comes first.
const DECIDES: &str = "PermissionRequest";
/// Characters of a command that a decision may be about.
const SUBJECT_CHARS_MAX: usize = 4000;
/// Set by `telecoder hook` where a payload was too long for a letter.
const CUT: &str = "telecoderCut";
/// Characters of a tool's input that a progress line shows.
const DETAIL_CHARS_MAX: usize = 200;

/// The `hooks` of a settings file. They stand beside the person's own ones.
pub fn installed(telecoder: &Path, decisions: &Path) -> Value {
    // A path without quotes that a shell cannot read is a path with NUL, which no path has.
    let quoted = |path: &Path| {
        shlex::try_quote(&path.to_string_lossy())
            .unwrap_or_default()
            .into_owned()
    };
    let (program, decisions) = (quoted(telecoder), quoted(decisions));
    let mut hooks = Map::new();
    for (event, synced) in EVENTS {
        let sync = if synced { " --sync" } else { "" };
        let mut command = format!("{program} hook {event}{sync}");
        let mut timeout = TIMEOUT_S;
        if event == DECIDES {
            command.push_str(&format!(" --decisions {decisions}"));
            timeout += DECISION_WAIT_S;
        }
        let hook = json!({ "type": "command", "command": command, "timeout": timeout });
        hooks.insert(event.into(), json!([{ "hooks": [hook] }]));
    }
    Value::Object(hooks)
}

pub fn interpret(event: &str, data: &Value, at: Timestamp) -> AgentSignal {
    // A sub-agent's hooks carry its id and the session's. They tell of its own work; only a question of its stands on the screen.
    let by_subagent = text(data, "agent_id").is_some_and(|id| !id.is_empty());
    match event {
        "PermissionRequest" => AgentSignal::DialogOpened(asked(data)),
        _ if by_subagent => AgentSignal::Nothing,
        "SessionStart" => AgentSignal::Started {
            native_id: text(data, "session_id"),
        },
        "UserPromptSubmit" => submitted(data),
        "PreToolUse" => AgentSignal::Progress {
            tool: text(data, "tool_name").unwrap_or_default(),
            detail: detail(data),
        },
        "Stop" => AgentSignal::TurnEnded {
            final_text: text(data, "last_assistant_message"),
        },
        "StopFailure" => failed(data, at),
        _ => AgentSignal::Nothing,
    }
}

fn submitted(data: &Value) -> AgentSignal {
    let Some(prompt) = text(data, "prompt") else {
        return AgentSignal::Nothing;
    };
    let cut = data.get(CUT).and_then(Value::as_array);
    let is_cut = cut.is_some_and(|fields| fields.iter().any(|field| field == "prompt"));
    AgentSignal::PromptAccepted {
        prompt: match is_cut {
            true => PromptProof::Beginning(prompt),
            false => PromptProof::Text(prompt),
        },
    }
}

/// What a hook knows of a dialog before it is drawn. Its choices come with the screen.
fn asked(data: &Value) -> Dialog {
    let tool = text(data, "tool_name").unwrap_or_default();
    let (kind, question) = match tool.as_str() {
        "AskUserQuestion" => (DialogKind::Question, "The agent asks".to_owned()),
        "ExitPlanMode" => (DialogKind::Plan, "Carry out this plan?".to_owned()),
        tool => (DialogKind::Permission, format!("May it use {tool}?")),
    };
    let mut dialog = Dialog::new(kind, &question, &detail(data), Vec::new());
    dialog.asker = asker(data, kind);
    dialog
}

/// What the hook asks about, where it is known whole.
fn asker(data: &Value, kind: DialogKind) -> Option<Asker> {
    if data.get(CUT).is_some() {
        return None;
    }
    let input = data.get("tool_input")?;
    let subject = match kind {
        DialogKind::Question => input.pointer("/questions/0/question")?.as_str()?.to_owned(),
        DialogKind::Permission => subject(input)?,
        _ => return None,
    };
    let is_whole = subject.chars().count() <= SUBJECT_CHARS_MAX;
    is_whole.then(|| Asker {
        letter: None,
        subject,
        input: match kind {
            DialogKind::Question => input.clone(),
            _ => Value::Null,
        },
    })
}

/// The command or the address; of a file its name, which is what the dialog asks about.
fn subject(input: &Value) -> Option<String> {
    let whole = ["command", "url", "query"].iter().find_map(|key| text(input, key));
    let file = || {
        let path = text(input, "file_path")?;
        Some(Path::new(&path).file_name()?.to_string_lossy().into_owned())
    };
    whole.or_else(file)
}

fn detail(data: &Value) -> String {
    let input = data.get("tool_input").unwrap_or(&Value::Null);
    let known = ["command", "file_path", "url", "query", "pattern", "plan", "description"];
    let first = known.iter().find_map(|key| text(input, key));
    first.unwrap_or_default().chars().take(DETAIL_CHARS_MAX).collect()
}

fn failed(data: &Value, at: Timestamp) -> AgentSignal {
    let words = text(data, "last_assistant_message")
        .or_else(|| text(data, "error"))
        .unwrap_or_else(|| "the agent's turn failed".to_owned());
    let kind = match text(data, "error").as_deref() {
        Some("rate_limit" | "usage_limit" | "billing_error") => {
            let until = limits::until(&words, &at.to_zoned(TimeZone::system()));
            FailureKind::Limit { until }
        }
        Some("authentication_failed" | "oauth_org_not_allowed") => FailureKind::Login,
        Some("model_not_found") => FailureKind::Model,
        Some("server_error" | "overloaded") => FailureKind::Provider,
        _ if is_context_full(&words) => FailureKind::ContextFull,
        _ => FailureKind::Other,
    };
    AgentSignal::Failed { kind, text: words }
}

fn is_context_full(words: &str) -> bool {
    let words = words.to_lowercase();
    words.contains("prompt is too long") || words.contains("context limit") || words.contains("context window")
}

fn text(data: &Value, key: &str) -> Option<String> {
    data.get(key)?.as_str().map(str::to_owned)
}
