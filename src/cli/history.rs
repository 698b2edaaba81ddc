//! `telecoder history`: the conversations that a session's agent could go on with.

use super::context::Context;
use super::out;
use super::terminal_text::one_line;
use crate::api::client::path;
use crate::api::wire::HistoryEntry;
use crate::domain::fault::Result;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name, id, or beginning of the id.
    session: String,
}

pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let url = path(&["sessions", &args.session, "history"]);
    let entries: Vec<HistoryEntry> = cx.client()?.get(&url).await?;
    if cx.json {
        return out::json(&entries);
    }
    for entry in &entries {
        let mark = if entry.current { "*" } else { " " };
        let at = entry.last_at.map_or_else(String::new, |at| at.to_string());
        out::line(&format!("{mark} {} {at} {}", entry.native_id, one_line(&entry.title)))?;
    }
    Ok(())
}
