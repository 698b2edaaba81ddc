//! `telecoder logs`: what was said in a session, or the bytes of its terminal.

use std::collections::HashSet;
use std::io;

use jiff::tz::TimeZone;

use super::context::Context;
use super::out;
use super::terminal_text::Stripper;
use crate::api::client::{Client, path, query};
use crate::api::wire::{LogEntry, LogKind};
use crate::domain::fault::Result;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name, id, or beginning of the id.
    session: String,
    /// Go on with what is said from now on, until Ctrl-C.
    #[arg(long, short)]
    follow: bool,
    /// Only the last N entries.
    #[arg(long, short = 'n', value_name = "N")]
    tail: Option<u32>,
    /// The terminal's own bytes, as far as they are kept.
    #[arg(long, conflicts_with_all = ["follow", "tail", "json"])]
    raw: bool,
}

pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let client = cx.client()?;
    if args.raw {
        return raw(&client, &args.session).await;
    }
    let url = query(
        path(&["sessions", &args.session, "logs"]),
        &[("tail", args.tail.map(|n| n.to_string()))],
    );
    if args.follow {
        return follow(cx, &client, &args.session, &url).await;
    }
    let entries: Vec<LogEntry> = client.get(&url).await?;
    if cx.json {
        return out::json(&entries);
    }
    entries.iter().try_for_each(|entry| out::line(&shown(entry)))
}

/// Into a file or a pipe to the byte; onto a terminal without what would act on it.
async fn raw(client: &Client, session: &str) -> Result<()> {
    let url = path(&["sessions", session, "logs", "raw"]);
    let mut stdout = io::stdout().lock();
    if out::stdout_is_terminal() {
        client.copy(&url, &mut Stripper::new(stdout)).await
    } else {
        client.copy(&url, &mut stdout).await
    }
}

async fn follow(cx: &Context, client: &Client, session: &str, first: &str) -> Result<()> {
    let mut events = client.events(Some(session), None).await?;
    let mut seen = HashSet::new();
    let mut url = first.to_owned();
    loop {
        let entries: Vec<LogEntry> = client.get(&url).await?;
        for entry in entries.iter().filter(|entry| seen.insert(entry.key.clone())) {
            if cx.json {
                out::json_line(entry)?;
            } else {
                out::line(&shown(entry))?;
            }
        }
        // What was not shown because of `--tail` stays unshown: it is older than what was.
        if url == first {
            url = path(&["sessions", session, "logs"]);
            let older: Vec<LogEntry> = client.get(&url).await?;
            let newest = entries.last().map(|entry| entry.at);
            seen.extend(
                older
                    .into_iter()
                    .filter(|entry| Some(entry.at) <= newest)
                    .map(|entry| entry.key),
            );
        }
        events.next().await?;
    }
}

/// A line that says when and who, and the text beneath it.
fn shown(entry: &LogEntry) -> String {
    let at = entry.at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S");
    let who = match entry.kind {
        LogKind::Prompt => "prompt",
        LogKind::Reply => "reply",
        LogKind::Ask => "asks",
        LogKind::Notice => "notice",
        LogKind::Turn => "turn",
        LogKind::Outcome => "outcome",
    };
    let mut text = format!("{at}  {who}");
    if matches!(entry.kind, LogKind::Prompt | LogKind::Turn | LogKind::Outcome) {
        let steered = if entry.steered { "steered, " } else { "" };
        text.push_str(&format!(" ({steered}{})", entry.state));
    }
    if let Some(reason) = &entry.reason {
        text.push_str(&format!(": {}", reason.text));
    }
    for line in entry.text.iter().flat_map(|text| text.lines()) {
        text.push_str("\n  ");
        text.push_str(line);
    }
    text
}
