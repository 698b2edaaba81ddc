//! Asks: questions of agents that wait for a person's answer.

use super::Tx;
use crate::domain::ask::{Ask, AskState};
use crate::domain::fault::Result;
use crate::domain::ids::{LetterId, SessionId};

impl Tx<'_> {
    /// Event `ask.opened`.
    pub fn open_ask(&self, _ask: &Ask) -> Result<()> {
        todo!()
    }
    pub fn ask(&self, _id: &LetterId) -> Result<Ask> {
        todo!()
    }
    /// Open asks of a session, oldest first.
    pub fn open_asks(&self, _session: &SessionId) -> Result<Vec<Ask>> {
        todo!()
    }
    pub fn all_open_asks(&self) -> Result<Vec<Ask>> {
        todo!()
    }
    /// Closes an open ask; false when it was not open any more. Event `ask.answered`.
    pub fn close_ask(&self, _id: &LetterId, _state: AskState, _answer: Option<&str>) -> Result<bool> {
        todo!()
    }
}
