//! Whose word a hook is: the program's that the launch started, or that of another one beneath it. A background job, or a second
//! agent that a tool of the first one runs, has the same hooks and the same mailbox, and a conversation of its own.

use super::letters::Taken;
use crate::domain::agent::AgentSignal;
use crate::domain::fault::Result;
use crate::domain::ids::{LaunchNo, SessionId};
use crate::domain::launch::ShimRecord;
use crate::domain::letter::Origin;
use crate::domain::session::Session;
use crate::store::Tx;

/// Processes between the launch's program and the writer of a letter. `None`: it was not written beneath the program.
pub(super) fn depth(origin: &Origin, shim: &ShimRecord) -> Option<u32> {
    let at = origin
        .ancestors
        .iter()
        .position(|process| Some(*process) == shim.agent)?;
    u32::try_from(at).ok()
}

/// Whether the hook is the session's word. An agent that goes on in another conversation (`/clear`, `/new`) says so by the hook of a
/// start, from where its hooks have always come; a start from further down is the one of another program.
pub(super) fn speaks_for(tx: &Tx<'_>, session: &Session, no: LaunchNo, taken: &Taken) -> Result<bool> {
    let known = tx.launch(&session.id, no)?.hook_depth;
    Ok(counts(session.native_id.as_deref(), known, taken))
}

/// `ours`: the conversation's name, once it has one. `known`: from where its program's hooks come.
pub(super) fn counts(ours: Option<&str>, known: Option<u32>, taken: &Taken) -> bool {
    let is_deeper = |depth: u32| known.is_some_and(|known| depth > known);
    match (ours, taken.speaker.as_deref()) {
        (Some(ours), Some(theirs)) if ours == theirs => true,
        (Some(_), Some(_)) => {
            let is_start = matches!(taken.meaning, AgentSignal::Started { .. });
            is_start && taken.depth.is_some_and(|depth| !is_deeper(depth))
        }
        (_, None) => !taken.depth.is_some_and(is_deeper),
        (None, Some(_)) => true,
    }
}

/// Notes from where the program's own hooks come.
pub(super) fn note_depth(tx: &Tx<'_>, id: &SessionId, no: LaunchNo, taken: &Taken) -> Result<()> {
    let (Some(depth), Some(_)) = (taken.depth, &taken.speaker) else {
        return Ok(());
    };
    if tx.launch(id, no)?.hook_depth.is_none_or(|known| depth < known) {
        tx.set_hook_depth(id, no, depth)?;
    }
    Ok(())
}
