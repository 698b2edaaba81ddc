//! What a repository needs before an agent can work on it, and what it wants done before a workspace goes: commands of its
//! `.telecoder.toml`, and files that git ignores.
//!
//! It runs like checks do, in a window under the shim, and only when a person has read the file, under a policy that runs
//! commands, for a session that a person began on a commit of the repository's own: never for what an agent began, and never
//! on somebody's pull request.

use std::path::Path;
use std::time::Duration;

use super::super::{Engine, tell};
use super::batch::{self, Batch};
use super::repo_file::{Found, REPO_FILE, REPO_FILE_BYTES_MAX, RepoFile, repo_file};
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::LaunchNo;
use crate::domain::outcome::{Check, check_line};
use crate::domain::policy::Policy;
use crate::domain::session::{Session, SessionState};
use crate::domain::work::{Work, WorkspaceKind};
use crate::runner::{self, LaunchDir};
use crate::workspace;

/// Windows of set-ups and of tear-downs count from here (see `checks::CHECKS_FROM`).
const SETUP_FROM: u32 = 2_000_000;
const TEARDOWN_FROM: u32 = 3_000_000;
/// Tries of either for one session.
const TRIES_MAX: u32 = 1000;
/// For each tear-down command: somebody waits for it.
const TEARDOWN_LIMIT: Duration = Duration::from_secs(60);
/// Of a failing command's output this much stands in the reason.
const LAST_LINES: usize = 3;

impl Engine {
    /// Makes a new workspace ready. A session whose set-up is over is left alone.
    ///
    /// Errors: `Failure` naming the command that failed; the next launch tries again.
    pub(in crate::sessions) async fn set_up(&self, session: &Session) -> Result<()> {
        let mut work = self.work(&session.id).await?;
        if work.set_up || session.repo.is_none() || work.kind == WorkspaceKind::InPlace {
            return Ok(());
        }
        work.notes = self.peculiarities(session).await?;
        let found = repo_file(self, session).await;
        match found {
            Ok(Some(found)) if asks_for_something(&found.file) => match refusal(session, &work, &found) {
                Some(why) => return self.leave_out(session, work, why).await,
                None => self.run_setup(session, &mut work, &found.file).await?,
            },
            Ok(_) => {}
            // A file that cannot be read asks for nothing; it must not stand in the way of the agent that may mend it.
            Err(fault) if fault.kind == Kind::Config => work.notes.push(fault.message),
            Err(fault) => return Err(fault),
        }
        work.set_up = true;
        self.keep_work(session, work).await
    }

    /// Submodules and LFS files are not fetched by us: both run programs that the repository names.
    async fn peculiarities(&self, session: &Session) -> Result<Vec<String>> {
        let has = |path: &'static str, word: &'static str| async move {
            let file = workspace::base_file(&self.0.mirrors, &session.id, path, REPO_FILE_BYTES_MAX).await;
            match file {
                Ok(file) => Ok(file.is_some_and(|bytes| String::from_utf8_lossy(&bytes).contains(word))),
                Err(fault) if fault.kind == Kind::OverLimit => Ok(true),
                Err(fault) => Err(fault),
            }
        };
        let mut notes = Vec::new();
        if has(".gitmodules", "[submodule").await? {
            notes.push(
                "Its submodules are not checked out, for fetching them follows addresses that the repository names. To have \
                 them: `setup = [\"git submodule update --init\"]` in .telecoder.toml"
                    .to_owned(),
            );
        }
        if has(".gitattributes", "filter=lfs").await? {
            notes.push(
                "Its LFS files are pointers, for filters of a repository are not run by the daemon. To have them: `setup = \
                 [\"git lfs pull\"]` in .telecoder.toml"
                    .to_owned(),
            );
        }
        Ok(notes)
    }

    async fn leave_out(&self, session: &Session, mut work: Work, why: Refusal) -> Result<()> {
        work.notes.push(why.text.clone());
        // What a person may still allow is tried again with the next launch.
        work.set_up = !why.may_change;
        self.keep_work(session, work).await?;
        let (engine, id) = (self.clone(), session.id.clone());
        self.0
            .store
            .write(move |tx| tell::notice(&engine, tx, &tx.session(&id)?, why.text, None).map(drop))
            .await
    }

    async fn keep_work(&self, session: &Session, work: Work) -> Result<()> {
        let id = session.id.clone();
        self.0.store.write(move |tx| tx.set_work(&id, &work)).await
    }

    async fn run_setup(&self, session: &Session, work: &mut Work, file: &RepoFile) -> Result<()> {
        let said = file.setup.join("\n");
        work.notes.retain(|note| {
            !(note.contains("submodules") && said.contains("submodule") || note.contains("LFS") && said.contains("lfs"))
        });
        if let Some(source) = session.repo.as_deref().filter(|repo| repo.starts_with('/')) {
            let copied = workspace::copy_ignored(
                Path::new(source),
                &self.0.mirrors,
                &session.work_dir,
                &session.id,
                &file.copy,
            );
            work.notes.extend(copied.await?);
        } else if !file.copy.is_empty() {
            work.notes
                .push("Files to copy come from a checkout on this machine only; none was copied.".into());
        }
        self.run_commands(session, SETUP_FROM, &file.setup)
            .await
            .map_err(|fault| match fault.kind {
                Kind::RefusedByState => fault,
                _ => fault.context("set-up"),
            })
    }

    async fn run_commands(&self, session: &Session, from: u32, commands: &[String]) -> Result<()> {
        if commands.is_empty() {
            return Ok(());
        }
        let Some(no) = self.next_try(session, from)? else {
            return Ok(());
        };
        let is_setup = from == SETUP_FROM;
        let checks = batch::run(
            self,
            &Batch {
                session,
                no,
                suffix: if is_setup { "setup" } else { "teardown" },
                commands,
                limit: if is_setup {
                    self.0.config.workspace.setup_timeout
                } else {
                    TEARDOWN_LIMIT
                },
                stop_at_failure: true,
                only_while: is_setup.then_some(SessionState::Starting),
            },
        )
        .await?;
        match checks.iter().find(|check| !check.passed()) {
            Some(bad) => Err(failed(bad)),
            None => Ok(()),
        }
    }

    /// The first try that has no end on record: one that a crash left, or a new one. None: one of them passed.
    fn next_try(&self, session: &Session, from: u32) -> Result<Option<LaunchNo>> {
        for no in (from..from + TRIES_MAX).map(LaunchNo) {
            match runner::read_exit(&LaunchDir::new(self.0.paths.check(&session.id, no)))? {
                None => return Ok(Some(no)),
                Some(exit) if exit.code == Some(0) => return Ok(None),
                Some(_) => {}
            }
        }
        Err(Fault::new(Kind::OverLimit, format!("tried {TRIES_MAX} times")))
    }

    /// Runs what the repository wants done before a workspace goes.
    pub(in crate::sessions) async fn tear_down(&self, session: &Session) -> Result<()> {
        let work = self.work(&session.id).await?;
        let in_place = work.kind == WorkspaceKind::InPlace;
        if in_place || session.branch.is_none() || !session.work_dir.exists() {
            return Ok(());
        }
        let Some(found) = repo_file(self, session).await? else {
            return Ok(());
        };
        if found.file.teardown.is_empty() || refusal(session, &work, &found).is_some() {
            return Ok(());
        }
        self.run_commands(session, TEARDOWN_FROM, &found.file.teardown)
            .await
            .map_err(|fault| {
                fault.context("tear-down").hint(format!(
                    "Look there, or remove it all the same: telecoder rm --force {}",
                    session.name
                ))
            })
    }
}

fn asks_for_something(file: &RepoFile) -> bool {
    !file.setup.is_empty() || !file.copy.is_empty()
}

struct Refusal {
    text: String,
    may_change: bool,
}

/// Why nothing of the file is done for this session.
fn refusal(session: &Session, work: &Work, found: &Found) -> Option<Refusal> {
    let never = |why: &str| {
        Some(Refusal {
            text: format!("The set-up of {REPO_FILE} was left out: {why}."),
            may_change: false,
        })
    };
    if session.parent.is_some() {
        return never("an agent began this session");
    }
    if work.pull.is_some() {
        return never("the work of a pull request is somebody else's");
    }
    if matches!(session.policy, Policy::Locked | Policy::Observe) {
        return never(&format!("the policy `{}` runs no commands", session.policy));
    }
    if !found.trusted {
        return Some(Refusal {
            text: format!(
                "{REPO_FILE} of the repository names a set-up that you have not read, so it was left out. Read it: `telecoder \
                 trust {0}`; allow it with `--yes`; then `telecoder stop {0}` and `telecoder resume {0}`.",
                session.name
            ),
            may_change: true,
        });
    }
    None
}

fn failed(check: &Check) -> Fault {
    let lines: Vec<&str> = check.output.lines().collect();
    let last = lines[lines.len().saturating_sub(LAST_LINES)..].join("; ");
    let said = if last.is_empty() {
        String::new()
    } else {
        format!(": {last}")
    };
    Fault::new(
        Kind::Failure,
        format!("{}{said}", check_line(check).trim_start_matches("✗ ")),
    )
}
