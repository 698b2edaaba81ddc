//! Sessions as their JSON, read in one snapshot.

use crate::api::wire;
use crate::domain::fault::Result;
use crate::domain::session::Session;
use crate::store::Tx;

pub fn session(tx: &Tx<'_>, session: &Session) -> Result<wire::Session> {
    let last_turn = tx.last_turn(&session.id)?;
    let launch = match session.launch {
        Some(no) => Some(tx.launch(&session.id, no)?),
        None => None,
    };
    Ok(wire::Session::from(wire::SessionParts {
        session,
        last_turn: last_turn.as_ref(),
        waiting: tx.waiting_count(&session.id)?,
        launch: launch.as_ref(),
    }))
}
