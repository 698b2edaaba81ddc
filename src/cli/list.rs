//! `telecoder list`.

use super::context::Context;
use super::out;
use super::table::{Cell, Look, render};
use crate::api::client::{path, query};
use crate::api::wire::Session;
use crate::domain::Timestamp;
use crate::domain::fault::Result;
use crate::domain::session::SessionState;

const HEADING: [&str; 6] = ["NAME", "STATUS", "AGENT", "TURN", "SINCE", "REASON"];

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Also the sessions that have ended.
    #[arg(long, short, conflicts_with = "status")]
    all: bool,
    /// Only these: a state, or pending, running, completed, error, active.
    #[arg(long, short, value_name = "STATUS")]
    status: Option<String>,
}

pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let status = if args.all { Some("all".into()) } else { args.status };
    let url = query(path(&["sessions"]), &[("status", status.clone())]);
    let sessions: Vec<Session> = cx.client()?.get(&url).await?;
    if cx.json {
        return out::json(&sessions);
    }
    if sessions.is_empty() {
        out::note(match status {
            None => "no session is active; `telecoder list --all` shows the ended ones",
            Some(_) => "no session",
        });
        return Ok(());
    }
    let now = Timestamp::now();
    let rows: Vec<Vec<Cell>> = sessions.iter().map(|session| row(session, now)).collect();
    let look = Look {
        columns: out::columns(),
        colours: out::colours(),
    };
    out::styled(&render(&HEADING, &rows, look))
}

fn row(session: &Session, now: Timestamp) -> Vec<Cell> {
    let turn = session.turn.as_ref().map_or("-", |turn| turn.state.as_str());
    let turn = match session.queued_prompts {
        0 | 1 => turn.to_owned(),
        waiting => format!("{turn} (+{})", waiting - 1),
    };
    vec![
        Cell::new(&session.name),
        Cell::coloured(session.status.as_str(), colour(session.status)),
        Cell::new(&session.agent),
        Cell::new(turn),
        Cell::new(span(session.status_since, now)),
        Cell::new(&session.reason.text),
    ]
}

/// SGR colours: green waits for you, yellow asks you, red went wrong, blue works.
fn colour(state: SessionState) -> Option<u8> {
    match state {
        SessionState::Idle => Some(32),
        SessionState::NeedsInput | SessionState::Limited => Some(33),
        SessionState::Failed | SessionState::Lost => Some(31),
        SessionState::Working | SessionState::Verifying => Some(34),
        _ => None,
    }
}

/// How long ago, in its largest unit.
pub fn span(since: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(since.as_second()).max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_told_in_its_largest_unit() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        for (seconds, shown) in [(0, "0s"), (59, "59s"), (60, "1m"), (7199, "1h"), (200_000, "2d")] {
            assert_eq!(span(at(1_000_000), at(1_000_000 + seconds)), shown);
        }
        assert_eq!(span(at(10), at(5)), "0s");
    }
}
