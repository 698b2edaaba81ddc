//! The hook events that agents of our own kinds send (`telecoder hook EVENT`, JSON on stdin) and what they mean.
//! docs/agents.md is the manual for people who wire up an agent of their own.

use serde_json::Value;

use crate::domain::agent::{AgentSignal, FailureKind, PromptProof};
use crate::domain::dialog::{Asker, Dialog, DialogChoice, DialogKind, Meaning};

pub const SESSION_START: &str = "SessionStart";
pub const USER_PROMPT_SUBMIT: &str = "UserPromptSubmit";
pub const PERMISSION_REQUEST: &str = "PermissionRequest";
pub const PERMISSION_RESOLVED: &str = "PermissionResolved";
pub const STOP: &str = "Stop";
pub const STOP_FAILURE: &str = "StopFailure";
pub const INTERRUPTED: &str = "Interrupted";
pub const LIMIT: &str = "Limit";
pub const PRE_TOOL_USE: &str = "PreToolUse";

/// Meaning of an event. An unknown one, or one without what it must say, means nothing.
pub fn interpret(event: &str, data: &Value) -> AgentSignal {
    match event {
        SESSION_START => AgentSignal::Started {
            native_id: text(data, "session_id"),
        },
        USER_PROMPT_SUBMIT => match prompt_proof(data) {
            Some(prompt) => AgentSignal::PromptAccepted { prompt },
            None => AgentSignal::Nothing,
        },
        PERMISSION_REQUEST => {
            let question = question(data);
            let mut opened = dialog(&question, &choices(data));
            opened.asker = Some(Asker {
                letter: None,
                subject: question,
                input: Value::Null,
            });
            AgentSignal::DialogOpened(opened)
        }
        PERMISSION_RESOLVED => AgentSignal::DialogClosed,
        STOP => AgentSignal::TurnEnded {
            final_text: text(data, "last_assistant_message"),
        },
        STOP_FAILURE => failure(data),
        INTERRUPTED => AgentSignal::TurnInterrupted,
        LIMIT => AgentSignal::Limited {
            text: text(data, "message").unwrap_or_else(|| "the agent says that its usage limit is reached".into()),
            until: text(data, "until").and_then(|at| at.parse().ok()),
        },
        PRE_TOOL_USE => AgentSignal::Progress {
            tool: data["tool_name"].as_str().unwrap_or("a tool").to_owned(),
            detail: data["detail"].as_str().unwrap_or_default().to_owned(),
        },
        _ => AgentSignal::Nothing,
    }
}

/// What the hook of a permission prints: the person's decision.
pub fn decision(allows: bool) -> String {
    serde_json::json!({ "decision": if allows { "allow" } else { "deny" } }).to_string()
}

/// What a hook of a permission has printed.
pub fn decided(text: &str) -> Option<bool> {
    let value: Value = serde_json::from_str(text).ok()?;
    match value.get("decision")?.as_str()? {
        "allow" => Some(true),
        "deny" => Some(false),
        _ => None,
    }
}

fn failure(data: &Value) -> AgentSignal {
    let error = text(data, "error").unwrap_or_default();
    let until = || text(data, "until").and_then(|at| at.parse().ok());
    AgentSignal::Failed {
        kind: match error.as_str() {
            "limit" => FailureKind::Limit { until: until() },
            "login" => FailureKind::Login,
            "model" => FailureKind::Model,
            "context_full" => FailureKind::ContextFull,
            "provider" => FailureKind::Provider,
            _ => FailureKind::Other,
        },
        text: text(data, "last_assistant_message").unwrap_or(error),
    }
}

/// A dialog of the kind that these agents show: choices by their numbers, Yes and No by their words.
pub fn dialog(question: &str, labels: &[String]) -> Dialog {
    let choices = labels
        .iter()
        .enumerate()
        .map(|(i, label)| DialogChoice::new(&(i + 1).to_string(), label, meaning(label)));
    Dialog::new(DialogKind::Permission, question, "", choices.collect())
}

fn meaning(label: &str) -> Option<Meaning> {
    match label.split([',', ' ']).next()? {
        "Yes" => Some(Meaning::Allow),
        "No" => Some(Meaning::Deny),
        _ => None,
    }
}

fn text(data: &Value, key: &str) -> Option<String> {
    data.get(key)?.as_str().map(str::to_owned)
}

fn prompt_proof(data: &Value) -> Option<PromptProof> {
    if let Some(prompt) = text(data, "prompt") {
        return Some(PromptProof::Text(prompt));
    }
    Some(PromptProof::Digest {
        sha256_hex: text(data, "prompt_sha256")?,
        bytes: data.get("prompt_bytes")?.as_u64()?,
    })
}

/// What the dialog asks: the tool's question or command, else the event's message, else the tool.
fn question(data: &Value) -> String {
    let input = data.get("tool_input").unwrap_or(&Value::Null);
    text(input, "question")
        .or_else(|| text(input, "command"))
        .or_else(|| text(data, "message"))
        .or_else(|| text(data, "tool_name").map(|tool| format!("permission for {tool}")))
        .unwrap_or_else(|| "the agent asks for permission".into())
}

fn choices(data: &Value) -> Vec<String> {
    let Some(list) = data.get("choices").and_then(Value::as_array) else {
        return Vec::new();
    };
    list.iter()
        .filter_map(|choice| choice.as_str().map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(event: &str, data: Value, expected: AgentSignal) {
        assert_eq!(interpret(event, &data), expected);
    }

    #[test]
    fn events_and_their_meaning() {
        check(
            "SessionStart",
            json!({"session_id": "u"}),
            AgentSignal::Started {
                native_id: Some("u".into()),
            },
        );
        check(
            "Stop",
            json!({"last_assistant_message": "done"}),
            AgentSignal::TurnEnded {
                final_text: Some("done".into()),
            },
        );
        check("Stop", json!({}), AgentSignal::TurnEnded { final_text: None });
        check("Interrupted", json!({}), AgentSignal::TurnInterrupted);
        let failed = AgentSignal::Failed {
            kind: FailureKind::Login,
            text: "log in".into(),
        };
        check(
            "StopFailure",
            json!({"error": "login", "last_assistant_message": "log in"}),
            failed,
        );
        check("Whatever", json!({"prompt": "x"}), AgentSignal::Nothing);
        check(
            "Limit",
            json!({"message": "resets 15:00"}),
            AgentSignal::Limited {
                text: "resets 15:00".into(),
                until: None,
            },
        );
    }

    #[test]
    fn a_prompt_comes_as_text_or_digest_or_not_at_all() {
        let accepted = |prompt| AgentSignal::PromptAccepted { prompt };
        let proof = PromptProof::Text("a\n".into());
        check("UserPromptSubmit", json!({"prompt": "a\n"}), accepted(proof));
        let proof = PromptProof::Digest {
            sha256_hex: "00".into(),
            bytes: 7,
        };
        let digest = json!({"prompt_sha256": "00", "prompt_bytes": 7, "prompt_head": "a"});
        check("UserPromptSubmit", digest, accepted(proof));
        check("UserPromptSubmit", json!({"prompt_sha256": "00"}), AgentSignal::Nothing);
        check("UserPromptSubmit", json!({"prompt": 3}), AgentSignal::Nothing);
    }

    #[test]
    fn a_dialog_says_what_it_asks() {
        let data = json!({"tool_name": "Bash", "tool_input": {"command": "ls"}, "choices": ["Yes", "No"]});
        let asked = |question: &str, labels: &[String]| {
            let mut dialog = dialog(question, labels);
            dialog.asker = Some(Asker {
                letter: None,
                subject: question.to_owned(),
                input: Value::Null,
            });
            AgentSignal::DialogOpened(dialog)
        };
        check("PermissionRequest", data, asked("ls", &["Yes".into(), "No".into()]));
        check(
            "PermissionRequest",
            json!({"tool_name": "Bash"}),
            asked("permission for Bash", &[]),
        );
    }

    #[test]
    fn a_decision_is_read_as_it_was_written() {
        assert_eq!(decided(&decision(true)), Some(true));
        assert_eq!(decided(&decision(false)), Some(false));
        assert_eq!(decided(""), None);
        assert_eq!(decided("{\"decision\":\"maybe\"}"), None);
    }
}
