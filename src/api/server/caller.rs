//! Who calls: a person (or a person's program), or an agent in one of our windows.
//!
//! An agent is told by ancestry: one of its ancestors is the shim of an open launch. Without a sandbox this is a guard rail and
//! no wall: an agent of the same user can leave its ancestry. In doubt (the caller is gone, or lives in another pid namespace)
//! the answer is the narrower one.

use std::collections::HashMap;
use std::sync::Mutex;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;

use super::listener::Peer;
use super::refusal::Refusal;
use super::state::Api;
use crate::domain::dialog::Actor;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::{LaunchNo, SessionId};
use crate::domain::launch::Launch;
use crate::domain::letter::ProcessRef;
use crate::domain::policy::Policy;
use crate::domain::route::PromptOrigin;
use crate::domain::session::Session;
use crate::runner::{LaunchDir, process, read_shim};
use crate::store::Tx;

/// How far up a family is looked; deeper means a loop in the rows.
const LINEAGE_MAX: usize = 64;

/// Who stands behind a request. Extracting it is what asks the question, so reads do not pay for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    Person {
        /// Our own command line, or another program.
        cli: bool,
    },
    Agent(SessionId),
    /// Gone, or out of sight.
    Unknown,
}

impl Caller {
    pub fn origin(&self) -> PromptOrigin {
        match self {
            Caller::Person { cli: true } => PromptOrigin::Cli,
            Caller::Agent(session) => PromptOrigin::Agent {
                session: session.clone(),
            },
            Caller::Person { cli: false } | Caller::Unknown => PromptOrigin::Api,
        }
    }

    /// Who it is, where an answer is told.
    pub fn actor(&self) -> Actor {
        let name = match self {
            Caller::Person { cli: true } => "command line",
            _ => "api client",
        };
        Actor {
            channel: "api".into(),
            name: name.into(),
            id: None,
        }
    }

    /// Only a person may do this. `doing` reads on from "an agent may not".
    pub async fn must_be_person(&self, api: &Api, doing: &str) -> Result<()> {
        match self {
            Caller::Person { .. } => Ok(()),
            _ => Err(self.refuse(api, doing).await),
        }
    }

    /// A person, or an agent that the session descends from.
    pub async fn must_be_above(&self, api: &Api, session: &Session, doing: &str) -> Result<()> {
        let allowed = match self {
            Caller::Person { .. } => true,
            Caller::Unknown => false,
            Caller::Agent(agent) => {
                let (agent, child) = (agent.clone(), session.clone());
                api.store().read(move |tx| descends(tx, &child, &agent)).await?
            }
        };
        if allowed {
            return Ok(());
        }
        let doing = format!("{doing} `{}`, which it did not start", session.name);
        Err(self.refuse(api, &doing).await)
    }

    async fn refuse(&self, api: &Api, doing: &str) -> Fault {
        let (who, fault) = match self {
            Caller::Agent(session) => (
                format!("agent of {session}"),
                Fault::new(Kind::NotPermitted, format!("an agent may not {doing}"))
                    .hint("A person can do it from a shell outside of the session."),
            ),
            _ => (
                "unknown process".into(),
                Fault::new(
                    Kind::NotPermitted,
                    format!("a caller that cannot be seen may not {doing}"),
                )
                .hint("Call from a process that waits for the answer, in the daemon's own pid namespace."),
            ),
        };
        let doing = doing.to_owned();
        if let Err(error) = api.store().write(move |tx| tx.audit_refused("api", &who, &doing)).await {
            tracing::error!(error.message = %error, "the refusal could not be written to the audit log");
        }
        fault
    }
}

/// The policy of a session that an agent starts: never above its parent's, and `yolo` only by a person's own word.
pub fn child_policy(parent: Policy, asked: bool, wanted: Policy) -> Result<Policy> {
    let rank = |policy: Policy| Policy::ALL.iter().position(|p| *p == policy);
    let cap = if parent == Policy::Yolo {
        Policy::Standard
    } else {
        parent
    };
    if rank(wanted) <= rank(cap) {
        return Ok(wanted);
    }
    if !asked {
        return Ok(cap);
    }
    Err(Fault::new(
        Kind::NotPermitted,
        format!("an agent under `{parent}` may not start one under `{wanted}`"),
    )
    .hint(format!(
        "Leave `--policy` out, or use `{cap}` or a narrower one; a person can start the session from a shell."
    )))
}

fn descends(tx: &Tx<'_>, child: &Session, ancestor: &SessionId) -> Result<bool> {
    let mut parent = child.parent.clone();
    for _ in 0..LINEAGE_MAX {
        match parent {
            Some(id) if id == *ancestor => return Ok(true),
            Some(id) => parent = tx.session(&id)?.parent,
            None => return Ok(false),
        }
    }
    Ok(false)
}

impl FromRequestParts<Api> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Refusal> {
        let Some(ConnectInfo(peer)) = parts.extensions.get::<ConnectInfo<Peer>>() else {
            return Ok(Caller::Unknown);
        };
        let cli = parts
            .headers
            .get(USER_AGENT)
            .is_some_and(|agent| agent.as_bytes() == crate::api::USER_AGENT.as_bytes());
        Ok(resolve(api, *peer, cli).await?)
    }
}

async fn resolve(api: &Api, peer: Peer, cli: bool) -> Result<Caller> {
    let Some((pid, own)) = peer.pid.and_then(|pid| Some((pid, process::identify(pid)?))) else {
        return Ok(Caller::Unknown);
    };
    let mut chain = process::ancestors(pid);
    chain.push(own);
    let launches = api.store().read(|tx| tx.open_launches()).await?;
    // Checks are code of the repository's: they speak for the session whose work they check.
    let by_check = || {
        let running = api.engine().running_checks().into_iter();
        running
            .filter_map(|(session, dir)| Some((session, read_shim(&dir).ok().flatten()?.shim)))
            .find(|(_, shim)| chain.contains(shim))
            .map(|(session, _)| session)
    };
    Ok(match api.shims.owner(api, &launches, &chain).or_else(by_check) {
        Some(session) => Caller::Agent(session),
        None => Caller::Person { cli },
    })
}

/// The shims of open launches, each read from its file once.
#[derive(Default)]
pub struct Shims(Mutex<HashMap<(SessionId, LaunchNo), ProcessRef>>);

impl Shims {
    fn owner(&self, api: &Api, launches: &[Launch], chain: &[ProcessRef]) -> Option<SessionId> {
        let mut known = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        known.retain(|key, _| launches.iter().any(|l| l.session == key.0 && l.no == key.1));
        launches.iter().find_map(|launch| {
            let key = (launch.session.clone(), launch.no);
            let shim = match known.get(&key) {
                Some(shim) => *shim,
                None => {
                    let dir = LaunchDir::new(api.parts.dir.launch(&launch.session, launch.no));
                    let shim = read_shim(&dir).ok().flatten()?.shim;
                    known.insert(key, shim);
                    shim
                }
            };
            chain.contains(&shim).then(|| launch.session.clone())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_gets_no_more_than_its_parent_has() {
        let silent = |parent, default| child_policy(parent, false, default).unwrap();
        assert_eq!(silent(Policy::Ask, Policy::Ask), Policy::Ask);
        assert_eq!(silent(Policy::Observe, Policy::Standard), Policy::Observe);
        assert_eq!(silent(Policy::Yolo, Policy::Yolo), Policy::Standard);
        assert_eq!(child_policy(Policy::Standard, true, Policy::Ask).unwrap(), Policy::Ask);
    }

    #[test]
    fn an_agent_cannot_widen_its_policy_through_a_child() {
        for (parent, wanted) in [
            (Policy::Yolo, Policy::Yolo),
            (Policy::Ask, Policy::Standard),
            (Policy::Locked, Policy::Observe),
        ] {
            let fault = child_policy(parent, true, wanted).unwrap_err();
            assert_eq!(fault.kind, Kind::NotPermitted);
        }
    }
}
