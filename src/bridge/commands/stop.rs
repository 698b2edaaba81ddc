//! `/stop [NAME]`: ends a session's whole process tree.

use super::{Desk, one_name};
use crate::bridge::router::Reply;
use crate::channels::telegram::markdown::escape;
use crate::domain::fault::Result;

pub(super) async fn stop(desk: &Desk<'_>, args: &[String]) -> Result<Reply> {
    let session = desk.meant(one_name(args)?).await?;
    let ended = desk.engine.stop(&session.id).await?;
    let text = format!(
        "It is **{}**: {}.",
        escape(ended.status.state.as_str()),
        escape(&ended.status.reason.text)
    );
    Ok(Reply::of(&ended.id, text))
}
