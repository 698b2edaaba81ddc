//! `/quiet`, `/normal`, `/verbose`: how much of an agent's work a chat wants to see while it goes on.

use crate::bridge::router::{Here, Reply};
use crate::channels::telegram::CHANNEL;
use crate::domain::fault::Result;
use crate::store::Tx;

/// How much a chat hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bridge) enum Level {
    Quiet,
    Normal,
    Verbose,
}

impl Level {
    pub fn of(tx: &Tx<'_>, chat_id: i64) -> Result<Self> {
        Ok(match tx.chat_level(CHANNEL, chat_id)?.as_deref() {
            Some("quiet") => Level::Quiet,
            Some("verbose") => Level::Verbose,
            _ => Level::Normal,
        })
    }

    fn as_str(self) -> &'static str {
        match self {
            Level::Quiet => "quiet",
            Level::Normal => "normal",
            Level::Verbose => "verbose",
        }
    }
}

pub(super) fn set(tx: &Tx<'_>, here: &Here, level: Level) -> Result<Reply> {
    tx.set_chat_level(CHANNEL, here.chat.chat_id, level.as_str())?;
    Ok(Reply::new(match level {
        Level::Quiet => "Quiet: only answers, questions, failures and what is done. No progress.",
        Level::Normal => "Normal: one message shows how a long turn goes, without a sound.",
        Level::Verbose => "Verbose: every turn shows its steps as it goes.",
    }))
}
