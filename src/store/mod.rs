//! The only room that knows SQL. One writer connection on a thread of its own; readers beside it.
//!
//! A write is one transaction of typed steps: `store.write(|tx| { … }).await`; when it returns `Ok`, everything in it is
//! durable (`synchronous=FULL`). Each change that the world may see appends its row to the event log in the same
//! transaction. The store decides nothing: the state machines of `domain` do, and their callers store the verdict.
//!
//! Must not know: agents, tmux, channels' wire formats. After a crash at any instant the file holds exactly the writes
//! that returned `Ok`, and perhaps the one group that was being committed.

mod asks;
mod attempts;
mod audit;
mod buttons;
mod chats;
mod connection;
mod dialogs;
mod events;
mod fault;
mod glances;
mod launches;
mod letters;
mod marks;
mod messages;
mod names;
mod open;
mod outbox;
mod outcomes;
mod people;
mod replies;
mod rows;
mod schema;
mod seal;
mod sessions;
mod shut;
mod telegram;
mod threads;
mod turns;
mod waits;
mod works;
mod writer;

#[cfg(test)]
mod tests;

pub use audit::AuditRow;
pub use buttons::ButtonRow;
pub use chats::{Progress, Topic};
pub use connection::{Store, Tx};
pub use glances::{Glance, TurnGlance};
pub use marks::Mark;
pub use messages::NewMessage;
pub use outbox::OutboxPart;
pub use outcomes::{NewOutcome, Stage};
pub use sessions::{NewSession, SessionFilter};
pub use telegram::StoredUpdate;
pub use turns::NewTurn;
pub use works::NewNews;
