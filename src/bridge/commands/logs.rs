//! `/logs [NAME]`: the last prompts and messages of a session, in the order in which they came.

use super::{meant, one_name};
use crate::bridge::router::{Here, Reply};
use crate::bridge::words::{excerpt, how_long};
use crate::channels::telegram::markdown::escape;
use crate::domain::Timestamp;
use crate::domain::fault::Result;
use crate::domain::message::{Message, MessageKind};
use crate::domain::session::Session;
use crate::domain::turn::Turn;
use crate::store::Tx;

/// How many of either are shown.
const ENTRIES_MAX: u32 = 8;
const ENTRY_CHARS_MAX: usize = 300;

pub(super) fn logs(tx: &Tx<'_>, here: &Here, args: &[String]) -> Result<Reply> {
    of(tx, &meant(tx, here, one_name(args)?)?)
}

/// What was said last in a session.
pub(in crate::bridge) fn of(tx: &Tx<'_>, session: &Session) -> Result<Reply> {
    let turns = tx.turns(&session.id, Some(ENTRIES_MAX))?;
    // Answers to commands would crowd out what the agent said.
    let messages = tx.messages(&session.id, Some(ENTRIES_MAX * 4))?;
    let mut entries: Vec<(Timestamp, String)> = turns.iter().map(|turn| prompt(turn, tx.now())).collect();
    let said = messages
        .iter()
        .rev()
        .filter(|message| message.kind != MessageKind::Answer);
    entries.extend(said.take(ENTRIES_MAX as usize).map(|message| reply(message, tx.now())));
    entries.sort_by_key(|(at, _)| *at);
    if entries.is_empty() {
        return Ok(Reply::of(
            &session.id,
            "Nothing was said yet. /screen shows the terminal.",
        ));
    }
    let lines: Vec<String> = entries.into_iter().map(|(_, line)| line).collect();
    Ok(Reply::of(&session.id, lines.join("\n\n")))
}

fn prompt(turn: &Turn, now: Timestamp) -> (Timestamp, String) {
    let text = escape(&excerpt(&turn.text, ENTRY_CHARS_MAX));
    let line = format!(
        "» {text}\n*{} ago, {}*",
        how_long(turn.created_at, now),
        escape(&turn.in_words())
    );
    (turn.created_at, line)
}

fn reply(message: &Message, now: Timestamp) -> (Timestamp, String) {
    let said = match (&message.done, message.text.is_empty()) {
        (Some(done), true) => done.changed.as_deref().unwrap_or("done"),
        _ => &message.text,
    };
    let text = escape(&excerpt(said, ENTRY_CHARS_MAX));
    let line = format!("« {text}\n*{} ago*", how_long(message.created_at, now));
    (message.created_at, line)
}
