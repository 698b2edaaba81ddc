//! Stands in for an agent that runs and is not configured any more: its letters and its end still count, and nothing is typed.

use std::path::PathBuf;
use std::time::Duration;

use super::{Adapter, LaunchContext, signal};
use crate::domain::Timestamp;
use crate::domain::agent::{AgentSignal, Evidence};
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::SessionId;
use crate::domain::launch::LaunchSpec;
use crate::domain::screen::{Explained, Screen, ScreenReading};

/// Nothing is ever submitted, so nothing is awaited.
const EVIDENCE_TIMEOUT: Duration = Duration::from_secs(10);

pub struct StandIn {
    name: String,
}

impl StandIn {
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned() }
    }

    fn fault(&self) -> Fault {
        let name = &self.name;
        Fault::new(Kind::Config, format!("the agent `{name}` is not configured any more")).hint(format!(
            "Put [agents.{name}] back into the configuration and restart the daemon."
        ))
    }
}

impl Adapter for StandIn {
    fn name(&self) -> &str {
        &self.name
    }

    fn locate(&self) -> Result<PathBuf> {
        Err(self.fault())
    }

    fn evidence(&self) -> Evidence {
        Evidence::Hook
    }

    fn launch(&self, _context: &LaunchContext<'_>) -> Result<LaunchSpec> {
        Err(self.fault())
    }

    fn preset_native_id(&self, _session: &SessionId) -> Option<String> {
        None
    }

    fn can_resume(&self) -> bool {
        false
    }

    fn explain(&self, _screen: &Screen) -> Explained {
        Explained {
            reading: ScreenReading::Unknown,
            rule: Some("the agent is not configured any more".to_owned()),
        }
    }

    fn composer_shows(&self, _shown: &str, _text: &str) -> bool {
        false
    }

    fn interpret(&self, event: &str, data: &serde_json::Value, _at: Timestamp) -> AgentSignal {
        signal::interpret(event, data)
    }

    fn evidence_timeout(&self) -> Duration {
        EVIDENCE_TIMEOUT
    }
}
