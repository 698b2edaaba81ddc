//! A pane's rendered screen, and what an agent's adapter reads from it.

/// A capture of the visible part of a pane: what a person would see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Screen {
    /// Rows from top to bottom, trailing blanks cut.
    pub rows: Vec<String>,
    /// Zero-based column and row.
    pub cursor: (u16, u16),
    /// A person has the pane in copy mode or another tmux mode: keys would go there.
    pub in_mode: bool,
    pub dead: bool,
}

impl Screen {
    pub fn text(&self) -> String {
        let last = self.rows.iter().rposition(|row| !row.trim().is_empty());
        self.rows[..last.map_or(0, |i| i + 1)].join("\n")
    }

    /// The last `n` rows that are not blank.
    pub fn last_rows(&self, n: usize) -> Vec<&str> {
        let mut rows: Vec<&str> = self
            .rows
            .iter()
            .rev()
            .map(|row| row.trim_end())
            .filter(|row| !row.is_empty())
            .take(n)
            .collect();
        rows.reverse();
        rows
    }
}

/// What an adapter reads from a screen. Hooks are the first authority; this is the second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScreenReading {
    /// The agent's box is there and empty.
    ComposerEmpty,
    /// The agent's box holds text that is not yet submitted. `shown` is what can be read of it (a placeholder for long
    /// pastes).
    ComposerHolds { shown: String },
    /// A dialog is open; typed text would answer it.
    Dialog { text: String, choices: Vec<String> },
    /// The agent works: it shows no box for text, or an empty one whose text would only be queued.
    Busy,
    /// Nothing that the adapter knows.
    Unknown,
}
