//! `telecoder status`: everything about one session.

use std::fmt::Write;

use super::context::Context;
use super::list::span;
use super::out;
use super::terminal_text::one_line;
use crate::api::client::path;
use crate::api::wire::{Exit, Session};
use crate::domain::Timestamp;
use crate::domain::fault::Result;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name, id, or beginning of the id.
    session: String,
}

pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let session: Session = cx.client()?.get(&path(&["sessions", &args.session])).await?;
    if cx.json {
        return out::json(&session);
    }
    out::line(render(&session, Timestamp::now()).trim_end())
}

fn render(session: &Session, now: Timestamp) -> String {
    let mut text = String::new();
    for (key, value) in facts(session, now) {
        if let Some(value) = value {
            let _ = writeln!(text, "{key:<10} {}", one_line(&value));
        }
    }
    if let Some(pull) = &session.pull {
        let _ = writeln!(text, "{:<10} {}", "published", one_line(&pull.told()));
    }
    for note in &session.notes {
        let _ = writeln!(text, "{:<10} {}", "note", one_line(note));
    }
    for line in super::inbox::in_status(session) {
        let _ = writeln!(text, "{:<10} {}", "outcome", one_line(&line));
    }
    if let Some(dialog) = &session.dialog {
        let _ = writeln!(
            text,
            "{:<10} {} ({})",
            "dialog",
            one_line(&dialog.question),
            dialog.digest
        );
        for (i, choice) in dialog.choices.iter().enumerate() {
            let _ = writeln!(text, "{:<10}   {} {}", "", i + 1, one_line(&choice.label));
        }
    }
    for ask in &session.asks {
        let _ = writeln!(text, "{:<10} {} ({})", "asks", one_line(&ask.question), ask.id);
    }
    if let Some(screen) = &session.last_screen {
        let _ = write!(text, "\nlast screen:\n{screen}");
    }
    text
}

fn facts(session: &Session, now: Timestamp) -> Vec<(&'static str, Option<String>)> {
    let some = |text: &dyn ToString| Some(text.to_string());
    vec![
        ("name", some(&session.name)),
        ("id", some(&session.id)),
        ("status", Some(format!("{}: {}", session.status, session.reason.text))),
        (
            "since",
            Some(format!(
                "{} ({})",
                span(session.status_since, now),
                session.status_since
            )),
        ),
        ("turn", turn(session)),
        (
            "queued",
            (session.queued_prompts > 0).then(|| session.queued_prompts.to_string()),
        ),
        ("agent", some(&session.agent)),
        (
            "policy",
            Some(format!(
                "{} (held by the agent's own permission system)",
                session.policy
            )),
        ),
        ("launch", session.launch.map(|no| no.to_string())),
        ("native id", session.native_id.clone()),
        ("repo", session.repo.clone()),
        ("directory", some(&session.work_dir)),
        ("branch", session.branch.clone()),
        ("parent", session.parent_id.clone()),
        (
            "chat",
            session
                .chat
                .as_ref()
                .map(|chat| format!("{} {}", chat.channel, chat.chat_id)),
        ),
        ("created", some(&session.created_at)),
        ("ended", session.ended_at.map(|at| at.to_string())),
        ("exit", session.exit.as_ref().map(exit)),
        (
            "tmux",
            session
                .tmux
                .as_ref()
                .map(|place| format!("{} {}", place.window_id, place.pane_id)),
        ),
    ]
}

fn turn(session: &Session) -> Option<String> {
    let turn = session.turn.as_ref()?;
    Some(match &turn.reason {
        Some(reason) => format!("{}: {}", turn.in_words(), reason.text),
        None => turn.in_words(),
    })
}

fn exit(exit: &Exit) -> String {
    match (exit.code, exit.signal) {
        (Some(code), _) => format!("code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => exit.detail.clone().unwrap_or_else(|| "unknown".into()),
    }
}
