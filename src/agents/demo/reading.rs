//! Reads the agent's rendered screen: which box stands at the bottom, and what is in it.
//!
//! Only a whole box whose sides stand in column 0 counts, and only the last one: text that an echoed prompt or a command's
//! output brings to the screen stands behind the gutter of the transcript area and above the box. A screen caught in the
//! middle of a repaint has no whole box and reads as `Unknown`.

use super::look;
use crate::agents::echo::{is_most_of, visible};
use crate::agents::screens::OWN_WORDS;
use crate::agents::signal;
use crate::domain::dialog::{Dialog, DialogChoice, DialogKind};
use crate::domain::screen::{Screen, ScreenReading};

pub fn read(screen: &Screen) -> ScreenReading {
    if screen.dead {
        return ScreenReading::Unknown;
    }
    let Some(last) = LastBox::find(&screen.rows) else {
        return ScreenReading::Unknown;
    };
    match last.kind {
        Kind::Dialog => dialog(last.inner),
        Kind::Question => question(last.inner),
        Kind::Composer => composer(&last),
    }
}

/// Whether the box shows `text`, or the placeholder of a paste with its numbers.
///
/// Blanks and characters without width do not count: the terminal wraps, pads and merges them. Terminals also lose and merge
/// parts of emoji and of joined scripts (tmux 3.3a drops the fourth member of a family), so of a text that is not plain ASCII the
/// box must show nothing that is not in it, in its order, and most of it. That the text arrived exactly is proven by the hook.
pub fn shows(shown: &str, text: &str) -> bool {
    if look::placeholder_fits(shown, text) || visible(shown).eq(visible(text)) {
        return true;
    }
    !text.is_ascii() && is_most_of(shown, text)
}

enum Kind {
    Composer,
    Dialog,
    Question,
}

struct LastBox<'a> {
    kind: Kind,
    /// The rows between the borders.
    inner: &'a [String],
    /// The rows above the box.
    above: &'a [String],
}

impl<'a> LastBox<'a> {
    fn find(rows: &'a [String]) -> Option<Self> {
        let last = rows.iter().rposition(|row| !row.trim().is_empty())?;
        // One row of hints may stand below the box.
        let bottom = (last.saturating_sub(1)..=last)
            .rev()
            .find(|&i| is_border(&rows[i], look::BOTTOM_LEFT, look::BOTTOM_RIGHT))?;
        let sides = rows[..bottom]
            .iter()
            .rev()
            .take_while(|row| row.starts_with(look::SIDE) && row.ends_with(look::SIDE))
            .count();
        let top = (bottom - sides).checked_sub(1)?;
        let whole = sides > 0
            && is_border(&rows[top], look::TOP_LEFT, look::TOP_RIGHT)
            && rows[top].chars().count() == rows[bottom].chars().count();
        let title = rows[top].chars().nth(1) == Some(look::LINE) && rows[top].chars().nth(2) == Some(' ');
        whole.then(|| Self {
            kind: match title {
                true if rows[top].contains(look::QUESTION) => Kind::Question,
                true => Kind::Dialog,
                false => Kind::Composer,
            },
            inner: &rows[top + 1..bottom],
            above: &rows[..top],
        })
    }
}

fn is_border(row: &str, left: char, right: char) -> bool {
    row.starts_with(left) && row.ends_with(right)
}

fn composer(last: &LastBox<'_>) -> ScreenReading {
    let mut shown: String = last
        .inner
        .iter()
        .map(|row| between_sides(row, look::PROMPT_MARK.len()))
        .collect();
    shown.truncate(shown.trim_end().len());
    if !shown.is_empty() {
        return ScreenReading::ComposerHolds { shown };
    }
    let status = last.above.iter().rev().find(|row| !row.starts_with(look::QUEUED));
    match status {
        Some(row) if row.starts_with(look::WORKING.trim_end()) => ScreenReading::Busy,
        _ => ScreenReading::ComposerEmpty,
    }
}

/// The text of a row without its sides, a mark of `mark` columns (ASCII) and the blank before the right side.
fn between_sides(row: &str, mark: usize) -> String {
    let row = row.strip_prefix(look::SIDE).unwrap_or(row);
    let row = row.strip_suffix(look::SIDE).unwrap_or(row);
    let row = row.strip_suffix(' ').unwrap_or(row);
    row.get(mark..).unwrap_or("").to_owned()
}

fn dialog(inner: &[String]) -> ScreenReading {
    let (question, rows) = asked(inner);
    let choices: Vec<String> = rows.iter().filter_map(|row| choice(row)).collect();
    ScreenReading::Dialog(signal::dialog(&question, &choices))
}

/// A question of the agent's own: its last choice is the row for a text, and boxes before the others say that several may be taken.
fn question(inner: &[String]) -> ScreenReading {
    let (question, rows) = asked(inner);
    let selected = rows
        .iter()
        .filter(|row| choice(row).is_some())
        .position(|row| row.starts_with(look::CHOSEN));
    let names: Vec<String> = rows.iter().filter_map(|row| choice(row)).collect();
    let multi = names.iter().any(|name| ticked(name).is_some());
    let mut choices: Vec<DialogChoice> = names
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let (checked, name) = ticked(name).unwrap_or((false, name));
            let mut choice = DialogChoice::new(&(at + 1).to_string(), name, None);
            choice.checked = checked;
            choice
        })
        .collect();
    if let Some(own) = choices.last_mut() {
        own.own_words = true;
        OWN_WORDS.clone_into(&mut own.label);
    }
    let mut dialog = Dialog::new(DialogKind::Question, &question, "", choices);
    (dialog.multi, dialog.free_text, dialog.selected) = (multi, true, selected);
    ScreenReading::Dialog(dialog)
}

/// `[x] name`.
fn ticked(name: &str) -> Option<(bool, &str)> {
    let on = name.strip_prefix(look::TICKED).map(|name| (true, name));
    on.or_else(|| name.strip_prefix(look::NOT_TICKED).map(|name| (false, name)))
}

/// Above the last blank row stands the question, below it the choices.
fn asked(inner: &[String]) -> (String, Vec<String>) {
    let rows: Vec<String> = inner
        .iter()
        .map(|row| between_sides(row, 1).trim_end().to_owned())
        .collect();
    let blank = rows.iter().rposition(String::is_empty);
    let (question, choices) = rows.split_at(blank.unwrap_or(0));
    (question.join("\n"), choices.to_vec())
}

/// `❯ 1. Yes` or `  2. No`.
fn choice(row: &str) -> Option<String> {
    let row = row.trim_start_matches(look::CHOSEN.trim_end()).trim_start();
    let (number, text) = row.split_once(". ")?;
    number.bytes().all(|b| b.is_ascii_digit()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
