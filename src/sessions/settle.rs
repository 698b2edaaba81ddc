//! After a crash: prompts that an earlier engine had begun to type. The agent's own record is asked first, then its screen;
//! nothing is typed again without proof that it never arrived.

use tokio::time::Instant;

use super::actor::{Actor, Next};
use super::deliver::ECHO_LIMIT;
use super::pulse::BEHIND_LIMIT;
use super::steer::goes_on;
use crate::agents::Recorded;
use crate::domain::agent::Evidence;
use crate::domain::fault::Result;
use crate::domain::launch::Launch;
use crate::domain::screen::ScreenReading;
use crate::domain::session::{Reason, Session};
use crate::domain::turn::{Turn, TurnEvent, TurnKind, TurnState};

/// Pause between two looks while a half-done prompt is being settled.
const SETTLE_PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

impl Actor {
    /// `None`: nothing is left to settle. Letters were read before.
    pub(super) async fn settle(
        &mut self,
        session: &Session,
        launch: &Launch,
        running: &[Turn],
    ) -> Result<Option<Next>> {
        if self.settled {
            return Ok(None);
        }
        let half_done = |turn: &&Turn| matches!(turn.state, TurnState::Typing | TurnState::Typed);
        let Some(turn) = running.iter().find(half_done).cloned() else {
            self.settled = true;
            self.memory.behind = None;
            return Ok(None);
        };
        if let Some(behind) = self.memory.behind {
            return self.look_for_text(turn, launch, behind).await.map(Some);
        }
        if self.adapter.evidence() == Evidence::None || turn.kind == TurnKind::Command {
            let reason = Reason::new(
                "crashed",
                "TeleCoder was interrupted while it typed, and this agent keeps no record",
            );
            return self.unclear(&turn, reason).await.map(Some);
        }
        if self.recorded(session, &turn) == Recorded::Taken {
            self.accept_by_transcript(&turn.id).await?;
            return Ok(Some(Next::now()));
        }
        if turn.steered && goes_on(session) {
            return self.settle_at_work(turn, launch).await;
        }
        self.settle_by_screen(turn, session, launch).await.map(Some)
    }

    /// A steered text is settled like any other when what it was meant for has ended; until then the agent may take it any moment.
    /// A box that holds exactly our text is submitted at once.
    async fn settle_at_work(&mut self, turn: Turn, launch: &Launch) -> Result<Option<Next>> {
        if turn.state == TurnState::Typing
            && let (Some(ScreenReading::ComposerHolds { shown }), Some(placement)) =
                (self.read_screen(launch).await?, &launch.placement)
            && self.adapter.composer_shows(&shown, &self.typed_text(&turn))
        {
            self.settled = true;
            return self.submit(turn, launch, &placement.pane).await.map(Some);
        }
        Ok(None)
    }

    /// The evidence may still be on its way: the same time is given as after Enter. A box that holds exactly our text is
    /// submitted at once.
    async fn settle_by_screen(&mut self, turn: Turn, session: &Session, launch: &Launch) -> Result<Next> {
        let until = *self
            .memory
            .settle_until
            .get_or_insert_with(|| Instant::now() + self.adapter.evidence_timeout());
        let reading = self.read_screen(launch).await?;
        if let (Some(ScreenReading::ComposerHolds { shown }), Some(placement)) = (&reading, &launch.placement)
            && turn.state == TurnState::Typing
            && self.adapter.composer_shows(shown, &self.typed_text(&turn))
        {
            self.memory.settle_until = None;
            self.settled = true;
            return self.submit(turn, launch, &placement.pane).await;
        }
        if Instant::now() < until {
            return Ok(Next::after(SETTLE_PAUSE));
        }
        // What it has not read yet it will read: neither its record nor its screen proves that the text never came.
        let since = *self.memory.settle_since.get_or_insert(until);
        if since.elapsed() < BEHIND_LIMIT && self.is_behind(launch).await? {
            self.memory.settle_until = Some(Instant::now() + ECHO_LIMIT);
            return Ok(Next::after(SETTLE_PAUSE));
        }
        self.memory.settle_until = None;
        self.memory.settle_since = None;
        let absent = self.recorded(session, &turn) == Recorded::Absent;
        if absent && reading == Some(ScreenReading::ComposerEmpty) {
            self.step(&turn.id, TurnEvent::ProvenAbsent).await?;
            return Ok(Next::now());
        }
        let reason = Reason::new(
            "crashed",
            "TeleCoder was interrupted while it typed, and the agent has no record of it",
        );
        self.unclear(&turn, reason).await
    }
}
