//! What comes of a session's work: outcomes, checks, the inbox, publishing, reruns.
//!
//! Turns end elsewhere; this part finds them in the store, measures, checks and stores. Nothing is lost by a crash: a turn
//! that ended without an outcome is found again, and so are checks that were running.

mod checks;
mod inbox;
mod outcomes;
mod plan;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Engine;
use crate::config::Config;
use crate::config::data_dir::DataDir;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::SessionId;
use crate::domain::work::{ROUNDS_MAX, Work, WorkspaceKind};
use crate::runner::LaunchDir;
use crate::workspace::{self, Credential, Mirrors};

pub use checks::VerifyRequest;
pub use inbox::DiffRequest;

/// What this part remembers while the daemon runs, and may forget without harm.
#[derive(Default)]
pub(super) struct WorkState {
    /// Sessions whose outcomes are being made now: one at a time for each.
    busy: Mutex<HashSet<SessionId>>,
    /// Where checks run now: their processes are no person's.
    checking: Mutex<HashMap<SessionId, LaunchDir>>,
    /// One publication of a session at a time.
    publishing: Mutex<HashMap<SessionId, Arc<tokio::sync::Mutex<()>>>>,
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

/// The mirrors of this installation, with the forge's credential where one is configured.
pub(super) fn mirrors(config: &Config, paths: &DataDir) -> Mirrors {
    let github = &config.github;
    let credential = github.token_file.clone().map(|token_file| Credential {
        web_url: github.web_url(),
        token_file,
    });
    Mirrors::new(paths.mirrors(), credential)
}

/// Checks what was asked for beside the repository itself.
///
/// Errors: `Usage` for a name that cannot be a branch, for what contradicts itself, and for all of it without a repository.
pub(super) fn checked(work: &Work, has_repo: bool) -> Result<Work> {
    let usage = |message: &str, hint: &str| Err(Fault::new(Kind::Usage, message).hint(hint));
    if !has_repo && *work != Work::default() {
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
}
