//! Text with formatting beside it: entities count in UTF-16 code units, as the Bot API does. Formatting that is beside the
//! text cannot break it; markup inside it could.

use super::table::TableAt;
use crate::domain::message::{Entity, EntityStyle};

/// A text and its formatting.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rich {
    pub text: String,
    pub entities: Vec<Entity>,
    /// The tables that the text shows, each in its place.
    pub tables: Vec<TableAt>,
}

impl Rich {
    pub fn plain(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// Its length in UTF-16 code units.
    pub fn units(&self) -> usize {
        units(&self.text)
    }

    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    pub fn push_styled(&mut self, text: &str, style: EntityStyle) {
        let offset = self.units();
        self.text.push_str(text);
        let length = units(text);
        if length > 0 {
            self.entities.push(Entity { offset, length, style });
        }
    }

    pub fn append(&mut self, other: Rich) {
        let by = self.units();
        self.text.push_str(&other.text);
        self.entities.extend(other.entities.into_iter().map(|entity| Entity {
            offset: entity.offset + by,
            ..entity
        }));
        self.tables.extend(other.tables.into_iter().map(|at| TableAt {
            offset: at.offset + by,
            ..at
        }));
    }
}

/// The length of a text in UTF-16 code units.
pub fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// The byte at which a text has `units` UTF-16 code units before it; its end, if it is shorter.
pub fn byte_at(text: &str, units: usize) -> usize {
    let mut left = units;
    for (at, c) in text.char_indices() {
        if left < c.len_utf16() {
            return at;
        }
        left -= c.len_utf16();
    }
    text.len()
}
