//! `telecoder command`: a command of the agent's own, from the list that its adapter declares.

use super::context::Context;
use super::out;
use crate::api::client::path;
use crate::api::wire::{self, CommandRequest};
use crate::domain::fault::Result;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name, id, or beginning of the id.
    session: String,
    /// The command as the agent knows it, with its slash: /compact, /clear, /model NAME.
    #[arg(required = true, value_name = "COMMAND")]
    words: Vec<String>,
}

pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let url = path(&["sessions", &args.session, "command"]);
    let request = CommandRequest {
        text: args.words.join(" "),
    };
    let key = uuid::Uuid::now_v7().to_string();
    let turn: wire::Turn = cx.client()?.post_once(&url, &request, &key).await?;
    if cx.json {
        return out::json(&turn);
    }
    out::note(&format!("{}{}", turn.state, wire::reason_text(turn.reason.as_ref())));
    Ok(())
}
