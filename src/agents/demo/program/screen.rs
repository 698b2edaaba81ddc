//! What stands on the screen: the transcript area that scrolls away, and the block below it that is redrawn.
//!
//! The block follows the last line of the transcript. A repaint goes up to its first row, erases from there, prints the new
//! lines and the block again; so lines that were printed once are the terminal's, and its history keeps them.

use std::collections::VecDeque;
use std::fmt::Write;

use super::terminal::Size;
use super::text::{printable, wrap};
use crate::agents::demo::look;

/// Lines kept for a repaint after a resize.
const LINES_MAX: usize = 400;
/// A longer line is cut into several.
const LINE_CHARS_MAX: usize = 2000;
/// More lines than this must not wait to be painted: the oldest kept ones would be lost.
pub const UNPAINTED_MAX: usize = 200;

/// The rows below the transcript, with the cursor's place in them (row, column).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Block {
    pub rows: Vec<String>,
    pub cursor: (usize, usize),
}

struct Line {
    gutter: &'static str,
    text: String,
}

#[derive(Default)]
pub struct Screen {
    lines: VecDeque<Line>,
    unpainted: usize,
    /// Rows from the block's first row to the cursor, as they stand on the terminal.
    rows_above_cursor: usize,
}

impl Screen {
    /// Adds a text to the transcript: `gutter` before its first row, blanks before the others.
    pub fn push(&mut self, gutter: &'static str, text: &str) {
        let mut gutter = gutter;
        for line in printable(text).split('\n') {
            let chars: Vec<char> = line.chars().collect();
            let mut parts = chars.chunks(LINE_CHARS_MAX);
            let first = parts.next().unwrap_or(&[]);
            for part in std::iter::once(first).chain(parts) {
                self.push_line(gutter, part.iter().collect());
                gutter = look::GUTTER_REST;
            }
        }
    }

    pub fn unpainted(&self) -> usize {
        self.unpainted
    }

    /// The bytes that bring the terminal up to date.
    pub fn paint(&mut self, block: &Block, size: Size) -> String {
        let mut out = String::from("\x1b[?25l");
        out.push_str(&self.erase());
        self.print(&mut out, block, size);
        out
    }

    /// The bytes that take the block away and leave the cursor in its place.
    pub fn erase(&mut self) -> String {
        match std::mem::take(&mut self.rows_above_cursor) {
            0 => "\r\x1b[J".into(),
            rows => format!("\r\x1b[{rows}A\x1b[J"),
        }
    }

    /// The same on a screen of another size, or one that somebody else wrote on: the end of the transcript is printed anew.
    pub fn repaint(&mut self, block: &Block, size: Size) -> String {
        let free = size.rows.saturating_sub(block.rows.len());
        let mut rows = 0;
        let shown = self.lines.iter().rev().take_while(|line| {
            rows += line.rows(size.columns).len();
            rows <= free
        });
        self.unpainted = shown.count();
        let mut out = String::from("\x1b[?25l\x1b[H\x1b[2J");
        self.print(&mut out, block, size);
        out
    }

    fn push_line(&mut self, gutter: &'static str, text: String) {
        self.lines.push_back(Line { gutter, text });
        self.unpainted += 1;
        if self.lines.len() > LINES_MAX {
            self.lines.pop_front();
            self.unpainted = self.unpainted.min(self.lines.len());
        }
    }

    fn print(&mut self, out: &mut String, block: &Block, size: Size) {
        let first = self.lines.len() - std::mem::take(&mut self.unpainted);
        for line in self.lines.range(first..) {
            for row in line.rows(size.columns) {
                out.push_str(&row);
                out.push_str("\r\n");
            }
        }
        // A block that is higher than the screen loses its first rows.
        let hidden = block.rows.len().saturating_sub(size.rows);
        let rows = &block.rows[hidden..];
        out.push_str(&rows.join("\r\n"));
        self.rows_above_cursor = block.cursor.0.saturating_sub(hidden);
        let below = rows.len().saturating_sub(1 + self.rows_above_cursor);
        if below > 0 {
            let _ = write!(out, "\x1b[{below}A");
        }
        let _ = write!(out, "\x1b[{}G\x1b[?25h", block.cursor.1 + 1);
    }
}

impl Line {
    fn rows(&self, columns: usize) -> Vec<String> {
        let text = wrap(&self.text, columns.saturating_sub(self.gutter.chars().count()));
        let gutters = std::iter::once(self.gutter).chain(std::iter::repeat(look::GUTTER_REST));
        gutters
            .zip(text)
            .map(|(gutter, row)| format!("{gutter}{row}"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { columns: 10, rows: 4 };

    fn block(rows: &[&str], cursor: (usize, usize)) -> Block {
        Block {
            rows: rows.iter().map(|&row| row.to_owned()).collect(),
            cursor,
        }
    }

    #[test]
    fn new_lines_are_printed_above_the_block() {
        let mut screen = Screen::default();
        screen.push("> ", "hello wide\nx");
        let painted = screen.paint(&block(&["a", "b", "c"], (1, 3)), SIZE);
        assert_eq!(
            painted,
            "\x1b[?25l\r\x1b[J> hello wi\r\n  de\r\n  x\r\na\r\nb\r\nc\x1b[1A\x1b[4G\x1b[?25h"
        );
        let painted = screen.paint(&block(&["d"], (0, 0)), SIZE);
        assert_eq!(painted, "\x1b[?25l\r\x1b[1A\x1b[Jd\x1b[1G\x1b[?25h");
    }

    #[test]
    fn a_repaint_shows_what_fits() {
        let mut screen = Screen::default();
        screen.push("> ", "1\n2\n3\n4");
        screen.paint(&block(&["a"], (0, 0)), SIZE);
        let painted = screen.repaint(&block(&["a", "b"], (1, 0)), SIZE);
        assert_eq!(painted, "\x1b[?25l\x1b[H\x1b[2J  3\r\n  4\r\na\r\nb\x1b[1G\x1b[?25h");
        let painted = screen.repaint(&block(&["a", "b", "c", "d", "e"], (4, 0)), SIZE);
        assert_eq!(painted, "\x1b[?25l\x1b[H\x1b[2Jb\r\nc\r\nd\r\ne\x1b[1G\x1b[?25h");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut screen = Screen::default();
        screen.push("> ", &"x".repeat(5 * LINE_CHARS_MAX));
        assert_eq!(screen.lines.len(), 5);
        screen.push("> ", &"\n".repeat(3 * LINES_MAX));
        assert_eq!((screen.lines.len(), screen.unpainted()), (LINES_MAX, LINES_MAX));
    }
}
