//! The mailbox of a launch: maildir fashion, `mail/{tmp,new,att,answers}`. The writing half runs in the agent's window,
//! the reading half in the daemon. Reading trusts nothing: the agent may write here whatever it likes.

mod read;
mod write;

pub use read::{Found, discard, put_answer, quarantine, read_new, take_attachment};
pub use write::{Draft, DraftFile, Durability, own_mailbox, wait_for_answer, write_letter};
