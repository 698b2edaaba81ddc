//! `/interrupt`: the agent's own interrupt.

use super::Desk;
use crate::bridge::router::Reply;
use crate::domain::fault::Result;

/// Pressed at most once, as every key.
pub(super) async fn interrupt(desk: &Desk<'_>) -> Result<Reply> {
    let session = desk.meant(None).await?;
    if desk.recovered {
        let text =
            "I was restarted while this stood to be done. Whether it was interrupted is not known; look with /screen.";
        return Ok(Reply::of(&session.id, text));
    }
    desk.engine.interrupt(&session.id).await?;
    Ok(Reply::of(&session.id, "Interrupted."))
}
