//! Launches: one row per start of a session's agent.

use rusqlite::params;
use serde_json::json;

use super::Tx;
use super::rows::{Columns, Row, micros};
use crate::domain::Timestamp;
use crate::domain::event::EventKind;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::{LaunchNo, SessionId};
use crate::domain::launch::{Launch, Placement};
use crate::domain::letter::ProcessRef;

impl Tx<'_> {
    /// Inserts the next launch of the session and makes it the current one. Event `launch.started` comes with the placement.
    pub fn begin_launch(&self, session: &SessionId, resumed: bool) -> Result<Launch> {
        let last = self.count("SELECT max(no) FROM launches WHERE session = ?1", [session.as_str()])?;
        let no = LaunchNo(u32::try_from(last + 1).map_err(|_| Fault::new(Kind::OverLimit, "too many launches"))?);
        self.run(
            "INSERT INTO launches (session, no, resumed, created_at) VALUES (?1, ?2, ?3, ?4)",
            params![session.as_str(), no.0, resumed, micros(self.now)],
        )?;
        self.run(
            "UPDATE sessions SET launch = ?2 WHERE id = ?1",
            params![session.as_str(), no.0],
        )?;
        self.launch(session, no)
    }

    /// Stores where the launch runs. Event `launch.started`, the first time.
    pub fn place_launch(&self, session: &SessionId, no: LaunchNo, placement: &Placement) -> Result<()> {
        let before = self.launch(session, no)?;
        let start = i64::try_from(placement.server.start)
            .map_err(|_| Fault::new(Kind::Failure, "the start time of the tmux server is out of range"))?;
        self.run(
            "UPDATE launches SET window = ?3, pane = ?4, server_pid = ?5, server_start = ?6 WHERE session = ?1 AND no = ?2",
            params![
                session.as_str(),
                no.0,
                placement.window.as_str(),
                placement.pane.as_str(),
                placement.server.pid,
                start
            ],
        )?;
        if before.placement.is_none() {
            let data = json!({
                "launch": no,
                "resumed": before.resumed,
                "windowId": placement.window,
                "paneId": placement.pane,
            });
            self.append_event(EventKind::LaunchStarted, Some(session), data)?;
        }
        Ok(())
    }

    /// Notes how many processes lie between the program and those that write its own hooks.
    pub fn set_hook_depth(&self, session: &SessionId, no: LaunchNo, depth: u32) -> Result<()> {
        let sql = "UPDATE launches SET hook_depth = ?3 WHERE session = ?1 AND no = ?2";
        self.run(sql, params![session.as_str(), no.0, depth]).map(drop)
    }

    /// Idempotent. Event `launch.exited`.
    pub fn end_launch(&self, session: &SessionId, no: LaunchNo) -> Result<()> {
        let ended = self.run(
            "UPDATE launches SET ended_at = ?3 WHERE session = ?1 AND no = ?2 AND ended_at IS NULL",
            params![session.as_str(), no.0, micros(self.now)],
        )?;
        if ended == 1 {
            self.append_event(EventKind::LaunchExited, Some(session), json!({ "launch": no }))?;
        }
        Ok(())
    }

    /// `NotFound` when the session has no such launch.
    pub fn launch(&self, session: &SessionId, no: LaunchNo) -> Result<Launch> {
        self.maybe(
            "SELECT * FROM launches WHERE session = ?1 AND no = ?2",
            params![session.as_str(), no.0],
            read_launch,
        )?
        .ok_or_else(|| Fault::new(Kind::NotFound, format!("session {session} has no launch {no}")))
    }

    /// How many launches of the session began since then.
    pub fn launches_since(&self, session: &SessionId, since: Timestamp) -> Result<i64> {
        let sql = "SELECT count(*) FROM launches WHERE session = ?1 AND created_at >= ?2";
        self.count(sql, params![session.as_str(), micros(since)])
    }

    /// Every launch that has not ended.
    pub fn open_launches(&self) -> Result<Vec<Launch>> {
        self.all(
            "SELECT * FROM launches WHERE ended_at IS NULL ORDER BY created_at, session, no",
            [],
            read_launch,
        )
    }
}

fn read_launch(row: &Row<'_>) -> Result<Launch> {
    Ok(Launch {
        session: row.id("session")?,
        no: LaunchNo(row.number("no")?),
        resumed: row.flag("resumed")?,
        placement: read_placement(row)?,
        hook_depth: row.maybe_number("hook_depth")?,
        created_at: row.time("created_at")?,
        ended_at: row.maybe_time("ended_at")?,
    })
}

pub(super) fn read_placement(row: &Row<'_>) -> Result<Option<Placement>> {
    let Some(window) = row.maybe_id("window")? else {
        return Ok(None);
    };
    Ok(Some(Placement {
        window,
        pane: row.id("pane")?,
        server: ProcessRef {
            pid: row.number("server_pid")?,
            start: row.number("server_start")?,
        },
    }))
}
