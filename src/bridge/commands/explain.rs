//! `/explain [NAME]`: why a session has its status, by which sign, and what a prompt waits for.

use super::{Desk, one_name};
use crate::bridge::router::Reply;
use crate::bridge::words::{excerpt, how_long};
use crate::channels::telegram::markdown::{code, escape};
use crate::domain::Timestamp;
use crate::domain::fault::Result;
use crate::domain::session::Source;
use crate::domain::turn::Turn;
use crate::sessions::Explanation;

/// How much of a prompt is shown.
const PROMPT_CHARS_MAX: usize = 120;

pub(super) async fn explain(desk: &Desk<'_>, args: &[String]) -> Result<Reply> {
    let session = desk.meant(one_name(args)?).await?;
    let told = desk.engine.explain(&session.id).await?;
    let now = desk.store.read(|tx| Ok(tx.now())).await?;
    Ok(Reply::of(&session.id, render(&told, now)))
}

fn render(told: &Explanation, now: Timestamp) -> String {
    let session = &told.session;
    let status = &session.status;
    let mut lines = vec![
        format!(
            "**{}** for {}: {}",
            escape(status.state.as_str()),
            how_long(session.status_since, now),
            escape(&status.reason.text)
        ),
        format!("because {} ({})", source(status.source), code(&status.reason.code)),
    ];
    lines.push(match &told.screen {
        Some(screen) => format!(
            "screen: {}{}{}",
            escape(screen.reading.word()),
            screen
                .rule
                .as_ref()
                .map_or_else(String::new, |rule| format!(" by the rule {}", code(rule))),
            if told.in_mode {
                ", and somebody has it in copy mode"
            } else {
                ""
            }
        ),
        None => "screen: none can be read".into(),
    });
    if let Some(dialog) = &told.dialog {
        lines.push(format!(
            "dialog: {}",
            escape(&excerpt(&dialog.question, PROMPT_CHARS_MAX))
        ));
    }
    lines.extend(told.running.iter().map(|turn| prompt("typed", turn)));
    lines.extend(told.waiting.iter().map(|turn| prompt("next", turn)));
    if let Some(agent) = &told.detection {
        let version = agent.version.as_deref().unwrap_or("of an unknown version");
        lines.push(format!("agent: {} {}", escape(&session.agent), escape(version)));
    }
    lines.extend(told.warnings.iter().map(|warning| format!("⚠ {}", escape(warning))));
    lines.join("\n")
}

fn source(source: Source) -> &'static str {
    match source {
        Source::Hook => "the agent's own hook said so",
        Source::Screen => "its screen shows it",
        Source::Process => "its process says so",
        Source::Person => "a person did it",
    }
}

fn prompt(what: &str, turn: &Turn) -> String {
    let why = turn
        .reason
        .as_ref()
        .map_or_else(String::new, |reason| format!(" ({})", escape(&reason.text)));
    format!(
        "{what}: **{}**{why}: {}",
        escape(&turn.in_words()),
        escape(&excerpt(&turn.text, PROMPT_CHARS_MAX))
    )
}
