//! Codex's transcript of a conversation: `<home>/sessions/YYYY/MM/DD/rollout-<time>-<id>.jsonl`, one record a line, only appended.
//!
//! Side conversations (the one that finds a title) leave no such file.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::Deserialize;

/// The newest files that are looked at where a place is searched, not an id.
const FILES_MAX: usize = 200;
/// A line that is longer is no record of ours to read (a tool's output, a picture).
const LINE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Of a transcript this much is read, from its end: one of a long conversation has many megabytes.
const TAIL_BYTES: u64 = 8 * 1024 * 1024;
/// Records that are read; every other line is skipped without being parsed.
const NEEDLES: [&str; 6] = [
    "\"UserMessage\"",
    "\"Plan\"",
    "\"user_message\"",
    "\"task_started\"",
    "\"task_complete\"",
    "\"turn_aborted\"",
];

/// What a line says, as far as it concerns us.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    Prompt {
        text: String,
        at: Timestamp,
    },
    Began {
        at: Timestamp,
    },
    Ended {
        end: End,
        at: Timestamp,
    },
    /// What the agent proposes to do, while it plans. It is no message of the agent's, so the end of such a turn has none.
    Plan {
        text: String,
        at: Timestamp,
    },
    /// A line that cannot be read: torn by a crash, or too long.
    Torn,
    /// What was recorded before this time is not among the records.
    Cut {
        before: Timestamp,
    },
}

impl Record {
    pub fn at(&self) -> Option<Timestamp> {
        match self {
            Record::Prompt { at, .. } | Record::Began { at } | Record::Ended { at, .. } | Record::Plan { at, .. } => {
                Some(*at)
            }
            Record::Torn | Record::Cut { .. } => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum End {
    Done { last_message: Option<String> },
    Error { message: String, kind: String },
    Aborted,
}

#[derive(Deserialize)]
struct Line {
    timestamp: Timestamp,
    payload: Payload,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Payload {
    ItemCompleted {
        item: Item,
    },
    /// As older versions wrote it.
    UserMessage {
        message: String,
    },
    TaskStarted,
    TaskComplete {
        last_agent_message: Option<String>,
        error: Option<Failure>,
    },
    TurnAborted,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Item {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    content: Vec<Part>,
    #[serde(default)]
    text: String,
}

#[derive(Deserialize)]
struct Part {
    #[serde(default)]
    text: String,
}

#[derive(Deserialize)]
struct Failure {
    message: String,
    #[serde(default)]
    codex_error_info: serde_json::Value,
}

/// The first line of a file.
#[derive(Debug, Deserialize)]
pub struct Meta {
    pub id: String,
    pub cwd: PathBuf,
}

#[derive(Deserialize)]
struct MetaLine {
    payload: Meta,
}

/// The file of a conversation. Its id holds the time of its beginning, so that one or two directories are looked at; an id of
/// another make is looked for everywhere.
pub fn find(home: &Path, id: &str) -> Option<PathBuf> {
    let sessions = home.join("sessions");
    let suffix = format!("-{id}.jsonl");
    let is_it = |path: &PathBuf| path.to_string_lossy().ends_with(&suffix);
    let near = began(id).into_iter().flat_map(|at| days_around(at.date()));
    let near = near.flat_map(|day| files_in(&sessions.join(day.strftime("%Y/%m/%d").to_string())));
    near.into_iter()
        .find(is_it)
        .or_else(|| all_files(&sessions).into_iter().find(is_it))
}

/// The newest conversations that began in `work_dir`, newest first.
pub fn of_place(home: &Path, work_dir: &Path) -> Vec<(Meta, PathBuf)> {
    let mut files = all_files(&home.join("sessions"));
    files.sort_unstable_by(|a, b| b.file_name().cmp(&a.file_name()));
    let with_meta = files
        .into_iter()
        .take(FILES_MAX)
        .filter_map(|path| Some((meta(&path)?, path)));
    with_meta.filter(|(meta, _)| meta.cwd == work_dir).collect()
}

pub fn meta(path: &Path) -> Option<Meta> {
    let mut line = Vec::new();
    BufReader::new(File::open(path).ok()?)
        .read_until(b'\n', &mut line)
        .ok()?;
    Some(serde_json::from_slice::<MetaLine>(&line).ok()?.payload)
}

/// The records at the end of a file, in their order. Of a long one the beginning is left out, and `Cut` stands in its place.
pub fn read(path: &Path) -> std::io::Result<Vec<Record>> {
    let mut file = File::open(path)?;
    let before = file.metadata()?.len().saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(before))?;
    let mut reader = BufReader::new(file);
    let mut records = Vec::new();
    if before > 0 {
        reader.skip_until(b'\n')?;
        records.push(Record::Cut { before: Timestamp::MAX });
    }
    each_record(&mut reader, |record| {
        if let [Record::Cut { before }] = records.as_mut_slice() {
            *before = record.at().unwrap_or(*before);
        }
        records.push(record);
        true
    })?;
    Ok(records)
}

/// The first prompt of a conversation.
pub fn first_prompt(path: &Path) -> Option<String> {
    let mut reader = BufReader::new(File::open(path).ok()?);
    let mut found = None;
    each_record(&mut reader, |record| {
        if let Record::Prompt { text, .. } = record {
            found = Some(text);
        }
        found.is_none()
    })
    .ok()?;
    found
}

/// Hands over one record after the other, until there is none or `go_on` says no.
fn each_record(reader: &mut impl BufRead, mut go_on: impl FnMut(Record) -> bool) -> std::io::Result<()> {
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        let whole = line.ends_with(b"\n") && line.len() <= LINE_BYTES_MAX;
        let record = if whole { record(&line) } else { Some(Record::Torn) };
        if record.is_some_and(|record| !go_on(record)) {
            break;
        }
        line.clear();
    }
    Ok(())
}

fn record(line: &[u8]) -> Option<Record> {
    let text = String::from_utf8_lossy(line);
    if !NEEDLES.iter().any(|needle| text.contains(needle)) {
        return None;
    }
    let Ok(Line { timestamp: at, payload }) = serde_json::from_str(&text) else {
        // The needle stood in another kind of record, or the record has another shape: only the second concerns us.
        let is_ours = text.contains("\"type\":\"event_msg\"");
        return is_ours.then_some(Record::Torn);
    };
    let end = |end| Some(Record::Ended { end, at });
    match payload {
        Payload::ItemCompleted { item } if item.kind == "UserMessage" => {
            let text = item.content.iter().map(|part| part.text.as_str()).collect();
            Some(Record::Prompt { text, at })
        }
        Payload::ItemCompleted { item } if item.kind == "Plan" => Some(Record::Plan { text: item.text, at }),
        Payload::UserMessage { message } => Some(Record::Prompt { text: message, at }),
        Payload::TaskStarted => Some(Record::Began { at }),
        Payload::TaskComplete {
            error: Some(failure), ..
        } => end(End::Error {
            message: failure.message,
            kind: kind_of(&failure.codex_error_info),
        }),
        Payload::TaskComplete { last_agent_message, .. } => end(End::Done {
            last_message: last_agent_message,
        }),
        Payload::TurnAborted => end(End::Aborted),
        Payload::ItemCompleted { .. } | Payload::Other => None,
    }
}

/// A word, or an object whose only key is the word; the status of HTTP is put behind it.
fn kind_of(info: &serde_json::Value) -> String {
    let Some((word, rest)) = info.as_object().and_then(|object| object.iter().next()) else {
        return info.as_str().unwrap_or_default().to_owned();
    };
    match rest.get("http_status_code").and_then(serde_json::Value::as_u64) {
        Some(status) => format!("{word} {status}"),
        None => word.clone(),
    }
}

/// When a UUID of version 7 was made, in the time zone that names the directories.
fn began(id: &str) -> Option<jiff::Zoned> {
    let id = uuid::Uuid::parse_str(id).ok()?;
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    let at = Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanos).ok()?).ok()?;
    Some(at.to_zoned(TimeZone::system()))
}

/// The day itself first: a zone may have been changed since.
fn days_around(day: Date) -> [Date; 3] {
    [day, day.saturating_sub(1.day()), day.saturating_add(1.day())]
}

fn all_files(sessions: &Path) -> Vec<PathBuf> {
    let years = directories(sessions);
    let months = years.iter().flat_map(|year| directories(year));
    let days: Vec<PathBuf> = months.flat_map(|month| directories(&month)).collect();
    days.iter().flat_map(|day| files_in(day)).collect()
}

fn directories(path: &Path) -> Vec<PathBuf> {
    entries(path).into_iter().filter(|entry| entry.is_dir()).collect()
}

fn files_in(path: &Path) -> Vec<PathBuf> {
    let is_one = |path: &PathBuf| path.extension().is_some_and(|kind| kind == "jsonl");
    entries(path).into_iter().filter(is_one).collect()
}

fn entries(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(path) else {
        return Vec::new();
    };
    entries.flatten().map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests;
