//! `/list`: sessions that have not ended, and those that ended last.

use crate::bridge::router::{Here, Reply};
use crate::bridge::words::{excerpt, how_long};
use crate::channels::telegram::markdown::{code, escape};
use crate::domain::Timestamp;
use crate::domain::fault::Result;
use crate::domain::session::Session;
use crate::store::{SessionFilter, Tx};

/// Ended sessions that are still shown.
const ENDED_MAX: usize = 5;
/// Length of a reason in a line of the list.
const REASON_CHARS_MAX: usize = 60;

pub(super) fn list(tx: &Tx<'_>, here: &Here) -> Result<Reply> {
    let sessions = tx.sessions(&SessionFilter::default())?;
    if sessions.is_empty() {
        return Ok(Reply::new("There are no sessions. Send a message to start one."));
    }
    let active = tx.active_session(&here.chat)?;
    let (ended, live): (Vec<Session>, Vec<Session>) = sessions
        .into_iter()
        .partition(|session| session.status.state.is_ended());
    let skipped = ended.len().saturating_sub(ENDED_MAX);
    let mut lines: Vec<String> = live
        .iter()
        .chain(ended.iter().skip(skipped))
        .map(|session| line(session, active.as_ref() == Some(&session.id), tx.now()))
        .collect();
    if skipped > 0 {
        lines.push(format!("and {skipped} that ended earlier"));
    }
    Ok(Reply::new(lines.join("\n")))
}

fn line(session: &Session, active: bool, now: Timestamp) -> String {
    let mark = if active { "→ " } else { "" };
    let reason = excerpt(&session.status.reason.text, REASON_CHARS_MAX);
    format!(
        "{mark}{} **{}** {} · {} · {}",
        code(session.name.as_str()),
        escape(session.status.state.as_str()),
        how_long(session.status_since, now),
        escape(&session.agent),
        escape(&reason),
    )
}
