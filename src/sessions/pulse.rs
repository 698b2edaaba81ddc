//! Whether an agent's processes compute. A program that computes may not draw and may not read: its screen is older than what it
//! does, and says neither that it is idle nor that it lost a text (Gemini CLI 0.61 stands still for half a minute over a prompt of
//! 100 kB that has no line breaks).

use std::time::Duration;

use tokio::time::Instant;

use super::actor::{Actor, Next};
use super::deliver::ECHO_LIMIT;
use crate::domain::fault::Result;
use crate::domain::launch::Launch;
use crate::domain::screen::ScreenReading;
use crate::domain::session::Reason;
use crate::domain::turn::{Turn, TurnEvent};
use crate::runner::{self, LaunchDir, process};

/// Time between the two looks at the processes: long enough for their ticks of 10 ms.
const SPAN: Duration = Duration::from_millis(400);
/// An agent that waits computes less than this part of the time; one that shares the machine with many others still gets more.
const SHARE: f64 = 0.08;
/// How long a typed prompt waits for an agent that is behind.
pub(super) const BEHIND_LIMIT: Duration = Duration::from_secs(5 * 60);
/// How long an agent that was behind is looked at before it is asked again whether it still is.
const AFTER_BEHIND: Duration = Duration::from_secs(1);
/// Pause between looks at an agent that is behind: reading the text sends no signal.
const BEHIND_PAUSE: Duration = Duration::from_millis(200);

/// A text is typed, and the agent has not come to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Behind {
    pub since: Instant,
    /// When a box that does not show the text is the last word; put off while the agent is behind.
    pub until: Instant,
}

impl Actor {
    /// Whether the agent computes now; takes [`SPAN`].
    pub(super) async fn computes(&self, launch: &Launch) -> Result<bool> {
        computes(&self.launch_dir(launch)).await
    }

    /// Whether the agent is still busy with what was typed, so that its screen does not show it yet.
    pub(super) async fn is_behind(&self, launch: &Launch) -> Result<bool> {
        let unread = self.screen(launch).await.is_some_and(|screen| screen.has_unread_input);
        Ok(unread || self.computes(launch).await?)
    }

    /// The typed text is looked for again and again, as after a crash; meanwhile letters are read, and a stop is a stop.
    pub(super) async fn wait_until_read(&mut self, turn: &Turn) -> Result<Next> {
        let since = Instant::now();
        let until = since + ECHO_LIMIT;
        self.memory.behind = Some(Behind { since, until });
        self.settled = false;
        self.note_behind(turn).await?;
        Ok(Next::after(BEHIND_PAUSE))
    }

    /// Says on the turn what it waits for, once.
    pub(super) async fn note_behind(&self, turn: &Turn) -> Result<()> {
        if turn.reason.is_none() {
            let text = "typed, and the agent has not come to it yet: it computes, or it is stopped";
            self.step(&turn.id, TurnEvent::Behind(Reason::new("behind", text)))
                .await?;
        }
        Ok(())
    }

    /// One look for the text of a prompt that [`Self::wait_until_read`] waits for.
    pub(super) async fn look_for_text(&mut self, turn: Turn, launch: &Launch, behind: Behind) -> Result<Next> {
        let shown = match (self.read_screen(launch).await?, &launch.placement) {
            (Some(ScreenReading::ComposerHolds { shown }), Some(placement))
                if self.adapter.composer_shows(&shown, &self.typed_text(&turn)) =>
            {
                self.memory.behind = None;
                self.settled = true;
                return self.submit(turn, launch, &placement.pane).await;
            }
            (Some(ScreenReading::ComposerHolds { shown }), _) => shown,
            (Some(ScreenReading::Dialog(dialog)), _) => format!("a dialog: {}", dialog.text()),
            _ => "nothing".into(),
        };
        if behind.since.elapsed() < BEHIND_LIMIT && self.is_behind(launch).await? {
            let until = Instant::now() + ECHO_LIMIT;
            self.memory.behind = Some(Behind { until, ..behind });
        } else if Instant::now() >= behind.until {
            self.memory.behind = None;
            self.settled = true;
            return self.not_shown(&turn, &shown).await;
        }
        Ok(Next::after(BEHIND_PAUSE))
    }
}

/// Looks at the clocks and states of the agent and its descendants twice, [`SPAN`] apart. False when there is no agent.
async fn computes(dir: &LaunchDir) -> Result<bool> {
    let Some(agent) = runner::read_shim(dir)?.and_then(|shim| shim.agent) else {
        return Ok(false);
    };
    // Reads all of /proc.
    let look = || tokio::task::block_in_place(|| process::work(agent));
    let Some(before) = look() else { return Ok(false) };
    let begun = std::time::Instant::now();
    tokio::time::sleep(SPAN).await;
    let Some(after) = look() else { return Ok(false) };
    let computed = after.computed.saturating_sub(before.computed);
    // On a machine in need it may have got no time at all, twice.
    let waits_for_its_turn = before.is_at_work && after.is_at_work;
    Ok(waits_for_its_turn || computed.as_secs_f64() >= SHARE * begun.elapsed().as_secs_f64())
}

/// A limit for what an agent is to show, put off while it has not read what was typed, or computes.
pub(super) struct Patience {
    until: Instant,
    deadline: Instant,
    /// The time is over, and one more look is for what came in the meantime.
    is_last: bool,
}

impl Patience {
    /// Waits for `limit`, and for an agent that is behind until `deadline` where that is later.
    pub(super) fn new(limit: Duration, deadline: Instant) -> Self {
        Self {
            until: Instant::now() + limit,
            deadline,
            is_last: false,
        }
    }

    /// Whether even an agent that is behind was waited for long enough.
    pub(super) fn is_at_its_end(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Whether there is another look. `unread`: the last one saw that keys wait to be read.
    pub(super) async fn lasts(&mut self, dir: &LaunchDir, unread: bool) -> bool {
        if self.is_last || Instant::now() < self.until {
            return !self.is_last;
        }
        // An agent of which nothing is known is not waited for.
        if !self.is_at_its_end() && (unread || computes(dir).await.unwrap_or(false)) {
            self.until = Instant::now() + AFTER_BEHIND;
        } else {
            self.is_last = true;
        }
        true
    }
}
