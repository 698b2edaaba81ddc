//! Checks of a session's work: after a turn, or because a person asked for them.

use super::super::Engine;
use super::batch::{self, Batch};
use super::outcomes;
use super::plan::{self, Plan};
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::{LaunchNo, SessionId};
use crate::domain::outcome::{Check, Detail, NotChecked, Outcome, Verdict};
use crate::domain::session::{Session, SessionEvent, SessionState};
use crate::domain::work::ROUNDS_MAX;
use crate::store::{NewOutcome, Stage};

/// Windows of checks count from here, so that neither their stamps nor their processes' environment is taken for an agent's
/// launch.
const CHECKS_FROM: u32 = 1_000_000;
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
            not_checked: Some(NotChecked::running()),
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
    Err(Fault::new(Kind::RefusedByState, message).hint(match state {
        SessionState::Verifying => format!(
            "They run already; what they say shows: telecoder inbox show {}",
            session.name
        ),
        _ => "Checks run when the agent rests, in a workspace that is there.".to_owned(),
    }))
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
    let batch = Batch {
        session,
        no: LaunchNo(CHECKS_FROM + u32::try_from(outcome).unwrap_or(u32::MAX - CHECKS_FROM)),
        suffix: "check",
        commands: &commands,
        limit: engine.0.config.verify.timeout,
        stop_at_failure: false,
        only_while: None,
    };
    batch::run(engine, &batch).await
}
