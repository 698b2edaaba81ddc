//! `/compact`, and what else the agent itself knows: a command of the agent's own, sent as a prompt is, and told on the message as a
//! prompt's state is. Only those that its adapter declares; where we have a command of that name, ours is meant.

use super::{Desk, meant};
use crate::bridge::prompt::remember;
use crate::bridge::router::{Here, Router};
use crate::domain::fault::{Fault, Kind, Result};
use crate::store::Tx;

/// A command that is none of ours: nothing is wrong with it where the agent that is meant knows it, else the fault names those that it
/// does know.
pub(in crate::bridge) fn foreign(
    tx: &Tx<'_>,
    router: &Router,
    here: &Here,
    text: &str,
    unknown: Fault,
) -> Result<Option<Fault>> {
    let session = match meant(tx, here, None) {
        Ok(session) => session,
        Err(fault) if fault.kind == Kind::Storage => return Err(fault),
        Err(_) => return Ok(Some(unknown)),
    };
    let words: Vec<&str> = router
        .engine
        .own_commands(&session)?
        .iter()
        .map(|own| own.word)
        .collect();
    if words.contains(&word(text).as_str()) {
        return Ok(None);
    }
    let list = match words.as_slice() {
        [] => format!("The agent `{}` takes none of its own from here.", session.agent),
        words => format!("The agent `{}` takes {}.", session.agent, words.join(", ")),
    };
    let hint = [unknown.hint.clone().unwrap_or_default(), list].join(" ");
    Ok(Some(unknown.hint(hint)))
}

/// Sends a command of the agent's own. The update is finished with it: the reaction on the message says how it stands.
pub(super) async fn own(desk: &Desk<'_>, text: String) -> Result<()> {
    let session = desk.meant(None).await?;
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

/// The command as the agent knows it: in small letters, without the name of the bot, and on one line.
pub(in crate::bridge) fn typed(text: &str) -> String {
    let behind = text.split_whitespace().skip(1);
    std::iter::once(word(text).as_str())
        .chain(behind)
        .collect::<Vec<_>>()
        .join(" ")
}

fn word(text: &str) -> String {
    let word = text.split_whitespace().next().unwrap_or_default();
    word.split('@').next().unwrap_or_default().to_ascii_lowercase()
}
