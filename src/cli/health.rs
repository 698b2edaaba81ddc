//! `telecoder health`: whether the daemon works, asked of itself.

use super::context::Context;
use super::out;
use crate::api::client::path;
use crate::api::wire::{Health, HealthPart, TelegramHealth};
use crate::domain::fault::{Fault, Kind, Result};

pub async fn run(cx: &Context) -> Result<()> {
    let health: Health = cx.client_of_running()?.get(&path(&["health"])).await?;
    if cx.json {
        out::json(&health)?;
    } else {
        out::line(&render(&health))?;
    }
    if health.ok {
        return Ok(());
    }
    Err(Fault::new(Kind::Failure, "a part of the daemon does not work").hint("Its log says more."))
}

fn render(health: &Health) -> String {
    let part = |part: &HealthPart| match &part.problem {
        None => "ok".to_owned(),
        Some(problem) => format!("not ok: {problem}"),
    };
    let telegram = match &health.telegram {
        None => "not configured".to_owned(),
        Some(TelegramHealth {
            poll_error: Some(error),
            ..
        }) => format!("not ok: {error}"),
        Some(telegram) => match telegram.last_poll_at {
            Some(at) => format!("last poll {at}"),
            None => "no poll yet".to_owned(),
        },
    };
    let sessions: Vec<String> = health
        .sessions
        .iter()
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    let sessions = if sessions.is_empty() {
        "none".to_owned()
    } else {
        sessions.join(", ")
    };
    format!(
        "daemon    process {}, version {}, up {} s\ndata      {}\nstore     {}\ntmux      {}\ntelegram  {telegram}\nsessions  {sessions}",
        health.pid,
        health.version,
        health.uptime_seconds,
        health.data_dir,
        part(&health.store),
        part(&health.tmux),
    )
}
