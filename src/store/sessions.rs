//! Sessions: the rows, their status, the chats they answer to. Their names are in `names`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use rusqlite::params;
use serde_json::json;

use super::Tx;
use super::rows::{Columns, Row, micros, to_json, word};
use super::seal::{SEAL_BYTES, Seal};
use crate::domain::Timestamp;
use crate::domain::event::EventKind;
use crate::domain::exit::{ExitCause, ExitRecord};
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::{LaunchNo, SessionId, SessionName};
use crate::domain::policy::Policy;
use crate::domain::route::ChatRef;
use crate::domain::session::{Reason, Session, SessionState, Status};

pub struct NewSession {
    pub id: SessionId,
    /// The name asked for (taken = `RefusedByState`), or
    pub name: Option<SessionName>,
    /// what to make one of: `-2`, `-3` ... is added until it is free.
    pub name_stem: SessionName,
    pub agent: String,
    pub policy: Policy,
    pub repo: Option<String>,
    pub work_dir: PathBuf,
    pub branch: Option<String>,
    pub chat: Option<ChatRef>,
    pub parent: Option<SessionId>,
    /// A client's own key: unique among all sessions.
    pub key: Option<String>,
    pub fork_of: Option<String>,
}

#[derive(Debug, Clone, Default)]
pub struct SessionFilter {
    /// Empty: every state.
    pub states: Vec<SessionState>,
    pub include_removed: bool,
}

impl Tx<'_> {
    /// Inserts in state `queued`, with the event `session.created`.
    pub fn insert_session(&self, new: NewSession) -> Result<Session> {
        let name = self.name_for(new.name, &new.name_stem)?;
        let chat = new.chat.as_ref();
        self.run(
            "INSERT INTO sessions (id, name, agent, policy, state, reason_code, reason_text, source, status_since, repo,
                 work_dir, branch, channel, chat_id, thread_id, chat_seal, parent, created_at, key, fork_of)
             VALUES (?1, ?2, ?3, ?4, 'queued', 'created', 'waits for a free slot', 'person', ?5, ?6,
                 ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?5, ?14, ?15)",
            params![
                new.id.as_str(),
                name.as_str(),
                new.agent,
                new.policy.as_str(),
                micros(self.now),
                new.repo,
                new.work_dir.as_os_str().as_bytes(),
                new.branch,
                chat.map(|c| &c.channel),
                chat.map(|c| c.chat_id),
                chat.and_then(|c| c.thread_id),
                chat.map(|c| chat_seal(&new.id, c)),
                new.parent.as_ref().map(SessionId::as_str),
                new.key,
                new.fork_of,
            ],
        )?;
        let data = json!({ "name": name, "agent": new.agent, "policy": new.policy, "state": SessionState::Queued });
        self.append_event(EventKind::SessionCreated, Some(&new.id), data)?;
        self.session(&new.id)
    }

    /// The session that was made with this key of a client's.
    pub fn session_by_key(&self, key: &str) -> Result<Option<Session>> {
        self.maybe("SELECT * FROM sessions WHERE key = ?1", [key], read_session)
    }

    /// By exact id, also a removed one. `NotFound` otherwise.
    pub fn session(&self, id: &SessionId) -> Result<Session> {
        self.maybe("SELECT * FROM sessions WHERE id = ?1", [id.as_str()], read_session)?
            .ok_or_else(|| Fault::new(Kind::NotFound, format!("there is no session {id}")))
    }

    /// Oldest first.
    pub fn sessions(&self, filter: &SessionFilter) -> Result<Vec<Session>> {
        let states: Vec<&str> = filter.states.iter().map(|s| s.as_str()).collect();
        self.all(
            "SELECT * FROM sessions
             WHERE (?1 OR removed_at IS NULL)
               AND (json_array_length(?2) = 0 OR state IN (SELECT value FROM json_each(?2)))
             ORDER BY row",
            params![filter.include_removed, to_json(&states)?],
            read_session,
        )
    }

    /// Stores a new status (and `started_at`/`ended_at`/`exit` as they follow from it), with the event `session.status`.
    ///
    /// `started_at` is set once, when the agent is first known to run. `ended_at` is the exit record's time where there is one;
    /// it and `exit` are cleared when the session is left from an ended state (a resume).
    pub fn set_status(&self, id: &SessionId, status: &Status, exit: Option<&ExitRecord>) -> Result<()> {
        let started = first_seen_running(status.state, exit).map(|at| at.unwrap_or(self.now));
        let ended = exit.map(|e| e.ended_at);
        let changed = self.run(
            "UPDATE sessions SET state = ?2, reason_code = ?3, reason_text = ?4, source = ?5, status_since = ?6,
                 started_at = coalesce(started_at, ?7),
                 ended_at = CASE WHEN ?8 THEN coalesce(?9, ended_at, ?6) END,
                 exit = CASE WHEN ?8 THEN coalesce(?10, exit) END
             WHERE id = ?1",
            params![
                id.as_str(),
                status.state.as_str(),
                status.reason.code,
                status.reason.text,
                word(&status.source)?,
                micros(self.now),
                started.map(micros),
                status.state.is_ended(),
                ended.map(micros),
                exit.map(to_json).transpose()?,
            ],
        )?;
        must_exist(id, changed)?;
        let data = json!({ "state": status.state, "reason": status.reason, "source": status.source });
        self.append_event(EventKind::SessionStatus, Some(id), data)?;
        Ok(())
    }

    /// The agent's own id of the conversation; `None` until the agent names it.
    pub fn set_native_id(&self, id: &SessionId, native_id: Option<&str>) -> Result<()> {
        let sql = "UPDATE sessions SET native_id = ?2 WHERE id = ?1";
        must_exist(id, self.run(sql, params![id.as_str(), native_id])?)
    }

    /// Until when nothing is typed; none: the limit is over.
    pub fn set_limited_until(&self, id: &SessionId, until: Option<Timestamp>) -> Result<()> {
        let sql = "UPDATE sessions SET limited_until = ?2 WHERE id = ?1";
        must_exist(id, self.run(sql, params![id.as_str(), until.map(micros)])?)
    }

    pub fn set_policy(&self, id: &SessionId, policy: Policy) -> Result<()> {
        let sql = "UPDATE sessions SET policy = ?2 WHERE id = ?1";
        must_exist(id, self.run(sql, [id.as_str(), policy.as_str()])?)
    }

    pub fn set_branch(&self, id: &SessionId, branch: &str) -> Result<()> {
        let sql = "UPDATE sessions SET branch = ?2 WHERE id = ?1";
        must_exist(id, self.run(sql, [id.as_str(), branch])?)
    }

    /// From now on replies of the session go to this chat.
    pub fn bind_chat(&self, id: &SessionId, chat: &ChatRef) -> Result<()> {
        let changed = self.run(
            "UPDATE sessions SET channel = ?2, chat_id = ?3, thread_id = ?4, chat_seal = ?5 WHERE id = ?1",
            params![
                id.as_str(),
                chat.channel,
                chat.chat_id,
                chat.thread_id,
                chat_seal(id, chat)
            ],
        )?;
        must_exist(id, changed)
    }

    /// Frees the name; the row stays. Chats that talked to the session talk to none. Event `session.removed`, the first time.
    pub fn remove_session(&self, id: &SessionId) -> Result<()> {
        let session = self.session(id)?;
        if session.removed_at.is_some() {
            return Ok(());
        }
        self.run(
            "UPDATE sessions SET removed_at = ?2 WHERE id = ?1",
            params![id.as_str(), micros(self.now)],
        )?;
        self.run("DELETE FROM bindings WHERE session = ?1", [id.as_str()])?;
        self.append_event(EventKind::SessionRemoved, Some(id), json!({ "name": session.name }))?;
        Ok(())
    }

    /// How many sessions hold a slot.
    pub fn slots_in_use(&self) -> Result<usize> {
        let holding: Vec<SessionState> = SessionState::ALL.into_iter().filter(|s| s.holds_slot()).collect();
        let held = self.count(
            "SELECT count(*) FROM sessions WHERE state IN (SELECT value FROM json_each(?1)) AND removed_at IS NULL",
            [to_json(&holding)?],
        )?;
        Ok(usize::try_from(held).unwrap_or(usize::MAX))
    }

    /// The oldest session in state `queued`.
    pub fn next_queued_session(&self) -> Result<Option<Session>> {
        self.maybe(
            "SELECT * FROM sessions WHERE state = 'queued' AND removed_at IS NULL ORDER BY status_since, row LIMIT 1",
            [],
            read_session,
        )
    }

    /// Sessions whose replies go to a chat that has got another id.
    pub(super) fn move_session_chats(&self, channel: &str, from: i64, to: i64) -> Result<()> {
        let moved = self.all(
            "SELECT * FROM sessions WHERE channel = ?1 AND chat_id = ?2",
            params![channel, from],
            read_session,
        )?;
        for session in moved {
            let thread_id = session.chat.and_then(|chat| chat.thread_id);
            let chat = ChatRef {
                channel: channel.into(),
                chat_id: to,
                thread_id,
            };
            self.bind_chat(&session.id, &chat)?;
        }
        Ok(())
    }
}

/// Whether a status says that the agent runs or ran, and if so since when: none inside means "now".
fn first_seen_running(state: SessionState, exit: Option<&ExitRecord>) -> Option<Option<crate::domain::Timestamp>> {
    match (state, exit) {
        (_, Some(exit)) if exit.cause != ExitCause::ExecFailed => Some(Some(exit.started_at)),
        (SessionState::Queued | SessionState::Starting, _) => None,
        (state, _) if state.is_ended() => None,
        _ => Some(None),
    }
}

fn must_exist(id: &SessionId, changed: usize) -> Result<()> {
    if changed == 1 {
        return Ok(());
    }
    Err(Fault::new(Kind::NotFound, format!("there is no session {id}")))
}

fn chat_seal(id: &SessionId, chat: &ChatRef) -> [u8; SEAL_BYTES] {
    sealing_chat(id, chat).finish()
}

fn sealing_chat(id: &SessionId, chat: &ChatRef) -> Seal {
    Seal::of("sessions")
        .text(id.as_str())
        .text(&chat.channel)
        .integer(chat.chat_id)
        .maybe_integer(chat.thread_id)
}

pub(super) fn read_session(row: &Row<'_>) -> Result<Session> {
    let id: SessionId = row.id("id")?;
    let work_dir: Vec<u8> = row.bytes("work_dir")?;
    Ok(Session {
        chat: read_chat(row, &id)?,
        id,
        name: row.id("name")?,
        agent: row.text("agent")?,
        policy: row.word("policy")?,
        status: Status {
            state: row.word("state")?,
            reason: Reason {
                code: row.text("reason_code")?,
                text: row.text("reason_text")?,
            },
            source: row.word("source")?,
        },
        status_since: row.time("status_since")?,
        launch: row.maybe_number("launch")?.map(LaunchNo),
        native_id: row.maybe_text("native_id")?,
        repo: row.maybe_text("repo")?,
        work_dir: OsStr::from_bytes(&work_dir).into(),
        branch: row.maybe_text("branch")?,
        parent: row.maybe_id("parent")?,
        created_at: row.time("created_at")?,
        started_at: row.maybe_time("started_at")?,
        ended_at: row.maybe_time("ended_at")?,
        exit: row.maybe_json("exit")?,
        removed_at: row.maybe_time("removed_at")?,
        limited_until: row.maybe_time("limited_until")?,
        fork_of: row.maybe_text("fork_of")?,
    })
}

fn read_chat(row: &Row<'_>, id: &SessionId) -> Result<Option<ChatRef>> {
    let Some(channel) = row.maybe_text("channel")? else {
        return Ok(None);
    };
    let chat = ChatRef {
        channel,
        chat_id: row.integer("chat_id")?,
        thread_id: row.maybe_integer("thread_id")?,
    };
    sealing_chat(id, &chat).check(&row.bytes("chat_seal")?, format_args!("the chat of session {id}"))?;
    Ok(Some(chat))
}
