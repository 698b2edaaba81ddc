//! Brings the program's screen into a form that rules can read.
//!
//! Everything of weight stands behind a bar `┃`: prompts that were sent, the box for text (closed by `╹▀▀▀`) and, in its place at the
//! bottom, questions. Beside them a side bar may stand, and above all of them a window may open. Only the lowest block counts.

use unicode_width::UnicodeWidthChar;

use crate::domain::dialog::{Dialog, DialogChoice, DialogKind, Meaning};
use crate::domain::screen::Screen;

use super::question;

const BAR: char = '┃';
/// Rows that are not blank and may stand below the box: the footer, or hints, a tip and the version.
const BELOW_BOX: usize = 5;
/// What the canonical form puts round the lowest block.
const TOP: &str = "╭───";
const BOX_END: &str = "╰▀▀▀";
const SHELL_END: &str = "╰!!!";
const QUESTION_END: &str = "╰───";
/// What a permission and its second question offer, with the keys; the first choice is always the selected one.
const PERMISSION_CHOICES: &[&str] = &["(Enter) Allow once", "(Right Enter) Allow always", "(Escape) Reject"];
const ALWAYS_CHOICES: &[&str] = &["(Enter) Confirm", "(Escape) Cancel"];
/// Columns that a window over the screen takes, where there are as many and two more: it stands in the middle.
const WINDOW_WIDTHS: &[usize] = &[60, 88, 116];
/// Columns from where the side bar's text begins to the edge of the screen.
const SIDE_BAR: usize = 40;
/// How the hint in the box of the first page begins.
const START_HINT: &str = "Ask anything";

/// The screen with its lowest block between the marks of a canonical form, its bars taken off.
pub fn canonical(screen: &Screen) -> Screen {
    let rows = without_side_bar(&screen.rows);
    let Some(block) = Block::lowest(&rows) else {
        return screen.clone();
    };
    let mut made: Vec<String> = rows[..block.start].to_vec();
    made.push(TOP.into());
    if block.is_box {
        made.extend(block.box_rows(&rows));
    } else {
        made.extend(question_rows(&block, &rows, screen));
        made.push(QUESTION_END.into());
    }
    made.extend(rows[block.end..].iter().skip(usize::from(block.is_box)).cloned());
    Screen {
        cursor: screen.cursor,
        cursor_shown: screen.cursor_shown,
        in_mode: screen.in_mode,
        dead: screen.dead,
        ..Screen::plain(made)
    }
}

/// Whether the box is the one of the first page, which alone has a hint in it.
pub fn is_start_page(screen: &Screen) -> bool {
    let first = |row: &String| {
        row.trim_start()
            .trim_start_matches('┃')
            .trim_start()
            .starts_with(START_HINT)
    };
    screen.rows.iter().any(first)
}

/// A window that stands over the screen (help, a list of models): it takes what is typed, though the box is still to be seen.
pub fn window(screen: &Screen) -> Option<Dialog> {
    let bar = screen.rows.iter().rev().find(|row| is_box_end(row))?;
    let side_bar = side_bar(&screen.rows).map(|column| column + SIDE_BAR);
    // The box has the same distance from both sides.
    let columns = side_bar.unwrap_or(indent(bar) + width(bar.trim_end()));
    let title = screen.rows.iter().find_map(|row| {
        let widths = WINDOW_WIDTHS
            .iter()
            .map(|window| (*window).min(columns.saturating_sub(2)));
        widths
            .into_iter()
            .find_map(|window| window_title(row, (columns - window) / 2, window))
    })?;
    let close = DialogChoice::new("Escape", "Close", Some(Meaning::Deny));
    Some(Dialog::new(DialogKind::Other, &title, "", vec![close]))
}

/// Its first row has a title on the left and the key that closes it on the right, both as far from the window's sides. The
/// screen behind it goes on beside it.
fn window_title(row: &str, start: usize, columns: usize) -> Option<String> {
    let inner = cropped(row, start + columns);
    let behind = cropped(row, start).len();
    // What is behind the window may end before it begins.
    let inner = inner.get(behind..)?.trim_start_matches(' ');
    let at = width(&cropped(row, start + columns)) - width(inner);
    let title = inner.strip_suffix("esc/enter").or_else(|| inner.strip_suffix("esc"))?;
    let ends_at = at + width(inner);
    let placed = [2, 4]
        .iter()
        .any(|margin| at == start + margin && ends_at + margin == start + columns);
    (placed && title.ends_with("   ")).then(|| title.trim().to_owned())
}

pub struct Block {
    start: usize,
    /// The row below the last one with a bar: of a box, the row that closes it.
    end: usize,
    is_box: bool,
}

impl Block {
    fn lowest(rows: &[String]) -> Option<Self> {
        let last = rows.iter().rposition(|row| !row.trim().is_empty())?;
        let mut below = rows[..=last]
            .iter()
            .enumerate()
            .rev()
            .filter(|(_, row)| !row.trim().is_empty());
        let closed = below.by_ref().take(BELOW_BOX + 1).find(|(_, row)| is_box_end(row));
        let (end, is_box) = match closed {
            Some((at, _)) => (at, true),
            None if is_barred(&rows[last]) => (last + 1, false),
            None => return None,
        };
        let column = indent(&rows[if is_box { end } else { last }]);
        let of_block = |row: &&String| is_barred(row) && indent(row) == column;
        let height = rows[..end].iter().rev().take_while(of_block).count();
        (height > 0).then_some(Self {
            start: end - height,
            end,
            is_box,
        })
    }

    /// The rows of the lowest block, if that is no box for text.
    pub fn question(rows: &[String]) -> Option<Vec<String>> {
        let rows = without_side_bar(rows);
        let block = Self::lowest(&rows)?;
        (!block.is_box).then(|| block.inner(&rows))
    }

    /// The row in the block in which the cursor is shown; beyond its rows where that is elsewhere.
    fn cursor(&self, screen: &Screen) -> Option<usize> {
        let below = usize::from(screen.cursor.1).checked_sub(self.start);
        screen.cursor_shown.then_some(below.unwrap_or(usize::MAX))
    }

    /// The rows without their bar and the two blanks behind it.
    fn inner(&self, rows: &[String]) -> Vec<String> {
        let inner = rows[self.start..self.end].iter().map(|row| {
            let row = row.trim_start().trim_start_matches(BAR);
            row.strip_prefix("  ").unwrap_or(row.trim_start()).trim_end().to_owned()
        });
        inner.collect()
    }

    /// The text, the end of the box, and below it what the box says of itself: the agent and model, in the last row.
    fn box_rows(&self, rows: &[String]) -> Vec<String> {
        let mut inner = self.inner(rows);
        let says = inner.pop().unwrap_or_default();
        let end = if says.starts_with("Shell") { SHELL_END } else { BOX_END };
        inner.push(end.into());
        inner.push(says);
        inner
    }
}

/// A permission's title moves below what it is about, and its buttons, which stand in one row, become choices with their keys. On a
/// small terminal the buttons are below the screen; their keys are the same.
fn question_rows(block: &Block, rows: &[String], screen: &Screen) -> Vec<String> {
    let inner = block.inner(rows);
    let Some(title) = inner.iter().position(|row| row.trim_start().starts_with('△')) else {
        return question::canonical(&inner, block.cursor(screen), block.end == rows.len());
    };
    let name = inner[title].trim_start_matches(['△', ' ']);
    let (button, choices) = match name {
        "Permission required" => ("Allow once", PERMISSION_CHOICES),
        "Always allow" => ("Confirm", ALWAYS_CHOICES),
        _ => return inner,
    };
    let buttons = inner.iter().rposition(|row| row.trim_start().starts_with(button));
    let mut rows: Vec<String> = inner[..title].to_vec();
    rows.extend_from_slice(&inner[title + 1..buttons.unwrap_or(inner.len())]);
    rows.push(name.to_owned());
    rows.push(String::new());
    rows.extend(choices.iter().map(|row| (*row).to_owned()));
    rows
}

/// Whether a permission shows its title alone: `# Shell command`, without the row `$ COMMAND`.
pub fn lacks_detail(dialog: &Dialog) -> bool {
    let mut rows = dialog.detail.lines().filter(|row| !row.trim().is_empty());
    dialog.kind == DialogKind::Permission
        && rows
            .next()
            .is_some_and(|row| row.trim_start().starts_with(['#', '%', '→']))
        && rows.next().is_none()
}

/// The side bar ends in the program's version, in one of the last rows: the column where it begins.
fn side_bar(rows: &[String]) -> Option<usize> {
    let mut last = rows.iter().rev().filter(|row| !row.trim().is_empty()).take(2);
    last.find_map(|row| row.find("   • OpenCode ").map(|at| width(&row[..at]) + 3))
}

/// What stands in the side bar's columns is cut off.
fn without_side_bar(rows: &[String]) -> Vec<String> {
    match side_bar(rows) {
        Some(column) => rows.iter().map(|row| cropped(row, column)).collect(),
        None => rows.to_vec(),
    }
}

fn cropped(row: &str, columns: usize) -> String {
    let mut used = 0;
    let kept: String = row
        .chars()
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= columns
        })
        .collect();
    kept.trim_end().to_owned()
}

fn is_barred(row: &str) -> bool {
    row.trim_start().starts_with(BAR)
}

fn is_box_end(row: &str) -> bool {
    row.trim_start().starts_with("╹▀▀▀")
}

fn indent(row: &str) -> usize {
    row.chars().take_while(|c| *c == ' ').count()
}

fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}
