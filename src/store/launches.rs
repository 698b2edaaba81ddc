//! Launches: one row per start of a session's agent.

use super::Tx;
use crate::domain::fault::Result;
use crate::domain::ids::{LaunchNo, SessionId};
use crate::domain::launch::{Launch, Placement};

impl Tx<'_> {
    /// Inserts the next launch of the session and makes it the current one. Event `launch.started` comes with the placement.
    pub fn begin_launch(&self, _session: &SessionId, _resumed: bool) -> Result<Launch> {
        todo!()
    }
    pub fn place_launch(&self, _session: &SessionId, _no: LaunchNo, _placement: &Placement) -> Result<()> {
        todo!()
    }
    /// Idempotent. Event `launch.exited`.
    pub fn end_launch(&self, _session: &SessionId, _no: LaunchNo) -> Result<()> {
        todo!()
    }
    pub fn launch(&self, _session: &SessionId, _no: LaunchNo) -> Result<Launch> {
        todo!()
    }
    /// Every launch that has not ended.
    pub fn open_launches(&self) -> Result<Vec<Launch>> {
        todo!()
    }
}
