//! What is shown of a session beside its own row: its newest turn, how many prompts wait, where its window is. One query for a
//! whole list: three small ones for each session took longer than all the rest of `telecoder list`.

use rusqlite::params;

use super::Tx;
use super::launches::read_placement;
use super::rows::{Columns, Row, to_json};
use super::sessions::{SessionFilter, read_session};
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::{SessionId, TurnId};
use crate::domain::launch::Placement;
use crate::domain::session::{Reason, Session};
use crate::domain::turn::TurnState;

/// A session with what stands beside it in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Glance {
    pub session: Session,
    pub turn: Option<TurnGlance>,
    /// Prompts that wait for their turn at the keyboard.
    pub waiting: u32,
    /// Of the launch that has not ended; the ids of one that has mean nothing any more.
    pub placement: Option<Placement>,
}

/// A session's newest turn.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnGlance {
    pub id: TurnId,
    pub state: TurnState,
    pub reason: Option<Reason>,
    pub steered: bool,
}

/// The columns of `sessions` come first, so that their names mean them. A condition and an order follow.
macro_rules! glances {
    ($which:literal) => {
        concat!(
            "SELECT s.*, t.id AS turn_id, t.state AS turn_state, t.reason AS turn_reason, t.steered AS turn_steered,
                 l.window, l.pane, l.server_pid, l.server_start,
                 (SELECT count(*) FROM turns w
                  WHERE w.session = s.id AND w.state IN ('queued', 'held', 'typing', 'typed', 'accepted')
                    AND w.state IN ('queued', 'held')) AS waiting
             FROM sessions s
             LEFT JOIN turns t ON t.session = s.id AND t.seq = (SELECT max(seq) FROM turns WHERE session = s.id)
             LEFT JOIN launches l ON l.session = s.id AND l.no = s.launch AND l.ended_at IS NULL
             WHERE ",
            $which
        )
    };
}

impl Tx<'_> {
    /// Oldest first.
    pub fn glances(&self, filter: &SessionFilter) -> Result<Vec<Glance>> {
        let states: Vec<&str> = filter.states.iter().map(|s| s.as_str()).collect();
        self.all(
            glances!(
                "(?1 OR s.removed_at IS NULL)
                 AND (json_array_length(?2) = 0 OR s.state IN (SELECT value FROM json_each(?2)))
                 ORDER BY s.row"
            ),
            params![filter.include_removed, to_json(&states)?],
            read_glance,
        )
    }

    /// By exact id, also a removed one. `NotFound` otherwise.
    pub fn glance(&self, id: &SessionId) -> Result<Glance> {
        self.maybe(glances!("s.id = ?1"), [id.as_str()], read_glance)?
            .ok_or_else(|| Fault::new(Kind::NotFound, format!("there is no session {id}")))
    }
}

fn read_glance(row: &Row<'_>) -> Result<Glance> {
    Ok(Glance {
        session: read_session(row)?,
        turn: read_turn_glance(row)?,
        waiting: row.number("waiting")?,
        placement: read_placement(row)?,
    })
}

fn read_turn_glance(row: &Row<'_>) -> Result<Option<TurnGlance>> {
    let Some(id) = row.maybe_id("turn_id")? else {
        return Ok(None);
    };
    Ok(Some(TurnGlance {
        id,
        state: row.word("turn_state")?,
        reason: row.maybe_json("turn_reason")?,
        steered: row.flag("turn_steered")?,
    }))
}
