//! Asks: questions of agents that wait for a person's answer.

use rusqlite::params;
use serde_json::json;

use super::Tx;
use super::rows::{Columns, Row, micros, to_json, word};
use crate::domain::Timestamp;
use crate::domain::ask::{Ask, AskState};
use crate::domain::event::EventKind;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::{LaunchNo, LetterId, SessionId};

impl Tx<'_> {
    /// Event `ask.opened`.
    pub fn open_ask(&self, ask: &Ask) -> Result<()> {
        self.run(
            "INSERT INTO asks (id, session, launch, question, choices, state, answer, opened_at, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                ask.id.as_str(),
                ask.session.as_str(),
                ask.launch.0,
                ask.question,
                to_json(&ask.choices)?,
                word(&ask.state)?,
                ask.answer,
                micros(ask.opened_at),
                ask.expires_at.map(micros),
            ],
        )?;
        let data = json!({ "id": ask.id, "launch": ask.launch, "expiresAt": ask.expires_at });
        self.append_event(EventKind::AskOpened, Some(&ask.session), data)?;
        Ok(())
    }

    /// `NotFound` when there never was such an ask.
    pub fn ask(&self, id: &LetterId) -> Result<Ask> {
        self.maybe("SELECT * FROM asks WHERE id = ?1", [id.as_str()], read_ask)?
            .ok_or_else(|| Fault::new(Kind::NotFound, format!("there is no question {id}")))
    }

    /// Open asks of a session, oldest first.
    pub fn open_asks(&self, session: &SessionId) -> Result<Vec<Ask>> {
        self.all(
            "SELECT * FROM asks WHERE session = ?1 AND state = 'open' ORDER BY row",
            [session.as_str()],
            read_ask,
        )
    }

    /// Open asks of all sessions, oldest first.
    pub fn all_open_asks(&self) -> Result<Vec<Ask>> {
        self.all("SELECT * FROM asks WHERE state = 'open' ORDER BY row", [], read_ask)
    }

    /// The newest ask of a session, whatever became of it.
    pub fn last_ask(&self, session: &SessionId) -> Result<Option<Ask>> {
        self.maybe(
            "SELECT * FROM asks WHERE session = ?1 ORDER BY row DESC LIMIT 1",
            [session.as_str()],
            read_ask,
        )
    }

    /// Answered asks of one launch.
    pub fn answered_asks(&self, session: &SessionId, launch: LaunchNo) -> Result<Vec<Ask>> {
        self.all(
            "SELECT * FROM asks WHERE session = ?1 AND launch = ?2 AND state = 'answered' ORDER BY row",
            params![session.as_str(), launch.0],
            read_ask,
        )
    }

    /// Answered asks of all sessions whose time passed after `since`.
    pub fn answered_asks_over_since(&self, since: Timestamp) -> Result<Vec<Ask>> {
        self.all(
            "SELECT * FROM asks WHERE state = 'answered' AND expires_at BETWEEN ?1 AND ?2 ORDER BY row",
            params![micros(since), micros(self.now)],
            read_ask,
        )
    }

    /// Closes an open ask, with the answer and who gave it; false when it was not open any more. Event `ask.answered`.
    pub fn close_ask(&self, id: &LetterId, state: AskState, answer: Option<(&str, &str)>) -> Result<bool> {
        let ask = self.ask(id)?;
        if ask.state != AskState::Open || state == AskState::Open {
            return Ok(false);
        }
        self.run(
            "UPDATE asks SET state = ?2, answer = ?3, closed_at = ?4 WHERE id = ?1",
            params![
                id.as_str(),
                word(&state)?,
                answer.map(|(text, _)| text),
                micros(self.now)
            ],
        )?;
        let data = json!({ "id": id, "state": state, "by": answer.map(|(_, by)| by) });
        self.append_event(EventKind::AskAnswered, Some(&ask.session), data)?;
        Ok(true)
    }
}

fn read_ask(row: &Row<'_>) -> Result<Ask> {
    Ok(Ask {
        id: row.id("id")?,
        session: row.id("session")?,
        launch: LaunchNo(row.number("launch")?),
        question: row.text("question")?,
        choices: row.json("choices")?,
        state: row.word("state")?,
        answer: row.maybe_text("answer")?,
        opened_at: row.time("opened_at")?,
        expires_at: row.maybe_time("expires_at")?,
    })
}
