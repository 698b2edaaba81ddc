//! Whether an agent's processes compute. A program that computes may not draw and may not read: its screen is older than what it
//! does, and says neither that it is idle nor that it lost a text (Gemini CLI 0.61 stands still for half a minute over a prompt of
//! 100 kB that has no line breaks).

use std::time::Duration;

use super::actor::Actor;
use crate::domain::fault::Result;
use crate::domain::launch::Launch;
use crate::runner::process;

/// Time between the two looks at the processes' clocks: long enough for their ticks of 10 ms.
const SPAN: Duration = Duration::from_millis(400);
/// An agent that waits computes less than this part of the time; one that shares the machine with many others still gets more.
const SHARE: f64 = 0.08;

impl Actor {
    /// Looks at the clocks of the agent and its descendants twice, [`SPAN`] apart. False when there is no agent.
    pub(super) async fn computes(&self, launch: &Launch) -> Result<bool> {
        let Some(agent) = self.shim(launch)?.and_then(|shim| shim.agent) else {
            return Ok(false);
        };
        // Reads all of /proc.
        let clock = || tokio::task::block_in_place(|| process::computed(agent));
        let Some(before) = clock() else { return Ok(false) };
        let begun = std::time::Instant::now();
        tokio::time::sleep(SPAN).await;
        let computed = clock().unwrap_or_default().saturating_sub(before);
        Ok(computed.as_secs_f64() >= SHARE * begun.elapsed().as_secs_f64())
    }
}
