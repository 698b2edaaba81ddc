//! `telecoder rm`: a session and its workspace.

use super::context::Context;
use super::out;
use crate::api::client::{path, query};
use crate::api::wire::Removed;
use crate::domain::fault::Result;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name, id, or beginning of the id.
    session: String,
    /// Also when it holds work that is nowhere else: commits that were not published, changes that were not committed.
    #[arg(long, short)]
    force: bool,
}

pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let force = args.force.then(|| "true".to_owned());
    let url = query(path(&["sessions", &args.session]), &[("force", force)]);
    let removed: Removed = cx.client()?.delete(&url).await?;
    if cx.json {
        return out::json(&removed);
    }
    out::note(&format!("{} is removed", removed.name));
    Ok(())
}
