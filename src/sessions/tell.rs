//! What TeleCoder itself has to say to the person: outbox rows about sessions and prompts.

use super::Engine;
use crate::domain::dialog::Dialog;
use crate::domain::fault::Result;
use crate::domain::ids::{LetterId, MessageId, SessionId, SessionName};
use crate::domain::message::{About, MessageKind};
use crate::domain::route::{ChatRef, PromptOrigin};
use crate::domain::session::{Session, SessionState, Status};
use crate::domain::turn::{Turn, TurnState};
use crate::store::{NewMessage, Tx};

/// Lines of the last screen that a failure notice shows.
const SCREEN_LINES_MAX: usize = 12;
/// How much of a prompt a notice quotes.
const QUOTE_CHARS_MAX: usize = 60;

/// How to answer a dialog from the places that we have.
pub fn dialog_hint(name: &SessionName) -> String {
    format!("Answer it with `telecoder approve {name}`, `telecoder deny {name}` or `telecoder answer {name} CHOICE`.")
}

/// A session needs the person, failed, or was lost.
pub fn status_notice(engine: &Engine, tx: &Tx<'_>, id: &SessionId, status: &Status) -> Result<()> {
    let session = tx.session(id)?;
    let mut text = match status.state {
        SessionState::NeedsInput => format!("Needs you.\n\n{}", fenced(&status.reason.text)),
        SessionState::Complete => "The agent ended by itself (exit code 0).".to_owned(),
        SessionState::Limited => format!("The agent's provider refuses: {}", status.reason.text),
        _ => format!("{}: {}.", capital(status.state.as_str()), status.reason.text),
    };
    if matches!(status.state, SessionState::Failed | SessionState::Lost) {
        if let Some(screen) = engine.last_screen(&session) {
            let lines: Vec<&str> = screen.lines().collect();
            let tail = &lines[lines.len().saturating_sub(SCREEN_LINES_MAX)..];
            text.push_str(&format!(
                "\n\nThe last lines of its screen:\n\n{}",
                fenced(&tail.join("\n"))
            ));
        }
        let waiting = tx.waiting_count(id)?;
        if waiting > 0 {
            text.push_str(&format!(
                "\n\nPrompts that still wait: {waiting}. `telecoder resume {}` brings them to the agent.",
                session.name
            ));
        }
    }
    notice(engine, tx, &session, text, None).map(drop)
}

/// An agent shows a dialog: the question with its choices; the answer is bound to its digest.
pub fn dialog_notice(engine: &Engine, tx: &Tx<'_>, session: &Session, dialog: &Dialog) -> Result<()> {
    tx.insert_message(NewMessage {
        session: Some(session.id.clone()),
        kind: MessageKind::Notice,
        text: format!("Needs your input.\n\n{}", fenced(&dialog.text())),
        done: None,
        choices: dialog.choices.iter().map(|choice| choice.label.clone()).collect(),
        files: vec![],
        to: destination(engine, session),
        reply_to: None,
        letter: None,
        dialog: Some(dialog.digest.clone()),
    })?;
    Ok(())
}

/// The agent's last message of a turn, where it said nothing else or the configuration asks for it.
pub fn final_message(engine: &Engine, tx: &Tx<'_>, turn: &Turn, text: &str, letter: Option<&LetterId>) -> Result<()> {
    let session = tx.session(&turn.session)?;
    tx.insert_message(NewMessage {
        session: Some(session.id.clone()),
        kind: MessageKind::Reply,
        text: text.to_owned(),
        done: None,
        choices: vec![],
        files: vec![],
        to: destination(engine, &session),
        reply_to: reply_to(engine, &session, turn),
        letter: letter.cloned(),
        dialog: None,
    })?;
    Ok(())
}

/// The person's own message that this turn came from, if the answer goes to the same chat.
fn reply_to(engine: &Engine, session: &Session, turn: &Turn) -> Option<i64> {
    match &turn.origin {
        PromptOrigin::Chat { chat, message_id } if Some(chat) == destination(engine, session).as_ref() => {
            Some(*message_id)
        }
        _ => None,
    }
}

/// A prompt came to an end that the person did not ask for.
pub fn turn_notice(engine: &Engine, tx: &Tx<'_>, turn: &Turn) -> Result<()> {
    let session = tx.session(&turn.session)?;
    let reason = turn
        .reason
        .as_ref()
        .map_or("no reason is known", |reason| reason.text.as_str());
    let what = match turn.state {
        TurnState::Uncertain => "It is uncertain whether the agent got this prompt",
        TurnState::Refused => "The agent refused this prompt",
        TurnState::Cancelled => "This prompt was not sent",
        TurnState::Interrupted => "This prompt was interrupted",
        _ => "This prompt failed",
    };
    let text = format!("{what}: {reason}.\n\n> {}", quote(&turn.text));
    let reply_to = reply_to(engine, &session, turn);
    let message = notice(engine, tx, &session, text, reply_to)?;
    tx.set_about(message, &About::Turn { turn: turn.id.clone() })
}

pub fn notice(
    engine: &Engine,
    tx: &Tx<'_>,
    session: &Session,
    text: String,
    reply_to: Option<i64>,
) -> Result<MessageId> {
    let message = tx.insert_message(NewMessage {
        session: Some(session.id.clone()),
        kind: MessageKind::Notice,
        text,
        done: None,
        choices: vec![],
        files: vec![],
        to: destination(engine, session),
        reply_to,
        letter: None,
        dialog: None,
    })?;
    Ok(message.id)
}

/// The chat that the session is bound to, else `home_chat`, else nowhere (read with `telecoder messages`).
pub fn destination(engine: &Engine, session: &Session) -> Option<ChatRef> {
    session.chat.clone().or_else(|| engine.0.config.home_chat())
}

fn quote(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let mut quote: String = line.chars().take(QUOTE_CHARS_MAX).collect();
    if quote.len() < text.len() {
        quote.push('…');
    }
    quote
}

/// A fence that is longer than any run of backticks inside.
fn fenced(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}\n{text}\n{fence}")
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
