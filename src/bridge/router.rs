//! What an update means, decided and stored in one transaction with the update itself. What needs the outside world (a process, a
//! screen, a repository) is left for after the commit: [`Routed::Later`].

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::channels::telegram::{CHANNEL, ChatKind, Content, Me, TextMessage, Update};
use crate::domain::Timestamp;
use crate::domain::ask::{Ask, AskState};
use crate::domain::dialog::DialogDigest;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::{MessageId, SessionId};
use crate::domain::message::{About, MessageKind, Offer};
use crate::domain::person::Role;
use crate::domain::route::ChatRef;
use crate::sessions::{Engine, NewSessionRequest};
use crate::store::{NewMessage, Tx};

use super::commands::{self, Addressed, Command};
use super::gate::{Gate, Standing, who};
use super::health::BridgeHealth;
use super::taps::Action;
use super::{edits, life, people, prompt, words};

pub(super) struct Router {
    pub engine: Engine,
    pub gate: Gate,
    /// Who we are; set as soon as the server said it.
    pub me: Arc<OnceLock<Me>>,
    pub health: Arc<BridgeHealth>,
    pub rules: Rules,
}

/// What the configuration says about messages.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub topics: bool,
    pub stale_after: Duration,
    pub own_approval: bool,
    pub home: Option<ChatRef>,
    /// How much faster than the world the clock of waiting runs.
    pub scale: u32,
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
    pub from: Option<i64>,
    /// What the sender is called.
    pub name: Option<String>,
    /// Seconds since 1970.
    pub date: Option<i64>,
    pub chat_kind: ChatKind,
    pub is_forum: bool,
}

/// What is said to a person in return.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    /// Markdown.
    pub text: String,
    /// Whose it is; a reply to it goes there.
    pub session: Option<SessionId>,
    /// What can be tapped.
    pub offers: Vec<Vec<Offer>>,
    /// It waits for a person who may be elsewhere by now, and makes a sound.
    pub is_loud: bool,
}

impl Reply {
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            session: None,
            offers: vec![],
            is_loud: false,
        }
    }

    pub fn of(session: &SessionId, text: impl Into<String>) -> Self {
        Self {
            session: Some(session.clone()),
            ..Self::new(text)
        }
    }

    pub fn loud(self) -> Self {
        Self { is_loud: true, ..self }
    }

    /// One row of buttons more.
    pub fn offering(mut self, row: Vec<Offer>) -> Self {
        self.offers.push(row);
        self
    }
}

/// What is known before the transaction.
#[derive(Default)]
pub(super) struct Known {
    /// A wish for a session of the default kind, looked up; none when nobody seemed to need one.
    pub default: Option<Result<NewSessionRequest>>,
    /// The update was found pending after a restart: it may have been carried out already.
    pub recovered: bool,
    /// A person said that it is to be done, however old it is.
    pub confirmed: bool,
}

impl Router {
    /// Whether the sender may speak here at all.
    pub fn admits(&self, tx: &Tx<'_>, update: &Update) -> Result<bool> {
        Ok(matches!(self.gate.standing(tx, update)?, Standing::In(_)))
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
        let role = match self.gate.standing(tx, update)? {
            Standing::In(role) => role,
            outside => return self.outside(tx, update, outside),
        };
        if let (Some(chat), false) = (
            &update.chat,
            matches!(update.content, Content::Standing { may_write: false }),
        ) {
            tx.set_unreachable(CHANNEL, chat.chat_id, None)?;
        }
        match (&update.content, here(update)) {
            (Content::Text(message), Some(here)) => self.text(tx, update, &here, role, message, known),
            (Content::Tap { .. }, _) => Ok(Routed::Later),
            (_, Some(here)) if role < Role::Operator => {
                let fault = not_permitted("send anything but commands that look");
                told(tx, update, &here, words::fault(&fault))
            }
            // An old one is asked about when the whole album is there.
            (Content::File(_), Some(_)) => Ok(Routed::Later),
            (Content::Unsupported { what, .. }, Some(here)) => {
                let text = format!(
                    "A {} is nothing that an agent could work with; nothing was sent. Write it, or send it as a file.",
                    what.replace('_', " ")
                );
                told(tx, update, &here, text)
            }
            (
                Content::Edited {
                    text: Some(text),
                    caption,
                    ..
                },
                Some(here),
            ) => {
                let wake = edits::edited(tx, self, &here, text, *caption)?;
                done(tx, update, wake)
            }
            (Content::MovedTo { chat_id }, _) => moved(tx, update, *chat_id),
            (Content::Standing { may_write }, _) => self.standing_changed(tx, update, *may_write),
            _ => done(tx, update, None),
        }
    }

    /// Somebody who may not speak here: a code or an owner's word can change that, anything else is kept for the audit log only.
    fn outside(&self, tx: &Tx<'_>, update: &Update, standing: Standing) -> Result<Routed> {
        let chat = update.chat.as_ref().map(|chat| chat.chat_id);
        let known_chat = chat
            .map(|id| self.gate.knows_chat(tx, id))
            .transpose()?
            .unwrap_or(false);
        match (&update.content, here(update)) {
            (Content::MovedTo { chat_id }, _) if known_chat => return moved(tx, update, *chat_id),
            (Content::Standing { may_write }, _) if known_chat || is_known_private(tx, &self.gate, update)? => {
                return self.standing_changed(tx, update, *may_write);
            }
            (Content::Text(message), Some(here)) => {
                if people::pair(tx, update, &here, &message.text, None)? {
                    return done(tx, update, None);
                }
                let word = message.text.split_whitespace().next();
                let verb = word.and_then(|word| word.split('@').next());
                if standing == Standing::GroupClosed(Role::Owner) && verb == Some("/allow") {
                    people::allow_group(tx, update, &here)?;
                    return done(tx, update, None);
                }
            }
            _ => {}
        }
        tx.audit_refused(CHANNEL, &who(update), &update.kind)?;
        done(tx, update, None)
    }

    fn text(
        &self,
        tx: &Tx<'_>,
        update: &Update,
        here: &Here,
        role: Role,
        message: &TextMessage,
        known: &Known,
    ) -> Result<Routed> {
        if people::pair(tx, update, here, &message.text, Some(role))? {
            return done(tx, update, None);
        }
        let username = self.me.get().map(|me| me.username.as_str());
        match commands::parse(&message.text, username) {
            Addressed::Elsewhere => done(tx, update, None),
            Addressed::Here(Ok(command)) if command.role() > role => {
                tx.audit_refused(CHANNEL, &who(update), "a command above the role")?;
                told(
                    tx,
                    update,
                    here,
                    words::fault(&not_permitted(&format!("use /{}", command.name()))),
                )
            }
            Addressed::Here(Ok(command)) if command.acts_now() && self.is_stale(tx, here, known.confirmed) => {
                self.ask_first(tx, std::slice::from_ref(here))
            }
            Addressed::Here(Ok(command)) => self.command(tx, update, here, &command),
            Addressed::Here(Err(unknown)) => match commands::foreign(tx, self, here, &message.text, unknown)? {
                Some(fault) => told(tx, update, here, words::fault(&fault)),
                None if role < Role::Operator => {
                    tx.audit_refused(CHANNEL, &who(update), "a command above the role")?;
                    told(
                        tx,
                        update,
                        here,
                        words::fault(&not_permitted("use the agent's commands")),
                    )
                }
                None if self.is_stale(tx, here, known.confirmed) => self.ask_first(tx, std::slice::from_ref(here)),
                None => Ok(Routed::Later),
            },
            Addressed::Nobody if role < Role::Operator => {
                told(tx, update, here, words::fault(&not_permitted("send prompts")))
            }
            Addressed::Nobody if dialog_asked(tx, here)?.is_some() => match open_dialog_asked(tx, here)? {
                Some(_) => Ok(Routed::Later),
                None => prompt::too_late(tx, here, &message.text).and_then(|()| done(tx, update, None)),
            },
            Addressed::Nobody => match asked(tx, here)? {
                Some(ask) if ask.state == AskState::Open => Ok(Routed::Later),
                // The crash may have come right after the answer was passed on: as a prompt it would be there twice.
                Some(ask) if known.recovered && ask.state == AskState::Answered => {
                    told(tx, update, here, commands::answered(&ask))
                }
                _ if self.is_stale(tx, here, known.confirmed) => self.ask_first(tx, std::slice::from_ref(here)),
                _ => prompt::take(tx, self, here, &message.text, known),
            },
        }
    }

    fn command(&self, tx: &Tx<'_>, update: &Update, here: &Here, command: &Command) -> Result<Routed> {
        match commands::from_store(tx, self, here, command) {
            None => Ok(Routed::Later),
            Some(reply) => {
                let reply = reply?;
                match (self.gate.may_hear(tx, here.chat.chat_id)?, here.from) {
                    // It shut the place in which it was said.
                    (false, Some(from)) => say(tx, &private(from), None, &reply).map(drop)?,
                    _ => answer(tx, here, &reply)?,
                }
                done(tx, update, None)
            }
        }
    }

    /// A message that waited for us so long that its sender may want something else by now.
    pub fn is_stale(&self, tx: &Tx<'_>, here: &Here, confirmed: bool) -> bool {
        let limit = i64::try_from(self.rules.stale_after.as_secs()).unwrap_or(i64::MAX);
        let age = here.date.map(|date| tx.now().as_second() - date);
        // A date of 0 or in the future says nothing.
        !confirmed && age.is_some_and(|age| age > limit) && here.date > Some(1)
    }

    /// Nothing runs before its sender says so. The messages (one, or the parts of an album) are one wish.
    pub fn ask_first(&self, tx: &Tx<'_>, messages: &[Here]) -> Result<Routed> {
        let Some(here) = messages.first() else {
            return Ok(Routed::Done(None));
        };
        let mut raw = messages.iter().map(|here| tx.update_content(here.update_id));
        let run = Action::Run {
            update: raw.next().transpose()?.unwrap_or_default(),
            more: raw.collect::<Result<_>>()?,
        };
        let since = here
            .date
            .and_then(|date| Timestamp::from_second(date).ok())
            .unwrap_or(tx.now());
        let text = format!(
            "This message waited {} for me. Is it still to be done?",
            words::how_long(since, tx.now())
        );
        let reply = Reply::new(text).loud().offering(vec![
            run.offer("Do it")?,
            Action::leave("left undone").offer("Leave it")?,
        ]);
        answer(tx, here, &reply)?;
        for here in messages {
            tx.finish_update(here.update_id)?;
        }
        Ok(Routed::Done(None))
    }

    fn standing_changed(&self, tx: &Tx<'_>, update: &Update, may_write: bool) -> Result<Routed> {
        if let Some(chat) = &update.chat {
            let why = (!may_write).then_some("the bot was blocked or removed");
            if tx.set_unreachable(CHANNEL, chat.chat_id, why)? && !may_write {
                life::chat_lost(
                    tx,
                    self.rules.home.as_ref(),
                    chat.chat_id,
                    "the bot was blocked or removed",
                )?;
            }
        }
        done(tx, update, None)
    }

    /// Whether a chat has topics: a group by itself, a private chat by the bot's own setting.
    pub fn has_topics(&self, here: &Here) -> bool {
        self.rules.topics
            && match here.chat_kind {
                ChatKind::Private => self.me.get().is_some_and(|me| me.has_topics),
                _ => here.is_forum,
            }
    }
}

fn is_known_private(tx: &Tx<'_>, gate: &Gate, update: &Update) -> Result<bool> {
    let from = update.from.filter(|_| update.chat_kind == ChatKind::Private);
    Ok(match from {
        Some(from) => gate.role(tx, from)?.is_some(),
        None => false,
    })
}

fn not_permitted(doing: &str) -> Fault {
    Fault::new(Kind::NotPermitted, format!("your role may not {doing}"))
        .hint("An owner can give you another one: `telecoder pair --role operator` on the machine makes a new code.")
}

/// The message of an update that a person can be answered to.
pub(super) fn here(update: &Update) -> Option<Here> {
    let (message_id, reply_to) = match &update.content {
        Content::Text(message) => (message.message_id, message.reply_to),
        Content::File(message) => (message.message_id, message.reply_to),
        Content::Unsupported { message_id, .. } | Content::Edited { message_id, .. } => (*message_id, None),
        Content::Tap { .. } | Content::MovedTo { .. } | Content::Standing { .. } | Content::Ignored(_) => return None,
    };
    Some(Here {
        update_id: update.update_id,
        chat: update.chat.clone()?,
        message_id,
        reply_to,
        from: update.from,
        name: update.name.clone(),
        date: update.date,
        chat_kind: update.chat_kind,
        is_forum: update.is_forum,
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

/// The dialog whose message a message replies to, open or not.
pub(super) fn dialog_asked(tx: &Tx<'_>, here: &Here) -> Result<Option<(SessionId, DialogDigest)>> {
    let Some(reply_to) = here.reply_to else {
        return Ok(None);
    };
    let message = tx.message_of_sent(&here.chat, reply_to)?;
    Ok(message.and_then(|message| message.session.zip(message.dialog)))
}

/// [`dialog_asked`], if it is the one that is open.
pub(super) fn open_dialog_asked(tx: &Tx<'_>, here: &Here) -> Result<Option<(SessionId, DialogDigest)>> {
    let Some((session, digest)) = dialog_asked(tx, here)? else {
        return Ok(None);
    };
    let is_open = tx.dialog(&session)?.is_some_and(|open| open.dialog.digest == digest);
    Ok(is_open.then_some((session, digest)))
}

fn private(person: i64) -> ChatRef {
    ChatRef {
        channel: CHANNEL.into(),
        chat_id: person,
        thread_id: None,
    }
}

/// Puts the reply into the outbox.
pub(super) fn answer(tx: &Tx<'_>, here: &Here, reply: &Reply) -> Result<()> {
    say(tx, &here.chat, Some(here.message_id), reply).map(drop)
}

/// Puts a message of the bridge's own into the outbox.
pub(super) fn say(tx: &Tx<'_>, to: &ChatRef, reply_to: Option<i64>, reply: &Reply) -> Result<MessageId> {
    let message = tx.insert_message(NewMessage {
        session: reply.session.clone(),
        kind: if reply.is_loud {
            MessageKind::Notice
        } else {
            MessageKind::Answer
        },
        text: reply.text.clone(),
        done: None,
        choices: vec![],
        files: vec![],
        to: Some(to.clone()),
        reply_to,
        letter: None,
        dialog: None,
    })?;
    if !reply.offers.is_empty() {
        let rows = reply.offers.clone();
        tx.set_about(message.id, &About::Offer { rows })?;
    }
    Ok(message.id)
}

fn told(tx: &Tx<'_>, update: &Update, here: &Here, text: impl Into<String>) -> Result<Routed> {
    answer(tx, here, &Reply::new(text))?;
    done(tx, update, None)
}

fn moved(tx: &Tx<'_>, update: &Update, to: i64) -> Result<Routed> {
    if let Some(chat) = &update.chat {
        tx.migrate_chat(CHANNEL, chat.chat_id, to)?;
        life::chat_moved(tx, chat.chat_id, to)?;
    }
    done(tx, update, None)
}

fn done(tx: &Tx<'_>, update: &Update, wake: Option<SessionId>) -> Result<Routed> {
    tx.finish_update(update.update_id)?;
    Ok(Routed::Done(wake))
}
