//! Starting a session's agent: workspace, launch directory, window. Each step is found again after a crash.

use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use super::actor::{Actor, Memory, Next};
use crate::agents::LaunchContext;
use crate::domain::agent::Evidence;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::launch::{Launch, Placement};
use crate::domain::session::{Session, SessionEvent, SessionState};
use crate::runner::mailbox::MailLimits;
use crate::runner::script::{self, ScriptContext};
use crate::runner::{self, LaunchDir, process};
use crate::tmux::NewWindow;
use crate::workspace;

/// How long what is left of the last launch may take to end (its shim holds the pane for a moment), and the pause between looks.
const LAST_LAUNCH_LIMIT: Duration = Duration::from_secs(10);
const LAST_LAUNCH_PAUSE: Duration = Duration::from_millis(20);
/// Pause between looks at a shim that runs without a window.
const ADOPTED_PAUSE: Duration = Duration::from_millis(500);

impl Actor {
    /// Starts the agent; `begun` is a launch of which no window is known (a crash between the two).
    pub(super) async fn start_launch(&mut self, session: &Session, begun: Option<&Launch>) -> Result<Next> {
        match self.try_launch(session, begun).await {
            Ok(next) => Ok(next),
            Err(fault) if is_passing(&fault) => Err(fault),
            Err(fault) => {
                let text = match &fault.hint {
                    Some(hint) => format!("{} ({hint})", fault.message),
                    None => fault.message.clone(),
                };
                let code = match fault.kind {
                    Kind::ProgramMissing => "program_missing",
                    _ => "launch_failed",
                };
                self.refuse_launch(code, text).await?;
                Ok(Next::now())
            }
        }
    }

    async fn refuse_launch(&self, code: &str, text: String) -> Result<()> {
        let event = SessionEvent::LaunchRefused {
            code: code.to_owned(),
            text,
        };
        let (engine, id) = (self.engine.clone(), self.id.clone());
        self.engine
            .0
            .store
            .write(move |tx| {
                if let Some(no) = tx.session(&id)?.launch {
                    tx.end_launch(&id, no)?;
                }
                engine.apply(tx, &id, &event).map(drop)
            })
            .await?;
        self.engine.wake(&self.id);
        Ok(())
    }

    async fn try_launch(&mut self, session: &Session, begun: Option<&Launch>) -> Result<Next> {
        self.prepare_workspace(session).await?;
        if begun.is_none() {
            self.await_last_launch(session).await?;
        }
        crate::failpoint!("S2");
        let launch = match begun {
            Some(launch) => launch.clone(),
            None => self.begin_launch(session).await?,
        };
        crate::failpoint!("S3");
        if begun.is_some()
            && let Some(next) = self.adopt_window(&launch).await?
        {
            return Ok(next);
        }
        self.write_launch_dir(session, &launch)?;
        self.watch(&launch)?;
        // A stop may have come while the workspace was made.
        if self.current_state().await? != SessionState::Starting {
            return Ok(Next::now());
        }
        let placement = self.open_window(session, &launch).await?;
        crate::failpoint!("S4");
        self.place(&launch, placement).await?;
        self.memory = Memory {
            started: self.adapter.evidence() != Evidence::Hook,
            launched_at: Some(Instant::now()),
            ..Memory::default()
        };
        self.settled = true;
        Ok(Next::now())
    }

    /// Two agents in one workspace would undo each other's work: the last launch has to be over, to its lock.
    async fn await_last_launch(&self, session: &Session) -> Result<()> {
        let Some(no) = session.launch else { return Ok(()) };
        let last = LaunchDir::new(self.engine.0.paths.launch(&self.id, no));
        let limit = Instant::now() + LAST_LAUNCH_LIMIT;
        while runner::is_held(&last)? {
            if Instant::now() > limit {
                let message = format!("launch {no} of {} still runs in its work directory", session.name);
                return Err(Fault::new(Kind::RefusedByState, message)
                    .hint("End what is left of it, then resume the session again."));
            }
            tokio::time::sleep(LAST_LAUNCH_PAUSE).await;
        }
        Ok(())
    }

    async fn prepare_workspace(&self, session: &Session) -> Result<()> {
        let paths = &self.engine.0.paths;
        make_private_dir(&paths.inbox(&self.id))?;
        make_private_dir(&paths.outgoing(&self.id))?;
        let Some(repo) = &session.repo else {
            return make_private_dir(&session.work_dir);
        };
        if session.branch.is_some() && session.work_dir.exists() {
            return self.engine.set_up(session).await;
        }
        let source = workspace::resolve_repo(repo, std::path::Path::new("/")).await?;
        let prepared = self.engine.prepare_work(session, &source).await.map_err(told)?;
        let id = self.id.clone();
        self.engine
            .0
            .store
            .write(move |tx| tx.set_branch(&id, &prepared.branch))
            .await?;
        self.engine.set_up(session).await
    }

    async fn begin_launch(&self, session: &Session) -> Result<Launch> {
        let resumed = session.launch.is_some() && session.native_id.is_some() && self.adapter.can_resume();
        let id = self.id.clone();
        let preset = self
            .adapter
            .preset_native_id(&self.id)
            .filter(|_| session.native_id.is_none());
        self.engine
            .0
            .store
            .write(move |tx| {
                // A launch that does not go on with the conversation before begins another one, whose name comes with its start.
                if !resumed {
                    tx.set_native_id(&id, preset.as_deref())?;
                }
                tx.begin_launch(&id, resumed)
            })
            .await
    }

    /// After a crash between window and record: the window is known by its stamp. `None`: nothing of the launch was started.
    async fn adopt_window(&mut self, launch: &Launch) -> Result<Option<Next>> {
        let panes = self.engine.0.tmux.panes().await?;
        let ours = panes
            .into_iter()
            .find(|pane| pane.session.as_ref() == Some(&self.id) && pane.launch == Some(launch.no));
        if let Some(pane) = ours {
            let server = self.engine.0.tmux.ensure_server().await?;
            let placement = Placement {
                window: pane.window,
                pane: pane.pane,
                server,
            };
            self.place(launch, placement).await?;
            return Ok(Some(Next::now()));
        }
        // No window, but a shim that runs or ran: its records tell the rest.
        let dir = self.launch_dir(launch);
        let shim_runs = runner::read_shim(&dir)?.is_some_and(|record| process::is_alive(record.shim));
        Ok(shim_runs.then(|| Next::after(ADOPTED_PAUSE)))
    }

    fn write_launch_dir(&self, session: &Session, launch: &Launch) -> Result<()> {
        let paths = &self.engine.0.paths;
        let dir = self.launch_dir(launch);
        let (session_dir, agents_md, bin) = (paths.session(&self.id), paths.agents_md(), paths.bin());
        let (mail, data_dir) = (dir.mail(), paths.path());
        let context = LaunchContext {
            session: &self.id,
            name: &session.name,
            launch: launch.no,
            policy: session.policy,
            work_dir: &session.work_dir,
            repository: session.repo.as_deref().map(Path::new).filter(|repo| repo.is_absolute()),
            session_dir: &session_dir,
            launch_dir: dir.path(),
            mailbox: &mail,
            data_dir,
            agents_md: &agents_md,
            telecoder: &bin.join("telecoder"),
            resume: session.native_id.as_deref().filter(|_| launch.resumed),
            fork_of: session.fork_of.as_deref(),
        };
        self.adapter.pre_seed(&context)?;
        let spec = self.adapter.launch(&context)?;
        let context = ScriptContext {
            session: &self.id,
            name: &session.name,
            launch: launch.no,
            work_dir: &session.work_dir,
            bin_dir: &bin,
            agents_md: &agents_md,
        };
        script::prepare(&dir, &context, &spec)?;
        let limits = &self.engine.0.config.limits;
        MailLimits {
            letter_bytes: limits.letter_bytes,
            file_bytes: limits.file_bytes,
            letters_max: limits.letters_max,
        }
        .set(&dir.mail())
    }

    async fn open_window(&self, session: &Session, launch: &Launch) -> Result<Placement> {
        let paths = &self.engine.0.paths;
        let dir = self.launch_dir(launch);
        let log = paths.terminal_log(&self.id);
        let pipe_to = vec![
            paths.bin().join("telecoder").to_string_lossy().into_owned(),
            "log-writer".to_owned(),
            "--file".to_owned(),
            log.to_string_lossy().into_owned(),
            "--max-bytes".to_owned(),
            self.engine.0.config.limits.log_bytes.to_string(),
        ];
        self.engine.0.tmux.ensure_server().await?;
        self.engine
            .0
            .tmux
            .new_window(NewWindow {
                name: &session.name,
                session: &self.id,
                launch: launch.no,
                program: &dir.run_sh(),
                cwd: &session.work_dir,
                pipe_to: Some(pipe_to),
            })
            .await
    }

    async fn place(&self, launch: &Launch, placement: Placement) -> Result<()> {
        let (id, no) = (self.id.clone(), launch.no);
        self.engine
            .0
            .store
            .write(move |tx| tx.place_launch(&id, no, &placement))
            .await
    }

    async fn current_state(&self) -> Result<SessionState> {
        let id = self.id.clone();
        self.engine
            .0
            .store
            .read(move |tx| Ok(tx.session(&id)?.status.state))
            .await
    }
}

/// Faults that a later look may not meet again: the disk, a tmux that is being restarted. `Uncertain`: the window may be there,
/// and the next look finds it by its stamp.
fn is_passing(fault: &Fault) -> bool {
    matches!(fault.kind, Kind::Storage | Kind::Timeout | Kind::Uncertain)
}

/// A workspace that could not be made is told, whatever the reason: a repository that does not answer would else keep the session
/// `starting` without a word. `resume` tries again.
fn told(fault: Fault) -> Fault {
    match is_passing(&fault) {
        true => Fault {
            kind: Kind::Failure,
            ..fault
        },
        false => fault,
    }
}

pub(super) fn make_private_dir(path: &std::path::Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| Fault::io(format!("making {}", path.display()), &error))
}
