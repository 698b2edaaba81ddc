//! The engine: start, prompt, observe, approve, stop, resume, reconcile. One actor per live session; the store is the truth,
//! an actor only hurries.
//!
//! Knows no channel and no HTTP. What people say comes in as rows (`admit`, `enqueue`), what they must know goes out as rows.

use std::path::PathBuf;

use crate::domain::fault::Result;
use crate::domain::ids::{LetterId, SessionId, SessionName};
use crate::domain::policy::Policy;
use crate::domain::route::{ChatRef, PromptOrigin};
use crate::domain::screen::Screen;
use crate::domain::session::Session;
use crate::domain::turn::Turn;
use crate::store::Tx;

/// A wish for a session, with everything that needs the outside world already looked up (see [`Engine::check`]).
#[derive(Debug, Clone)]
pub struct NewSessionRequest {
    /// The agent's resolved name.
    pub agent: String,
    pub policy: Policy,
    pub name: Option<SessionName>,
    /// Canonical path or URL.
    pub repo: Option<String>,
    pub chat: Option<ChatRef>,
    pub parent: Option<SessionId>,
    /// The first prompt, if there is one.
    pub prompt: Option<String>,
    pub origin: PromptOrigin,
    /// A client's own key: the same request twice makes one session.
    pub key: Option<String>,
}

/// A request as it was typed.
#[derive(Debug, Clone, Default)]
pub struct RawRequest {
    pub agent: Option<String>,
    pub policy: Option<String>,
    pub name: Option<String>,
    pub repo: Option<String>,
    /// Where a relative `repo` begins.
    pub cwd: Option<PathBuf>,
}

/// A handle to the engine; cheap to clone.
#[derive(Clone)]
pub struct Engine {}

impl Engine {
    /// Looks up what a request names (agent, policy, repository) without changing anything.
    pub async fn check(&self, _raw: &RawRequest) -> Result<NewSessionRequest> {
        todo!()
    }

    // In a transaction of the caller's; call `wake` for the session after the commit.

    /// Makes the session's row (and its first turn).
    pub fn admit(&self, _tx: &Tx<'_>, _request: &NewSessionRequest) -> Result<Session> {
        todo!()
    }
    /// Makes a turn of a prompt: sanitised, not empty, within the limit. `RefusedByState` when a dialog is open (typing would
    /// answer it), or the session has ended.
    pub fn enqueue(
        &self,
        _tx: &Tx<'_>,
        _session: &SessionId,
        _text: &str,
        _origin: PromptOrigin,
        _key: Option<String>,
    ) -> Result<Turn> {
        todo!()
    }

    /// Something durable changed for this session: look.
    pub fn wake(&self, _session: &SessionId) {
        todo!()
    }

    // One call, one transaction or more of its own.

    pub async fn create(&self, _request: NewSessionRequest) -> Result<Session> {
        todo!()
    }
    pub async fn prompt(
        &self,
        _session: &SessionId,
        _text: &str,
        _origin: PromptOrigin,
        _key: Option<String>,
    ) -> Result<Turn> {
        todo!()
    }
    /// Ends the whole process tree; returns when the end is recorded. Idempotent.
    pub async fn stop(&self, _session: &SessionId) -> Result<Session> {
        todo!()
    }
    pub async fn resume(&self, _session: &SessionId) -> Result<Session> {
        todo!()
    }
    pub async fn interrupt(&self, _session: &SessionId) -> Result<()> {
        todo!()
    }
    /// Refuses unpublished work without `force`.
    pub async fn remove(&self, _session: &SessionId, _force: bool) -> Result<()> {
        todo!()
    }
    pub async fn keys(&self, _session: &SessionId, _keys: &[String]) -> Result<()> {
        todo!()
    }
    pub async fn screen(&self, _session: &SessionId) -> Result<Screen> {
        todo!()
    }
    /// Answers an ask. `RefusedByState` when it is not open any more.
    pub async fn answer(&self, _ask: &LetterId, _text: &str) -> Result<()> {
        todo!()
    }
    /// The last lines of the agent's screen when its last launch ended.
    pub async fn last_screen(&self, _session: &Session) -> Option<String> {
        todo!()
    }
}
