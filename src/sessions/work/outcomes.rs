//! Outcomes are made here: one for every turn that ended, and one for the end of a session that no turn tells.

use std::time::{Duration, Instant};

use super::super::{Engine, tell};
use super::plan::Plan;
use crate::domain::agent::AgentPlace;
use crate::domain::fault::{Kind, Result};
use crate::domain::ids::SessionId;
use crate::domain::message::{About, MessageKind};
use crate::domain::outcome::{
    Check, Claims, Detail, Facts, Measured, NotChecked, Outcome, Usage, Verdict, headline, judge, read_claims, summary,
};
use crate::domain::route::PromptOrigin;
use crate::domain::session::{Session, SessionEvent, SessionState};
use crate::domain::turn::{Turn, TurnKind, TurnState};
use crate::domain::work::Work;
use crate::store::{NewOutcome, Stage, Tx};
use crate::workspace;

/// Measuring a workspace may take so long; then the outcome says that it could not be measured.
const MEASURE_LIMIT: Duration = Duration::from_secs(120);
/// How long an agent's record may be behind its hook, and the pause between looks. Then the count is what is there.
const RECORD_LIMIT: Duration = Duration::from_secs(1);
const RECORD_PAUSE: Duration = Duration::from_millis(20);
/// Messages that are searched for what the agent claims.
const MESSAGES_SEARCHED: u32 = 50;
/// How much of a prompt stays with its outcome.
const PROMPT_CHARS_MAX: usize = 500;
/// Pause after a failure of the store, before the same turn is looked at again.
const RETRY_PAUSE: Duration = Duration::from_secs(2);
/// How much of a failing check's output goes back to the agent.
const FEEDBACK_CHARS_MAX: usize = 8000;
const ROUND_KEY: &str = "until-green:";

/// Looks for turns without an outcome whenever something was stored.
pub(super) async fn keep(engine: Engine) {
    let mut seq = engine.0.store.event_seq();
    super::checks::resume_all(&engine).await;
    loop {
        if let Err(fault) = find(&engine).await {
            tracing::warn!(error = %fault, "turns without an outcome could not be looked for");
        }
        tokio::select! {
            () = engine.0.cancel.cancelled() => return,
            changed = seq.changed() => if changed.is_err() { return },
        }
    }
}

fn find(engine: &Engine) -> std::pin::Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
    Box::pin(find_now(engine))
}

async fn find_now(engine: &Engine) -> Result<()> {
    let (turns, ends) = engine
        .0
        .store
        .read(|tx| Ok((tx.sessions_without_outcome()?, tx.ends_without_outcome()?)))
        .await?;
    for id in turns.into_iter().chain(ends) {
        if engine.0.work.busy().insert(id.clone()) {
            engine.0.tracker.spawn(settle(engine.clone(), id));
        }
    }
    Ok(())
}

/// Makes every outcome that a session lacks, oldest first.
async fn settle(engine: Engine, id: SessionId) {
    loop {
        match next(&engine, &id).await {
            Ok(true) => {}
            Ok(false) => break,
            Err(fault) => {
                tracing::warn!(session.id = %id, error = %fault, "an outcome could not be stored");
                tokio::select! {
                    () = engine.0.cancel.cancelled() => break,
                    () = tokio::time::sleep(RETRY_PAUSE) => {}
                }
            }
        }
    }
    engine.0.work.busy().remove(&id);
    // What ended between the last look and the line above was told while we were busy.
    if !engine.0.cancel.is_cancelled()
        && let Err(fault) = find(&engine).await
    {
        tracing::warn!(error = %fault, "turns without an outcome could not be looked for");
    }
}

/// False when nothing is left to do.
async fn next(engine: &Engine, id: &SessionId) -> Result<bool> {
    let session_id = id.clone();
    let (turn, ended) = engine
        .0
        .store
        .read(move |tx| {
            let turn = tx.turn_without_outcome(&session_id)?;
            let ended = turn.is_none() && tx.ends_without_outcome()?.contains(&session_id);
            Ok((turn, ended))
        })
        .await?;
    match turn {
        Some(turn) => of_turn(engine, turn).await.map(|()| true),
        None if ended => of_end(engine, id).await.map(|()| true),
        None => Ok(false),
    }
}

/// What is known of a turn besides its workspace.
struct Background {
    session: Session,
    work: Work,
    claims: Claims,
    round: u32,
    mark: Option<crate::domain::outcome::Mark>,
}

async fn of_turn(engine: &Engine, turn: Turn) -> Result<()> {
    let of = turn.clone();
    let background = engine.0.store.read(move |tx| background(tx, &of)).await?;
    let session = &background.session;
    let (measured, unmeasured) = measure(engine, session, background.mark.as_ref()).await;
    let mut detail = Detail {
        prompt: turn.text.chars().take(PROMPT_CHARS_MAX).collect(),
        reason: turn.reason.as_ref().map(|reason| reason.text.clone()),
        measured,
        unmeasured,
        claims: background.claims.clone(),
        duration_ms: duration(&turn),
        usage: usage(engine, session, &turn).await,
        ..Detail::default()
    };
    let (verdict, ..) = verdict_of(session, Some(&turn), &detail);
    let plan = match verdict {
        Verdict::Done => super::plan::after_turn(engine, session, &background.work, &detail, background.round).await,
        _ => Plan::Not(None),
    };
    let commands = match plan {
        Plan::Run(commands) => {
            detail.not_checked = Some(NotChecked::running());
            commands
        }
        Plan::Not(why) => {
            detail.not_checked = why;
            Vec::new()
        }
    };
    let (engine_in_tx, round, checking) = (engine.clone(), background.round, !commands.is_empty());
    let stored = {
        let (turn, detail) = (turn.clone(), detail.clone());
        engine
            .0
            .store
            .write(move |tx| store(&engine_in_tx, tx, &turn, detail, round, checking))
            .await?
    };
    crate::failpoint!("V1");
    engine.wake(&turn.session);
    if checking {
        return super::checks::run_and_finish(engine, stored, commands).await;
    }
    let (_, outcome) = engine.outcome(stored).await?;
    engine.publish_by_itself(&outcome).await;
    Ok(())
}

fn background(tx: &Tx<'_>, turn: &Turn) -> Result<Background> {
    let session = tx.session(&turn.session)?;
    let since = turn.typed_at.unwrap_or(turn.created_at);
    let replies: Vec<_> = tx
        .messages(&turn.session, Some(MESSAGES_SEARCHED))?
        .into_iter()
        .filter(|message| message.kind == MessageKind::Reply && message.created_at >= since)
        .filter(|message| turn.ended_at.is_none_or(|ended| message.created_at <= ended))
        .collect();
    let told = replies.iter().rev().filter_map(|message| message.done.as_ref());
    let told = told.fold(Claims::default(), |claims, done| claims.or(Claims::from(done)));
    let last = turn.final_text.as_deref().map(read_claims).unwrap_or_default();
    let said = replies
        .last()
        .map(|message| read_claims(&message.text))
        .unwrap_or_default();
    let round = tx
        .turn_key(&turn.id)?
        .and_then(|key| key.strip_prefix(ROUND_KEY)?.split(':').next()?.parse().ok())
        .unwrap_or(0);
    Ok(Background {
        work: tx.work(&turn.session)?,
        mark: tx.last_mark(&turn.session)?,
        claims: told.or(last).or(said),
        session,
        round,
    })
}

/// Measures the workspace of a session that has one.
pub(super) async fn measure(
    engine: &Engine,
    session: &Session,
    since: Option<&crate::domain::outcome::Mark>,
) -> (Option<Measured>, Option<String>) {
    if session.branch.is_none() {
        return (None, None);
    }
    let mirrors = &engine.0.mirrors;
    let measuring = workspace::measure(mirrors, &session.work_dir, &session.id, since);
    match tokio::time::timeout(MEASURE_LIMIT, measuring).await {
        Ok(Ok(measured)) => (Some(measured), None),
        Ok(Err(fault)) => {
            tracing::warn!(session.id = %session.id, error = %fault, "the workspace could not be measured");
            (None, Some(fault.message))
        }
        Err(_) => (
            None,
            Some(format!(
                "the workspace could not be measured within {} s",
                MEASURE_LIMIT.as_secs()
            )),
        ),
    }
}

/// What the agent's own record counts for this turn.
async fn usage(engine: &Engine, session: &Session, turn: &Turn) -> Option<Usage> {
    let (adapter, since) = (engine.0.agents.get(&session.agent).ok()?, turn.typed_at?);
    let session_dir = engine.0.paths.session(&session.id);
    let (work_dir, native_id) = (session.work_dir.clone(), session.native_id.clone());
    let said = turn.final_text.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let place = AgentPlace {
            session_dir: &session_dir,
            work_dir: &work_dir,
            native_id: native_id.as_deref(),
        };
        if adapter.records_late() {
            await_record(said.as_deref(), || adapter.final_text(&place, since));
        }
        adapter.usage(&place, since)
    });
    reading.await.ok().flatten()
}

/// Waits until the agent's record holds the answer of which its hook told.
fn await_record(said: Option<&str>, recorded: impl Fn() -> Option<String>) {
    let Some(said) = said else { return };
    let limit = Instant::now() + RECORD_LIMIT;
    while Instant::now() < limit && recorded().is_none_or(|text| text.trim() != said.trim()) {
        std::thread::sleep(RECORD_PAUSE);
    }
}

fn duration(turn: &Turn) -> Option<u64> {
    let took = turn.ended_at?.as_millisecond() - turn.typed_at?.as_millisecond();
    u64::try_from(took).ok()
}

fn verdict_of(
    session: &Session,
    turn: Option<&Turn>,
    detail: &Detail,
) -> (
    Verdict,
    Option<crate::domain::outcome::FailureKind>,
    Vec<crate::domain::outcome::Flag>,
) {
    judge(&Facts {
        turn: turn.map(|turn| turn.state),
        reason: turn.and_then(|turn| turn.reason.as_ref()),
        session: session.status.state,
        session_reason: &session.status.reason,
        policy: session.policy,
        claims: &detail.claims,
        measured: detail.measured.as_ref(),
        checks: &detail.checks,
    })
}

/// Stores the outcome; where checks follow, the session is `verifying` in the same transaction.
fn store(engine: &Engine, tx: &Tx<'_>, turn: &Turn, mut detail: Detail, round: u32, checking: bool) -> Result<i64> {
    let session = tx.session(&turn.session)?;
    // Late evidence may have come while we measured; then its own outcome follows.
    let (verdict, failure, flags) = verdict_of(&session, Some(turn), &detail);
    detail.failure = failure;
    detail.flags = flags;
    let headline = headline(verdict, &detail);
    let id = tx.insert_outcome(&NewOutcome {
        session: turn.session.clone(),
        turn: Some(turn.id.clone()),
        ending: None,
        stage: if checking { Stage::Checking } else { Stage::Whole },
        verdict,
        headline,
        detail,
        round,
    })?;
    if checking {
        engine.apply(tx, &turn.session, &SessionEvent::ChecksBegun)?;
    } else {
        tell_whole(engine, tx, &tx.outcome(id)?)?;
    }
    Ok(id)
}

/// The checks of an outcome have ended: what they say, and what follows from it.
pub(super) async fn finish(
    engine: &Engine,
    id: i64,
    checks: Vec<Check>,
    not_checked: Option<NotChecked>,
) -> Result<Outcome> {
    let engine_in_tx = engine.clone();
    let outcome = engine
        .0
        .store
        .write(move |tx| finish_in(&engine_in_tx, tx, id, checks, not_checked))
        .await?;
    engine.wake(&outcome.session);
    engine.publish_by_itself(&outcome).await;
    Ok(outcome)
}

fn finish_in(
    engine: &Engine,
    tx: &Tx<'_>,
    id: i64,
    checks: Vec<Check>,
    not_checked: Option<NotChecked>,
) -> Result<Outcome> {
    if tx.is_whole(id)? {
        return tx.outcome(id);
    }
    let mut outcome = tx.outcome(id)?;
    let session = tx.session(&outcome.session)?;
    let turn = outcome.turn.as_ref().map(|turn| tx.turn(turn)).transpose()?;
    outcome.detail.checks = checks;
    outcome.detail.not_checked = not_checked;
    let asked_for = Turn {
        // Checks that a person asked for have no turn; they are judged as those of one that ended well.
        ..turn.clone().unwrap_or_else(|| finished_turn(&outcome))
    };
    let (verdict, failure, flags) = verdict_of(&session, Some(&asked_for), &outcome.detail);
    outcome.detail.failure = failure;
    outcome.detail.flags = flags;
    outcome.verdict = verdict;
    outcome.headline = headline(verdict, &outcome.detail);
    tx.finish_outcome(id, verdict, &outcome.headline, &outcome.detail)?;
    engine.apply(tx, &session.id, &SessionEvent::ChecksEnded)?;
    send_back(engine, tx, &outcome)?;
    tell_whole(engine, tx, &outcome)?;
    Ok(outcome)
}

fn finished_turn(outcome: &Outcome) -> Turn {
    Turn {
        id: uuid::Uuid::nil().to_string().parse().expect("a uuid is a turn's id"),
        session: outcome.session.clone(),
        seq: 0,
        kind: TurnKind::Prompt,
        state: TurnState::Finished,
        reason: None,
        text: String::new(),
        stripped: 0,
        steered: false,
        agent_turn: None,
        origin: PromptOrigin::Api,
        launch: None,
        created_at: outcome.created_at,
        typed_at: None,
        accepted_at: None,
        ended_at: None,
        final_text: None,
    }
}

/// With `--until-green N`, the output of failing checks becomes a prompt, N times at most.
fn send_back(engine: &Engine, tx: &Tx<'_>, outcome: &Outcome) -> Result<()> {
    let work = tx.work(&outcome.session)?;
    let round = tx.round_of(outcome.id)?;
    let Some(bad) = outcome.detail.checks.iter().find(|check| !check.passed()) else {
        return Ok(());
    };
    if round >= work.until_green {
        return Ok(());
    }
    let key = format!("{ROUND_KEY}{}:{}", round + 1, outcome.id);
    let text = feedback(bad, round + 1, work.until_green);
    match engine.enqueue(tx, &outcome.session, &text, PromptOrigin::Api, Some(key)) {
        Ok(_) => Ok(()),
        // A dialog is open, or the session has ended: the person sees the failure in the inbox.
        Err(fault) if fault.kind == Kind::RefusedByState => {
            tracing::info!(session.id = %outcome.session, error = %fault, "failing checks were not sent back");
            Ok(())
        }
        Err(fault) => Err(fault),
    }
}

fn feedback(check: &Check, round: u32, rounds: u32) -> String {
    let how = match (check.timed_out, check.code) {
        (true, _) => "did not end in time".to_owned(),
        (false, Some(code)) => format!("ended with exit code {code}"),
        (false, None) => "was ended by a signal".to_owned(),
    };
    let skip = check.output.chars().count().saturating_sub(FEEDBACK_CHARS_MAX);
    let output: String = check.output.chars().skip(skip).collect();
    format!(
        "The check `{}` {how} (round {round} of {rounds}). Find the cause and mend it; do not weaken the check. Its output:\n\n{output}",
        check.command
    )
}

/// Tells the chat what was measured, where there is something to tell and somebody to tell it to.
fn tell_whole(engine: &Engine, tx: &Tx<'_>, outcome: &Outcome) -> Result<()> {
    let session = tx.session(&outcome.session)?;
    let detail = &outcome.detail;
    let failed = detail.checks.iter().any(|check| !check.passed());
    let worth = detail.measured.as_ref().is_some_and(Measured::changed_anything)
        || !detail.flags.is_empty()
        || !detail.checks.is_empty();
    if !worth || tell::destination(engine, &session).is_none() || (outcome.verdict != Verdict::Done && !failed) {
        return Ok(());
    }
    let mut text = format!("**Outcome {}** of {}\n\n", outcome.id, session.name);
    for line in summary(detail) {
        text.push_str(&format!("- {line}\n"));
    }
    let message = tell::notice(engine, tx, &session, text.trim_end().to_owned(), None)?;
    tx.set_about(message, &About::Outcome { id: outcome.id })
}

/// A session that ended without a turn that could tell.
async fn of_end(engine: &Engine, id: &SessionId) -> Result<()> {
    let read = id.clone();
    let (session, mark, prompt) = engine
        .0
        .store
        .read(move |tx| {
            let prompt = tx.last_turn(&read)?.map(|turn| turn.text).unwrap_or_default();
            Ok((tx.session(&read)?, tx.last_mark(&read)?, prompt))
        })
        .await?;
    if !matches!(session.status.state, SessionState::Failed | SessionState::Lost) {
        return Ok(());
    }
    let (measured, unmeasured) = match session.work_dir.exists() {
        true => measure(engine, &session, mark.as_ref()).await,
        false => (None, None),
    };
    let mut detail = Detail {
        prompt: prompt.chars().take(PROMPT_CHARS_MAX).collect(),
        reason: Some(session.status.reason.text.clone()),
        measured,
        unmeasured,
        ..Detail::default()
    };
    let (verdict, failure, flags) = verdict_of(&session, None, &detail);
    detail.failure = failure;
    detail.flags = flags;
    let new = NewOutcome {
        session: session.id.clone(),
        turn: None,
        ending: session.ended_at,
        stage: Stage::Whole,
        verdict,
        headline: headline(verdict, &detail),
        detail,
        round: 0,
    };
    engine.0.store.write(move |tx| tx.insert_outcome(&new).map(drop)).await
}
