//! A reply to a question of an agent's: it answers the question, or the dialog that its message shows.

use super::key::someone_elses;
use super::{Desk, asked};
use crate::bridge::router::{Reply, open_dialog_asked};
use crate::bridge::taps::person;
use crate::bridge::words::excerpt;
use crate::channels::telegram::markdown::code;
use crate::domain::ask::Ask;
use crate::domain::dialog::{Actor, DialogAnswer, DialogDigest};
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::SessionId;

/// How much of an answer is repeated.
const ANSWER_CHARS_MAX: usize = 100;

pub(super) async fn answer(desk: &Desk<'_>, text: &str) -> Result<Reply> {
    let here = desk.here.clone();
    if let Some((session, digest)) = desk.store.read(move |tx| open_dialog_asked(tx, &here)).await? {
        return answer_dialog(desk, &session, digest, text).await;
    }
    let ask = found(desk).await?;
    desk.engine.answer(&ask.id, text, answerer(desk)).await?;
    let ask = found(desk).await?;
    Ok(Reply::of(&ask.session, answered(&ask)))
}

/// A number, the words of a choice, several of them, or a text of one's own: the dialog knows which.
async fn answer_dialog(desk: &Desk<'_>, session: &SessionId, digest: DialogDigest, text: &str) -> Result<Reply> {
    if !desk.router.rules.own_approval {
        someone_elses(desk, session).await?;
    }
    let (answer, by) = (DialogAnswer::Said(text.to_owned()), answerer(desk));
    desk.engine.answer_dialog(session, Some(digest), answer, by).await?;
    let said = code(&excerpt(text, ANSWER_CHARS_MAX));
    Ok(Reply::of(session, format!("Answered: {said}")))
}

fn answerer(desk: &Desk<'_>) -> Actor {
    person(desk.here.name.as_deref(), desk.here.from)
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
