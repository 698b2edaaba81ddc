//! `telecoder keys`: key presses by their tmux names.

use super::context::Context;
use super::out;
use crate::api::client::path;
use crate::api::wire::{KeysRequest, Session};
use crate::domain::fault::Result;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name, id, or beginning of the id.
    session: String,
    /// Keys by their tmux names: Enter, Escape, Tab, Up, C-c, y ...
    #[arg(required = true, value_name = "KEY", allow_hyphen_values = true)]
    keys: Vec<String>,
}

pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let url = path(&["sessions", &args.session, "keys"]);
    let session: Session = cx.client()?.post(&url, &KeysRequest { keys: args.keys }).await?;
    if cx.json {
        return out::json(&session);
    }
    Ok(())
}
