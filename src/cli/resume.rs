//! `telecoder resume`: start an ended session again, in its conversation.

use super::context::Context;
use super::out;
use crate::api::client::{Client, path};
use crate::api::wire::Session;
use crate::domain::fault::{Fault, Kind, Result};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name, id, or beginning of the id.
    #[arg(required_unless_present = "last")]
    session: Option<String>,
    /// The session that ended last.
    #[arg(long, conflicts_with = "session")]
    last: bool,
}

pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let client = cx.client()?;
    let session = match args.session {
        Some(session) => session,
        None => last_ended(&client).await?,
    };
    let url = path(&["sessions", &session, "resume"]);
    let session: Session = client.post(&url, &serde_json::json!({})).await?;
    if cx.json {
        return out::json(&session);
    }
    out::note(&format!(
        "{} is {}: {}",
        session.name, session.status, session.reason.text
    ));
    Ok(())
}

async fn last_ended(client: &Client) -> Result<String> {
    let all: Vec<Session> = client.get("/v1/sessions?status=all").await?;
    let ended = all
        .into_iter()
        .filter_map(|session| Some((session.ended_at?, session.id)));
    ended.max().map(|(_, id)| id).ok_or_else(|| {
        Fault::new(Kind::NotFound, "no session has ended").hint("`telecoder list` shows the ones that run.")
    })
}
