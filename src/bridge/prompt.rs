//! Plain text: a prompt for the session that is meant.

use crate::channels::telegram::CHANNEL;
use crate::channels::telegram::markdown::code;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::SessionId;
use crate::domain::route::PromptOrigin;
use crate::domain::session::Session;
use crate::domain::text::sha256_hex;
use crate::sessions::NewSessionRequest;
use crate::store::Tx;

use super::router::{Here, Known, Reply, Routed, Router, answer};
use super::taps::Action;
use super::words;

/// The same words within this many seconds, with no other prompt between, are a double tap.
const DOUBLE_TAP_SECONDS: i64 = 1;

/// Makes a turn of the text, or tells why not. Finishes the update, unless a new session has to be looked up first.
pub(super) fn take(tx: &Tx<'_>, router: &Router, here: &Here, text: &str, known: &Known) -> Result<Routed> {
    if !known.recovered && !known.confirmed && is_double_tap(tx, here, text)? {
        let text = "The same message came twice within a second; it was taken once.";
        answer(tx, here, &Reply::new(text))?;
        tx.finish_update(here.update_id)?;
        return Ok(Routed::Done(None));
    }
    let taken = match meant(tx, here)? {
        Some(session) => into_session(tx, router, here, &session, text),
        None => match &known.default {
            None => return Ok(Routed::Later),
            Some(Err(fault)) => Err(fault.clone()),
            Some(Ok(request)) => first_use(tx, router, here, text, request),
        },
    };
    let wake = match taken {
        Ok(session) => Some(session),
        Err(fault) if fault.kind == Kind::Storage => return Err(fault),
        Err(fault) => {
            let session = meant(tx, here)?;
            refuse(tx, here, session.as_ref(), &fault, text)?;
            None
        }
    };
    tx.finish_update(here.update_id)?;
    Ok(Routed::Done(wake))
}

/// Remembers the prompt, and says whether it is the one before it once more.
fn is_double_tap(tx: &Tx<'_>, here: &Here, text: &str) -> Result<bool> {
    let (Some(date), Some(from)) = (here.date, here.from) else {
        return Ok(false);
    };
    let thread = here.chat.thread_id.unwrap_or(0);
    let digest = sha256_hex(format!("{from} {thread} {:?} {text}", here.reply_to).as_bytes());
    let last = tx.last_prompt(CHANNEL, here.chat.chat_id)?;
    tx.set_last_prompt(
        CHANNEL,
        here.chat.chat_id,
        &format!("{digest} {date} {}", here.message_id),
    )?;
    let last = last.unwrap_or_default();
    let mut words = last.split(' ');
    let same = words.next() == Some(digest.as_str());
    let mut number = || words.next().and_then(|word| word.parse::<i64>().ok());
    let (then, message) = (number(), number());
    let soon = then.is_some_and(|then| (0..=DOUBLE_TAP_SECONDS).contains(&(date - then)));
    // What we said in between took an id, too.
    Ok(same && soon && message.is_some_and(|message| message < here.message_id))
}

/// The session that a message without a name is meant for: the one whose message it replies to, else the chat's active one while
/// that has not ended. In a topic, its session, ended or not.
pub(super) fn meant(tx: &Tx<'_>, here: &Here) -> Result<Option<Session>> {
    if let Some(session) = replied_to(tx, here)? {
        return Ok(Some(session));
    }
    if here.chat.thread_id.is_some() {
        return active(tx, here);
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

fn into_session(tx: &Tx<'_>, router: &Router, here: &Here, session: &Session, text: &str) -> Result<SessionId> {
    let turn = router
        .engine
        .enqueue(tx, &session.id, text, here.origin(), Some(here.key()))?;
    remember(tx, here, &session.id)?;
    if turn.stripped > 0 {
        let text = format!("{} control characters were taken out of your message.", turn.stripped);
        answer(tx, here, &Reply::of(&session.id, text))?;
    }
    Ok(session.id.clone())
}

/// A reply to the person's own message goes to the session too, and it is known whose message it was.
pub(super) fn remember(tx: &Tx<'_>, here: &Here, session: &SessionId) -> Result<()> {
    tx.remember_message(&here.chat, here.message_id, session)?;
    remember_sender(tx, here)
}

/// Whose message it was, for whoever may not approve what it leads to.
fn remember_sender(tx: &Tx<'_>, here: &Here) -> Result<()> {
    match here.from {
        Some(from) => tx.remember_sender(CHANNEL, here.chat.chat_id, here.message_id, from),
        None => Ok(()),
    }
}

fn first_use(tx: &Tx<'_>, router: &Router, here: &Here, text: &str, request: &NewSessionRequest) -> Result<SessionId> {
    let request = NewSessionRequest {
        prompt: Some(text.to_owned()),
        ..here.request(request.clone())
    };
    let session = router.engine.admit(tx, &request)?;
    adopt(tx, router, here, &session)?;
    Ok(session.id)
}

/// Gives a session that was just made in this chat its place: a topic where there are topics, else the chat's attention.
pub(super) fn adopt(tx: &Tx<'_>, router: &Router, here: &Here, session: &Session) -> Result<()> {
    remember(tx, here, &session.id)?;
    let name = code(session.name.as_str());
    let made = format!("New session {name} with {}, policy {}.", session.agent, session.policy);
    if !router.has_topics(here) || here.chat.thread_id.is_some() {
        tx.set_active_session(&here.chat, Some(&session.id))?;
        if router.has_topics(here) {
            tx.tie_topic(&session.id, &here.chat)?;
        }
        return answer(
            tx,
            here,
            &Reply::of(&session.id, format!("{made} Messages here go to it.")),
        );
    }
    // The place from which it was ordered is told where it lives; all else of it stands there.
    answer(
        tx,
        here,
        &Reply::new(format!("{made} It has a topic of its name; messages there go to it.")),
    )?;
    tx.want_topic(&session.id, CHANNEL, here.chat.chat_id)
}

/// A reply to a question that is not open any more: as a prompt it would mean something else, so its sender is asked.
pub(super) fn too_late(tx: &Tx<'_>, here: &Here, text: &str) -> Result<()> {
    let mut reply = Reply::new("That question is not open any more; nothing was sent.");
    if let Some(session) = replied_to(tx, here)? {
        remember_sender(tx, here)?;
        let prompt = Action::Prompt {
            session: session.id.clone(),
            text: text.to_owned(),
            key: here.key(),
            chat: here.chat.clone(),
            message_id: here.message_id,
        };
        reply.session = Some(session.id);
        reply = reply.offering(vec![
            prompt.offer("Send as a prompt")?,
            Action::leave("not sent").offer("Leave it")?,
        ]);
    }
    answer(tx, here, &reply)
}

/// Says why the text was not taken. It is not lost: it can be sent once more with a tap.
pub(super) fn refuse(tx: &Tx<'_>, here: &Here, session: Option<&Session>, fault: &Fault, text: &str) -> Result<()> {
    let mut reply = Reply::new(words::refusal(fault, session));
    if let Some(session) = session
        && fault.kind == Kind::RefusedByState
    {
        remember_sender(tx, here)?;
        reply.session = Some(session.id.clone());
        let again = Action::Prompt {
            session: session.id.clone(),
            text: text.to_owned(),
            key: here.key(),
            chat: here.chat.clone(),
            message_id: here.message_id,
        };
        let label = match session.status.state.is_ended() {
            true => "Resume and send",
            false => "Send again",
        };
        reply = reply.offering(vec![again.offer(label)?, Action::leave("not sent").offer("Leave it")?]);
    }
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
        format!("{}{}", self.key_prefix(), self.update_id)
    }

    /// What the keys of all updates about this message begin with.
    pub fn key_prefix(&self) -> String {
        format!("{}:{}:", self.chat, self.message_id)
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
    use crate::channels::telegram::ChatKind;

    #[test]
    fn another_bots_message_of_the_same_number_is_another_prompt() {
        let here = |update_id| Here {
            name: None,
            update_id,
            chat: crate::domain::route::ChatRef {
                channel: "telegram".into(),
                chat_id: 7,
                thread_id: None,
            },
            message_id: 12,
            reply_to: None,
            from: Some(7),
            date: None,
            chat_kind: ChatKind::Private,
            is_forum: false,
        };
        assert_eq!(here(1).key(), here(1).key());
        assert_ne!(here(1).key(), here(2).key());
    }
}
