//! `telecoder events`: the event log.

use super::context::Context;
use super::out;
use crate::api::client::{path, query};
use crate::api::wire::Event;
use crate::domain::fault::Result;

/// Events of one request.
const PAGE: usize = 1_000;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only events of this session.
    session: Option<String>,
    /// Show what happens from now on, until Ctrl-C; with `--after` also what happened since then.
    #[arg(long, short)]
    follow: bool,
    /// Only events after this number.
    #[arg(long, value_name = "SEQ")]
    after: Option<i64>,
}

/// One event a line; with `--json` one JSON document a line, as the list may be long and the stream has no end.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let client = cx.client()?;
    if args.follow {
        let mut events = client.events(args.session.as_deref(), args.after).await?;
        loop {
            print(cx, &events.next().await?)?;
        }
    }
    let mut after = args.after.unwrap_or(0);
    loop {
        let url = query(
            path(&["events"]),
            &[
                ("after", Some(after.to_string())),
                ("session", args.session.clone()),
                ("limit", Some(PAGE.to_string())),
            ],
        );
        let events: Vec<Event> = client.get(&url).await?;
        for event in &events {
            print(cx, event)?;
            after = event.seq;
        }
        if events.len() < PAGE {
            return Ok(());
        }
    }
}

fn print(cx: &Context, event: &Event) -> Result<()> {
    if cx.json {
        return out::json_line(event);
    }
    let session = event.session.as_deref().unwrap_or("-");
    out::line(&format!(
        "{} {} {} {session} {}",
        event.seq,
        event.at,
        event.type_name(),
        event.data
    ))
}
