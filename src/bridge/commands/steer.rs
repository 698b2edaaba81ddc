//! `/steer TEXT`: a prompt for the turn that runs, told on the message as a prompt's state is.

use super::Desk;
use crate::bridge::prompt::remember;
use crate::domain::fault::{Fault, Kind, Result};

/// Sends all that stands behind the command, as it was written. The update is finished with it: the reaction on the message says how
/// it stands.
pub(super) async fn steer(desk: &Desk<'_>, message: &str) -> Result<()> {
    let text = said(message);
    if text.trim().is_empty() {
        return Err(Fault::new(Kind::Usage, "there is no text").hint("For example: /steer leave the tests alone"));
    }
    let session = desk.meant(None).await?;
    let here = desk.here.clone();
    desk.engine
        .steer(&session.id, text, here.origin(), Some(here.key()))
        .await?;
    desk.store
        .write(move |tx| {
            remember(tx, &here, &session.id)?;
            tx.finish_update(here.update_id)
        })
        .await
}

/// What stands behind the command.
pub(super) fn said(message: &str) -> &str {
    message.split_once(char::is_whitespace).map_or("", |(_, text)| text)
}
