//! Rerun: the same wish once more, in a session of its own that knows where it comes from; and the family of a session.

use super::super::{Engine, NewSessionRequest, RawRequest};
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::SessionId;
use crate::domain::route::PromptOrigin;
use crate::domain::session::Session;
use crate::domain::work::Work;
use crate::store::Tx;

/// What is to be other than before.
#[derive(Debug, Clone, Default)]
pub struct RerunRequest {
    pub prompt: Option<String>,
    pub policy: Option<String>,
    pub agent: Option<String>,
    pub origin: Option<PromptOrigin>,
    pub key: Option<String>,
}

/// A session and what it was asked to work on.
#[derive(Debug, Clone)]
pub struct Relative {
    pub session: Session,
    pub work: Work,
    /// Which run of its family it is, from 1.
    pub attempt: u32,
}

impl Engine {
    /// Starts a new session with the repository, agent, policy and first prompt of an ended (or resting) one.
    ///
    /// Errors: `RefusedByState` while it works, or when it never had a prompt and none is given.
    pub async fn rerun(&self, id: &SessionId, request: RerunRequest) -> Result<Session> {
        let read = id.clone();
        let (session, work, prompt, attempts) = self
            .0
            .store
            .read(move |tx| {
                let first = tx.turns(&read, None)?.into_iter().next().map(|turn| turn.text);
                let attempts = family(tx, &read)?
                    .iter()
                    .map(|relative| relative.attempt)
                    .max()
                    .unwrap_or(1);
                Ok((tx.session(&read)?, tx.work(&read)?, first, attempts))
            })
            .await?;
        must_rest(&session)?;
        let prompt = request.prompt.or(prompt).ok_or_else(|| {
            Fault::new(Kind::RefusedByState, format!("{} never had a prompt", session.name))
                .hint(format!("Give one: telecoder rerun {} --prompt \"...\"", session.name))
        })?;
        let checked = self
            .check(&RawRequest {
                agent: Some(request.agent.unwrap_or_else(|| session.agent.clone())),
                policy: Some(request.policy.unwrap_or_else(|| session.policy.inherited().to_string())),
                name: None,
                repo: session.repo.clone(),
                cwd: None,
                workspace: Some(work.kind),
                // Its own branch: two sessions on one would undo each other's work.
                work: Work {
                    branch: None,
                    rerun_of: None,
                    attempt: 0,
                    set_up: false,
                    notes: Vec::new(),
                    ..work
                },
            })
            .await?;
        let new = NewSessionRequest {
            chat: session.chat.clone(),
            prompt: Some(prompt),
            origin: request.origin.unwrap_or(PromptOrigin::Api),
            key: request.key,
            work: Work {
                rerun_of: Some(session.id.clone()),
                attempt: attempts + 1,
                ..checked.work
            },
            ..checked
        };
        self.create(new).await
    }

    /// Every session that a session was rerun from or into, oldest first.
    pub async fn lineage(&self, id: &SessionId) -> Result<Vec<Relative>> {
        let id = id.clone();
        self.0.store.read(move |tx| family(tx, &id)).await
    }
}

fn must_rest(session: &Session) -> Result<()> {
    use crate::domain::session::SessionState as S;
    let state = session.status.state;
    if state.is_ended() || matches!(state, S::Idle | S::NeedsInput | S::Limited) {
        return Ok(());
    }
    Err(
        Fault::new(Kind::RefusedByState, format!("{} is at work ({state})", session.name)).hint(format!(
            "Wait for it, or stop it first: telecoder stop {}",
            session.name
        )),
    )
}

/// All that hang together by reruns, also removed ones; a session that was never rerun is alone.
fn family(tx: &Tx<'_>, id: &SessionId) -> Result<Vec<Relative>> {
    let works = tx.works()?;
    let mut members = vec![id.clone()];
    let mut at = 0;
    while let Some(one) = members.get(at).cloned() {
        let linked = works.iter().filter_map(|(session, work)| {
            let parent = work.rerun_of.as_ref()?;
            if *session == one {
                Some(parent.clone())
            } else if *parent == one {
                Some(session.clone())
            } else {
                None
            }
        });
        let linked: Vec<SessionId> = linked.filter(|id| !members.contains(id)).collect();
        members.extend(linked);
        at += 1;
    }
    let mut relatives = Vec::new();
    for member in members {
        let work = tx.work(&member)?;
        relatives.push(Relative {
            attempt: work.attempt.max(1),
            session: tx.session(&member)?,
            work,
        });
    }
    relatives.sort_by_key(|relative| (relative.attempt, relative.session.created_at));
    Ok(relatives)
}
