//! Sessions: the rows, their status, lookup by name, id or prefix.

use std::path::PathBuf;

use super::Tx;
use crate::domain::exit::ExitRecord;
use crate::domain::fault::Result;
use crate::domain::ids::{SessionId, SessionName};
use crate::domain::policy::Policy;
use crate::domain::route::ChatRef;
use crate::domain::session::{Session, SessionState, Status};

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
}

#[derive(Debug, Clone, Default)]
pub struct SessionFilter {
    /// Empty: every state.
    pub states: Vec<SessionState>,
    pub include_removed: bool,
}

impl Tx<'_> {
    /// Inserts in state `queued`, with the event `session.created`.
    pub fn insert_session(&self, _new: NewSession) -> Result<Session> {
        todo!()
    }
    /// The session that was made with this key of a client's.
    pub fn session_by_key(&self, _key: &str) -> Result<Option<Session>> {
        todo!()
    }
    pub fn session(&self, _id: &SessionId) -> Result<Session> {
        todo!()
    }
    /// Finds by exact name, then exact id, then id prefix (3 or more). `NotFound` names the nearest name, `Ambiguous` lists the
    /// candidates. Removed sessions are not found.
    pub fn find_session(&self, _word: &str) -> Result<Session> {
        todo!()
    }
    /// Oldest first.
    pub fn sessions(&self, _filter: &SessionFilter) -> Result<Vec<Session>> {
        todo!()
    }
    /// Stores a new status (and `started_at`/`ended_at`/`exit` as they follow from it), with the event `session.status`.
    pub fn set_status(&self, _id: &SessionId, _status: &Status, _exit: Option<&ExitRecord>) -> Result<()> {
        todo!()
    }
    pub fn set_native_id(&self, _id: &SessionId, _native_id: &str) -> Result<()> {
        todo!()
    }
    pub fn set_branch(&self, _id: &SessionId, _branch: &str) -> Result<()> {
        todo!()
    }
    pub fn bind_chat(&self, _id: &SessionId, _chat: &ChatRef) -> Result<()> {
        todo!()
    }
    /// Frees the name; the row stays. Event `session.removed`.
    pub fn remove_session(&self, _id: &SessionId) -> Result<()> {
        todo!()
    }
    /// How many sessions hold a slot.
    pub fn slots_in_use(&self) -> Result<usize> {
        todo!()
    }
    /// The oldest session in state `queued`.
    pub fn next_queued_session(&self) -> Result<Option<Session>> {
        todo!()
    }
}
