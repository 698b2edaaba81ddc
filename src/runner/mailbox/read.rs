//! The daemon's half: hostile input.

use std::path::Path;

use crate::domain::fault::Result;
use crate::domain::letter::{Answer, Attachment, Letter};

#[derive(Debug)]
pub enum Found {
    Letter {
        file: String,
        letter: Box<Letter>,
    },
    /// Not a letter, with the reason (a link, a FIFO, too long, not JSON, a forged name ...).
    Bad {
        file: String,
        reason: String,
    },
    /// A letter of a newer version: stays where it is and is reported.
    Newer {
        file: String,
        version: u32,
    },
}

/// What lies in `mail/new`, in name order, at most `limit` files. Never follows a link, never blocks.
pub fn read_new(_mail: &Path, _limit: usize) -> Result<Vec<Found>> {
    todo!()
}

/// Removes a taken letter (and its attachments, which were copied out before).
pub fn discard(_mail: &Path, _file: &str, _attachments: &[Attachment]) -> Result<()> {
    todo!()
}

/// Moves a bad file into `<launch>/quarantine/` under a safe name, bounded in number; what cannot be moved is unlinked.
pub fn quarantine(_mail: &Path, _file: &str) -> Result<()> {
    todo!()
}

/// Copies an attachment out of `att/` to `to` (0600, synced) without following links: regular, one link, within the limit.
pub fn take_attachment(_mail: &Path, _attachment: &Attachment, _to: &Path) -> Result<u64> {
    todo!()
}

/// Writes `answers/<id>.json`. False when the waiter gave up before: the answer must become a prompt.
pub fn put_answer(_mail: &Path, _answer: &Answer) -> Result<bool> {
    todo!()
}
