//! Checksums of what goes out: a bit that flipped on the disk must not become a prompt, a message or another address.

use sha2::{Digest, Sha256};

use super::fault::damaged;
use crate::domain::fault::Result;

pub(super) const SEAL_BYTES: usize = 32;

/// Builds the SHA-256 of a row's content. Each field goes in with its length, so that no two contents have one seal.
pub(super) struct Seal(Sha256);

impl Seal {
    /// `table` keeps a row of one table from passing for a row of another.
    pub(super) fn of(table: &str) -> Self {
        Self(Sha256::new()).text(table)
    }

    pub(super) fn text(mut self, field: &str) -> Self {
        self.0.update([1]);
        self.0.update((field.len() as u64).to_le_bytes());
        self.0.update(field.as_bytes());
        self
    }

    pub(super) fn maybe_text(mut self, field: Option<&str>) -> Self {
        match field {
            Some(field) => self.text(field),
            None => {
                self.0.update([0]);
                self
            }
        }
    }

    pub(super) fn integer(mut self, field: i64) -> Self {
        self.0.update([2]);
        self.0.update(field.to_le_bytes());
        self
    }

    pub(super) fn maybe_integer(mut self, field: Option<i64>) -> Self {
        match field {
            Some(field) => self.integer(field),
            None => {
                self.0.update([0]);
                self
            }
        }
    }

    pub(super) fn finish(self) -> [u8; SEAL_BYTES] {
        self.0.finalize().into()
    }

    /// `row` says in words which row it is.
    pub(super) fn check(self, stored: &[u8], row: impl std::fmt::Display) -> Result<()> {
        if self.finish() == stored {
            Ok(())
        } else {
            Err(damaged(row))
        }
    }
}
