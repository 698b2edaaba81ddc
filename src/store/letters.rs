//! Letters that were taken: what makes a repeated letter one letter.

use super::Tx;
use crate::domain::fault::Result;
use crate::domain::ids::{LetterId, SessionId};

impl Tx<'_> {
    /// Remembers a letter. False when its id, or its key within the session, is already known (remembered 30 days).
    pub fn take_letter(&self, _session: &SessionId, _id: &LetterId, _key: Option<&str>) -> Result<bool> {
        todo!()
    }
    /// Appends `letter.quarantined` with the reason and the file's name.
    pub fn quarantine_letter(&self, _session: &SessionId, _file: &str, _reason: &str) -> Result<()> {
        todo!()
    }
}
