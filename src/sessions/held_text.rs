//! A prompt that stands in the agent's box and was not taken: a person decides whether it is submitted, or cleared away.

use super::Engine;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::{PaneId, TurnId};
use crate::domain::screen::ScreenReading;
use crate::domain::turn::{Turn, TurnState};

impl Engine {
    /// Presses Enter under the text of a prompt whose fate is uncertain. `RefusedByState` when the box does not hold that text any
    /// more: then there is nothing to submit, and Enter would do something else.
    pub async fn submit_held_text(&self, turn: &TurnId) -> Result<()> {
        let (turn, pane) = self.held_text(turn).await?;
        let keys = self.agent_of(&turn).await?.submit_keys();
        self.press_all(&turn, &pane, &keys).await
    }

    /// Empties the box that holds the text of a prompt whose fate is uncertain.
    pub async fn clear_held_text(&self, turn: &TurnId) -> Result<()> {
        let id = turn;
        let (mut turn, mut pane) = self.held_text(id).await?;
        let keys = self.agent_of(&turn).await?.interrupt().clear_keys;
        if keys.is_empty() {
            return Err(Fault::new(
                Kind::RefusedByState,
                "for this agent no keys are known that empty its box without ending it",
            )
            .hint("Clear it at the terminal: `telecoder attach SESSION`."));
        }
        while let Err(left) = self.claim_clear(&turn.session) {
            tokio::time::sleep(left).await;
            (turn, pane) = self.held_text(id).await?;
        }
        self.press_all(&turn, &pane, &keys).await
    }

    async fn held_text(&self, turn: &TurnId) -> Result<(Turn, PaneId)> {
        let id = turn.clone();
        let turn = self.0.store.read(move |tx| tx.turn(&id)).await?;
        if turn.state != TurnState::Uncertain {
            return Err(gone(&format!("the prompt is {} by now", turn.state)));
        }
        let adapter = self.agent_of(&turn).await?;
        let pane = self.pane(&turn.session).await?;
        let screen = self.0.tmux.screen(&pane).await?;
        let text = adapter.prepare(&turn.text).text;
        match adapter.read_screen(&screen) {
            _ if screen.in_mode => Err(gone("somebody has the window in copy mode")),
            _ if screen.has_unread_input => Err(gone("the agent has not read yet what was typed")),
            ScreenReading::ComposerHolds { shown } if adapter.composer_shows(&shown, &text) => Ok((turn, pane)),
            ScreenReading::Dialog(_) => Err(gone("a dialog is open")),
            _ => Err(gone("the agent's box does not hold this prompt any more")),
        }
    }

    async fn agent_of(&self, turn: &Turn) -> Result<std::sync::Arc<dyn crate::agents::Adapter>> {
        let session = self.session(&turn.session).await?;
        self.0.agents.get(&session.agent)
    }

    async fn press_all(&self, turn: &Turn, pane: &PaneId, keys: &[String]) -> Result<()> {
        match self.0.tmux.keys(pane, &turn.session, keys).await? {
            crate::tmux::Guarded::Done => {
                self.wake(&turn.session);
                Ok(())
            }
            crate::tmux::Guarded::Mismatch => Err(gone("the agent's window went away")),
        }
    }
}

fn gone(why: &str) -> Fault {
    Fault::new(Kind::RefusedByState, format!("it moved on: {why}")).hint("Look with /screen.")
}
