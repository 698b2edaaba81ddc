//! `telecoder verify`.

use serde::Deserialize;

use super::context::Context;
use super::out;
use super::terminal_text::plain;
use crate::api::client::path;
use crate::api::wire::{Outcome, VerifyRequest};
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::outcome::check_line;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name, id, or beginning of the id.
    session: String,
    /// Run this command, not what is configured (may be given more than once).
    #[arg(long = "cmd", value_name = "CMD")]
    commands: Vec<String>,
    /// From now on, send failing checks back to the agent, N times at most.
    #[arg(long, value_name = "N")]
    until_green: Option<u32>,
}

#[derive(Debug, Deserialize)]
struct Stage {
    whole: bool,
    outcome: Outcome,
}

pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let client = cx.client()?;
    let request = VerifyRequest {
        commands: args.commands,
        until_green: args.until_green,
    };
    let begun: Outcome = client
        .post(&path(&["sessions", &args.session, "verify"]), &request)
        .await?;
    if !cx.json {
        out::note(&format!(
            "checks run; watch them with `telecoder attach {}`",
            args.session
        ));
    }
    let mut events = client.events(Some(&begun.session), None).await?;
    let id = begun.id.to_string();
    let outcome = loop {
        match client.get_running::<Stage>(&path(&["outcomes", &id])).await {
            Ok(stage) if stage.whole => break stage.outcome,
            Ok(_) => {}
            Err(fault) if fault.kind == Kind::DaemonUnreachable => {}
            Err(fault) => return Err(fault),
        }
        events.news().await?;
    };
    say(cx, &outcome)?;
    verdict(&args.session, &outcome)
}

fn say(cx: &Context, outcome: &Outcome) -> Result<()> {
    if cx.json {
        return out::json(outcome);
    }
    for check in &outcome.checks {
        if !check.passed() {
            out::line(&plain(&check.output))?;
        }
        out::line(&check_line(check))?;
    }
    Ok(())
}

fn verdict(session: &str, outcome: &Outcome) -> Result<()> {
    if let Some(not) = &outcome.not_checked {
        return Err(Fault::new(Kind::Failure, not.why.clone()));
    }
    match outcome.checks.iter().filter(|check| !check.passed()).count() {
        0 => Ok(()),
        bad => Err(Fault::new(
            Kind::Failure,
            format!("{bad} of {} checks of `{session}` did not pass", outcome.checks.len()),
        )),
    }
}
