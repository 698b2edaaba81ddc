//! `telecoder interrupt`: cut short what the agent is doing.

use super::context::Context;
use super::out;
use crate::api::client::path;
use crate::api::wire::Interrupted;
use crate::domain::fault::Result;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name, id, or beginning of the id.
    session: String,
}

pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let url = path(&["sessions", &args.session, "interrupt"]);
    let done: Interrupted = cx.client()?.post(&url, &serde_json::json!({})).await?;
    if cx.json {
        return out::json(&done);
    }
    let session = &done.session;
    out::note(&format!(
        "{} is {}: {}",
        session.name, session.status, session.reason.text
    ));
    if done.text_returned {
        out::note("the prompt came back into the agent's box and was taken out of it");
    }
    Ok(())
}
