//! The only room that knows SQL. One writer connection on a thread of its own; readers beside it.
//!
//! A write is one transaction of typed steps: `store.write(|tx| { … }).await`; when it returns `Ok`, everything in it is
//! durable (`synchronous=FULL`). Each change that the world may see appends its row to the event log in the same
//! transaction. The store decides nothing: the state machines of `domain` do, and their callers store the verdict.

mod asks;
mod connection;
mod events;
mod launches;
mod letters;
mod messages;
mod replies;
mod sessions;
mod telegram;
mod turns;

pub use connection::{Store, Tx};
pub use messages::{NewMessage, OutboxPart};
pub use sessions::{NewSession, SessionFilter};
pub use telegram::StoredUpdate;
pub use turns::NewTurn;
