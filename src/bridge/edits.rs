//! An edit of a message: it rewords a prompt that still waits; of one that the agent has, the person is asked.

use crate::domain::fault::Result;
use crate::domain::ids::SessionId;
use crate::sessions::Engine;
use crate::store::Tx;

use super::router::{Here, Reply, answer};
use super::taps::Action;

/// The session to wake, if a waiting prompt got other words.
pub(super) fn edited(tx: &Tx<'_>, engine: &Engine, here: &Here, text: &str) -> Result<Option<SessionId>> {
    let Some(turn) = tx.turn_of_message(&here.key_prefix())? else {
        let text = "That message is no prompt that I know of; the edit changes nothing. Send it as a new message.";
        answer(tx, here, &Reply::new(text))?;
        return Ok(None);
    };
    if turn.text == text {
        return Ok(None);
    }
    if engine.reword(tx, &turn.id, text)? {
        answer(
            tx,
            here,
            &Reply::of(&turn.session, "It was still waiting; the new words take its place."),
        )?;
        return Ok(Some(turn.session));
    }
    let again = Action::Prompt {
        session: turn.session.clone(),
        text: text.to_owned(),
        key: format!("edit:{}:{}", here.key_prefix(), here.update_id),
        chat: here.chat.clone(),
        message_id: here.message_id,
    };
    let reply = Reply::of(
        &turn.session,
        format!(
            "The agent had this prompt already ({}). Is the edit to go to it as a new prompt?",
            turn.state
        ),
    )
    .offering(vec![
        again.offer("Send it")?,
        Action::leave("not sent").offer("Leave it")?,
    ]);
    answer(tx, here, &reply)?;
    Ok(None)
}
