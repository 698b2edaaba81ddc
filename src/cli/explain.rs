//! `telecoder explain`: why a session has the state that it has, and what a prompt waits for.

use std::fmt::Write;

use super::context::Context;
use super::out;
use super::terminal_text::one_line;
use crate::api::client::path;
use crate::api::wire::{Explanation, reason_text};
use crate::domain::fault::Result;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name, id, or beginning of the id.
    session: String,
}

pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let url = path(&["sessions", &args.session, "explain"]);
    let explanation: Explanation = cx.client()?.get(&url).await?;
    if cx.json {
        return out::json(&explanation);
    }
    out::line(render(&explanation).trim_end())
}

fn render(told: &Explanation) -> String {
    let mut text = String::new();
    let session = &told.session;
    let mut fact = |key: &str, value: String| {
        let _ = writeln!(text, "{key:<10} {}", one_line(&value));
    };
    let source = serde_json::to_value(session.status_source).unwrap_or_default();
    fact("status", format!("{}: {}", session.status, session.reason.text));
    fact(
        "because",
        format!(
            "{} (code `{}`, since {})",
            match source.as_str() {
                Some("hook") => "the agent's own hook said so",
                Some("screen") => "its screen shows it",
                Some("process") => "its process says so",
                _ => "a person did it",
            },
            session.reason.code,
            session.status_since
        ),
    );
    match &told.screen {
        Some(screen) => fact(
            "screen",
            format!(
                "{}{}{}",
                screen.reading,
                screen
                    .rule
                    .as_ref()
                    .map_or_else(String::new, |rule| format!(" by the rule `{rule}`")),
                if screen.in_mode {
                    ", and somebody has it in copy mode"
                } else {
                    ""
                },
            ),
        ),
        None => fact("screen", "none can be read".to_owned()),
    }
    if let Some(dialog) = &told.dialog {
        fact("dialog", format!("{} ({})", dialog.question, dialog.digest));
    }
    for turn in &told.running {
        fact(
            "typed",
            format!("{} {}{}", turn.id, turn.in_words(), reason_text(turn.reason.as_ref())),
        );
    }
    if let Some(turn) = &told.waiting {
        fact(
            "next",
            format!("{} {}{}", turn.id, turn.in_words(), reason_text(turn.reason.as_ref())),
        );
    }
    if let Some(agent) = &told.agent {
        let version = agent.version.as_deref().unwrap_or("of an unknown version");
        fact("agent", format!("{} {version} ({})", session.agent, agent.path));
    }
    if let Some(version) = &told.rules_version {
        fact("rules", format!("proven with {version}"));
    }
    for warning in &told.warnings {
        fact("warning", warning.clone());
    }
    text
}
