//! Shutting out: in one transaction somebody (or a group) is known no more, and nothing is said there any more. What agents have to
//! say there goes home: replies that wait, and questions that nobody has answered.

use crate::channels::telegram::CHANNEL;
use crate::config::TelegramConfig;
use crate::domain::fault::Result;
use crate::domain::route::ChatRef;
use crate::store::{Store, Tx};

use super::gate::Gate;
use super::health::BridgeHealth;
use super::life;

impl BridgeHealth {
    /// Shuts a person, or a group by its negative id, out. False when nobody of that id was let in.
    pub fn shut_out(&self, tx: &Tx<'_>, id: i64) -> Result<bool> {
        shut_out(tx, &self.gate, id)
    }
}

pub(super) fn shut_out(tx: &Tx<'_>, gate: &Gate, id: i64) -> Result<bool> {
    if !tx.remove_person(CHANNEL, id)? {
        return Ok(false);
    }
    // The configuration may know them, too.
    if !gate.may_hear(tx, id)? {
        shut(tx, gate, id)?;
    }
    Ok(true)
}

fn shut(tx: &Tx<'_>, gate: &Gate, chat_id: i64) -> Result<()> {
    let sessions = tx.shut_chat(CHANNEL, chat_id)?;
    tracing::info!(chat.id = chat_id, sessions, "telegram: a chat is not allowed any more");
    if sessions > 0 {
        let text =
            format!("Chat {chat_id} is not allowed any more. What its sessions ({sessions}) say is said here now.");
        life::tell_home(tx, gate.home(), text)?;
    }
    bring_home(tx, gate.home())
}

/// Says at home what is left in chats that are shut.
pub(super) fn bring_home(tx: &Tx<'_>, home: Option<&ChatRef>) -> Result<()> {
    let stranded = tx.stranded_messages(CHANNEL)?;
    stranded
        .into_iter()
        .try_for_each(|message| tx.say_elsewhere(message, home))
}

/// Shuts what the configuration does not allow any more, and opens what it allows again. To be called before anything goes out.
pub async fn shut_what_is_not_allowed(store: &Store, config: &TelegramConfig) -> Result<()> {
    let gate = Gate::of(config);
    store
        .write(move |tx| {
            for chat in tx.shut_chats(CHANNEL)? {
                if gate.may_hear(tx, chat)? {
                    tx.set_unreachable(CHANNEL, chat, None)?;
                }
            }
            for chat in tx.chats_in_use(CHANNEL)? {
                if !gate.may_hear(tx, chat)? {
                    shut(tx, &gate, chat)?;
                }
            }
            Ok(())
        })
        .await
}
