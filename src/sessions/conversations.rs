//! Conversations of agents beyond one launch: which ones there are, and a new session that begins from one.

use super::{Engine, NewSessionRequest};
use crate::domain::agent::{AgentPlace, Conversation};
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::SessionId;
use crate::domain::route::PromptOrigin;
use crate::domain::session::Session;
use crate::domain::work::{Work, WorkspaceKind};

/// What a new session is to be that begins from the conversation of another one.
#[derive(Debug, Clone, Default)]
pub struct Fork {
    pub name: Option<String>,
    pub prompt: Option<String>,
    /// None: the one of the other session, but never `yolo`.
    pub policy: Option<String>,
}

impl Engine {
    /// What the agent's own records hold for this session's directory, newest first.
    pub async fn conversations(&self, session: &Session) -> Result<Vec<Conversation>> {
        let adapter = self.0.agents.get(&session.agent)?;
        let session_dir = self.0.paths.session(&session.id);
        let (work_dir, native_id) = (session.work_dir.clone(), session.native_id.clone());
        let read = tokio::task::spawn_blocking(move || {
            adapter.conversations(&AgentPlace {
                session_dir: &session_dir,
                work_dir: &work_dir,
                native_id: native_id.as_deref(),
            })
        });
        read.await
            .map_err(|error| Fault::new(Kind::Failure, format!("reading the agent's conversations: {error}")))
    }

    /// Makes a session that begins from the conversation of another one, in a workspace of its own. The other one is not changed.
    pub async fn fork(
        &self,
        id: &SessionId,
        wanted: Fork,
        origin: PromptOrigin,
        key: Option<String>,
    ) -> Result<Session> {
        let session = self.session(id).await?;
        let adapter = self.0.agents.get(&session.agent)?;
        let native_id = match &session.native_id {
            Some(native_id) if adapter.can_fork() => native_id.clone(),
            Some(_) => {
                return Err(Fault::new(
                    Kind::RefusedByState,
                    format!("the agent `{}` cannot begin from another conversation", session.agent),
                )
                .hint(format!("Go on with it instead: telecoder resume {}", session.name)));
            }
            None => {
                return Err(Fault::new(
                    Kind::RefusedByState,
                    format!("{} has no conversation yet", session.name),
                )
                .hint("Start a new session instead: telecoder run"));
            }
        };
        // A clone of its own, whatever the first one works in: two on one branch would undo each other's work.
        let work = Work {
            branch: None,
            pull: None,
            kind: WorkspaceKind::Clone,
            set_up: false,
            notes: Vec::new(),
            ..self.work(&session.id).await?
        };
        self.create(NewSessionRequest {
            agent: session.agent.clone(),
            policy: match &wanted.policy {
                Some(policy) => policy.parse()?,
                None => session.policy.inherited(),
            },
            name: wanted.name.as_deref().map(str::parse).transpose()?,
            repo: session.repo.clone(),
            chat: session.chat.clone(),
            parent: None,
            prompt: wanted.prompt,
            origin,
            key,
            fork_of: Some(native_id),
            work,
        })
        .await
    }
}
