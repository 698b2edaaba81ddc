//! `telecoder screen`: what the session's terminal shows now.

use super::context::Context;
use super::out;
use crate::api::client::path;
use crate::api::wire::Screen;
use crate::domain::fault::Result;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name, id, or beginning of the id.
    session: String,
}

pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let screen: Screen = cx.client()?.get(&path(&["sessions", &args.session, "screen"])).await?;
    if cx.json {
        return out::json(&screen);
    }
    if screen.in_mode {
        out::note("note: somebody has this pane in copy mode");
    }
    let last = screen.rows.iter().rposition(|row| !row.trim().is_empty());
    out::line(&screen.rows[..last.map_or(0, |i| i + 1)].join("\n"))
}
