//! What a mailbox takes, told to those who write into it by a file in it: they know neither the daemon nor its configuration.
//!
//! The agent may change the file, so it can only lower what the code allows at most; the reading half holds the code's limits.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::letter::{FILE_BYTES_MAX, LETTER_BYTES_MAX};
use crate::runner::files;

/// Letters that may wait in one mailbox where nothing else was said.
const LETTERS_MAX: usize = 10_000;
const FILE: &str = "limits.json";
const FILE_LENGTH_MAX: u64 = 4096;

/// The keys `letter_bytes`, `file_bytes` and `letters_max` of `[limits]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MailLimits {
    pub letter_bytes: usize,
    pub file_bytes: u64,
    /// Messages and questions that may wait; events of hooks are not refused for it, for they carry evidence.
    pub letters_max: usize,
}

impl Default for MailLimits {
    fn default() -> Self {
        Self {
            letter_bytes: LETTER_BYTES_MAX,
            file_bytes: FILE_BYTES_MAX,
            letters_max: LETTERS_MAX,
        }
    }
}

impl MailLimits {
    /// Tells the writers of this mailbox.
    pub fn set(self, mail: &Path) -> Result<()> {
        let text = serde_json::to_vec(&self).map_err(|error| Fault::new(Kind::Failure, error.to_string()))?;
        let (tmp, file) = (mail.join("tmp").join(FILE), mail.join(FILE));
        std::fs::write(&tmp, text)
            .and_then(|()| std::fs::rename(&tmp, &file))
            .map_err(|error| Fault::io(format_args!("writing {}", file.display()), &error))
    }

    pub(super) fn of(mail: &Path) -> Self {
        let read = files::read_limited(&mail.join(FILE), FILE_LENGTH_MAX).ok().flatten();
        let told: Self = read
            .and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or_default();
        Self {
            letter_bytes: told.letter_bytes.min(LETTER_BYTES_MAX),
            file_bytes: told.file_bytes.min(FILE_BYTES_MAX),
            ..told
        }
    }

    /// Errors: `OverLimit` when the mailbox is full: the daemon is down or stuck, and the disk must not fill up meanwhile.
    pub(super) fn check_room(&self, mail: &Path) -> Result<()> {
        let waiting = std::fs::read_dir(mail.join("new")).map_or(0, |entries| entries.take(self.letters_max).count());
        if waiting < self.letters_max {
            return Ok(());
        }
        Err(Fault::new(
            Kind::OverLimit,
            format!("{waiting} letters wait in the mailbox, which is its limit"),
        )
        .hint("TeleCoder's daemon does not take them; start it with: telecoder list"))
    }
}
