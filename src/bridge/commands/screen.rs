//! `/screen [NAME]`: the terminal as a person would see it now, or as it was when the agent ended.

use super::{Desk, one_name};
use crate::bridge::router::Reply;
use crate::channels::telegram::markdown::fence;
use crate::domain::fault::Result;

pub(super) async fn screen(desk: &Desk<'_>, args: &[String]) -> Result<Reply> {
    let session = desk.meant(one_name(args)?).await?;
    let text = if session.status.state.is_ended() {
        match desk.engine.last_screen(&session) {
            Some(rows) => format!("It has ended; its last screen was:\n{}", shown(&rows)),
            None => "It has ended, and its last screen was not kept.".into(),
        }
    } else {
        shown(&desk.engine.screen(&session.id).await?.text())
    };
    Ok(Reply::of(&session.id, text))
}

fn shown(rows: &str) -> String {
    if rows.trim().is_empty() {
        return "The screen is empty.".into();
    }
    fence(rows)
}
