//! `telecoder fork`: a new session that begins from the conversation of another one.

use super::context::Context;
use super::out;
use crate::api::client::path;
use crate::api::wire::{ForkRequest, Session};
use crate::domain::fault::Result;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name, id, or beginning of the id.
    session: String,
    /// What the new session is called.
    #[arg(long)]
    name: Option<String>,
    /// What its agent may do [default: as in the other session, but never `yolo`].
    #[arg(long)]
    policy: Option<String>,
    /// Its first prompt.
    prompt: Option<String>,
}

pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let url = path(&["sessions", &args.session, "fork"]);
    let request = ForkRequest {
        name: args.name,
        prompt: args.prompt,
        policy: args.policy,
    };
    let key = uuid::Uuid::now_v7().to_string();
    let session: Session = cx.client()?.post_once(&url, &request, &key).await?;
    if cx.json {
        return out::json(&session);
    }
    out::line(&session.name)
}
