//! Prompts that waited in our own queue while the machine was away for long: their senders may want something else by now, so they are
//! asked before anything runs.

use crate::bridge::inbox::LAST_POLL;
use crate::bridge::router::{Reply, say};
use crate::bridge::taps::Action;
use crate::bridge::words::{excerpt, how_long};
use crate::channels::telegram::CHANNEL;
use crate::channels::telegram::markdown::escape;
use crate::config::TelegramConfig;
use crate::domain::Timestamp;
use crate::domain::fault::Result;
use crate::domain::route::{ChatRef, PromptOrigin};
use crate::domain::session::Reason;
use crate::domain::turn::{Turn, TurnEvent, TurnKind, TurnState};
use crate::store::{SessionFilter, Store, Tx};

/// How much older than it says the time of the last poll may be.
const SLACK_SECONDS: i64 = 600;
const PROMPT_CHARS_MAX: usize = 200;

/// To be called before the engine starts: nothing that waits may have been typed.
pub async fn ask_about_old_prompts(store: &Store, config: &TelegramConfig) -> Result<()> {
    let stale_after = i64::try_from(config.stale_after.as_secs()).unwrap_or(i64::MAX);
    store
        .write(move |tx| {
            let last = tx.cursor(LAST_POLL)?;
            let Some(last) = last.and_then(|seconds| Timestamp::from_second(seconds).ok()) else {
                return Ok(());
            };
            let away = tx.now().as_second() - last.as_second();
            if away <= stale_after.saturating_add(SLACK_SECONDS) {
                return Ok(());
            }
            for session in tx.sessions(&SessionFilter::default())? {
                for turn in tx.turns(&session.id, None)? {
                    if let Some((chat, message_id)) = waits_from_a_chat(&turn) {
                        ask(tx, &turn, &chat, message_id, last)?;
                    }
                }
            }
            Ok(())
        })
        .await
}

fn waits_from_a_chat(turn: &Turn) -> Option<(ChatRef, i64)> {
    let waits = matches!(turn.state, TurnState::Queued | TurnState::Held) && turn.kind == TurnKind::Prompt;
    match &turn.origin {
        PromptOrigin::Chat { chat, message_id } if waits && chat.channel == CHANNEL => {
            Some((chat.clone(), *message_id))
        }
        _ => None,
    }
}

fn ask(tx: &Tx<'_>, turn: &Turn, chat: &ChatRef, message_id: i64, last: Timestamp) -> Result<()> {
    let away = how_long(last, tx.now());
    let reason = Reason::new("absence", format!("it waited while the machine was away for {away}"));
    if tx.step_turn(&turn.id, &TurnEvent::Cancelled(reason))?.is_none() {
        return Ok(());
    }
    let text = format!(
        "I was away for {away}, and this waited. Is it still to be done?\n\n> {}",
        escape(&excerpt(&turn.text, PROMPT_CHARS_MAX))
    );
    let again = Action::Again { turn: turn.id.clone() };
    let reply = Reply::of(&turn.session, text).loud().offering(vec![
        again.offer("Do it")?,
        Action::leave("left undone").offer("Leave it")?,
    ]);
    say(tx, chat, Some(message_id), &reply).map(drop)
}
