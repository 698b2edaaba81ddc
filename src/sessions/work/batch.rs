//! Commands of a repository, run like an agent is: through a generated script and the shim, in a window of their own, with a
//! limit that ends their whole tree. Nothing of a repository runs in the daemon's process. Safe to call again for the same
//! number: what runs is waited for, what has ended is read.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::super::Engine;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::{LaunchNo, SessionName, WindowId};
use crate::domain::launch::LaunchSpec;
use crate::domain::outcome::Check;
use crate::domain::session::{Session, SessionState};
use crate::runner::script::{self, ScriptContext};
use crate::runner::watch::ended;
use crate::runner::{self, LaunchDir, check, process};
use crate::tmux::NewWindow;

/// How long a window may take until its shim reports, and the pause between looks.
const START_LIMIT: Duration = Duration::from_secs(20);
const START_PAUSE: Duration = Duration::from_millis(20);
/// A shim that has no record and no process any more: its record may be on its way to the disk.
const RECORD_LIMIT: Duration = Duration::from_secs(5);
/// The shim keeps its pane for up to 2 s after the end; looking this often for the record saves them.
const RECORD_PAUSE: Duration = Duration::from_millis(100);
/// Longest part of a session's name in the name of a window.
const NAME_CHARS_MAX: usize = 30;

/// What is to be run, and under which number.
pub(super) struct Batch<'a> {
    pub session: &'a Session,
    pub no: LaunchNo,
    /// What its window is called, behind the session's name.
    pub suffix: &'static str,
    pub commands: &'a [String],
    /// For each command.
    pub limit: Duration,
    /// What comes after a failure is not begun.
    pub stop_at_failure: bool,
    /// The window is closed when the session is in another state.
    pub only_while: Option<SessionState>,
}

/// Runs the commands to their end and says how each ended.
pub(super) async fn run(engine: &Engine, batch: &Batch<'_>) -> Result<Vec<Check>> {
    let dir = LaunchDir::new(engine.0.paths.check(&batch.session.id, batch.no));
    let id = batch.session.id.clone();
    engine.0.work.checking().insert(id.clone(), dir.clone());
    let ran = run_in(engine, batch, &dir).await;
    engine.0.work.checking().remove(&id);
    if engine.0.cancel.is_cancelled() {
        return Err(Fault::new(
            Kind::Uncertain,
            "the daemon ends; its commands go on, and the next one takes them up",
        ));
    }
    ran
}

async fn run_in(engine: &Engine, batch: &Batch<'_>, dir: &LaunchDir) -> Result<Vec<Check>> {
    if runner::read_exit(dir)?.is_none() {
        let window = match find_window(engine, batch).await? {
            Some(window) => Some(window),
            None if runner::read_shim(dir)?.is_some_and(|record| process::is_alive(record.shim)) => None,
            None => Some(open(engine, batch, dir).await?),
        };
        crate::failpoint!("V2");
        let waited = await_end(engine, batch, dir).await;
        if let Some(window) = window.filter(|_| !engine.0.cancel.is_cancelled()) {
            engine.0.tmux.kill_window(&window).await.ok();
        }
        waited?;
    }
    crate::failpoint!("V3");
    collect(dir)
}

async fn find_window(engine: &Engine, batch: &Batch<'_>) -> Result<Option<WindowId>> {
    let panes = engine.0.tmux.panes().await?;
    let ours = panes
        .into_iter()
        .find(|pane| pane.session.as_ref() == Some(&batch.session.id) && pane.launch == Some(batch.no));
    Ok(ours.map(|pane| pane.window))
}

async fn open(engine: &Engine, batch: &Batch<'_>, dir: &LaunchDir) -> Result<WindowId> {
    if batch.commands.is_empty() {
        return Err(Fault::new(
            Kind::RefusedByState,
            "which commands they were is not known any more",
        ));
    }
    let session = batch.session;
    let paths = &engine.0.paths;
    let (bin, agents_md, telecoder) = (paths.bin(), paths.agents_md(), paths.telecoder());
    let name: SessionName = format!("{}-{}", clip(session.name.as_str()), batch.suffix).parse()?;
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
        launch: batch.no,
        work_dir: &session.work_dir,
        bin_dir: &bin,
        agents_md: &agents_md,
    };
    script::prepare(dir, &context, &spec)?;
    check::write_order(
        dir,
        &check::Order {
            commands: batch.commands.to_vec(),
            limit_s: batch.limit.as_secs(),
            output_bytes: engine.0.config.verify.output_bytes,
            stop_at_failure: batch.stop_at_failure,
        },
    )?;
    engine.0.tmux.ensure_server().await?;
    let placement = engine
        .0
        .tmux
        .new_window(NewWindow {
            name: &name,
            session: &session.id,
            launch: batch.no,
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
async fn await_end(engine: &Engine, batch: &Batch<'_>, dir: &LaunchDir) -> Result<()> {
    let started = Instant::now();
    let record = loop {
        if runner::read_exit(dir)?.is_some() {
            return Ok(());
        }
        if let Some(record) = runner::read_shim(dir)? {
            break record;
        }
        if started.elapsed() > START_LIMIT {
            return Err(Fault::new(Kind::Failure, "the window of its commands did not start"));
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
        if let Some(state) = batch.only_while
            && engine.session(&batch.session.id).await?.status.state != state
        {
            process::ask_shim_to_stop(record.shim);
            return Err(Fault::new(Kind::RefusedByState, "it was stopped before it was done"));
        }
    }
    let gone = Instant::now();
    while runner::read_exit(dir)?.is_none() {
        if gone.elapsed() > RECORD_LIMIT {
            return Err(Fault::new(Kind::Failure, "its commands were ended and left no record"));
        }
        tokio::time::sleep(START_PAUSE).await;
    }
    Ok(())
}

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
