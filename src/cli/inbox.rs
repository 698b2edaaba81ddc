//! `telecoder inbox`: what finished, failed or waits since you last looked.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::context::Context;
use super::list::span;
use super::out;
use super::terminal_text::{one_line, plain};
use crate::api::client::{Client, path, query};
use crate::api::wire::{AckRequest, Acked, Entry, EntryKind, Outcome, Session};
use crate::domain::Timestamp;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::outcome::{FileStatus, check_line, stat, usage_line};

/// Files, commits and lines of output that one screen shows.
const FILES_SHOWN: usize = 12;
const COMMITS_SHOWN: usize = 5;
const OUTPUT_LINES_SHOWN: usize = 15;
const CLAIM_LINES_SHOWN: usize = 8;
/// Where values begin.
const INDENT: usize = 10;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: Option<What>,
    /// Also what you have seen.
    #[arg(long, short)]
    all: bool,
    /// At most so many entries.
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: u32,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Show one entry: what was measured, what was checked, what the agent says.
    Show {
        /// The entry's number (`12`, `n3`), or a session for its newest entry.
        entry: String,
    },
    /// Mark entries as seen.
    Ack {
        /// The entry's number, or a session for all of its entries.
        entry: Option<String>,
        /// Everything.
        #[arg(long, conflicts_with = "entry")]
        all: bool,
    },
}

/// What the API shows of one entry.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    #[serde(flatten)]
    entry: Entry,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    author: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let client = cx.client()?;
    match args.what {
        None => list(cx, &client, args.all, args.limit).await,
        Some(What::Show { entry }) => show(cx, &client, &entry).await,
        Some(What::Ack { entry, all }) => ack(cx, &client, entry, all).await,
    }
}

async fn list(cx: &Context, client: &Client, all: bool, limit: u32) -> Result<()> {
    let pairs = [
        ("all", all.then(|| "true".to_owned())),
        ("limit", Some(limit.to_string())),
    ];
    let entries: Vec<Entry> = client.get(&query(path(&["inbox"]), &pairs)).await?;
    if cx.json {
        return out::json(&entries);
    }
    if entries.is_empty() {
        out::note(match all {
            true => "the inbox is empty",
            false => "nothing new; `telecoder inbox --all` shows what you have seen",
        });
        return Ok(());
    }
    let now = Timestamp::now();
    entries
        .iter()
        .try_for_each(|entry| out::line(listed(entry, now).trim_end()))
}

/// Two or three lines an entry.
fn listed(entry: &Entry, now: Timestamp) -> String {
    let number = entry.entry.as_deref().unwrap_or("-");
    let seen = if entry.acked { " (seen)" } else { "" };
    let mut text = format!(
        "{number:>4}  {:<11} {:<20} {:>3} ago  {}{seen}\n",
        word(entry.kind),
        entry.name,
        span(entry.at, now),
        one_line(&entry.headline)
    );
    for line in &entry.summary {
        let _ = writeln!(text, "      {}", one_line(line));
    }
    text
}

const fn word(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Done => "done",
        EntryKind::Failed => "FAILED",
        EntryKind::Interrupted => "interrupted",
        EntryKind::Uncertain => "UNCERTAIN",
        EntryKind::Waits => "WAITS",
        EntryKind::News => "news",
    }
}

async fn show(cx: &Context, client: &Client, word: &str) -> Result<()> {
    let shown: Shown = match is_entry(word) {
        true => client.get(&path(&["inbox", word])).await?,
        false => client.get(&path(&["inbox", &newest_of(client, word).await?])).await?,
    };
    if cx.json {
        return out::json(&shown);
    }
    out::line(screen(&shown, Timestamp::now()).trim_end())
}

fn is_entry(word: &str) -> bool {
    let number = word.strip_prefix('n').unwrap_or(word);
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

async fn newest_of(client: &Client, session: &str) -> Result<String> {
    let url = query(path(&["sessions", session, "outcomes"]), &[("limit", Some("1".into()))]);
    let outcomes: Vec<Outcome> = client.get(&url).await?;
    match outcomes.first() {
        Some(outcome) => Ok(outcome.id.to_string()),
        None => Err(Fault::new(Kind::NotFound, format!("`{session}` has no outcome yet"))
            .hint(format!("What it does now: telecoder status {session}"))),
    }
}

async fn ack(cx: &Context, client: &Client, word: Option<String>, all: bool) -> Result<()> {
    let request = match word {
        None if !all => {
            return Err(Fault::new(Kind::Usage, "which entry was seen?")
                .hint("Name it (`telecoder inbox ack 12`), a session, or `--all`."));
        }
        None => AckRequest::default(),
        Some(word) if is_entry(&word) => AckRequest {
            entry: Some(word),
            session: None,
        },
        Some(word) => AckRequest {
            entry: None,
            session: Some(word),
        },
    };
    let acked: Acked = client.post_again(&path(&["inbox", "ack"]), &request).await?;
    if cx.json {
        return out::json(&acked);
    }
    out::note(&format!("{} marked as seen", acked.acked));
    Ok(())
}

/// One screen.
fn screen(shown: &Shown, now: Timestamp) -> String {
    let entry = &shown.entry;
    let number = entry.entry.as_deref().unwrap_or("-");
    let mut text = format!(
        "{} {} · {} ago · entry {number}\n{}\n\n",
        entry.name,
        word(entry.kind),
        span(entry.at, now),
        one_line(&entry.headline)
    );
    match &shown.outcome {
        Some(outcome) => of_outcome(&mut text, entry, outcome),
        None => of_news(&mut text, shown),
    }
    text
}

fn of_news(text: &mut String, shown: &Shown) {
    fact(text, "from", shown.author.as_deref());
    fact(text, "where", shown.url.as_deref());
    if let Some(said) = &shown.text {
        block(text, "says", said, OUTPUT_LINES_SHOWN * 2);
    }
    let _ = write!(text, "\ntelecoder send {} \"…\"", shown.entry.name);
}

fn of_outcome(text: &mut String, entry: &Entry, outcome: &Outcome) {
    for flag in &outcome.flags {
        fact(text, "⚠", Some(&flag.text));
    }
    fact(text, "repo", entry.repo.as_deref());
    fact(
        text,
        "asked",
        outcome.prompt.lines().next().filter(|line| !line.is_empty()),
    );
    fact(text, "why", outcome.reason.as_deref());
    changes(text, outcome);
    fact(text, "unknown", outcome.unmeasured.as_deref());
    for check in &outcome.checks {
        fact(text, "checks", Some(&check_line(check)));
        if !check.passed() {
            block(text, "", &check.output, OUTPUT_LINES_SHOWN);
        }
    }
    if let (true, Some(not)) = (outcome.checks.is_empty(), &outcome.not_checked) {
        let could = match not.could.is_empty() {
            true => String::new(),
            false => format!(" (could: {})", not.could.join(", ")),
        };
        fact(text, "checks", Some(&format!("none: {}{could}", not.why)));
    }
    let claims = &outcome.claimed;
    for (name, claim) in [
        ("says it changed", &claims.changed),
        ("says it verified", &claims.verified),
        ("is uncertain", &claims.uncertain),
        ("next", &claims.next),
    ] {
        if let Some(claim) = claim {
            let _ = writeln!(text, "\n{name}:");
            block(text, "", claim, CLAIM_LINES_SHOWN);
        }
    }
    let _ = writeln!(text);
    fact(text, "took", outcome.duration_ms.map(took).as_deref());
    fact(text, "usage", outcome.usage.as_ref().and_then(usage_line).as_deref());
    advise(text, entry, outcome);
}

fn advise(text: &mut String, entry: &Entry, outcome: &Outcome) {
    if let Some(failure) = outcome.failure {
        fact(text, "advice", Some(failure.advice()));
    }
    let name = &entry.name;
    let mut commands = Vec::new();
    if outcome
        .measured
        .as_ref()
        .is_some_and(|measured| measured.total.files > 0)
    {
        commands.push(format!("telecoder diff {name}"));
        commands.push(format!("telecoder publish {name}"));
    }
    commands.push(format!("telecoder send {name} \"…\""));
    commands.push(format!("telecoder inbox ack {}", outcome.id));
    let _ = write!(text, "\n{}", commands.join("\n"));
}

fn changes(text: &mut String, outcome: &Outcome) {
    let Some(measured) = &outcome.measured else { return };
    if !measured.changed_anything() {
        fact(text, "changed", Some("nothing"));
    } else {
        let mut line = stat(&measured.turn);
        for (count, what) in [
            (measured.commits, "commit(s)"),
            (measured.uncommitted, "file(s) not committed"),
            (measured.untracked, "new file(s) not in git"),
        ] {
            if count > 0 {
                let _ = write!(line, "; {count} {what}");
            }
        }
        fact(text, "changed", Some(&line));
    }
    for file in measured.files.iter().take(FILES_SHOWN) {
        let lines = match (file.added, file.removed) {
            (Some(added), Some(removed)) => format!("+{added} -{removed}"),
            _ => "binary".to_owned(),
        };
        let _ = writeln!(
            text,
            "{:INDENT$} {} {} {lines}",
            "",
            letter(file.status),
            one_line(&file.path)
        );
    }
    let more = (measured.turn.files as usize).saturating_sub(FILES_SHOWN);
    if more > 0 {
        let _ = writeln!(text, "{:INDENT$} … and {more} more", "");
    }
    for subject in measured.subjects.iter().take(COMMITS_SHOWN) {
        fact(text, "commit", Some(subject));
    }
    for path in measured.left_out.iter().take(COMMITS_SHOWN) {
        fact(
            text,
            "left out",
            Some(&format!("{path} (too large to look into, or a repository of its own)")),
        );
    }
    if measured.total != measured.turn && measured.total.files > 0 {
        fact(text, "in all", Some(&stat(&measured.total)));
    }
}

const fn letter(status: FileStatus) -> char {
    match status {
        FileStatus::Added => 'A',
        FileStatus::Modified => 'M',
        FileStatus::Deleted => 'D',
        FileStatus::Renamed => 'R',
        FileStatus::TypeChanged => 'T',
    }
}

fn fact(text: &mut String, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        let _ = writeln!(text, "{name:<INDENT$} {}", one_line(value));
    }
}

fn block(text: &mut String, name: &str, content: &str, lines_max: usize) {
    let clean = plain(content);
    let lines: Vec<&str> = clean.lines().collect();
    let skip = lines.len().saturating_sub(lines_max);
    if !name.is_empty() {
        let _ = writeln!(text, "{name}:");
    }
    // Of a check's output the end tells most; of words the beginning.
    let is_words = name.is_empty() && skip > 0;
    let shown: Vec<&str> = if is_words {
        lines[skip..].to_vec()
    } else {
        lines.iter().take(lines_max).copied().collect()
    };
    if is_words {
        let _ = writeln!(text, "  … {skip} lines before");
    }
    for line in shown {
        let _ = writeln!(text, "  {line}");
    }
}

fn took(ms: u64) -> String {
    match ms / 1000 {
        0 => format!("{ms} ms"),
        seconds @ 1..120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    }
}

/// What `status` says of the newest outcome.
pub fn in_status(session: &Session) -> Vec<String> {
    let Some(outcome) = &session.outcome else {
        return Vec::new();
    };
    let mut lines = vec![format!("{} (entry {})", outcome.headline, outcome.id)];
    lines.extend(outcome.flags.iter().map(|flag| format!("⚠ {}", flag.text)));
    if let Some(measured) = &outcome.measured {
        lines.push(format!("{} in all", stat(&measured.total)));
    }
    lines.extend(outcome.checks.iter().map(check_line));
    lines
}
