//! Claude Code's own record of a conversation: one JSON object a line, appended as it goes.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde_json::Value;

use super::place::Home;
use super::text::{normalised, prepared};
use crate::agents::Recorded;
use crate::domain::Timestamp;
use crate::domain::agent::Conversation;

/// Characters of a conversation's title.
const TITLE_CHARS_MAX: usize = 80;
/// Conversations that are looked into for a list.
const CONVERSATIONS_MAX: usize = 50;

/// `Absent` allows the prompt to be typed again, so it is said only when nothing speaks against it: a prompt that holds the text and
/// more, one that waits in the agent's own queue, and a torn last line are `Unknown`.
pub fn recorded(path: &Path, text: &str, since: Timestamp) -> std::io::Result<Recorded> {
    let wanted = [normalised(&prepared(text)), normalised(text)];
    let mut verdict = Recorded::Absent;
    let torn = for_each(path, |record| {
        if at(record).is_some_and(|at| at < since) {
            return true;
        }
        if let Some(prompt) = prompt(record) {
            let prompt = normalised(&prompt);
            if wanted.contains(&prompt) {
                verdict = Recorded::Taken;
                return false;
            }
            if prompt.contains(&wanted[1]) {
                verdict = Recorded::Unknown;
            }
        } else if waiting(record).is_some_and(|waiting| normalised(&waiting).contains(&wanted[1])) {
            verdict = Recorded::Unknown;
        }
        true
    })?;
    Ok(match verdict {
        Recorded::Absent if torn => Recorded::Unknown,
        verdict => verdict,
    })
}

/// Whether the last prompt with this text since then went from the agent's queue into the running turn, or began one. `None`: it
/// is in the queue, or not written yet.
pub fn went_into_turn(path: &Path, text: &str, since: Timestamp) -> Option<bool> {
    let wanted = [normalised(&prepared(text)), normalised(text)];
    let mut verdict = None;
    for_each(path, |record| {
        let is_new = at(record).is_none_or(|at| at >= since);
        if is_new && prompt(record).is_some_and(|prompt| wanted.contains(&normalised(&prompt))) {
            verdict = Some(record["type"] == "attachment");
        }
        true
    })
    .ok()?;
    verdict
}

/// Whether there is anything to go on with. Claude Code writes its record a little late: one that was killed right after its first
/// turn leaves a head without a prompt, which it neither resumes nor begins anew.
pub fn holds_a_prompt(path: &Path) -> bool {
    let mut found = false;
    let read = for_each(path, |record| {
        found = prompt(record).is_some();
        !found
    });
    read.is_ok() && found
}

/// The text of the last answer since then.
pub fn final_text(path: &Path, since: Timestamp) -> Option<String> {
    let mut last = None;
    for_each(path, |record| {
        let own = record["type"] == "assistant" && record["isSidechain"] != true;
        if own
            && at(record).is_some_and(|at| at >= since)
            && let Some(text) = content(&record["message"]["content"])
        {
            last = Some(text);
        }
        true
    })
    .ok()?;
    last
}

/// What was begun in this directory and can be resumed, newest first.
pub fn conversations(home: &Home, work_dir: &Path) -> Vec<Conversation> {
    let Ok(entries) = std::fs::read_dir(home.project(work_dir)) else {
        return Vec::new();
    };
    let mut files: Vec<_> = entries
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "jsonl"))
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    files.sort();
    files
        .into_iter()
        .rev()
        .take(CONVERSATIONS_MAX)
        .filter_map(|(_, path)| conversation(&path))
        .collect()
}

fn conversation(path: &Path) -> Option<Conversation> {
    let (mut title, mut last_at) = (None, None);
    for_each(path, |record| {
        last_at = at(record).or(last_at);
        if title.is_none() {
            title = prompt(record);
        }
        true
    })
    .ok()?;
    let title = title?;
    let line = title.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    Some(Conversation {
        native_id: path.file_stem()?.to_str()?.to_owned(),
        title: line.trim().chars().take(TITLE_CHARS_MAX).collect(),
        last_at,
    })
}

/// Calls `take` with each record until it returns false. True when the last line is torn.
pub(super) fn for_each(path: &Path, mut take: impl FnMut(&Value) -> bool) -> std::io::Result<bool> {
    let mut reader = BufReader::new(File::open(path)?);
    let mut line = Vec::new();
    let mut torn = false;
    while reader.read_until(b'\n', &mut line)? > 0 {
        match serde_json::from_slice(&line) {
            Ok(record) => {
                if !take(&record) {
                    return Ok(false);
                }
            }
            Err(_) => torn = true,
        }
        line.clear();
    }
    Ok(torn)
}

/// A prompt that the model got. What the agent adds by itself (tool results, notes of its own) is none.
fn prompt(record: &Value) -> Option<String> {
    let own = record["isSidechain"] != true && record["isMeta"] != true;
    match record["type"].as_str()? {
        "user" if own => content(&record["message"]["content"]),
        // Taken from the queue into the running turn.
        "attachment" if record["attachment"]["type"] == "queued_command" => content(&record["attachment"]["prompt"]),
        _ => None,
    }
}

fn waiting(record: &Value) -> Option<String> {
    let is_new = record["type"] == "queue-operation" && record["operation"] == "enqueue";
    is_new.then(|| content(&record["content"]))?
}

fn content(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => {
            let texts: Vec<&str> = parts
                .iter()
                .filter(|part| part["type"] == "text")
                .filter_map(|part| part["text"].as_str())
                .collect();
            (!texts.is_empty()).then(|| texts.join("\n"))
        }
        _ => None,
    }
}

fn at(record: &Value) -> Option<Timestamp> {
    record["timestamp"].as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn user(text: &str, second: i64) -> String {
        json!({"type": "user", "isSidechain": false, "timestamp": time(second).to_string(),
            "message": {"role": "user", "content": text}})
        .to_string()
            + "\n"
    }

    fn time(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn file(lines: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), lines).unwrap();
        file
    }

    #[track_caller]
    fn check(lines: &str, text: &str, expected: Recorded) {
        assert_eq!(
            recorded(file(lines).path(), text, time(10)).unwrap(),
            expected,
            "{lines}"
        );
    }

    #[test]
    fn the_record_decides_what_was_taken() {
        check(&user("fix it", 12), "fix it", Recorded::Taken);
        check(&user("fix it", 5), "fix it", Recorded::Absent);
        check(&user("> /help me", 12), "/help me", Recorded::Taken);
        check(&user("please fix it now", 12), "fix it", Recorded::Unknown);
        check(&(user("other", 12) + "{\"type\":\"us"), "fix it", Recorded::Unknown);
        let queued = json!({"type": "queue-operation", "operation": "enqueue", "timestamp": time(12).to_string(), "content": "fix it"});
        check(&format!("{queued}\n"), "fix it", Recorded::Unknown);
        let taken = json!({"type": "attachment", "timestamp": time(13).to_string(),
            "attachment": {"type": "queued_command", "prompt": "fix it"}});
        check(&format!("{queued}\n{taken}\n"), "fix it", Recorded::Taken);
        let went = |lines: String| went_into_turn(file(&lines).path(), "fix it", time(10));
        assert_eq!(went(format!("{queued}\n")), None);
        assert_eq!(went(format!("{queued}\n{taken}\n")), Some(true));
        assert_eq!(went(format!("{queued}\n{}", user("fix it", 14))), Some(false));
        let result = json!({"type": "user", "timestamp": time(12).to_string(),
            "message": {"content": [{"type": "tool_result", "content": "fix it"}]}});
        check(&format!("{result}\n"), "fix it", Recorded::Absent);
    }

    #[test]
    fn the_last_answer_is_found() {
        let answer = |text: &str, second: i64, side: bool| {
            json!({"type": "assistant", "isSidechain": side, "timestamp": time(second).to_string(),
                "message": {"content": [{"type": "text", "text": text}, {"type": "tool_use"}]}})
            .to_string()
                + "\n"
        };
        let lines = answer("old", 5, false)
            + &answer("half", 12, false)
            + &answer("done", 13, false)
            + &answer("side", 14, true);
        assert_eq!(final_text(file(&lines).path(), time(10)).as_deref(), Some("done"));
        assert_eq!(final_text(file(&lines).path(), time(20)), None);
    }
}
