//! `/status [NAME]`: what a session does, and why.

use super::{meant, one_name};
use crate::bridge::router::{Here, Reply};
use crate::bridge::words::{excerpt, how_long};
use crate::channels::telegram::markdown::{code, escape, fence};
use crate::domain::fault::Result;
use crate::domain::session::{Session, SessionState};
use crate::domain::turn::Turn;
use crate::store::Tx;

/// How much of the last prompt is shown.
const PROMPT_CHARS_MAX: usize = 200;

pub(super) fn status(tx: &Tx<'_>, here: &Here, args: &[String]) -> Result<Reply> {
    let session = meant(tx, here, one_name(args)?)?;
    let mut lines = vec![state_line(tx, &session)];
    lines.push(format!("{} · policy {}", escape(&session.agent), session.policy));
    if let Some(repo) = &session.repo {
        lines.push(format!("repository {}", code(repo)));
    }
    if let Some(branch) = &session.branch {
        lines.push(format!("branch {}", code(branch)));
    }
    if let Some(turn) = tx.last_turn(&session.id)? {
        lines.push(turn_line(&turn));
    }
    let waiting = tx.waiting_count(&session.id)?;
    if waiting > 0 {
        lines.push(format!("{waiting} prompts wait"));
    }
    if session.status.state == SessionState::NeedsInput {
        lines.push(format!("\n{}", fence(&session.status.reason.text)));
    }
    Ok(Reply::of(&session.id, lines.join("\n")))
}

fn state_line(tx: &Tx<'_>, session: &Session) -> String {
    let state = format!(
        "**{}** for {}",
        escape(session.status.state.as_str()),
        how_long(session.status_since, tx.now())
    );
    // The dialog of a session that needs input is shown below, as it stands on the screen.
    if session.status.state == SessionState::NeedsInput {
        return state;
    }
    format!("{state}: {}", escape(&session.status.reason.text))
}

fn turn_line(turn: &Turn) -> String {
    let reason = turn
        .reason
        .as_ref()
        .map(|reason| format!(" ({})", escape(&reason.text)));
    format!(
        "last prompt **{}**{}: {}",
        escape(&turn.in_words()),
        reason.unwrap_or_default(),
        escape(&excerpt(&turn.text, PROMPT_CHARS_MAX)),
    )
}
