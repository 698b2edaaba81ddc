//! Turns: the inbox. A prompt is a row before it is anything else.
//!
//! Queries for open turns repeat the list of the partial index `turns_open` word for word: only then SQLite uses it, and a
//! session with thousands of finished turns is as quick as a new one.

use rusqlite::params;
use serde_json::json;

use super::Tx;
use super::rows::{Columns, Row, micros, to_json, word};
use super::seal::Seal;
use crate::domain::event::EventKind;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::{LaunchNo, SessionId, TurnId};
use crate::domain::route::PromptOrigin;
use crate::domain::session::Reason;
use crate::domain::text::Sanitised;
use crate::domain::turn::{self, Turn, TurnEvent, TurnKind, TurnState};

pub struct NewTurn {
    pub id: TurnId,
    pub session: SessionId,
    pub text: Sanitised,
    pub origin: PromptOrigin,
    pub kind: TurnKind,
    /// See [`Turn::steered`].
    pub steered: bool,
    /// Two prompts of a session with one key are one prompt (a client that repeats a request; a channel message).
    pub key: Option<String>,
}

impl Tx<'_> {
    /// Inserts in state `queued`, or returns the turn that already has the key. Event `turn.state`.
    pub fn insert_turn(&self, new: NewTurn) -> Result<Turn> {
        if let Some(key) = &new.key
            && let Some(turn) = self.turn_by_key(&new.session, key)?
        {
            return Ok(turn);
        }
        let origin = to_json(&new.origin)?;
        self.run(
            "INSERT INTO turns (id, session, seq, key, state, text, stripped, origin, created_at, kind, seal,
                 steered)
             VALUES (?1, ?2, (SELECT ifnull(max(seq), 0) + 1 FROM turns WHERE session = ?2), ?3, 'queued', ?4, ?5, ?6, ?7, ?8,
                 ?9, ?10)",
            params![
                new.id.as_str(),
                new.session.as_str(),
                new.key,
                new.text.text,
                new.text.stripped,
                origin,
                micros(self.now),
                word(&new.kind)?,
                sealing(new.id.as_str(), new.session.as_str(), &new.text.text, &origin, None).finish(),
                new.steered,
            ],
        )?;
        self.tell_turn(&new.session, &new.id, TurnState::Queued, None)?;
        self.turn(&new.id)
    }

    pub fn turn_by_key(&self, session: &SessionId, key: &str) -> Result<Option<Turn>> {
        let sql = "SELECT * FROM turns WHERE session = ?1 AND key = ?2";
        self.maybe(sql, [session.as_str(), key], read_turn)
    }

    /// The turn that came of a person's message, whose keys begin so; also the first one of a session that the message made.
    pub fn turn_of_message(&self, key_prefix: &str) -> Result<Option<Turn>> {
        let end = format!("{key_prefix}\u{10ffff}");
        let by_turn = "SELECT * FROM turns WHERE key IS NOT NULL AND key >= ?1 AND key < ?2 ORDER BY row DESC LIMIT 1";
        let found = self.maybe(by_turn, [key_prefix, &end], read_turn)?;
        if found.is_some() {
            return Ok(found);
        }
        self.maybe(
            "SELECT turns.* FROM sessions JOIN turns ON turns.session = sessions.id
             WHERE sessions.key >= ?1 AND sessions.key < ?2 AND turns.seq = 1",
            [key_prefix, &end],
            read_turn,
        )
    }

    /// Other words for a prompt that still waits; false when it does not wait any more.
    pub fn reword_turn(&self, id: &TurnId, text: &Sanitised) -> Result<bool> {
        let mut turn = self.turn(id)?;
        if !turn.state.is_waiting() {
            return Ok(false);
        }
        turn.text = text.text.clone();
        turn.stripped = text.stripped;
        self.run(
            "UPDATE turns SET text = ?2, stripped = ?3 WHERE id = ?1",
            params![id.as_str(), turn.text, turn.stripped],
        )?;
        self.store_turn(&turn)?;
        Ok(true)
    }

    /// `NotFound` when there is no such turn.
    pub fn turn(&self, id: &TurnId) -> Result<Turn> {
        self.maybe("SELECT * FROM turns WHERE id = ?1", [id.as_str()], read_turn)?
            .ok_or_else(|| Fault::new(Kind::NotFound, format!("there is no prompt {id}")))
    }

    /// Steps the turn's machine with `event` and stores what follows (also `launch` of `BeginTyping`, `final_text` of
    /// `Finished`, the times). Returns the new state, or none when the event changes nothing. Event `turn.state`.
    pub fn step_turn(&self, id: &TurnId, event: &TurnEvent) -> Result<Option<TurnState>> {
        let mut turn = self.turn(id)?;
        let Some((state, reason)) = turn::step(turn.state, event) else {
            return Ok(None);
        };
        turn.state = state;
        turn.reason = reason;
        self.follow(&mut turn, event);
        self.store_turn(&turn)?;
        if turn.steered && state.is_ended() && state != TurnState::Uncertain {
            // What came of it is in the outcome of the turn that it went into.
            self.run("UPDATE turns SET outcome_of = state WHERE id = ?1", [id.as_str()])?;
        }
        self.tell_turn(&turn.session, id, state, turn.reason.as_ref())?;
        Ok(Some(state))
    }

    /// The agent's own id of the turn that this prompt began or went into.
    pub fn set_agent_turn(&self, id: &TurnId, agent_turn: &str) -> Result<()> {
        self.run(
            "UPDATE turns SET agent_turn = ?2 WHERE id = ?1",
            params![id.as_str(), agent_turn],
        )?;
        Ok(())
    }

    /// Whether a prompt that has ended belonged to this turn of the agent's.
    pub fn has_ended_turn_of(&self, session: &SessionId, agent_turn: &str) -> Result<bool> {
        let ended = self.count(
            "SELECT count(*) FROM turns
             WHERE session = ?1 AND agent_turn = ?2 AND ended_at IS NOT NULL",
            params![session.as_str(), agent_turn],
        )?;
        Ok(ended > 0)
    }

    /// It did not go into a running turn: from here on it is a prompt like any other. What was said before its own turn began, which
    /// is when the one before it ended, is not its answer.
    pub fn unsteer_turn(&self, id: &TurnId) -> Result<()> {
        self.run(
            "UPDATE turns SET steered = 0, agent_turn = NULL, typed_at = max(typed_at, ifnull((
                 SELECT max(b.ended_at) + 1 FROM turns b WHERE b.session = turns.session AND b.seq < turns.seq), 0))
             WHERE id = ?1",
            [id.as_str()],
        )?;
        Ok(())
    }

    /// The next waiting turn (`queued` or `held`) of a session: a continuation, else the oldest.
    pub fn next_waiting_turn(&self, session: &SessionId) -> Result<Option<Turn>> {
        self.maybe(
            "SELECT * FROM turns
             WHERE session = ?1 AND state IN ('queued', 'held', 'typing', 'typed', 'accepted')
               AND state IN ('queued', 'held')
             ORDER BY kind = 'continuation' DESC, seq LIMIT 1",
            [session.as_str()],
            read_turn,
        )
    }

    /// Turns of a session that were typed and have not ended (`typing`, `typed`, `accepted`), oldest first.
    pub fn running_turns(&self, session: &SessionId) -> Result<Vec<Turn>> {
        self.all(
            "SELECT * FROM turns
             WHERE session = ?1 AND state IN ('queued', 'held', 'typing', 'typed', 'accepted')
               AND state IN ('typing', 'typed', 'accepted')
             ORDER BY seq",
            [session.as_str()],
            read_turn,
        )
    }

    /// The newest turn of a session.
    pub fn last_turn(&self, session: &SessionId) -> Result<Option<Turn>> {
        self.maybe(
            "SELECT * FROM turns WHERE session = ?1 ORDER BY seq DESC LIMIT 1",
            [session.as_str()],
            read_turn,
        )
    }

    /// All turns of a session, oldest first; the last `limit` when given.
    pub fn turns(&self, session: &SessionId, limit: Option<u32>) -> Result<Vec<Turn>> {
        let limit = limit.map_or(-1, i64::from);
        let mut turns = self.all(
            "SELECT * FROM turns WHERE session = ?1 ORDER BY seq DESC LIMIT ?2",
            params![session.as_str(), limit],
            read_turn,
        )?;
        turns.reverse();
        Ok(turns)
    }

    /// Prompts that wait for a turn of their own.
    pub fn usual_waiting_count(&self, session: &SessionId) -> Result<i64> {
        self.count(
            "SELECT count(*) FROM turns
             WHERE session = ?1 AND state IN ('queued', 'held', 'typing', 'typed', 'accepted')
               AND state IN ('queued', 'held') AND steered = 0",
            [session.as_str()],
        )
    }

    pub fn waiting_count(&self, session: &SessionId) -> Result<u32> {
        let waiting = self.count(
            "SELECT count(*) FROM turns
             WHERE session = ?1 AND state IN ('queued', 'held', 'typing', 'typed', 'accepted')
               AND state IN ('queued', 'held')",
            [session.as_str()],
        )?;
        Ok(u32::try_from(waiting).unwrap_or(u32::MAX))
    }

    /// With `cancel_waiting`, steps every waiting turn of a session to `cancelled`; steps every running one through `SessionEnded`.
    /// Returns those that changed, oldest first.
    pub fn end_turns(&self, session: &SessionId, reason: &Reason, cancel_waiting: bool) -> Result<Vec<TurnId>> {
        let open = self.all(
            "SELECT * FROM turns WHERE session = ?1 AND state IN ('queued', 'held', 'typing', 'typed', 'accepted')
             ORDER BY seq",
            [session.as_str()],
            read_turn,
        )?;
        let mut changed = Vec::new();
        for turn in open {
            let event = match (turn.state.is_waiting(), cancel_waiting) {
                (true, true) => TurnEvent::Cancelled(reason.clone()),
                (true, false) => continue,
                (false, _) => TurnEvent::SessionEnded(reason.clone()),
            };
            if self.step_turn(&turn.id, &event)?.is_some() {
                changed.push(turn.id);
            }
        }
        Ok(changed)
    }

    /// Turns that were typed into this launch and that the agent has not said it took (`typing`, `typed`, `uncertain`), oldest first.
    pub fn unproven_turns(&self, session: &SessionId, no: LaunchNo) -> Result<Vec<Turn>> {
        self.all(
            "SELECT * FROM turns WHERE session = ?1 AND launch = ?2 AND state IN ('typing', 'typed', 'uncertain')
             ORDER BY seq",
            params![session.as_str(), no.0],
            read_turn,
        )
    }

    /// What follows from a step beside state and reason.
    fn follow(&self, turn: &mut Turn, event: &TurnEvent) {
        match event {
            TurnEvent::BeginTyping { launch } => {
                turn.launch = Some(*launch);
                turn.typed_at = Some(self.now);
            }
            // Nothing of it is in any launch's terminal.
            TurnEvent::NotTyped(_) | TurnEvent::ProvenAbsent => {
                turn.launch = None;
                turn.typed_at = None;
            }
            TurnEvent::Finished { final_text } => turn.final_text.clone_from(final_text),
            _ => {}
        }
        if turn.state == TurnState::Accepted {
            turn.accepted_at.get_or_insert(self.now);
        }
        turn.ended_at = turn.state.is_ended().then_some(self.now);
    }

    fn store_turn(&self, turn: &Turn) -> Result<()> {
        let origin = to_json(&turn.origin)?;
        let final_text = turn.final_text.as_deref();
        let seal = sealing(turn.id.as_str(), turn.session.as_str(), &turn.text, &origin, final_text).finish();
        self.run(
            "UPDATE turns SET state = ?2, reason = ?3, launch = ?4, typed_at = ?5, accepted_at = ?6, ended_at = ?7,
                 final_text = ?8, origin = ?9, seal = ?10
             WHERE id = ?1",
            params![
                turn.id.as_str(),
                turn.state.as_str(),
                turn.reason.as_ref().map(to_json).transpose()?,
                turn.launch.map(|no| no.0),
                turn.typed_at.map(micros),
                turn.accepted_at.map(micros),
                turn.ended_at.map(micros),
                final_text,
                origin,
                seal,
            ],
        )?;
        Ok(())
    }

    /// Event `turn.progress`: which tool the agent uses now. What it does with it stays in its window.
    pub fn tell_progress(&self, session: &SessionId, tool: &str) -> Result<()> {
        self.append_event(EventKind::TurnProgress, Some(session), json!({ "tool": tool }))?;
        Ok(())
    }

    fn tell_turn(&self, session: &SessionId, id: &TurnId, state: TurnState, reason: Option<&Reason>) -> Result<()> {
        let data = json!({ "id": id, "state": state, "reason": reason });
        self.append_event(EventKind::TurnState, Some(session), data)?;
        Ok(())
    }
}

/// What a turn's seal covers: whose it is, what goes to the agent, and what goes back to the person.
fn sealing(id: &str, session: &str, text: &str, origin: &str, final_text: Option<&str>) -> Seal {
    Seal::of("turns")
        .text(id)
        .text(session)
        .text(text)
        .text(origin)
        .maybe_text(final_text)
}

fn read_turn(row: &Row<'_>) -> Result<Turn> {
    let id: TurnId = row.id("id")?;
    let (session, text, origin) = (row.text("session")?, row.text("text")?, row.text("origin")?);
    let final_text = row.maybe_text("final_text")?;
    sealing(id.as_str(), &session, &text, &origin, final_text.as_deref())
        .check(&row.bytes("seal")?, format_args!("prompt {id} of session {session}"))?;
    Ok(Turn {
        id,
        session: row.id("session")?,
        seq: row.number("seq")?,
        kind: row.word("kind")?,
        state: row.word("state")?,
        reason: row.maybe_json("reason")?,
        text,
        stripped: row.number("stripped")?,
        steered: row.flag("steered")?,
        agent_turn: row.maybe_text("agent_turn")?,
        origin: row.json("origin")?,
        launch: row.maybe_number("launch")?.map(LaunchNo),
        created_at: row.time("created_at")?,
        typed_at: row.maybe_time("typed_at")?,
        accepted_at: row.maybe_time("accepted_at")?,
        ended_at: row.maybe_time("ended_at")?,
        final_text,
    })
}
