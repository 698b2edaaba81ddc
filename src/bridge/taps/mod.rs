//! Buttons: what stands under a message, and what a tap does. A tap carries an id that nobody can guess; what it does is a row of
//! ours, bound to the message, the question or the dialog that it stood under, and done once.

mod action;
mod answers;
mod decide;
mod entry;
mod make;

/// Begins the name of whoever used the buttons of a dialog that went away by itself, and of one that was answered otherwise than by a
/// tap; a tap has the number of its update there.
pub(super) const NOBODY: &str = "0 ";
pub(super) const SOMEBODY: &str = "1 ";

pub(super) use action::Action;
pub(super) use answers::Answers;
pub(super) use decide::{Tap, asked_by, decide, person, ran};
pub(super) use entry::buttons as entry_buttons;
pub(super) use make::{ask_decided, decided, of_message, want_body};
