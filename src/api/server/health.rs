//! Whether the daemon and what it stands on work.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::State;

use super::state::Api;
use crate::api::wire::{Health, HealthPart, TelegramHealth};
use crate::bridge::HealthReport;
use crate::domain::fault::Result;
use crate::store::SessionFilter;

/// How long one part may take to answer.
const PROBE_LIMIT: Duration = Duration::from_secs(2);

pub async fn show(State(api): State<Api>) -> Json<Health> {
    let (counts, tmux) = tokio::join!(probe(count_sessions(&api)), probe(api.parts.tmux.panes()));
    let (sessions, store) = match counts {
        Ok(sessions) => (sessions, HealthPart::good()),
        Err(problem) => (BTreeMap::new(), HealthPart::bad(problem)),
    };
    let tmux = tmux.map_or_else(HealthPart::bad, |_| HealthPart::good());
    let telegram = api
        .parts
        .telegram
        .as_ref()
        .map(|bridge| TelegramHealth::from(bridge.report()));
    Json(Health {
        ok: store.ok && tmux.ok && telegram.as_ref().is_none_or(|telegram| telegram.poll_error.is_none()),
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").into(),
        started_at: api.parts.started_at,
        uptime_seconds: api.started.elapsed().as_secs(),
        data_dir: api.parts.dir.path().display().to_string(),
        store,
        tmux,
        telegram,
        sessions,
    })
}

impl From<HealthReport> for TelegramHealth {
    fn from(report: HealthReport) -> Self {
        Self {
            last_poll_at: report.last_poll_completed,
            poll_error: report.poll_error,
            send_error: report.send_error,
        }
    }
}

async fn probe<T>(answer: impl Future<Output = Result<T>>) -> std::result::Result<T, String> {
    match tokio::time::timeout(PROBE_LIMIT, answer).await {
        Ok(answer) => answer.map_err(|fault| fault.to_string()),
        Err(_) => Err(format!("no answer within {} s", PROBE_LIMIT.as_secs())),
    }
}

async fn count_sessions(api: &Api) -> Result<BTreeMap<String, usize>> {
    let sessions = api.store().read(|tx| tx.sessions(&SessionFilter::default())).await?;
    let mut counts = BTreeMap::new();
    for session in sessions {
        *counts.entry(session.status.state.to_string()).or_default() += 1;
    }
    Ok(counts)
}
