//! An event.

use serde::{Deserialize, Serialize};

use crate::domain::Timestamp;
use crate::domain::event;

/// One event; `seq` is the SSE id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub seq: i64,
    pub at: Timestamp,
    #[serde(rename = "type")]
    pub kind: event::EventKind,
    pub session: Option<String>,
    pub data: serde_json::Value,
}

impl Event {
    /// The type's name, e.g. `turn.state`.
    pub fn type_name(&self) -> String {
        match serde_json::to_value(self.kind) {
            Ok(serde_json::Value::String(name)) => name,
            _ => String::new(),
        }
    }
}

impl From<event::Event> for Event {
    fn from(event: event::Event) -> Self {
        Self {
            seq: event.seq,
            at: event.at,
            kind: event.kind,
            session: event.session.map(String::from),
            data: event.data,
        }
    }
}
