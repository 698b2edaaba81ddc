//! What comes of a session's work: outcomes, checks, the inbox, publishing, reruns.
//!
//! Turns end elsewhere; this part finds them in the store, measures, checks and stores. Nothing is lost by a crash: a turn
//! that ended without an outcome is found again, and so are checks that were running.

mod batch;
mod checks;
mod follow;
mod gc;
mod inbox;
mod outcomes;
mod plan;
mod publish;
mod publish_alone;
mod repo_file;
mod rerun;
mod setup;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::one_at_a_time::OneAtATime;
use super::{Engine, NewSessionRequest};
use crate::config::Config;
use crate::config::data_dir::DataDir;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::SessionId;
use crate::domain::session::Session;
use crate::domain::work::{ROUNDS_MAX, Work, WorkspaceKind};
use crate::runner::LaunchDir;
use crate::store::{SessionFilter, Tx};
use crate::workspace::{self, Begin, Credential, Mirrors, Prepared, RepoSource};

pub use checks::VerifyRequest;
pub use gc::{GcItem, GcReport, GcRequest};
pub use inbox::{DiffRequest, inbox};
pub use publish::{PublishRequest, Published};
pub use repo_file::ShownFile;
pub use rerun::{Relative, RerunRequest};

/// What this part remembers while the daemon runs, and may forget without harm.
#[derive(Default)]
pub(super) struct WorkState {
    /// Sessions whose outcomes are being made now: one at a time for each.
    busy: Mutex<HashSet<SessionId>>,
    /// Where checks run now: their processes are no person's.
    checking: Mutex<HashMap<SessionId, LaunchDir>>,
    /// One publication of a session at a time.
    publishing: OneAtATime,
}

impl WorkState {
    fn busy(&self) -> MutexGuard<'_, HashSet<SessionId>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn checking(&self) -> MutexGuard<'_, HashMap<SessionId, LaunchDir>> {
        self.checking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// Where the session works: in its own directory, or, only because it was asked for, in the person's checkout.
    pub(super) fn work_dir(&self, tx: &Tx<'_>, id: &SessionId, request: &NewSessionRequest) -> Result<PathBuf> {
        let Some(repo) = request
            .repo
            .as_ref()
            .filter(|_| request.work.kind == WorkspaceKind::InPlace)
        else {
            return Ok(self.0.paths.work(id));
        };
        let dir = PathBuf::from(repo);
        if !dir.is_absolute() {
            return Err(
                Fault::new(Kind::Usage, format!("`{repo}` is no checkout on this machine"))
                    .hint("`--in-place` works on a local path; leave it out for an address."),
            );
        }
        let others = tx.sessions(&SessionFilter::default())?;
        match others
            .iter()
            .find(|other| other.work_dir == dir && !other.status.state.is_ended())
        {
            Some(other) => Err(
                Fault::new(Kind::RefusedByState, format!("{} works in {repo}", other.name))
                    .hint("Two agents in one checkout undo each other's work; leave out `--in-place`."),
            ),
            None => Ok(dir),
        }
    }

    /// Makes the workspace that was asked for.
    pub(super) async fn prepare_work(&self, session: &Session, source: &RepoSource) -> Result<Prepared> {
        let work = self.work(&session.id).await?;
        if work.kind == WorkspaceKind::InPlace {
            return workspace::adopt(source, &self.0.mirrors, &session.work_dir, &session.id).await;
        }
        let worktree = work.kind == WorkspaceKind::Worktree;
        let branch = match work.pull {
            Some(number) => Some(self.branch_of_pull(source, number).await?),
            None => work.branch,
        };
        let begin = Begin {
            base: work.base,
            branch,
            pull: work.pull,
        };
        let (mirrors, dir, id) = (&self.0.mirrors, &session.work_dir, &session.id);
        match worktree {
            true => workspace::add_worktree(source, mirrors, dir, id, &begin).await,
            false => workspace::prepare(source, mirrors, dir, id, &begin).await,
        }
    }

    /// Sessions whose checks run now, and where: whoever descends from such a shim speaks for that session.
    pub fn running_checks(&self) -> Vec<(SessionId, LaunchDir)> {
        self.0
            .work
            .checking()
            .iter()
            .map(|(id, dir)| (id.clone(), dir.clone()))
            .collect()
    }
}

/// Whether the session has a workspace of a repository, or had one.
fn must_have_workspace(session: &Session) -> Result<()> {
    if session.branch.is_some() {
        return Ok(());
    }
    let name = &session.name;
    Err(match &session.repo {
        Some(repo) => Fault::new(Kind::NotFound, format!("{name} has no workspace of {repo} yet"))
            .hint(format!("Why so: telecoder status {name}")),
        None => Fault::new(Kind::NotFound, format!("{name} works on no repository"))
            .hint("Start a session on one: telecoder run --repo PATH \"...\""),
    })
}

/// The mirrors of this installation, with the forge's credential where one is configured.
pub(super) fn mirrors(config: &Config, paths: &DataDir) -> Mirrors {
    let github = &config.github;
    let credential = github.token_file.clone().map(|token_file| Credential {
        web_url: github.web_url(),
        token_file,
    });
    Mirrors::new(paths.mirrors(), credential)
}

/// What a session works in when nothing was asked for. The configuration decides for repositories of this machine.
pub(super) fn usual_kind(config: &Config, repo: Option<&str>, work: &Work) -> WorkspaceKind {
    match repo {
        Some(repo) if is_local(repo) && work.pull.is_none() => config.workspace.kind,
        _ => WorkspaceKind::Clone,
    }
}

fn is_local(repo: &str) -> bool {
    repo.starts_with('/')
}

/// Checks what was asked for beside the repository itself.
///
/// Errors: `Usage` for a name that cannot be a branch, for what contradicts itself, and for all of it without a repository.
pub(super) fn checked(work: &Work, repo: Option<&str>) -> Result<Work> {
    let usage = |message: &str, hint: &str| Err(Fault::new(Kind::Usage, message).hint(hint));
    if repo.is_none() && *work != Work::default() {
        return usage(
            "branches and checks need a repository",
            "Name one: telecoder run --repo PATH \"...\"",
        );
    }
    if let Some(base) = &work.base {
        workspace::check_base(base)?;
    }
    if let Some(branch) = &work.branch {
        workspace::check_branch(branch)?;
    }
    if work.pull.is_some() && (work.base.is_some() || work.branch.is_some()) {
        return usage(
            "a pull request has its base and its branch",
            "Leave out `--base` and `--branch`.",
        );
    }
    if work.kind == WorkspaceKind::Worktree && (work.pull.is_some() || !repo.is_some_and(is_local)) {
        return usage(
            "a worktree is made of a repository on this machine, at one of its own commits",
            "Leave out `--worktree` for an address and for a pull request.",
        );
    }
    if work.kind == WorkspaceKind::InPlace && (work.base.is_some() || work.branch.is_some() || work.pull.is_some()) {
        return usage(
            "a session in place works on the checkout as it is",
            "Leave out `--base`, `--branch` and `--pr`, or `--in-place`.",
        );
    }
    if work.until_green > ROUNDS_MAX {
        return usage(
            &format!("checks send the work back at most {ROUNDS_MAX} times"),
            "Take a smaller number for `--until-green`.",
        );
    }
    if work
        .verify
        .iter()
        .any(|command| command.trim().is_empty() || command.contains('\0'))
    {
        return usage("a check is empty", "Name a command: `--verify \"cargo test\"`.");
    }
    Ok(work.clone())
}

/// Starts the tasks of this part.
pub(super) fn spawn(engine: &Engine) {
    engine.0.tracker.spawn(outcomes::keep(engine.clone()));
    engine.0.tracker.spawn(follow::keep(engine.clone()));
}
