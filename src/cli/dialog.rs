//! `telecoder approve`, `telecoder deny`: a person's word on the dialog that an agent shows.

use super::context::Context;
use super::out;
use crate::api::client::path;
use crate::api::wire::{Answered, DialogRequest};
use crate::domain::fault::Result;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name, id, or beginning of the id.
    session: String,
    /// Only this dialog (`telecoder status` shows its digest); without it, the one that is open.
    #[arg(long, visible_alias = "digest", value_name = "DIGEST")]
    dialog: Option<String>,
}

pub async fn approve(cx: &Context, args: Args) -> Result<()> {
    word(cx, args, "approve").await
}

pub async fn deny(cx: &Context, args: Args) -> Result<()> {
    word(cx, args, "deny").await
}

async fn word(cx: &Context, args: Args, word: &str) -> Result<()> {
    let request = DialogRequest {
        digest: args.dialog,
        answer: Some(word.to_owned()),
        ..DialogRequest::default()
    };
    answer(cx, &args.session, &request).await
}

pub async fn answer(cx: &Context, session: &str, request: &DialogRequest) -> Result<()> {
    let url = path(&["sessions", session, "dialog"]);
    let answered: Answered = cx.client()?.post(&url, request).await?;
    if cx.json {
        return out::json(&answered);
    }
    out::note("answered");
    if let Some(next) = &answered.next {
        out::note(&format!("it asks again: {}", next.question));
    }
    Ok(())
}
