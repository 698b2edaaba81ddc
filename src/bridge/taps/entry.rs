//! The buttons of an entry of the inbox. All but `Done` stay: what they bring comes as a message of its own, in the transaction
//! that ends the tap.

use super::Action;
use super::action::EntryAct;
use super::decide::{Decided, Tap};
use crate::bridge::commands::{diff, logs};
use crate::bridge::words;
use crate::channels::telegram::CHANNEL;
use crate::channels::telegram::markdown::escape;
use crate::domain::fault::{Kind, Result};
use crate::domain::ids::SessionId;
use crate::domain::message::{MessageFile, MessageKind, Offer};
use crate::domain::session::Session;
use crate::sessions::{DiffRequest, PublishRequest, RerunRequest};
use crate::store::{ButtonRow, NewMessage, Tx};

/// What can be done about an outcome; `Diff` and `Publish` only where something changed.
pub fn buttons(tx: &Tx<'_>, id: i64) -> Result<Vec<Vec<Offer>>> {
    let measured = tx.outcome(id)?.detail.measured;
    let changed = measured.is_some_and(|measured| measured.total.files > 0);
    let offer = |label: &str, does| Action::Entry { id, does }.offer(label);
    let logs = offer("Logs", EntryAct::Logs)?;
    let last = vec![offer("Rerun", EntryAct::Rerun)?, offer("Done", EntryAct::Done)?];
    Ok(match changed {
        true => vec![
            vec![
                offer("Diff", EntryAct::Diff)?,
                logs,
                offer("Publish", EntryAct::Publish)?,
            ],
            last,
        ],
        false => vec![[vec![logs], last].concat()],
    })
}

/// What came of a tap: Markdown, a file that goes with it, and the word for the person who tapped.
struct Told {
    text: String,
    files: Vec<MessageFile>,
    words: &'static str,
    /// The session that the tap had made.
    made: Option<SessionId>,
}

impl Told {
    fn new(text: impl Into<String>, words: &'static str) -> Self {
        Self {
            text: text.into(),
            files: vec![],
            words,
            made: None,
        }
    }
}

/// Does what a lasting button says, and ends the update with the message that tells of it.
pub(super) async fn act(tap: &Tap<'_>, button: &ButtonRow, id: i64, does: EntryAct) -> Result<Decided> {
    let (session, _) = tap.router.engine.outcome(id).await?;
    let told = match perform(tap, id, &session, does).await {
        Ok(told) => told,
        Err(fault) if fault.kind == Kind::Storage => return Err(fault),
        Err(fault) => Told::new(words::fault(&fault), "It could not be done."),
    };
    let (card, update, words) = (button.message, tap.update.update_id, told.words.to_owned());
    let from = tap.update.from;
    tap.store
        .write(move |tx| {
            if let (Some(made), Some(from)) = (&told.made, from) {
                tx.remember_starter(CHANNEL, made, from)?;
            }
            tx.insert_message(NewMessage {
                session: Some(session.id),
                kind: MessageKind::Answer,
                text: told.text,
                done: None,
                choices: vec![],
                files: told.files,
                to: tx.message(card)?.to,
                reply_to: None,
                letter: None,
                dialog: None,
            })?;
            tx.finish_update(update)
        })
        .await?;
    Ok(Decided { words, run: vec![] })
}

async fn perform(tap: &Tap<'_>, id: i64, session: &Session, does: EntryAct) -> Result<Told> {
    let engine = &tap.router.engine;
    match does {
        EntryAct::Diff => {
            let (text, files) = diff::of(engine, session, DiffRequest::Outcome(id)).await?;
            Ok(Told {
                files,
                ..Told::new(text, "Here it is.")
            })
        }
        EntryAct::Logs => {
            let of = session.clone();
            let reply = tap.store.read(move |tx| logs::of(tx, &of)).await?;
            Ok(Told::new(reply.text, "Here it is."))
        }
        EntryAct::Publish => {
            let published = engine.publish(&session.id, PublishRequest::default()).await?;
            let pull = &published.publication;
            let verb = if published.opened { "Opened" } else { "Updated" };
            let mut text = format!(
                "{verb} pull request #{}: {}",
                pull.number.unwrap_or_default(),
                escape(pull.url.as_deref().unwrap_or_default())
            );
            if published.left_behind > 0 {
                text.push_str(&format!(
                    "\n{} file(s) are not committed and stayed behind; `telecoder publish --commit` takes them along.",
                    published.left_behind
                ));
            }
            Ok(Told::new(text, "Published."))
        }
        EntryAct::Rerun => {
            // The button's own key: however often it is tapped, it is one session.
            let request = RerunRequest {
                key: Some(format!("tap:{}", tap.data)),
                ..RerunRequest::default()
            };
            let new = engine.rerun(&session.id, request).await?;
            let text = format!("Runs again as **{}**", escape(new.name.as_str()));
            Ok(Told {
                made: Some(new.id),
                ..Told::new(text, "It runs again.")
            })
        }
        // It is no lasting one; see `decide`.
        EntryAct::Done => engine.ack_outcome(id).await.map(|_| Told::new("Seen.", "Seen.")),
    }
}
