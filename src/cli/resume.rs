//! `telecoder resume`: start an ended session again, in its conversation.

use super::context::Context;
use super::out;
use crate::api::client::path;
use crate::api::wire::Session;
use crate::domain::fault::Result;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name, id, or beginning of the id.
    session: String,
}

pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let url = path(&["sessions", &args.session, "resume"]);
    let session: Session = cx.client()?.post(&url, &serde_json::json!({})).await?;
    if cx.json {
        return out::json(&session);
    }
    out::note(&format!(
        "{} is {}: {}",
        session.name, session.status, session.reason.text
    ));
    Ok(())
}
