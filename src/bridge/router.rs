//! What an update means, decided and stored in one transaction with the update itself. What needs the outside world (a process, a
//! screen, a repository) is left for after the commit: [`Routed::Later`].

use crate::channels::telegram::{CHANNEL, Content, TextMessage, Update};
use crate::domain::ask::{Ask, AskState};
use crate::domain::fault::{Kind, Result};
use crate::domain::ids::SessionId;
use crate::domain::message::MessageKind;
use crate::domain::route::ChatRef;
use crate::sessions::{Engine, NewSessionRequest};
use crate::store::{NewMessage, Tx};

use super::commands::{self, Command};
use super::gate::{Gate, who};
use super::{prompt, words};

pub(super) struct Router {
    pub engine: Engine,
    pub gate: Gate,
}

/// What came of an update in its transaction.
#[derive(Debug)]
pub(super) enum Routed {
    /// Nothing remains to be done but to wake the session.
    Done(Option<SessionId>),
    /// It needs the outside world; its row stays pending.
    Later,
}

/// A person's message and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Here {
    pub update_id: i64,
    pub chat: ChatRef,
    pub message_id: i64,
    pub reply_to: Option<i64>,
}

/// What is said to a person in return.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    /// Markdown.
    pub text: String,
    /// Whose it is; a reply to it goes there.
    pub session: Option<SessionId>,
}

impl Reply {
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            session: None,
        }
    }

    pub fn of(session: &SessionId, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            session: Some(session.clone()),
        }
    }
}

/// What is known before the transaction.
#[derive(Default)]
pub(super) struct Known {
    /// A wish for a session of the default kind, looked up; none when nobody seemed to need one.
    pub default: Option<Result<NewSessionRequest>>,
    /// The update was found pending after a restart: it may have been carried out already.
    pub recovered: bool,
}

impl Router {
    pub fn admits(&self, update: &Update) -> bool {
        self.gate.admits(update) || self.is_known_move(update)
    }

    /// Decides and stores. Only a failing store is an error: whatever else goes wrong is told to the person, so that no update can
    /// stand in the way of those behind it.
    pub fn route(&self, tx: &Tx<'_>, update: &Update, known: &Known) -> Result<Routed> {
        let routed = self.decide(tx, update, known);
        match (routed, here(update)) {
            (Err(fault), Some(here)) if fault.kind != Kind::Storage => {
                answer(tx, &here, &Reply::new(words::fault(&fault)))?;
                done(tx, update, None)
            }
            (routed, _) => routed,
        }
    }

    fn decide(&self, tx: &Tx<'_>, update: &Update, known: &Known) -> Result<Routed> {
        if !self.admits(update) {
            tx.audit_refused(CHANNEL, &who(update), &update.kind)?;
            return done(tx, update, None);
        }
        match (&update.content, here(update)) {
            (Content::Text(message), Some(here)) => self.text(tx, update, &here, message, known),
            (Content::Unsupported { what, .. }, Some(here)) => {
                let text = format!(
                    "A {} cannot be taken yet; nothing was sent. Please write it as text.",
                    what.replace('_', " ")
                );
                told(tx, update, &here, text)
            }
            (Content::Edited { .. }, Some(here)) => {
                let text = "An edit changes nothing that was already taken. Send the new text as a new message.";
                told(tx, update, &here, text)
            }
            (Content::MovedTo { chat_id }, _) => moved(tx, update, *chat_id),
            _ => done(tx, update, None),
        }
    }

    fn text(&self, tx: &Tx<'_>, update: &Update, here: &Here, message: &TextMessage, known: &Known) -> Result<Routed> {
        match commands::parse(&message.text) {
            Some(Ok(command)) => Self::command(tx, update, here, &command),
            Some(Err(fault)) => told(tx, update, here, words::fault(&fault)),
            None => match asked(tx, here)? {
                Some(ask) if ask.state == AskState::Open => Ok(Routed::Later),
                // The crash may have come right after the answer was passed on: as a prompt it would be there twice.
                Some(ask) if known.recovered && ask.state == AskState::Answered => {
                    told(tx, update, here, commands::answered(&ask))
                }
                _ => prompt::take(tx, &self.engine, here, &message.text, known),
            },
        }
    }

    fn command(tx: &Tx<'_>, update: &Update, here: &Here, command: &Command) -> Result<Routed> {
        match commands::from_store(tx, here, command) {
            None => Ok(Routed::Later),
            Some(reply) => {
                answer(tx, here, &reply?)?;
                done(tx, update, None)
            }
        }
    }

    /// A group that is on the list tells its new id; whoever made it move need not be known.
    fn is_known_move(&self, update: &Update) -> bool {
        let chat = update.chat.as_ref().map(|chat| chat.chat_id);
        matches!(update.content, Content::MovedTo { .. }) && chat.is_some_and(|id| self.gate.knows_chat(id))
    }
}

/// The message of an update that a person can be answered to.
pub(super) fn here(update: &Update) -> Option<Here> {
    let (message_id, reply_to) = match &update.content {
        Content::Text(message) => (message.message_id, message.reply_to),
        Content::Unsupported { message_id, .. } | Content::Edited { message_id } => (*message_id, None),
        Content::MovedTo { .. } | Content::Ignored(_) => return None,
    };
    Some(Here {
        update_id: update.update_id,
        chat: update.chat.clone()?,
        message_id,
        reply_to,
    })
}

/// The ask that a message replies to, open or not.
pub(super) fn asked(tx: &Tx<'_>, here: &Here) -> Result<Option<Ask>> {
    let Some(reply_to) = here.reply_to else {
        return Ok(None);
    };
    let letter = tx
        .message_of_sent(&here.chat, reply_to)?
        .filter(|message| message.kind == MessageKind::Ask)
        .and_then(|message| message.letter);
    letter.map(|letter| tx.ask(&letter)).transpose()
}

/// Puts the reply into the outbox.
pub(super) fn answer(tx: &Tx<'_>, here: &Here, reply: &Reply) -> Result<()> {
    tx.insert_message(NewMessage {
        session: reply.session.clone(),
        kind: MessageKind::Answer,
        text: reply.text.clone(),
        done: None,
        choices: vec![],
        files: vec![],
        to: Some(here.chat.clone()),
        reply_to: Some(here.message_id),
        letter: None,
        dialog: None,
    })?;
    Ok(())
}

fn told(tx: &Tx<'_>, update: &Update, here: &Here, text: impl Into<String>) -> Result<Routed> {
    answer(tx, here, &Reply::new(text))?;
    done(tx, update, None)
}

fn moved(tx: &Tx<'_>, update: &Update, to: i64) -> Result<Routed> {
    if let Some(chat) = &update.chat {
        tx.migrate_chat(CHANNEL, chat.chat_id, to)?;
        tracing::warn!(
            chat.id = chat.chat_id,
            chat.to = to,
            "telegram: a group has a new id; put it into `[telegram] allow`"
        );
    }
    done(tx, update, None)
}

fn done(tx: &Tx<'_>, update: &Update, wake: Option<SessionId>) -> Result<Routed> {
    tx.finish_update(update.update_id)?;
    Ok(Routed::Done(wake))
}
