//! The mailbox of a launch: maildir fashion, `mail/{tmp,new,att,answers}`. The writing half runs in the agent's window,
//! the reading half in the daemon. Reading trusts nothing: the agent may write here whatever it likes.

mod answer;
mod attach;
mod beneath;
mod clear;
mod fetch;
mod limits;
mod name;
mod read;
mod sender;
mod write;

pub use answer::{awaited_answers, is_claimed, is_waited_for, put_answer, wait_for_answer, withdraw_answer};
pub use clear::{discard, quarantine, take_attachment};
pub use fetch::fetch_beneath;
pub use limits::MailLimits;
pub use read::{Found, read_new};
pub use sender::{Sender, own_mailbox, own_native_id};
pub use write::{Draft, DraftFile, Durability, write_letter, write_letter_as};

#[cfg(test)]
mod tests;
