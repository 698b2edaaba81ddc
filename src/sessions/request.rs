//! A wish for a session: what was typed, what it means, and its rows.

use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::outcome::waits_for_person;
use super::{Engine, tell};
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::{SessionId, SessionName, TurnId};
use crate::domain::policy::Policy;
use crate::domain::route::{ChatRef, PromptOrigin};
use crate::domain::session::{Session, SessionEvent, SessionState, Source};
use crate::domain::text::{Sanitised, name_from, sanitise};
use crate::domain::turn::{Turn, TurnKind};
use crate::domain::work::{Work, WorkspaceKind};
use crate::store::{NewSession, NewTurn, Tx};
use crate::workspace::{self, RepoSource};

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
    /// On what it works, and how its work is checked.
    pub work: Work,
    /// The agent's own id of a conversation to begin from.
    pub fork_of: Option<String>,
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
    /// None: as configured.
    pub workspace: Option<WorkspaceKind>,
    /// What else was asked for; its kind does not count.
    pub work: Work,
}

impl Engine {
    /// Looks up what a request names (agent, policy, name, repository) without changing anything.
    pub async fn check(&self, raw: &RawRequest) -> Result<NewSessionRequest> {
        let config = &self.0.config;
        let word = raw.agent.as_deref().unwrap_or(&config.default_agent);
        let adapter = match word {
            "auto" => self.0.agents.auto()?,
            name => self.0.agents.get(name)?,
        };
        adapter.locate()?;
        let policy = match &raw.policy {
            Some(word) => word.parse()?,
            None => config.default_policy,
        };
        let repo = match &raw.repo {
            Some(word) => {
                let cwd = raw.cwd.clone().unwrap_or_else(|| PathBuf::from("/"));
                Some(self.source_of(word, &cwd).await?.as_git_arg())
            }
            None => None,
        };
        let work = Work {
            kind: raw
                .workspace
                .unwrap_or_else(|| super::work::usual_kind(config, repo.as_deref(), &raw.work)),
            ..raw.work.clone()
        };
        Ok(NewSessionRequest {
            agent: adapter.name().to_owned(),
            policy,
            name: raw.name.as_deref().map(str::parse).transpose()?,
            chat: None,
            parent: None,
            prompt: None,
            origin: PromptOrigin::Api,
            key: None,
            work: super::work::checked(&work, repo.as_deref())?,
            repo,
            fork_of: None,
        })
    }

    /// The repository that a word names: a path, an address, or `owner/name` on the forge.
    pub(super) async fn source_of(&self, word: &str, cwd: &Path) -> Result<RepoSource> {
        let named = workspace::forge_address(word, cwd, &self.0.config.github.web_url());
        workspace::resolve_repo(named.as_deref().unwrap_or(word), cwd).await
    }

    /// Makes the session's row and its first turn, in the caller's transaction; call [`Engine::wake`] after the commit.
    /// A request with a key that was admitted before is the session of that time.
    pub fn admit(&self, tx: &Tx<'_>, request: &NewSessionRequest) -> Result<Session> {
        if let Some(key) = &request.key
            && let Some(known) = tx.session_by_key(key)?
        {
            return Ok(known);
        }
        let text = request
            .prompt
            .as_deref()
            .map(|prompt| self.prompt_text(prompt))
            .transpose()?;
        let id = SessionId::from_random(Uuid::new_v4().as_u64_pair().0);
        let session = tx.insert_session(NewSession {
            work_dir: self.work_dir(tx, &id, request)?,
            id,
            name: request.name.clone(),
            name_stem: name_stem(request),
            agent: request.agent.clone(),
            policy: request.policy,
            repo: request.repo.clone(),
            branch: None,
            chat: request.chat.clone(),
            parent: request.parent.clone(),
            key: request.key.clone(),
            fork_of: request.fork_of.clone(),
        })?;
        if request.work != Work::default() {
            tx.set_work(&session.id, &request.work)?;
        }
        if let Some(text) = text {
            tx.insert_turn(new_turn(&session.id, text, request.origin.clone(), None)?)?;
        }
        Ok(session)
    }

    /// Makes a turn of a prompt, in the caller's transaction; call [`Engine::wake`] after the commit.
    ///
    /// Errors: `Usage` for an empty prompt, `OverLimit`, `RefusedByState` when a dialog is open (typing would answer it) or the
    /// session has ended.
    pub fn enqueue(
        &self,
        tx: &Tx<'_>,
        session: &SessionId,
        text: &str,
        origin: PromptOrigin,
        key: Option<String>,
    ) -> Result<Turn> {
        if let Some(key) = &key
            && let Some(known) = tx.turn_by_key(session, key)?
        {
            return Ok(known);
        }
        let text = self.prompt_text(text)?;
        self.enqueue_as(tx, new_turn(session, text, origin, key)?)
    }

    pub(super) fn enqueue_as(&self, tx: &Tx<'_>, new: NewTurn) -> Result<Turn> {
        let session = tx.session(&new.session)?;
        accepts_prompts(&session)?;
        let (id, status) = (session.id, session.status);
        let turn = tx.insert_turn(new)?;
        // A person who prompts an agent that waited for a login has done what was needed, or wants to know.
        if waits_for_person(status.state, &status.reason.code) {
            self.apply(tx, &id, &SessionEvent::Ready { source: Source::Person })?;
        }
        Ok(turn)
    }

    /// Other words for a prompt that still waits, in the caller's transaction; false when it does not wait any more.
    pub fn reword(&self, tx: &Tx<'_>, turn: &TurnId, text: &str) -> Result<bool> {
        tx.reword_turn(turn, &self.prompt_text(text)?)
    }

    pub(super) fn prompt_text(&self, prompt: &str) -> Result<Sanitised> {
        let limit = self.0.config.limits.prompt_bytes;
        if prompt.len() > limit {
            return Err(Fault::new(
                Kind::OverLimit,
                format!("the prompt has {} bytes; the limit is {limit}", prompt.len()),
            )
            .hint("Put the text into a file and name the file in the prompt, or raise `limits.prompt_bytes`."));
        }
        let text = sanitise(prompt);
        if text.text.trim().is_empty() {
            return Err(Fault::new(Kind::Usage, "the prompt is empty")
                .hint("Say what the agent should do: telecoder run \"fix the login test\""));
        }
        Ok(text)
    }
}

/// A usual prompt, queued.
pub(super) fn new_turn(
    session: &SessionId,
    text: Sanitised,
    origin: PromptOrigin,
    key: Option<String>,
) -> Result<NewTurn> {
    Ok(NewTurn {
        id: Uuid::now_v7().to_string().parse()?,
        session: session.clone(),
        kind: TurnKind::Prompt,
        steered: false,
        text,
        origin,
        key,
    })
}

fn accepts_prompts(session: &Session) -> Result<()> {
    let name = &session.name;
    match session.status.state {
        SessionState::NeedsInput if session.status.reason.code == "dialog" => Err(Fault::new(
            Kind::RefusedByState,
            format!(
                "{name} shows a dialog, and typed text would answer it: {}",
                session.status.reason.text
            ),
        )
        .hint(tell::dialog_hint(name))),
        state if state.is_ended() => Err(Fault::new(
            Kind::RefusedByState,
            format!("{name} has ended ({state}: {})", session.status.reason.text),
        )
        .hint(format!("Bring it back first: telecoder resume {name}"))),
        SessionState::Stopping => Err(Fault::new(Kind::RefusedByState, format!("{name} is being stopped"))
            .hint(format!("When it has ended, bring it back: telecoder resume {name}"))),
        _ => Ok(()),
    }
}

fn name_stem(request: &NewSessionRequest) -> SessionName {
    let stem_of_repo = request.repo.as_deref().map(|repo| {
        let last = repo.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or(repo);
        last.trim_end_matches(".git").to_owned()
    });
    let stem = match (&request.prompt, stem_of_repo) {
        (_, Some(repo)) => repo,
        (Some(prompt), None) => prompt.lines().next().unwrap_or_default().to_owned(),
        (None, None) => request.agent.clone(),
    };
    name_from(&stem)
}
