//! The program's own record of a conversation: JSON lines in the session's home, one message a line.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::super::{LaunchContext, Recorded};
use super::{home, text};
use crate::domain::Timestamp;
use crate::domain::agent::{AgentPlace, Conversation};
use crate::domain::fault::{Fault, Kind, Result};

/// How much of a transcript's end is read for how a turn ended.
const TAIL_BYTES: u64 = 64 * 1024;
const TITLE_CHARS_MAX: usize = 80;
/// How the program names its record of a cancelled turn.
const CANCELLED: &str = "Request cancelled.";

/// Why a turn has no answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Ending {
    Cancelled,
    Error(String),
}

/// A message; lines that set fields of the conversation have no `type`.
#[derive(Deserialize)]
pub(super) struct Line {
    pub id: Option<String>,
    /// What an answer cost.
    #[serde(default)]
    pub tokens: Value,
    #[serde(rename = "type")]
    kind: Option<String>,
    timestamp: Option<Timestamp>,
    #[serde(default)]
    content: Value,
    #[serde(rename = "sessionId")]
    session_id: Option<String>,
}

impl Line {
    pub fn is(&self, kind: &str) -> bool {
        self.kind.as_deref() == Some(kind)
    }

    /// The texts of the message: a prompt that names files has more parts than its own.
    fn texts(&self) -> Vec<&str> {
        match &self.content {
            Value::String(text) => vec![text],
            Value::Array(parts) => parts.iter().filter_map(|part| part.get("text")?.as_str()).collect(),
            _ => Vec::new(),
        }
    }

    pub fn is_since(&self, since: Timestamp) -> bool {
        self.timestamp.is_some_and(|at| at >= since)
    }
}

/// How the last turn of this transcript ended, where it ended without an answer.
pub fn ending(path: &Path) -> Option<Ending> {
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok().filter(|meta| meta.is_file())?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES))).ok()?;
    let mut tail = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut tail).ok()?;
    let tail = String::from_utf8_lossy(&tail);
    for line in tail
        .lines()
        .rev()
        .filter_map(|line| serde_json::from_str::<Line>(line).ok())
    {
        let words = line.texts().join("\n");
        match line.kind.as_deref() {
            Some("error") => return Some(Ending::Error(unwrapped(&words))),
            Some("info") if words == CANCELLED => return Some(Ending::Cancelled),
            Some("user" | "gemini") => return None,
            _ => {}
        }
    }
    None
}

/// `[API Error: {"error":{"message":"…"}}]` says what matters inside.
fn unwrapped(words: &str) -> String {
    let inner = words
        .strip_prefix("[API Error: ")
        .and_then(|rest| rest.strip_suffix(']'));
    let Some(inner) = inner else { return words.to_owned() };
    let parsed: Option<Value> = serde_json::from_str(inner).ok();
    let told = parsed
        .as_ref()
        .and_then(|value| value.pointer("/error/message")?.as_str());
    let reason = parsed
        .as_ref()
        .and_then(|value| value.pointer("/error/status")?.as_str());
    match (told, reason) {
        (Some(told), Some(reason)) => format!("{told} ({reason})"),
        (Some(told), None) => told.to_owned(),
        _ => inner.to_owned(),
    }
}

/// `Absent` allows a second typing, so every file of the conversation must have been read whole.
pub fn recorded(place: &AgentPlace<'_>, prompt: &str, since: Timestamp) -> Recorded {
    let files = files_of(place);
    if files.is_empty() {
        return Recorded::Unknown;
    }
    let wanted = text::normalised(&text::prepared(prompt));
    let mut verdict = Recorded::Absent;
    for file in files {
        let Ok(lines) = lines(&file) else {
            return Recorded::Unknown;
        };
        for line in lines {
            let Some(line) = line else {
                verdict = Recorded::Unknown;
                continue;
            };
            if !line.is("user") || !line.is_since(since) {
                continue;
            }
            let texts = line.texts();
            if texts.iter().any(|taken| text::normalised(taken) == wanted) {
                return Recorded::Taken;
            }
            if !wanted.is_empty() && texts.iter().any(|taken| taken.contains(wanted.trim())) {
                verdict = Recorded::Unknown;
            }
        }
    }
    verdict
}

pub fn final_text(place: &AgentPlace<'_>, since: Timestamp) -> Option<String> {
    let mut last: Option<(Timestamp, String)> = None;
    for file in files_of(place) {
        for line in lines(&file).ok()?.into_iter().flatten() {
            let said = line.texts().join("\n");
            let newer = line.timestamp >= last.as_ref().map(|(at, _)| *at);
            if line.is("gemini") && line.is_since(since) && newer && !said.trim().is_empty() {
                last = line.timestamp.map(|at| (at, said));
            }
        }
    }
    last.map(|(_, said)| said)
}

/// The conversations of the session's home, newest first.
pub fn conversations(place: &AgentPlace<'_>) -> Vec<Conversation> {
    let mut found: Vec<Conversation> = Vec::new();
    for file in chat_files(place.session_dir) {
        let Some(conversation) = described(&file) else { continue };
        match found.iter_mut().find(|other| other.native_id == conversation.native_id) {
            Some(known) if known.last_at >= conversation.last_at => {}
            Some(known) => *known = conversation,
            None => found.push(conversation),
        }
    }
    found.sort_by_key(|conversation| std::cmp::Reverse(conversation.last_at));
    found
}

fn described(file: &Path) -> Option<Conversation> {
    let lines: Vec<Line> = lines(file).ok()?.into_iter().flatten().collect();
    let native_id = lines.first()?.session_id.clone()?;
    let prompt = lines.iter().find(|line| line.is("user"))?.texts().join(" ");
    Some(Conversation {
        native_id,
        title: prompt.lines().next()?.chars().take(TITLE_CHARS_MAX).collect(),
        last_at: lines.iter().filter_map(|line| line.timestamp).max(),
    })
}

/// A fork begins from a copy of the other session's conversation under this session's own id.
pub fn copy_for_fork(context: &LaunchContext<'_>, parent: &str) -> Result<()> {
    let own = super::native_id(context.session);
    let sessions = context.session_dir.parent().unwrap_or(context.session_dir);
    let source = std::fs::read_dir(sessions)
        .map_err(|error| super::unreadable(sessions, &error))?
        .flatten()
        .flat_map(|session| chat_files(&session.path()))
        .filter(|file| first_id(file).as_deref() == Some(parent))
        .max_by_key(|file| file.metadata().map_or(0, |meta| meta.len()));
    let source = source.ok_or_else(|| {
        Fault::new(
            Kind::NotFound,
            format!("the conversation {parent} is not there any more"),
        )
        .hint("Start a new session instead.")
    })?;
    let text = std::fs::read_to_string(&source).map_err(|error| super::unreadable(&source, &error))?;
    let folder = context.work_dir.file_name().unwrap_or_default();
    let chats = home::root(context.session_dir)
        .join(".gemini/tmp")
        .join(folder)
        .join("chats");
    home::make_dir(&chats)?;
    let name = source.file_name().and_then(|name| name.to_str()).unwrap_or("session");
    let stem = name.rsplit_once('-').map_or(name, |(stem, _)| stem);
    let target = chats.join(format!("{stem}-{}.jsonl", &own[..8]));
    if target.exists() {
        return Ok(());
    }
    home::write(&target, &text.replacen(parent, &own, 1))?;
    home::write(
        &chats.with_file_name(".project_root"),
        &context.work_dir.to_string_lossy(),
    )
}

fn first_id(file: &Path) -> Option<String> {
    let mut line = String::new();
    BufReader::new(File::open(file).ok()?).read_line(&mut line).ok()?;
    serde_json::from_str::<Line>(&line).ok()?.session_id
}

/// Files of this place's conversation: a resumed one has several.
pub(super) fn files_of(place: &AgentPlace<'_>) -> Vec<PathBuf> {
    let Some(id) = place.native_id else { return Vec::new() };
    let mut files = chat_files(place.session_dir);
    files.retain(|file| first_id(file).as_deref() == Some(id));
    files
}

fn chat_files(session_dir: &Path) -> Vec<PathBuf> {
    files_under(&home::root(session_dir).join(".gemini/tmp"))
}

/// `PROJECT/chats/*.jsonl` in this directory.
pub fn files_under(projects: &Path) -> Vec<PathBuf> {
    let folders = std::fs::read_dir(projects);
    folders
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|folder| std::fs::read_dir(folder.path().join("chats")).ok())
        .flatten()
        .flatten()
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "jsonl"))
        .collect()
}

/// Whether this is a conversation with its head and something said.
pub fn is_whole(file: &Path) -> bool {
    let lines: Vec<Line> = lines(file).unwrap_or_default().into_iter().flatten().collect();
    let has_head = lines.first().is_some_and(|line| line.session_id.is_some());
    has_head && lines.iter().any(|line| line.is("user") || line.is("gemini"))
}

/// `None` in the place of a line that cannot be read: one that is being written.
pub(super) fn lines(file: &Path) -> std::io::Result<Vec<Option<Line>>> {
    let reader = BufReader::new(File::open(file)?);
    reader
        .split(b'\n')
        .map(|line| line.map(|line| serde_json::from_slice(&line).ok()))
        .collect()
}
