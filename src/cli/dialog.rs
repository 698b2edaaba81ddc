//! `telecoder approve`, `telecoder deny`: a person's word on the dialog that an agent shows.

use super::context::Context;
use super::out;
use crate::api::client::path;
use crate::api::wire::{Answered, Dialog, DialogRequest, Session};
use crate::domain::fault::Result;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name, id, or beginning of the id.
    session: String,
    /// Only this dialog (`telecoder status` shows its digest); without it, the one that is open, which is then named.
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
    let session: Session = cx.client()?.get(&path(&["sessions", &args.session])).await?;
    let request = DialogRequest {
        digest: args.dialog,
        answer: Some(word.to_owned()),
        ..DialogRequest::default()
    };
    answer(cx, &args.session, session.dialog.as_ref(), request).await
}

/// Gives the answer, where the request names no dialog to the one that was `seen`; a later one is refused.
pub async fn answer(cx: &Context, session: &str, seen: Option<&Dialog>, mut request: DialogRequest) -> Result<()> {
    if request.digest.is_none() {
        request.digest = seen.map(|dialog| dialog.digest.clone());
    }
    let url = path(&["sessions", session, "dialog"]);
    let answered: Answered = cx.client()?.post(&url, &request).await?;
    if cx.json {
        return out::json(&answered);
    }
    match seen.filter(|dialog| request.digest.as_ref() == Some(&dialog.digest)) {
        Some(dialog) => out::note(format!("answered: {}\n{}", dialog.question, dialog.detail).trim_end()),
        None => out::note("answered"),
    }
    if let Some(next) = &answered.next {
        out::note(&format!("it asks again: {}", next.question));
    }
    Ok(())
}
