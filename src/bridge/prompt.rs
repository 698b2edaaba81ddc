//! Plain text: a prompt for the session that is meant.

use crate::channels::telegram::markdown::code;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::SessionId;
use crate::domain::route::PromptOrigin;
use crate::domain::session::Session;
use crate::sessions::{Engine, NewSessionRequest};
use crate::store::Tx;

use super::router::{Here, Known, Reply, Routed, answer};
use super::words;

/// Makes a turn of the text, or tells why not. Finishes the update, unless a new session has to be looked up first.
pub(super) fn take(tx: &Tx<'_>, engine: &Engine, here: &Here, text: &str, known: &Known) -> Result<Routed> {
    let taken = match meant(tx, here)? {
        Some(session) => into_session(tx, engine, here, &session, text),
        None => match &known.default {
            None => return Ok(Routed::Later),
            Some(Err(fault)) => Err(fault.clone()),
            Some(Ok(request)) => first_use(tx, engine, here, text, request),
        },
    };
    let wake = match taken {
        Ok(session) => Some(session),
        Err(fault) if fault.kind == Kind::Storage => return Err(fault),
        Err(fault) => {
            refuse(tx, here, &fault)?;
            None
        }
    };
    tx.finish_update(here.update_id)?;
    Ok(Routed::Done(wake))
}

/// The session that a message without a name is meant for: the one whose message it replies to, else the chat's active one while
/// that has not ended.
fn meant(tx: &Tx<'_>, here: &Here) -> Result<Option<Session>> {
    if let Some(session) = replied_to(tx, here)? {
        return Ok(Some(session));
    }
    live_active(tx, here)
}

/// The chat's active session, if it can take a prompt.
pub(super) fn live_active(tx: &Tx<'_>, here: &Here) -> Result<Option<Session>> {
    Ok(active(tx, here)?.filter(|session| !session.status.state.is_ended()))
}

/// The session that the chat talks to, also when it has ended.
pub(super) fn active(tx: &Tx<'_>, here: &Here) -> Result<Option<Session>> {
    let Some(id) = tx.active_session(&here.chat)? else {
        return Ok(None);
    };
    present(tx, &id)
}

/// The session of the message that is replied to.
pub(super) fn replied_to(tx: &Tx<'_>, here: &Here) -> Result<Option<Session>> {
    let Some(reply_to) = here.reply_to else {
        return Ok(None);
    };
    match tx.session_of_message(&here.chat, reply_to)? {
        Some(id) => present(tx, &id),
        None => Ok(None),
    }
}

/// A session that was not removed.
fn present(tx: &Tx<'_>, id: &SessionId) -> Result<Option<Session>> {
    match tx.session(id) {
        Ok(session) => Ok(Some(session).filter(|session| session.removed_at.is_none())),
        Err(fault) if fault.kind == Kind::NotFound => Ok(None),
        Err(fault) => Err(fault),
    }
}

fn into_session(tx: &Tx<'_>, engine: &Engine, here: &Here, session: &Session, text: &str) -> Result<SessionId> {
    let turn = engine.enqueue(tx, &session.id, text, here.origin(), Some(here.key()))?;
    tx.remember_message(&here.chat, here.message_id, &session.id)?;
    if turn.stripped > 0 {
        let text = format!("{} control characters were taken out of your message.", turn.stripped);
        answer(tx, here, &Reply::of(&session.id, text))?;
    }
    Ok(session.id.clone())
}

fn first_use(tx: &Tx<'_>, engine: &Engine, here: &Here, text: &str, request: &NewSessionRequest) -> Result<SessionId> {
    let request = NewSessionRequest {
        prompt: Some(text.to_owned()),
        ..here.request(request.clone())
    };
    let session = engine.admit(tx, &request)?;
    adopt(tx, here, &session)?;
    Ok(session.id)
}

/// Makes a session that was just made in this chat its active one, and says so.
pub(super) fn adopt(tx: &Tx<'_>, here: &Here, session: &Session) -> Result<()> {
    tx.set_active_session(&here.chat, Some(&session.id))?;
    tx.remember_message(&here.chat, here.message_id, &session.id)?;
    let text = format!(
        "New session {} with {}, policy {}. Messages here go to it.",
        code(session.name.as_str()),
        session.agent,
        session.policy
    );
    answer(tx, here, &Reply::of(&session.id, text))
}

fn refuse(tx: &Tx<'_>, here: &Here, fault: &Fault) -> Result<()> {
    let session = meant(tx, here)?;
    let reply = Reply {
        text: words::refusal(fault, session.as_ref()),
        session: session.map(|session| session.id),
    };
    answer(tx, here, &reply)
}

impl Here {
    pub fn origin(&self) -> PromptOrigin {
        PromptOrigin::Chat {
            chat: self.chat.clone(),
            message_id: self.message_id,
        }
    }

    /// One message is one prompt, however often it is looked at. The update tells it from a message of another bot's, whose ids
    /// begin anew in the same chat.
    pub fn key(&self) -> String {
        format!("{}:{}:{}", self.chat, self.message_id, self.update_id)
    }

    /// A request as of this message.
    pub fn request(&self, request: NewSessionRequest) -> NewSessionRequest {
        NewSessionRequest {
            chat: Some(self.chat.clone()),
            origin: self.origin(),
            key: Some(self.key()),
            ..request
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_bots_message_of_the_same_number_is_another_prompt() {
        let here = |update_id| Here {
            update_id,
            chat: crate::domain::route::ChatRef {
                channel: "telegram".into(),
                chat_id: 7,
                thread_id: None,
            },
            message_id: 12,
            reply_to: None,
        };
        assert_eq!(here(1).key(), here(1).key());
        assert_ne!(here(1).key(), here(2).key());
    }
}
