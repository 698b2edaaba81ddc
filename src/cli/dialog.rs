//! `telecoder approve`, `telecoder deny`: a person's word on the dialog that an agent shows.

use std::time::{Duration, Instant};

use super::context::Context;
use super::out;
use crate::api::client::path;
use crate::api::wire::{Answered, Dialog, DialogRequest, Session};
use crate::domain::fault::Result;
use crate::domain::session::SessionState;

/// How long a dialog may take to be drawn, and the pause between questions for it.
const SHOWN_LIMIT: Duration = Duration::from_secs(3);
const SHOWN_PAUSE: Duration = Duration::from_millis(100);

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
    let session = shown(cx, &args.session).await?;
    let request = DialogRequest {
        digest: args.dialog,
        answer: Some(word.to_owned()),
        ..DialogRequest::default()
    };
    answer(cx, &args.session, session.dialog.as_ref(), request).await
}

/// The session, once a dialog that it waits with is on its record as the screen shows it: a hook may have announced it before.
async fn shown(cx: &Context, session: &str) -> Result<Session> {
    let limit = Instant::now() + SHOWN_LIMIT;
    loop {
        let now: Session = cx.client()?.get(&path(&["sessions", session])).await?;
        let waits = now.status == SessionState::NeedsInput && now.dialog.is_none();
        if !waits || Instant::now() >= limit {
            return Ok(now);
        }
        tokio::time::sleep(SHOWN_PAUSE).await;
    }
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
