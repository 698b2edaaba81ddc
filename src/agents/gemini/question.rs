//! The frame in which the program asks questions of the model's own, and how one is answered in it.
//!
//! A list never shows more than three of its rows; the others scroll. A number takes its row, or ticks it, also when it is out of sight.
//! Below the choices stands a row for a text of one's own, and below that, where several may be taken, the row that ends the choosing.
//! Arrows go round: from the first row up to the last one. In the row for a text a number is text.

use std::sync::LazyLock;

use regex::Regex;

use super::super::screens::OWN_WORDS;
use super::asked::Asked;
use crate::domain::dialog::{AnswerStep, Dialog, DialogAnswer, DialogChoice, DialogKind};
use crate::domain::screen::Screen;

const TITLE: &str = "Answer Questions";
/// What the row for a text shows while it is empty, unless the model gave it another hint.
const HINT: &str = "Enter a custom value";
/// The row that takes every choice stands right before the row for a text, where several may be taken of two or more.
pub const ALL: &str = "All of the above";
const REVIEW: &str = "Review your answers:";
const UNANSWERED: &str = "(not answered)";
/// Behind what was taken before, where one may be taken.
const TAKEN: &str = " ✓";
/// Characters and ends of lines of one paste: the row for a text shows its last three rows, and a longer paste as a placeholder.
const CHUNK_CHARS_MAX: usize = 40;
const CHUNK_LINES_MAX: usize = 1;

static CHOICE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^[● ] \d\. ").expect("a constant pattern"));
/// Ends the choosing, where several may be taken.
static DONE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^(?:● | {2}) ?Done$").expect("a constant pattern"));
/// What stands before the words in their row.
static OWN_ROW: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\s*│ (?:● \d\. (?:\[[ x]\]? *| )|> )").expect("a constant pattern"));
/// A long label goes on below itself, and left of what explains it; its box may be squeezed, too.
static LABEL_GOES_ON: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^(?: {5}\] {1,2}| {5}| {7}| {8})(\S.*)$").expect("a constant pattern"));

/// Whether the rows of a frame are a question's: by its title, or by its last row where the title is above the screen.
pub fn is_one(inner: &[&str], has_top: bool) -> bool {
    let mut filled = inner.iter().filter(|row| !row.trim().is_empty());
    if has_top {
        return filled.next().is_some_and(|row| row.trim() == TITLE);
    }
    let ends = |row: &&&str| row.starts_with("Enter to select · ") || row.starts_with("Enter to submit · ");
    filled.rev().take(3).any(|row| ends(&row))
}

/// The rows of its frame as rules read them: each label in one row, and without the names of the other questions.
pub fn plain(inner: &[&str]) -> Vec<String> {
    let mut rows: Vec<String> = Vec::with_capacity(inner.len());
    let mut label = None;
    for row in inner {
        let goes_on = LABEL_GOES_ON.captures(row).map(|found| found[1].to_owned());
        let is_tabs = row.starts_with('←') && row.ends_with('→');
        match (label, goes_on) {
            (Some(at), Some(rest)) => {
                let whole: &mut String = &mut rows[at];
                whole.push(' ');
                whole.push_str(&rest);
                rows.push(String::new());
            }
            _ => {
                label = CHOICE.is_match(row).then_some(rows.len());
                rows.push(if is_tabs { String::new() } else { (*row).to_owned() });
            }
        }
    }
    rows
}

/// The dialog with all of its choices, and with its row for a text, whose place and content no rule can know.
///
/// `screen` is without its frame; `holds`: words stand where the cursor is; `asked` knows the choices that are out of sight.
pub fn whole(dialog: Dialog, screen: &Screen, holds: bool, asked: &Asked) -> Dialog {
    if dialog.kind != DialogKind::Question || !dialog.free_text {
        return dialog;
    }
    let is_in = screen
        .rows
        .iter()
        .rev()
        .any(|row| row.starts_with("Enter to submit · "));
    let mut choices = dialog.choices.clone();
    let own = own_row(&choices, is_in.then_some(dialog.selected).flatten(), screen);
    for (at, choice) in choices.iter_mut().enumerate() {
        let label = choice.label.clone();
        let plain = label.strip_suffix(TAKEN).unwrap_or(&label);
        if own == Some(at) {
            let is_left = choice.checked || plain != label;
            choice.own_words = true;
            choice.checked = label != HINT && (if is_in { holds } else { is_left });
            OWN_WORDS.clone_into(&mut choice.label);
        } else {
            plain.clone_into(&mut choice.label);
        }
    }
    let mut selected = dialog.selected;
    let shown = Dialog {
        choices,
        ..dialog.clone()
    };
    let all = is_cut(screen).then(|| asked.choices(&shown)).flatten();
    let mut choices = all.unwrap_or_else(|| shown.choices.clone());
    if let Some(marked) = selected.and_then(|at| shown.choices.get(at)) {
        selected = choices.iter().position(|choice| choice.key == marked.key);
    }
    if choices.is_empty() {
        let mut own = DialogChoice::new("", OWN_WORDS, None);
        (own.own_words, own.checked) = (true, holds);
        choices.push(own);
        selected = Some(0);
    }
    Dialog {
        multi: dialog.multi,
        free_text: true,
        selected,
        ..Dialog::new(dialog.kind, &dialog.question, &dialog.detail, choices)
    }
}

/// Where the row for a text is: the mark is in it, or it shows its hint, or the end of the list is there.
fn own_row(choices: &[DialogChoice], marked: Option<usize>, screen: &Screen) -> Option<usize> {
    let last = choices.len().checked_sub(1)?;
    let is_last = choices[last].label == HINT || !is_cut(screen) || screen.rows.iter().any(|row| DONE.is_match(row));
    marked.or_else(|| is_last.then_some(last))
}

fn is_cut(screen: &Screen) -> bool {
    screen.rows.iter().any(|row| row.trim() == "▲")
}

/// Whether something stands in the row for a text, in which the cursor is: the cursor stands behind it. `screen` has its frame.
pub fn holds_words(screen: &Screen) -> bool {
    let (x, y) = (usize::from(screen.cursor.0), usize::from(screen.cursor.1));
    let before = screen.rows.get(y).map(|row| row.chars().take(x).collect::<String>());
    before.is_some_and(|before| {
        let words = OWN_ROW
            .find(&before)
            .map_or(before.as_str(), |head| &before[head.end()..]);
        !words.is_empty()
    })
}

/// Where the mark is.
#[derive(Clone, Copy)]
enum Mark {
    /// In a choice, counted from 0.
    Choice(usize),
    Own,
    /// In the row that ends the choosing.
    Done,
}

/// The steps, for answers of every kind to a question.
pub fn steps(dialog: &Dialog, answer: &DialogAnswer) -> Option<Vec<AnswerStep>> {
    if dialog.kind != DialogKind::Question || !dialog.free_text {
        return None;
    }
    let mark = mark(dialog)?;
    let mut steps = Vec::new();
    match answer {
        DialogAnswer::Choice(_) => {
            let choice = &dialog.choices[dialog.chosen(answer)?];
            if matches!(mark, Mark::Own) {
                press(&mut steps, "Down");
            }
            press(&mut steps, &choice.key);
        }
        DialogAnswer::Text(text) => {
            go_up(&mut steps, mark, false);
            write(&mut steps, dialog, text);
        }
        DialogAnswer::Several { choices, text } => several(&mut steps, dialog, mark, choices, text.as_deref())?,
        _ => return None,
    }
    Some(steps)
}

fn mark(dialog: &Dialog) -> Option<Mark> {
    match dialog.selected {
        _ if dialog.is_in_own_words() => Some(Mark::Own),
        Some(at) => position(&dialog.choices[at]).map(Mark::Choice),
        // The last row of a list of several has no number.
        None => dialog.multi.then_some(Mark::Done),
    }
}

fn position(choice: &DialogChoice) -> Option<usize> {
    choice.key.parse::<usize>().ok()?.checked_sub(1)
}

fn press(steps: &mut Vec<AnswerStep>, key: &str) {
    steps.push(AnswerStep::Key(key.to_owned()));
}

/// From the mark up, round the end of the list, to the row for a text.
fn go_up(steps: &mut Vec<AnswerStep>, mark: Mark, multi: bool) {
    let ups = match mark {
        Mark::Choice(at) => at + 1 + usize::from(multi),
        Mark::Done => 1,
        Mark::Own => 0,
    };
    (0..ups).for_each(|_| press(steps, "Up"));
}

/// Writes a text into its row, in which the mark is, in place of what stands there, and sends the answer off.
fn write(steps: &mut Vec<AnswerStep>, dialog: &Dialog, text: &str) {
    clear(steps, dialog);
    steps.extend(chunks(text.trim()).into_iter().map(AnswerStep::Text));
    press(steps, "Enter");
}

/// On an empty row this key would give the question up.
fn clear(steps: &mut Vec<AnswerStep>, dialog: &Dialog) {
    if holds_own(dialog) {
        press(steps, "C-c");
    }
}

fn holds_own(dialog: &Dialog) -> bool {
    dialog.choices.iter().any(|choice| choice.own_words && choice.checked)
}

fn several(
    steps: &mut Vec<AnswerStep>,
    dialog: &Dialog,
    mut mark: Mark,
    wanted: &[usize],
    text: Option<&str>,
) -> Option<()> {
    let ticks = ticks(dialog, wanted)?;
    if matches!(mark, Mark::Own) && !ticks.is_empty() {
        press(steps, "Down");
        mark = Mark::Done;
    }
    for choice in ticks {
        press(steps, &choice.key);
        mark = Mark::Choice(position(choice)?);
    }
    if let Some(text) = text {
        go_up(steps, mark, true);
        write(steps, dialog, text);
        return Some(());
    }
    // What somebody typed is not in the answer.
    if holds_own(dialog) || matches!(mark, Mark::Own) {
        go_up(steps, mark, true);
        clear(steps, dialog);
        press(steps, "Down");
    } else if let Mark::Choice(at) = mark {
        (0..=at).for_each(|_| press(steps, "Up"));
    }
    press(steps, "Enter");
    Some(())
}

/// What has to be ticked, or unticked, so that exactly these are.
fn ticks<'a>(dialog: &'a Dialog, wanted: &[usize]) -> Option<Vec<&'a DialogChoice>> {
    let all = all_row(dialog);
    let takes_all = all.is_some_and(|all| wanted.contains(&(all + 1)));
    let boxes = dialog
        .choices
        .iter()
        .enumerate()
        .filter(|(at, choice)| !choice.own_words && Some(*at) != all);
    let ticks = boxes.filter(|(at, choice)| choice.checked != (takes_all || wanted.contains(&(at + 1))));
    Some(ticks.map(|(_, choice)| choice).collect())
}

fn all_row(dialog: &Dialog) -> Option<usize> {
    let at = dialog.choices.iter().rposition(|choice| choice.label == ALL)?;
    (dialog.multi && position(&dialog.choices[at])? >= 2).then_some(at)
}

/// A text in pieces that the row for it shows whole.
fn chunks(text: &str) -> Vec<String> {
    let mut chunks = vec![String::new()];
    for c in text.chars() {
        let last = chunks.last_mut().expect("there is one from the start");
        let is_full =
            last.chars().count() >= CHUNK_CHARS_MAX || (c == '\n' && last.matches('\n').count() >= CHUNK_LINES_MAX);
        if is_full {
            chunks.push(c.to_string());
        } else {
            last.push(c);
        }
    }
    chunks
}

/// The last question is whether to send the answers off: its person has just given them.
pub fn confirm_keys(dialog: &Dialog) -> Option<Vec<String>> {
    let is_whole = dialog.question == REVIEW && !dialog.detail.contains(UNANSWERED);
    let submit = dialog.choices.first().filter(|_| is_whole)?;
    Some(vec![submit.key.clone()])
}

#[cfg(test)]
mod tests;
