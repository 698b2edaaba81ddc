//! Outcomes: what came of turns; and the inbox that a person reads.

use rusqlite::params;
use serde_json::json;

use super::Tx;
use super::rows::{Columns, Row, micros, to_json, word};
use crate::domain::Timestamp;
use crate::domain::event::EventKind;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::{SessionId, TurnId};
use crate::domain::outcome::{Detail, Mark, Outcome, Verdict};
use crate::domain::turn::Turn;

/// Whether checks still run for an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Checking,
    Whole,
}

impl Stage {
    const fn as_str(self) -> &'static str {
        match self {
            Stage::Checking => "checking",
            Stage::Whole => "whole",
        }
    }
}

pub struct NewOutcome {
    pub session: SessionId,
    pub turn: Option<TurnId>,
    /// For the end of a session without a turn: when it ended.
    pub ending: Option<Timestamp>,
    pub stage: Stage,
    pub verdict: Verdict,
    pub headline: String,
    pub detail: Detail,
    /// How often checks sent the work back before this.
    pub round: u32,
}

impl Tx<'_> {
    /// Sessions with a turn that ended and has no outcome (for that end) yet.
    pub fn sessions_without_outcome(&self) -> Result<Vec<SessionId>> {
        self.all(
            "SELECT DISTINCT session FROM turns INDEXED BY turns_without_outcome
             WHERE ended_at IS NOT NULL AND typed_at IS NOT NULL AND outcome_of IS NOT state",
            [],
            |row| row.id("session"),
        )
    }

    /// The oldest turn of a session that ended and has no outcome yet.
    pub fn turn_without_outcome(&self, session: &SessionId) -> Result<Option<Turn>> {
        let id = self.maybe(
            "SELECT id FROM turns INDEXED BY turns_without_outcome
             WHERE session = ?1 AND ended_at IS NOT NULL AND typed_at IS NOT NULL AND outcome_of IS NOT state
             ORDER BY seq LIMIT 1",
            [session.as_str()],
            |row| row.id::<TurnId>("id"),
        )?;
        id.map(|id| self.turn(&id)).transpose()
    }

    /// Sessions that failed or were lost, whose end no outcome tells.
    pub fn ends_without_outcome(&self) -> Result<Vec<SessionId>> {
        self.all(
            "SELECT id FROM sessions s WHERE state IN ('failed', 'lost') AND removed_at IS NULL
               AND ended_at > ifnull((SELECT max(at) FROM (
                   SELECT created_at AS at FROM outcomes WHERE session = s.id
                   UNION ALL SELECT ending FROM outcomes WHERE session = s.id)), 0)
               AND NOT EXISTS (SELECT 1 FROM turns t WHERE t.session = s.id AND t.ended_at IS NOT NULL
                   AND t.typed_at IS NOT NULL AND t.outcome_of IS NOT t.state)",
            [],
            |row| row.id("id"),
        )
    }

    /// Stores an outcome and marks its turn; a turn that had one (for another end) gets this one in its place. Event
    /// `outcome.created`.
    pub fn insert_outcome(&self, new: &NewOutcome) -> Result<i64> {
        self.run(
            "INSERT INTO outcomes (session, turn, ending, stage, verdict, headline, detail, round, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (turn) DO UPDATE SET stage = excluded.stage, verdict = excluded.verdict,
                 headline = excluded.headline, detail = excluded.detail, created_at = excluded.created_at, acked_at = NULL",
            params![
                new.session.as_str(),
                new.turn.as_ref().map(TurnId::as_str),
                new.ending.map(micros),
                new.stage.as_str(),
                word(&new.verdict)?,
                new.headline,
                to_json(&new.detail)?,
                new.round,
                micros(self.now),
            ],
        )?;
        let id = match &new.turn {
            Some(turn) => {
                self.run("UPDATE turns SET outcome_of = state WHERE id = ?1", [turn.as_str()])?;
                self.count("SELECT id FROM outcomes WHERE turn = ?1", [turn.as_str()])?
            }
            None => self.conn.last_insert_rowid(),
        };
        self.tell_outcome(&new.session, id, new.verdict, new.stage)?;
        Ok(id)
    }

    /// What the checks said. Event `outcome.created` again.
    pub fn finish_outcome(&self, id: i64, verdict: Verdict, headline: &str, detail: &Detail) -> Result<()> {
        let outcome = self.outcome(id)?;
        self.run(
            "UPDATE outcomes SET stage = 'whole', verdict = ?2, headline = ?3, detail = ?4 WHERE id = ?1",
            params![id, word(&verdict)?, headline, to_json(detail)?],
        )?;
        self.tell_outcome(&outcome.session, id, verdict, Stage::Whole)
    }

    /// Outcomes whose checks were running.
    pub fn checking_outcomes(&self) -> Result<Vec<Outcome>> {
        self.all(
            "SELECT * FROM outcomes WHERE stage = 'checking' ORDER BY id",
            [],
            read_outcome,
        )
    }

    /// Whether its checks are over.
    pub fn is_whole(&self, id: i64) -> Result<bool> {
        Ok(self.count("SELECT count(*) FROM outcomes WHERE id = ?1 AND stage = 'whole'", [id])? > 0)
    }

    /// `NotFound` when there is none.
    pub fn outcome(&self, id: i64) -> Result<Outcome> {
        self.maybe("SELECT * FROM outcomes WHERE id = ?1", [id], read_outcome)?
            .ok_or_else(|| Fault::new(Kind::NotFound, format!("there is no inbox entry {id}")))
    }

    pub fn outcome_of_turn(&self, turn: &TurnId) -> Result<Option<Outcome>> {
        self.maybe("SELECT * FROM outcomes WHERE turn = ?1", [turn.as_str()], read_outcome)
    }

    /// Newest first.
    pub fn outcomes(&self, session: &SessionId, limit: u32) -> Result<Vec<Outcome>> {
        self.all(
            "SELECT * FROM outcomes WHERE session = ?1 ORDER BY id DESC LIMIT ?2",
            params![session.as_str(), limit],
            read_outcome,
        )
    }

    /// The state of the work that the newest measured outcome of a session saw.
    pub fn last_mark(&self, session: &SessionId) -> Result<Option<Mark>> {
        let found = self.maybe(
            "SELECT detail FROM outcomes WHERE session = ?1 AND json_extract(detail, '$.measured') IS NOT NULL
             ORDER BY id DESC LIMIT 1",
            [session.as_str()],
            |row| row.json::<Detail>("detail"),
        )?;
        Ok(found.and_then(|detail| detail.measured).map(|measured| measured.mark))
    }

    /// How often checks had sent the work back before this outcome.
    pub fn round_of(&self, outcome: i64) -> Result<u32> {
        let round = self.count("SELECT round FROM outcomes WHERE id = ?1", [outcome])?;
        Ok(u32::try_from(round).unwrap_or(0))
    }

    /// The key of a turn, by which it is known who asked for it.
    pub fn turn_key(&self, turn: &TurnId) -> Result<Option<String>> {
        let found = self.maybe("SELECT key FROM turns WHERE id = ?1", [turn.as_str()], |row| {
            row.maybe_text("key")
        })?;
        Ok(found.flatten())
    }

    /// Entries of sessions that are not removed, newest first; with `all` also those that were seen.
    pub fn inbox_outcomes(&self, all: bool, limit: u32) -> Result<Vec<Outcome>> {
        self.all(
            "SELECT outcomes.* FROM outcomes JOIN sessions ON sessions.id = outcomes.session
             WHERE (?1 OR outcomes.acked_at IS NULL) AND sessions.removed_at IS NULL
             ORDER BY outcomes.id DESC LIMIT ?2",
            params![all, limit],
            read_outcome,
        )
    }

    /// Marks one entry, every entry of a session, or every entry as seen; how many were not. Event `inbox.acked`.
    pub fn ack_outcomes(&self, one: Option<i64>, session: Option<&SessionId>) -> Result<usize> {
        let changed = self.run(
            "UPDATE outcomes SET acked_at = ?3 WHERE acked_at IS NULL AND (?1 IS NULL OR id = ?1)
               AND (?2 IS NULL OR session = ?2)",
            params![one, session.map(SessionId::as_str), micros(self.now)],
        )?;
        if changed > 0 {
            let data = json!({ "id": one, "entries": changed });
            self.append_event(EventKind::InboxAcked, session, data)?;
        }
        Ok(changed)
    }

    fn tell_outcome(&self, session: &SessionId, id: i64, verdict: Verdict, stage: Stage) -> Result<()> {
        let data = json!({ "id": id, "verdict": verdict, "stage": stage.as_str() });
        self.append_event(EventKind::OutcomeCreated, Some(session), data)
            .map(drop)
    }
}

fn read_outcome(row: &Row<'_>) -> Result<Outcome> {
    Ok(Outcome {
        id: row.integer("id")?,
        session: row.id("session")?,
        turn: row.maybe_id("turn")?,
        verdict: row.word("verdict")?,
        headline: row.text("headline")?,
        detail: row.json("detail")?,
        created_at: row.time("created_at")?,
        acked_at: row.maybe_time("acked_at")?,
    })
}
