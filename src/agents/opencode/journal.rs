//! The plugin's journal: JSON lines in `sessions/<id>/opencode`, a line for each prompt that the program took and each answer, and for
//! each turn that began or is over. The program's own record is a database that all sessions of the person share; it is not read.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use serde::Deserialize;

use super::super::{Recorded, TurnEnd};
use super::text;
use crate::domain::Timestamp;
use crate::domain::agent::Conversation;
use crate::domain::outcome::Usage;

const FILE: &str = "journal.jsonl";
const TITLE_CHARS_MAX: usize = 80;
/// How much of the journal's end is read for whether a turn runs: many times a line about a turn.
const TAIL_BYTES: u64 = 4096;

#[derive(Deserialize)]
struct Line {
    at: Timestamp,
    session: String,
    prompt: Option<String>,
    #[serde(rename = "final")]
    answer: Option<String>,
    /// What one answer of the model's cost: its id, tokens read and written, and the price where the provider has one.
    message: Option<String>,
    #[serde(default)]
    input: u64,
    #[serde(default)]
    output: u64,
    #[serde(default)]
    cost: f64,
    turn: Option<Turn>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Turn {
    Runs,
    Over,
}

/// A line that cannot be read (a torn one) makes an absence uncertain: `Absent` allows a second typing.
pub fn recorded(home: &Path, prompt: &str, since: Timestamp) -> Recorded {
    let Some(lines) = lines(home) else {
        return Recorded::Unknown;
    };
    let wanted = [text::prepared(prompt).trim().to_owned(), prompt.trim().to_owned()];
    let mut verdict = Recorded::Absent;
    for line in lines {
        let Some(line) = line else {
            verdict = Recorded::Unknown;
            continue;
        };
        let Some(taken) = line.prompt.filter(|_| line.at >= since) else {
            continue;
        };
        if wanted.iter().any(|wanted| taken.trim() == wanted) {
            return Recorded::Taken;
        }
        if taken.contains(&wanted[1]) {
            verdict = Recorded::Unknown;
        }
    }
    verdict
}

pub fn final_text(home: &Path, since: Timestamp) -> Option<String> {
    let lines = lines(home)?.into_iter().flatten();
    let mut answers = lines.filter(|line| line.at >= since).filter_map(|line| line.answer);
    answers.rfind(|answer| !answer.is_empty())
}

/// What the answers since then cost; of an answer that was told more than once the last word counts.
pub fn usage(home: &Path, since: Timestamp) -> Option<Usage> {
    let mut answers = std::collections::HashMap::new();
    for line in lines(home)?.into_iter().flatten().filter(|line| line.at >= since) {
        if let Some(message) = line.message {
            answers.insert(message, (line.input, line.output, line.cost));
        }
    }
    let cost: f64 = answers.values().map(|(.., cost)| cost).sum();
    let usage = Usage::of_tokens(answers.into_values().map(|(input, output, _)| (input, output)))?;
    Some(Usage {
        // A model without a price is told as one that costs nothing.
        cost_usd: (cost > 0.0).then_some(cost),
        ..usage
    })
}

/// Whether a turn that began since then still runs, by the program's own events. That it is over comes with a letter, which also says
/// how; so here nothing is said of that.
pub fn turn_end(home: &Path, since: Timestamp) -> TurnEnd {
    let tail = tail(&home.join(FILE)).unwrap_or_default();
    // The first line may be cut, and the last one torn.
    let lines = tail.split(|byte| *byte == b'\n').rev();
    let last = lines
        .filter_map(|line| serde_json::from_slice::<Line>(line).ok())
        .find(|line| line.turn.is_some());
    match last {
        Some(line) if line.turn == Some(Turn::Runs) && line.at >= since => TurnEnd::Runs,
        _ => TurnEnd::Unknown,
    }
}

fn tail(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut tail = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut tail)?;
    Ok(tail)
}

/// The conversations of the session, newest first.
pub fn conversations(home: &Path) -> Vec<Conversation> {
    let mut found: Vec<Conversation> = Vec::new();
    let lines = lines(home).unwrap_or_default().into_iter().flatten();
    for line in lines.filter(|line| line.message.is_none()) {
        match found.iter_mut().find(|known| known.native_id == line.session) {
            Some(known) => known.last_at = Some(line.at),
            None => found.push(Conversation {
                title: title(line.prompt.as_deref().unwrap_or("")),
                native_id: line.session,
                last_at: Some(line.at),
            }),
        }
    }
    found.sort_by_key(|conversation| std::cmp::Reverse(conversation.last_at));
    found
}

fn title(prompt: &str) -> String {
    prompt
        .trim()
        .lines()
        .next()
        .unwrap_or("")
        .chars()
        .take(TITLE_CHARS_MAX)
        .collect()
}

/// `None` without a journal: the plugin has written nothing yet, or could not.
fn lines(home: &Path) -> Option<Vec<Option<Line>>> {
    let reader = BufReader::new(File::open(home.join(FILE)).ok()?);
    reader
        .split(b'\n')
        .map(|line| Some(serde_json::from_slice(&line.ok()?).ok()))
        .collect()
}
