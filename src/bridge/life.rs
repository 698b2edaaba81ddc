//! What the bot's own life means for people: told in a place that still works.

use crate::channels::telegram::CHANNEL;
use crate::channels::telegram::markdown::escape;
use crate::domain::fault::Result;
use crate::domain::message::MessageKind;
use crate::domain::route::ChatRef;
use crate::store::{NewMessage, Tx};

/// Puts a notice into the home chat; without one, or when that cannot be reached, where `telecoder messages` shows it.
pub(super) fn tell_home(tx: &Tx<'_>, home: Option<&ChatRef>, text: String) -> Result<()> {
    let reachable = match home {
        Some(home) => tx.unreachable(CHANNEL, home.chat_id)?.is_none(),
        None => false,
    };
    tx.insert_message(NewMessage {
        session: None,
        kind: MessageKind::Notice,
        text,
        done: None,
        choices: vec![],
        files: vec![],
        to: home.filter(|_| reachable).cloned(),
        reply_to: None,
        letter: None,
        dialog: None,
    })?;
    Ok(())
}

/// A chat cannot be written to any more.
pub(super) fn chat_lost(tx: &Tx<'_>, home: Option<&ChatRef>, chat_id: i64, why: &str) -> Result<()> {
    tracing::warn!(
        chat.id = chat_id,
        reason = why,
        "telegram: a chat cannot be reached; its messages wait"
    );
    let elsewhere = home.filter(|home| home.chat_id != chat_id);
    let text = format!(
        "The chat {chat_id} cannot be reached: {}. What is for it waits, and goes out when somebody writes to me there.",
        escape(why)
    );
    tell_home(tx, elsewhere, text)
}

/// A group has a new id.
pub(super) fn chat_moved(tx: &Tx<'_>, from: i64, to: i64) -> Result<()> {
    tracing::warn!(chat.id = from, chat.to = to, "telegram: a group has a new id");
    if let Some(group) = tx.person(CHANNEL, from)? {
        tx.remove_person(CHANNEL, from)?;
        tx.put_person(CHANNEL, to, group.role, group.name.as_deref(), &group.added_by)?;
        return Ok(());
    }
    // It stands in the configuration under its old id; the new one is allowed in its place until the file is mended.
    tx.put_person(
        CHANNEL,
        to,
        crate::domain::person::Role::Viewer,
        None,
        "the move of a group that is allowed",
    )?;
    let text = format!("This group has a new id, {to}. Put it into `[telegram] allow` in the place of {from}.");
    let here = ChatRef {
        channel: CHANNEL.into(),
        chat_id: to,
        thread_id: None,
    };
    tell_home(tx, Some(&here), text)
}
