//! `telecoder answer`: what a person says to an agent's question.

use super::context::Context;
use super::{out, send};
use crate::api::client::path;
use crate::api::wire::{AnswerRequest, Ask};
use crate::domain::fault::Result;
use crate::domain::ids::LetterId;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The session, or the question's own id when it has several.
    #[arg(value_name = "SESSION|ASK")]
    of: String,
    /// The answer; `-` reads it from standard input.
    #[arg(value_name = "TEXT|-")]
    text: String,
}

pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let text = send::text_or_stdin(Some(&args.text))?;
    let kind = match args.of.parse::<LetterId>() {
        Ok(_) => "asks",
        Err(_) => "sessions",
    };
    let url = path(&[kind, &args.of, "answer"]);
    let ask: Ask = cx.client()?.post(&url, &AnswerRequest { text }).await?;
    if cx.json {
        return out::json(&ask);
    }
    out::note("answered");
    Ok(())
}
