//! A reply to a question of an agent's: it answers the question.

use super::{Desk, asked};
use crate::bridge::router::Reply;
use crate::bridge::words::excerpt;
use crate::channels::telegram::markdown::code;
use crate::domain::ask::Ask;
use crate::domain::fault::{Fault, Kind, Result};

/// How much of an answer is repeated.
const ANSWER_CHARS_MAX: usize = 100;

pub(super) async fn answer(desk: &Desk<'_>, text: &str) -> Result<Reply> {
    let ask = found(desk).await?;
    desk.engine.answer(&ask.id, text).await?;
    let ask = found(desk).await?;
    Ok(Reply::of(&ask.session, answered(&ask)))
}

/// What was passed on, as the agent gets it.
pub(in crate::bridge) fn answered(ask: &Ask) -> String {
    let answer = excerpt(ask.answer.as_deref().unwrap_or_default(), ANSWER_CHARS_MAX);
    format!("Answered: {}", code(&answer))
}

async fn found(desk: &Desk<'_>) -> Result<Ask> {
    let here = desk.here.clone();
    let ask = desk.store.read(move |tx| asked(tx, &here)).await?;
    ask.ok_or_else(|| Fault::new(Kind::NotFound, "the message that you replied to is no question"))
}
