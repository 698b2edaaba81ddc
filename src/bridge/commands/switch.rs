//! `/switch NAME`: which session plain text of this chat goes to.

use super::one_name;
use crate::bridge::router::{Here, Reply};
use crate::channels::telegram::markdown::{code, escape};
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::session::Session;
use crate::store::Tx;

pub(super) fn switch(tx: &Tx<'_>, here: &Here, args: &[String]) -> Result<Reply> {
    let Some(name) = one_name(args)? else {
        return Err(Fault::new(Kind::Usage, "/switch needs a name").hint("/list shows the names."));
    };
    let session = tx.find_session(name)?;
    if session.status.state.is_ended() {
        let message = format!("{} has ended: {}", session.name, session.status.reason.text);
        let hint = format!(
            "Bring it back with `telecoder resume {}`, or start another with /new.",
            session.name
        );
        return Err(Fault::new(Kind::RefusedByState, message).hint(hint));
    }
    tx.set_active_session(&here.chat, Some(&session.id))?;
    // A session that was made elsewhere and never met a chat answers where it is talked to from now on.
    if session.chat.is_none() {
        tx.bind_chat(&session.id, &here.chat)?;
    }
    Ok(Reply::of(&session.id, confirmation(&session, here)))
}

fn confirmation(session: &Session, here: &Here) -> String {
    let elsewhere = match &session.chat {
        Some(chat) if *chat != here.chat => " Its replies go to the chat in which it was made.",
        _ => "",
    };
    format!(
        "Messages here go to {} now. It is **{}**: {}.{elsewhere}",
        code(session.name.as_str()),
        escape(session.status.state.as_str()),
        escape(&session.status.reason.text),
    )
}
