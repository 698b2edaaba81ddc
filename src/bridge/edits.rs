//! An edit of a message: it rewords a prompt that still waits; of one that the agent has, the person is asked.

use crate::domain::fault::Result;
use crate::domain::ids::SessionId;
use crate::domain::turn::{Turn, TurnKind};
use crate::store::Tx;

use super::commands::{self, Addressed};
use super::inbox::with_caption;
use super::router::{Here, Reply, Router, answer};
use super::taps::Action;

/// The session to wake, if a waiting prompt got other words.
pub(super) fn edited(
    tx: &Tx<'_>,
    router: &Router,
    here: &Here,
    text: &str,
    is_caption: bool,
) -> Result<Option<SessionId>> {
    let Some(turn) = tx.turn_of_message(&here.key_prefix())? else {
        let text = "That message is no prompt that I know of; the edit changes nothing. Send it as a new message.";
        answer(tx, here, &Reply::new(text))?;
        return Ok(None);
    };
    let Some(text) = reworded(router, &turn, text, is_caption) else {
        let text = "An edit makes no command of a prompt, and no prompt of a command; it changes nothing. Send it as a new message.";
        answer(tx, here, &Reply::of(&turn.session, text))?;
        return Ok(None);
    };
    if turn.text == text {
        return Ok(None);
    }
    if router.engine.reword(tx, &turn.id, &text)? {
        answer(
            tx,
            here,
            &Reply::of(&turn.session, "It was still waiting; the new words take its place."),
        )?;
        return Ok(Some(turn.session));
    }
    if turn.kind != TurnKind::Prompt {
        let text = format!(
            "The agent had this command already ({}); the edit changes nothing.",
            turn.state
        );
        answer(tx, here, &Reply::of(&turn.session, text))?;
        return Ok(None);
    }
    let again = Action::Prompt {
        session: turn.session.clone(),
        text,
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

/// What the turn says after the edit: files stay where they are named, and of a command only what it says to the agent counts. None
/// where the edit would make something else of it.
fn reworded(router: &Router, turn: &Turn, text: &str, is_caption: bool) -> Option<String> {
    if is_caption {
        return Some(with_caption(&turn.text, text));
    }
    let username = router.me.get().map(|me| me.username.as_str());
    let (kind, text) = match commands::parse(text, username) {
        Addressed::Nobody => (TurnKind::Prompt, text.to_owned()),
        Addressed::Here(Ok(command)) => command.for_agent(text)?,
        Addressed::Here(Err(_)) => (TurnKind::Command, commands::typed(text)),
        Addressed::Elsewhere => return None,
    };
    // Which commands an agent knows was looked up when it was sent: another one is none.
    let same_word = kind == TurnKind::Prompt || text.split(' ').next() == turn.text.split(' ').next();
    (kind == turn.kind && same_word).then_some(text)
}
