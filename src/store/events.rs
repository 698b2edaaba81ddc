//! The event log and the audit log.

use super::Tx;
use crate::domain::event::{Event, EventKind};
use crate::domain::fault::Result;
use crate::domain::ids::SessionId;

impl Tx<'_> {
    pub fn append_event(
        &self,
        _kind: EventKind,
        _session: Option<&SessionId>,
        _data: serde_json::Value,
    ) -> Result<i64> {
        todo!()
    }
    /// Events after `seq`, oldest first, at most `limit`.
    pub fn events_after(&self, _seq: i64, _session: Option<&SessionId>, _limit: u32) -> Result<Vec<Event>> {
        todo!()
    }
    pub fn last_event_seq(&self) -> Result<i64> {
        todo!()
    }
    /// One row of the audit log: who was refused what. Also the event `access.refused`. Never a message's text.
    pub fn audit_refused(&self, _channel: &str, _who: &str, _what: &str) -> Result<()> {
        todo!()
    }
}
