//! `/compact`: a command of the agent's own, sent as a prompt is, and told on the message as a prompt's state is.

use super::Desk;
use crate::bridge::prompt::remember;
use crate::domain::fault::Result;

/// Sends `word` and what stands behind it. The update is finished with it: the reaction on the message says how it stands.
pub(super) async fn own(desk: &Desk<'_>, word: &str, args: &[String]) -> Result<()> {
    let session = desk.meant(None).await?;
    let text = said(word, args);
    let here = desk.here.clone();
    desk.engine
        .command(&session.id, &text, here.origin(), Some(here.key()))
        .await?;
    desk.store
        .write(move |tx| {
            remember(tx, &here, &session.id)?;
            tx.finish_update(here.update_id)
        })
        .await
}

/// The command as the agent knows it.
pub(super) fn said(word: &str, args: &[String]) -> String {
    format!("{word} {}", args.join(" ")).trim().to_owned()
}
