//! A tap, carried out: claimed in one transaction, done, and told under the message.

use serde_json::Value;

use super::make::{decided, tick, ticked};
use super::{Action, NOBODY};
use crate::bridge::gate::who;
use crate::bridge::router::{Reply, Router, say};
use crate::bridge::words;
use crate::channels::telegram::{CHANNEL, Update};
use crate::domain::dialog::{Actor, DialogAnswer, DialogOutcome};
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::{MessageId, SessionId, TurnId};
use crate::domain::person::Role;
use crate::domain::route::PromptOrigin;
use crate::store::{ButtonRow, Store, Tx};

/// A tap and what is needed to carry it out.
pub struct Tap<'a> {
    pub store: &'a Store,
    pub router: &'a Router,
    pub update: &'a Update,
    pub data: &'a str,
}

/// What came of a tap.
pub struct Decided {
    /// For the person who tapped.
    pub words: String,
    /// The update (an album: its parts) that is to be carried out before the tap is finished.
    pub run: Vec<Value>,
}

enum Claim {
    /// Nothing is to be done; the words say why.
    No(String),
    Go(ButtonRow),
}

/// Carries a tap out. Afterwards the update is finished, unless there is something to run first.
pub async fn decide(tap: &Tap<'_>) -> Result<Decided> {
    let only = |words: &str| Decided {
        words: words.to_owned(),
        run: vec![],
    };
    let button = match claim(tap).await? {
        Claim::No(words) => {
            finish(tap, None).await?;
            return Ok(only(&words));
        }
        Claim::Go(button) => button,
    };
    let action = match Action::read(&button.action) {
        Ok(action) => action,
        Err(fault) => return refuse(tap, &button, &fault).await,
    };
    if let Some((id, does)) = action.lasting() {
        return super::entry::act(tap, &button, id, does).await;
    }
    if let Action::Run { update, more } = action {
        // The update is carried out first, and its own reply says what came of it.
        return Ok(Decided {
            words: "Doing it.".into(),
            run: std::iter::once(update).chain(more).collect(),
        });
    }
    match act(tap, &button, &action).await {
        Ok(what) => {
            let line = format!("✔ {what}, {}", said_by(tap.update));
            let kept = match action {
                Action::Clear { turn } => Some(turn),
                _ => None,
            };
            finish_and_keep(tap, Some((button.message, line)), kept).await?;
            Ok(only(&words::sentence(&what)))
        }
        Err(fault) => refuse(tap, &button, &fault).await,
    }
}

/// What the world refuses is decided too; what failed on our side can be tapped again.
async fn refuse(tap: &Tap<'_>, button: &ButtonRow, fault: &Fault) -> Result<Decided> {
    if fault.kind == Kind::Storage {
        return Err(fault.clone());
    }
    let is_final = matches!(fault.kind, Kind::RefusedByState | Kind::NotFound | Kind::Uncertain);
    if is_final {
        finish(tap, Some((button.message, format!("✖ {}", fault.message)))).await?;
    } else {
        let (message, update) = (button.message, tap.update.update_id);
        tap.store
            .write(move |tx| {
                tx.free_buttons(message)?;
                tx.finish_update(update)
            })
            .await?;
    }
    Ok(Decided {
        words: words::sentence(&fault.message),
        run: vec![],
    })
}

async fn claim(tap: &Tap<'_>) -> Result<Claim> {
    let (gate, rules) = (tap.router.gate.clone(), tap.router.rules.clone());
    let (update, data) = (tap.update.clone(), tap.data.to_owned());
    tap.store
        .write(move |tx| {
            use crate::bridge::gate::Standing;
            match gate.standing(tx, &update)? {
                Standing::In(role) if role >= Role::Operator => {}
                _ => {
                    tx.audit_refused(CHANNEL, &who(&update), "a tap above the role")?;
                    return Ok(Claim::No("You may look here, and not decide.".into()));
                }
            }
            let button = tx.button(&data)?.filter(|button| stands_here(tx, button, &update));
            let Some(button) = button else {
                return Ok(Claim::No("This button is not known any more.".into()));
            };
            if !rules.own_approval && is_own(tx, &button, &update)? {
                tx.audit_refused(CHANNEL, &who(&update), "the approval of an own request")?;
                return Ok(Claim::No(
                    "Somebody else has to approve this: your own prompt led to it.".into(),
                ));
            }
            if Action::read(&button.action).is_ok_and(|action| action.lasting().is_some()) {
                return Ok(Claim::Go(button));
            }
            let mine = format!("{} {}", update.update_id, said_by(&update));
            if button.used_by.is_none() && matches!(Action::read(&button.action), Ok(Action::Tick { .. })) {
                // With the end of the update: a tick that is made twice is none.
                let told = tick(tx, CHANNEL, &button)?;
                tx.finish_update(update.update_id)?;
                return Ok(Claim::No(told));
            }
            match &button.used_by {
                // Found again after a crash: it was ours.
                Some(by) if *by == mine => Ok(Claim::Go(button)),
                Some(by) if by.starts_with(NOBODY) => Ok(Claim::No("It moved on.".into())),
                Some(by) => {
                    let by = by.split_once(' ').map_or("somebody", |(_, name)| name);
                    Ok(Claim::No(format!("It was decided before, by {by}.")))
                }
                None => {
                    tx.use_buttons(button.message, &mine)?;
                    Ok(Claim::Go(button))
                }
            }
        })
        .await
}

/// A button works in the chat of its message only.
fn stands_here(tx: &Tx<'_>, button: &ButtonRow, update: &Update) -> bool {
    let chat = update.chat.as_ref().map(|chat| chat.chat_id);
    let to = tx.message(button.message).ok().and_then(|message| message.to);
    to.is_some_and(|to| Some(to.chat_id) == chat)
}

/// Whether the dialog that a tap would approve came of a prompt of the same person's.
fn is_own(tx: &Tx<'_>, button: &ButtonRow, update: &Update) -> Result<bool> {
    let Ok(Action::Dialog {
        session, allows: true, ..
    }) = Action::read(&button.action)
    else {
        return Ok(false);
    };
    asked_by(tx, &session, update.from)
}

/// Whether what a session works on was asked for by this person.
pub fn asked_by(tx: &Tx<'_>, session: &SessionId, from: Option<i64>) -> Result<bool> {
    for turn in tx.running_turns(session)? {
        let by = match &turn.origin {
            PromptOrigin::Chat { chat, message_id } => tx.sender(&chat.channel, chat.chat_id, *message_id)?,
            // The first prompt of a session that a tap had made.
            _ if turn.seq == 1 => tx.starter(CHANNEL, session)?,
            _ => None,
        };
        if by.is_some() && by == from {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What the person who tapped is called.
pub fn said_by(update: &Update) -> String {
    person(update.name.as_deref(), update.from).name
}

fn actor(update: &Update) -> Actor {
    person(update.name.as_deref(), update.from)
}

/// Somebody in a chat, as others read of them.
pub fn person(name: Option<&str>, id: Option<i64>) -> Actor {
    let name = match (name, id) {
        (Some(name), _) => name.chars().take(40).collect(),
        (None, Some(id)) => id.to_string(),
        (None, None) => "somebody".into(),
    };
    Actor {
        channel: CHANNEL.into(),
        name,
        id,
    }
}

/// Does it, and says what was done.
async fn act(tap: &Tap<'_>, button: &ButtonRow, action: &Action) -> Result<String> {
    let engine = &tap.router.engine;
    match action {
        Action::Answer { ask, text } => {
            engine.answer(ask, text, actor(tap.update)).await?;
            Ok(text.clone())
        }
        Action::Dialog {
            session,
            digest,
            choice,
            ..
        } => {
            let by = actor(tap.update);
            let label = label_of(tap, session, *choice).await?;
            let answer = DialogAnswer::Choice(*choice);
            match engine.answer_dialog(session, Some(digest.clone()), answer, by).await? {
                DialogOutcome::Answered | DialogOutcome::Next(_) => Ok(label),
            }
        }
        Action::Ticked { session, digest } => {
            let message = button.message;
            let ticked = tap.store.read(move |tx| ticked(tx, message)).await?;
            if ticked.is_empty() {
                return Err(Fault::new(Kind::Usage, "nothing is ticked yet"));
            }
            let (choices, labels): (Vec<usize>, Vec<String>) = ticked.into_iter().unzip();
            let answer = DialogAnswer::Several { choices, text: None };
            engine
                .answer_dialog(session, Some(digest.clone()), answer, actor(tap.update))
                .await?;
            Ok(labels.join(", "))
        }
        Action::Submit { turn } => engine.submit_held_text(turn).await.map(|()| "submitted".into()),
        Action::Clear { turn } => engine.clear_held_text(turn).await.map(|()| "cleared".into()),
        Action::Again { turn } => {
            let id = turn.clone();
            let old = tap.store.read(move |tx| tx.turn(&id)).await?;
            let key = format!("again:{turn}:{}", tap.data);
            engine.prompt(&old.session, &old.text, old.origin, Some(key)).await?;
            Ok("sent again".into())
        }
        Action::Prompt {
            session,
            text,
            key,
            chat,
            message_id,
        } => {
            let id = session.clone();
            let found = tap.store.read(move |tx| tx.session(&id)).await?;
            if found.status.state.is_ended() {
                engine.resume(session).await?;
            }
            let origin = PromptOrigin::Chat {
                chat: chat.clone(),
                message_id: *message_id,
            };
            engine.prompt(session, text, origin, Some(key.clone())).await?;
            Ok("sent".into())
        }
        Action::Entry { id, .. } => engine.ack_outcome(*id).await.map(|_| "seen".into()),
        Action::SeenNews { id } => engine.ack_news(*id).await.map(|_| "seen".into()),
        Action::Leave { words } => Ok(words.clone()),
        Action::Run { .. } | Action::Tick { .. } => Ok("done".into()),
    }
}

async fn label_of(tap: &Tap<'_>, session: &SessionId, choice: usize) -> Result<String> {
    let session = session.clone();
    let open = tap.store.read(move |tx| tx.dialog(&session)).await?;
    let label = open.and_then(|open| {
        open.dialog
            .choices
            .get(choice.saturating_sub(1))
            .map(|c| c.label.clone())
    });
    Ok(label.unwrap_or_else(|| format!("choice {choice}")))
}

/// Tells under the message what was decided, and ends the update.
async fn finish(tap: &Tap<'_>, line: Option<(MessageId, String)>) -> Result<()> {
    finish_and_keep(tap, line, None).await
}

/// The prompt of a turn that is `kept` can be sent again.
async fn finish_and_keep(tap: &Tap<'_>, line: Option<(MessageId, String)>, kept: Option<TurnId>) -> Result<()> {
    let update = tap.update.update_id;
    tap.store
        .write(move |tx| {
            if let Some((message, line)) = line {
                decided(tx, CHANNEL, message, &line)?;
                if let Some(turn) = kept {
                    offer_again(tx, message, &turn)?;
                }
            }
            tx.finish_update(update)
        })
        .await
}

fn offer_again(tx: &Tx<'_>, message: MessageId, turn: &TurnId) -> Result<()> {
    let told = tx.message(message)?;
    let (Some(to), session) = (told.to, tx.turn(turn)?.session) else {
        return Ok(());
    };
    let again = Action::Again { turn: turn.clone() };
    let reply = Reply::of(
        &session,
        "Cleared: the agent's box is empty, and it never got the prompt.",
    )
    .offering(vec![
        again.offer("Send again")?,
        Action::leave("not sent").offer("Leave it")?,
    ]);
    say(tx, &to, told.reply_to, &reply).map(drop)
}

/// After an update was run: the tap that wanted it is done.
pub async fn ran(tap: &Tap<'_>) -> Result<()> {
    let (data, by) = (tap.data.to_owned(), said_by(tap.update));
    let message = tap
        .store
        .read(move |tx| Ok(tx.button(&data)?.map(|button| button.message)))
        .await?;
    finish(tap, message.map(|message| (message, format!("✔ done after all, {by}")))).await
}
