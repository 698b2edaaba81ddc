//! `telecoder answer`: what a person says to an agent's question, or to the dialog that it shows.

use super::context::Context;
use super::{dialog, out, send};
use crate::api::client::path;
use crate::api::wire::{AnswerRequest, Ask, DialogRequest, Session};
use crate::domain::fault::Result;
use crate::domain::ids::LetterId;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The session, or the question's own id when it has several.
    #[arg(value_name = "SESSION|ASK")]
    of: String,
    /// The answer: a choice by its number or its words, several numbers with commas between where several may be taken, or a
    /// text of your own; `-` reads it from standard input.
    #[arg(value_name = "TEXT|-")]
    text: String,
}

pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let text = send::text_or_stdin(Some(&args.text))?;
    let kind = match args.of.parse::<LetterId>() {
        Ok(_) => "asks",
        Err(_) => "sessions",
    };
    let client = cx.client()?;
    if kind == "sessions" {
        let session: Session = client.get(&path(&["sessions", &args.of])).await?;
        if let (true, Some(dialog)) = (session.asks.is_empty(), &session.dialog) {
            let request = DialogRequest {
                said: Some(text),
                ..DialogRequest::default()
            };
            return dialog::answer(cx, &args.of, Some(dialog), request).await;
        }
    }
    let url = path(&[kind, &args.of, "answer"]);
    let ask: Ask = client.post(&url, &AnswerRequest { text }).await?;
    if cx.json {
        return out::json(&ask);
    }
    out::note("answered");
    Ok(())
}
