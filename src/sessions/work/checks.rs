//! Checks run like an agent does: through a generated script and the shim, in a window of their own, with a limit that ends
//! their whole tree. Nothing of the repository runs in the daemon's process.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::super::Engine;
use super::outcomes;
use super::plan::{self, Plan};
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::{LaunchNo, SessionId, SessionName, WindowId};
use crate::domain::launch::LaunchSpec;
use crate::domain::outcome::{Check, Detail, NotChecked, Outcome, Verdict};
use crate::domain::session::{Session, SessionEvent, SessionState};
use crate::domain::work::ROUNDS_MAX;
use crate::runner::script::{self, ScriptContext};
use crate::runner::watch::ended;
use crate::runner::{self, LaunchDir, check, process};
use crate::store::{NewOutcome, Stage};
use crate::tmux::NewWindow;

/// Windows of checks count from here, so that neither their stamps nor their processes' environment is taken for an agent's
/// launch.
const CHECKS_FROM: u32 = 1_000_000;
/// How long a window may take until its shim reports, and the pause between looks.
const START_LIMIT: Duration = Duration::from_secs(20);
const START_PAUSE: Duration = Duration::from_millis(20);
/// A shim that has no record and no process any more: its record may be on its way to the disk.
const RECORD_LIMIT: Duration = Duration::from_secs(5);
/// Longest name of a window.
const NAME_CHARS_MAX: usize = 33;

/// `telecoder verify`.
#[derive(Debug, Clone, Default)]
pub struct VerifyRequest {
    /// Empty: what is configured, or found out.
    pub commands: Vec<String>,
    pub until_green: Option<u32>,
}

impl Engine {
    /// Begins the checks of a session now; the outcome of which they become part says what came of them.
    ///
    /// Errors: `RefusedByState` while the agent works or checks run, `Usage` when there is nothing to run.
    pub async fn verify(&self, id: &SessionId, request: VerifyRequest) -> Result<Outcome> {
        let session = self.session(id).await?;
        may_check(&session)?;
        if self.0.work.checking().contains_key(id) {
            return Err(Fault::new(
                Kind::RefusedByState,
                format!("checks of {} run already", session.name),
            ));
        }
        let mut work = self.work(id).await?;
        if !request.commands.is_empty() {
            work.verify = request.commands;
        }
        if let Some(rounds) = request.until_green {
            work.until_green = rounds.min(ROUNDS_MAX);
            let (id, work) = (id.clone(), work.clone());
            self.0.store.write(move |tx| tx.set_work(&id, &work)).await?;
        }
        let commands = match plan::choose(self, &session, &work, true).await {
            Plan::Run(commands) => commands,
            Plan::Not(why) => {
                let why = why.map_or_else(|| "there is nothing to check".to_owned(), |not| not.why);
                return Err(
                    Fault::new(Kind::RefusedByState, format!("nothing was run: {why}")).hint(format!(
                        "Name a command: telecoder verify {} --cmd \"make test\"",
                        session.name
                    )),
                );
            }
        };
        let outcome = self.begin_checks(&session).await?;
        let (engine, number) = (self.clone(), outcome.id);
        self.0.tracker.spawn(async move {
            if let Err(fault) = run_and_finish(&engine, number, commands).await {
                tracing::warn!(outcome.id = number, error = %fault, "checks could not be brought to their end");
            }
        });
        Ok(outcome)
    }

    async fn begin_checks(&self, session: &Session) -> Result<Outcome> {
        let id = session.id.clone();
        let mark = self.0.store.read(move |tx| tx.last_mark(&id)).await?;
        let (measured, unmeasured) = outcomes::measure(self, session, mark.as_ref()).await;
        let detail = Detail {
            measured,
            unmeasured,
            reason: Some("checks that were asked for".into()),
            ..Detail::default()
        };
        let new = NewOutcome {
            session: session.id.clone(),
            turn: None,
            ending: None,
            stage: Stage::Checking,
            verdict: Verdict::Done,
            headline: "checks run".into(),
            detail,
            round: 0,
        };
        let engine = self.clone();
        self.0
            .store
            .write(move |tx| {
                let number = tx.insert_outcome(&new)?;
                engine.apply(tx, &new.session, &SessionEvent::ChecksBegun)?;
                tx.outcome(number)
            })
            .await
    }

    pub(in crate::sessions) async fn work(&self, id: &SessionId) -> Result<crate::domain::work::Work> {
        let id = id.clone();
        self.0.store.read(move |tx| tx.work(&id)).await
    }
}

fn may_check(session: &Session) -> Result<()> {
    let state = session.status.state;
    if (state == SessionState::Idle || state.is_ended()) && session.work_dir.exists() {
        return Ok(());
    }
    let message = format!("{} cannot be checked now ({state})", session.name);
    Err(Fault::new(Kind::RefusedByState, message)
        .hint("Checks run when the agent rests, in a workspace that is there."))
}

/// Takes up checks that an earlier daemon began.
pub(super) async fn resume_all(engine: &Engine) {
    let begun = match engine.0.store.read(|tx| tx.checking_outcomes()).await {
        Ok(begun) => begun,
        Err(fault) => {
            tracing::warn!(error = %fault, "checks that were running could not be looked for");
            return;
        }
    };
    for outcome in begun {
        let engine = engine.clone();
        engine.clone().0.tracker.spawn(async move {
            let commands = commands_again(&engine, &outcome).await;
            if let Err(fault) = run_and_finish(&engine, outcome.id, commands).await {
                tracing::warn!(outcome.id = outcome.id, error = %fault, "checks could not be taken up again");
            }
        });
    }
}

/// For checks whose window was never made: the order is lost with it.
async fn commands_again(engine: &Engine, outcome: &Outcome) -> Vec<String> {
    let Ok(session) = engine.session(&outcome.session).await else {
        return Vec::new();
    };
    let work = engine.work(&outcome.session).await.unwrap_or_default();
    match plan::choose(engine, &session, &work, outcome.turn.is_none()).await {
        Plan::Run(commands) => commands,
        Plan::Not(_) => Vec::new(),
    }
}

/// Runs the checks of an outcome to their end and stores what they said. Safe to call again for the same outcome.
pub(super) async fn run_and_finish(engine: &Engine, outcome: i64, commands: Vec<String>) -> Result<()> {
    let whole = engine.0.store.read(move |tx| tx.outcome(outcome)).await?;
    let session = engine.session(&whole.session).await?;
    let result = run(engine, &session, outcome, commands).await;
    engine.0.work.checking().remove(&session.id);
    if engine.0.cancel.is_cancelled() {
        // The window goes on; the next daemon takes it up.
        return Ok(());
    }
    let (checks, not) = match result {
        Ok(checks) => (checks, None),
        Err(fault) => {
            let why = format!("the checks could not be run: {}", fault.message);
            (Vec::new(), Some(NotChecked { why, could: Vec::new() }))
        }
    };
    outcomes::finish(engine, outcome, checks, not).await.map(drop)
}

async fn run(engine: &Engine, session: &Session, outcome: i64, commands: Vec<String>) -> Result<Vec<Check>> {
    let no = LaunchNo(CHECKS_FROM + u32::try_from(outcome).unwrap_or(u32::MAX - CHECKS_FROM));
    let dir = LaunchDir::new(engine.0.paths.check(&session.id, no));
    engine.0.work.checking().insert(session.id.clone(), dir.clone());
    if runner::read_exit(&dir)?.is_none() {
        let window = match find_window(engine, session, no).await? {
            Some(window) => Some(window),
            None if runner::read_shim(&dir)?.is_some_and(|record| process::is_alive(record.shim)) => None,
            None => Some(open(engine, session, no, &dir, &commands).await?),
        };
        crate::failpoint!("V2");
        await_end(engine, &dir).await?;
        if let Some(window) = window {
            engine.0.tmux.kill_window(&window).await.ok();
        }
    }
    crate::failpoint!("V3");
    collect(&dir)
}

async fn find_window(engine: &Engine, session: &Session, no: LaunchNo) -> Result<Option<WindowId>> {
    let panes = engine.0.tmux.panes().await?;
    let ours = panes
        .into_iter()
        .find(|pane| pane.session.as_ref() == Some(&session.id) && pane.launch == Some(no));
    Ok(ours.map(|pane| pane.window))
}

async fn open(
    engine: &Engine,
    session: &Session,
    no: LaunchNo,
    dir: &LaunchDir,
    commands: &[String],
) -> Result<WindowId> {
    if commands.is_empty() {
        return Err(Fault::new(
            Kind::RefusedByState,
            "which commands they were is not known any more",
        ));
    }
    let paths = &engine.0.paths;
    let (bin, agents_md, telecoder) = (paths.bin(), paths.agents_md(), paths.telecoder());
    let name: SessionName = format!("{}-check", clip(session.name.as_str())).parse()?;
    // No keys of the agent's: a check is code of the repository's.
    let spec = LaunchSpec {
        argv: vec![
            telecoder.to_string_lossy().into_owned(),
            "check".into(),
            "--dir".into(),
            dir.path().to_string_lossy().into_owned(),
        ],
        env: BTreeMap::new(),
        secret_env: BTreeMap::new(),
        files: Vec::new(),
    };
    let context = ScriptContext {
        session: &session.id,
        name: &session.name,
        launch: no,
        work_dir: &session.work_dir,
        bin_dir: &bin,
        agents_md: &agents_md,
    };
    script::prepare(dir, &context, &spec)?;
    let config = &engine.0.config.verify;
    check::write_order(
        dir,
        &check::Order {
            commands: commands.to_vec(),
            limit_s: config.timeout.as_secs(),
            output_bytes: config.output_bytes,
        },
    )?;
    engine.0.tmux.ensure_server().await?;
    let placement = engine
        .0
        .tmux
        .new_window(NewWindow {
            name: &name,
            session: &session.id,
            launch: no,
            program: &dir.run_sh(),
            cwd: &session.work_dir,
            pipe_to: None,
        })
        .await?;
    Ok(placement.window)
}

fn clip(name: &str) -> String {
    name.chars().take(NAME_CHARS_MAX).collect()
}

/// Until the shim has recorded the end, or is gone without a record.
async fn await_end(engine: &Engine, dir: &LaunchDir) -> Result<()> {
    let started = Instant::now();
    let record = loop {
        if runner::read_exit(dir)?.is_some() {
            return Ok(());
        }
        if let Some(record) = runner::read_shim(dir)? {
            break record;
        }
        if started.elapsed() > START_LIMIT {
            return Err(Fault::new(Kind::Timeout, "the window of the checks did not start"));
        }
        tokio::time::sleep(START_PAUSE).await;
    };
    // The record is written before the shim holds its pane for a moment; so it is looked for, too.
    loop {
        tokio::select! {
            () = engine.0.cancel.cancelled() => return Ok(()),
            () = ended(record.shim) => break,
            () = tokio::time::sleep(RECORD_PAUSE) => if runner::read_exit(dir)?.is_some() { return Ok(()) },
        }
    }
    let gone = Instant::now();
    while runner::read_exit(dir)?.is_none() {
        if gone.elapsed() > RECORD_LIMIT {
            return Err(Fault::new(Kind::Failure, "the checks were ended and left no record"));
        }
        tokio::time::sleep(START_PAUSE).await;
    }
    Ok(())
}

/// The shim keeps its pane for up to 2 s after the end; looking this often for the record saves them.
const RECORD_PAUSE: Duration = Duration::from_millis(100);

/// What ran; a command that never came to its turn counts as not passed.
fn collect(dir: &LaunchDir) -> Result<Vec<Check>> {
    let (mut checks, left) = check::read_results(dir)?;
    let exit = runner::read_exit(dir)?;
    let why = match exit.as_ref().and_then(|exit| exit.detail.clone()) {
        Some(detail) => detail,
        None => "it was ended before it was done (its window was closed, or the session was stopped)".to_owned(),
    };
    checks.extend(left.into_iter().map(|command| Check {
        command,
        code: None,
        timed_out: false,
        duration_ms: 0,
        output: why.clone(),
    }));
    Ok(checks)
}
