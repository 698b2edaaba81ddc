//! Draws the block at the bottom: status, queue and prompt box, or a dialog in their place.

use super::dialog::Dialog;
use super::screen::Block;
use super::terminal::Size;
use super::text::{clip, columns, printable, wrap};
use crate::agents::demo::look;

/// Rows of the block beside the box's own text: status, two borders, hint.
const COMPOSER_FRAME: usize = 4;
/// Rows of a dialog beside its question and choices: two borders, the blank row, hint.
const DIALOG_FRAME: usize = 4;
/// Columns before the name of a choice: its mark and its number.
const CHOICE_COLUMNS: usize = 5;
/// How many waiting prompts are shown one by one.
const QUEUE_ROWS_MAX: usize = 3;

pub struct ComposerView<'a> {
    /// None while the agent is idle.
    pub status: Option<&'a str>,
    pub queue: &'a [String],
    pub shown: &'a str,
    pub hint: &'a str,
}

/// How many columns of text the prompt box has in one row.
pub fn box_width(size: Size) -> usize {
    size.columns.saturating_sub(look::BOX_COLUMNS).max(1)
}

/// How many characters of one column the prompt box can show.
pub fn box_room(size: Size) -> usize {
    box_width(size) * text_rows_max(size, 0)
}

pub fn composer(view: &ComposerView<'_>, size: Size) -> Block {
    let mut rows = vec![view.status.map_or(String::new(), |status| {
        clip(&format!("{}{status}", look::WORKING), size.columns)
    })];
    rows.extend(queue_rows(view.queue, size));
    let room = text_rows_max(size, rows.len() - 1);
    let mut text = wrap(&printable(view.shown), box_width(size));
    if text.len() > room {
        text.drain(..text.len() - room);
        text[0] = clip(&format!("…{}", text[0]), box_width(size));
    }
    rows.push(border(look::TOP_LEFT, "", look::TOP_RIGHT, size));
    let cursor_column = look::BOX_COLUMNS - 2 + columns(text.last().map_or("", String::as_str));
    for (index, row) in text.iter().enumerate() {
        let mark = if index == 0 {
            look::PROMPT_MARK
        } else {
            look::PROMPT_REST
        };
        rows.push(side_by_side(&format!("{mark}{row}"), size));
    }
    let cursor = (rows.len() - 1, cursor_column.min(size.columns.saturating_sub(1)));
    rows.push(border(look::BOTTOM_LEFT, "", look::BOTTOM_RIGHT, size));
    rows.push(clip(&format!("  {}", view.hint), size.columns));
    Block { rows, cursor }
}

pub fn dialog(dialog: &Dialog, size: Size) -> Block {
    let width = size.columns.saturating_sub(look::BOX_COLUMNS).max(1);
    let choices: Vec<Vec<String>> = (0..dialog.choices.len())
        .map(|at| wrap(&printable(&dialog.row(at)), width.saturating_sub(CHOICE_COLUMNS).max(1)))
        .collect();
    let choice_rows: usize = choices.iter().map(Vec::len).sum();
    let room = size.rows.saturating_sub(DIALOG_FRAME + choice_rows).max(1);
    let mut question = wrap(&printable(&dialog.question), width);
    if question.len() > room {
        question.truncate(room);
        question[room - 1] = "…".into();
    }
    let mut rows = vec![border(look::TOP_LEFT, dialog.title, look::TOP_RIGHT, size)];
    rows.extend(question.iter().map(|row| side_by_side(&format!(" {row}"), size)));
    rows.push(side_by_side("", size));
    let mut cursor = (0, 2);
    for (index, choice) in choices.iter().enumerate() {
        let chosen = index == dialog.selected;
        let mark = if chosen { look::CHOSEN } else { look::NOT_CHOSEN };
        if chosen {
            cursor.0 = rows.len();
        }
        rows.push(side_by_side(&format!(" {mark}{}. {}", index + 1, choice[0]), size));
        // What does not fit goes on below its name.
        rows.extend(
            choice[1..]
                .iter()
                .map(|row| side_by_side(&format!("      {row}"), size)),
        );
    }
    rows.push(border(look::BOTTOM_LEFT, "", look::BOTTOM_RIGHT, size));
    rows.push(clip(&format!("  {}", dialog.hint()), size.columns));
    Block { rows, cursor }
}

fn text_rows_max(size: Size, queue_rows: usize) -> usize {
    size.rows.saturating_sub(COMPOSER_FRAME + queue_rows).max(1)
}

/// One row for each waiting prompt, or one for all where the screen is low.
fn queue_rows(queue: &[String], size: Size) -> Vec<String> {
    let one_by_one = queue.len() <= QUEUE_ROWS_MAX && size.rows > COMPOSER_FRAME + 2 * QUEUE_ROWS_MAX;
    match queue {
        [] => Vec::new(),
        queue if one_by_one => {
            let row = |text: &String| clip(&format!("{}queued: {}", look::QUEUED, printable(text)), size.columns);
            queue.iter().map(row).collect()
        }
        queue => vec![clip(
            &format!("{}{} prompts queued", look::QUEUED, queue.len()),
            size.columns,
        )],
    }
}

fn border(left: char, title: &str, right: char, size: Size) -> String {
    let mut row = String::from(left);
    if !title.is_empty() {
        row.extend([look::LINE, ' ']);
        row.push_str(title);
        row.push(' ');
    }
    let used = row.chars().count() + 1;
    row.extend(std::iter::repeat_n(look::LINE, size.columns.saturating_sub(used)));
    row.push(right);
    row
}

/// A row of a box. The right side is put by its column, so it stands right whatever width the terminal gives the text.
fn side_by_side(text: &str, size: Size) -> String {
    format!("{}{text}\x1b[{}G{}", look::SIDE, size.columns, look::SIDE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::demo::program::keys::Key;
    use crate::agents::demo::reading;
    use crate::agents::signal;
    use crate::domain::screen::{Screen, ScreenReading};

    const SMALL: Size = Size { columns: 40, rows: 10 };

    /// What a terminal would show: the escape of the right side becomes blanks.
    fn rendered(block: &Block, size: Size) -> Screen {
        let row = |row: &String| match row.split_once("\x1b[") {
            Some((text, _)) => {
                let blanks = (size.columns - 1).saturating_sub(columns(text));
                format!("{text}{}{}", " ".repeat(blanks), look::SIDE)
            }
            None => row.clone(),
        };
        Screen::plain(block.rows.iter().map(row).collect())
    }

    #[track_caller]
    fn check(view: &ComposerView<'_>, size: Size, expected: ScreenReading) {
        let block = composer(view, size);
        assert!(block.rows.len() <= size.rows, "{block:?}");
        assert_eq!(reading::read(&rendered(&block, size)), expected, "{block:?}");
    }

    fn view<'a>(status: Option<&'a str>, queue: &'a [String], shown: &'a str) -> ComposerView<'a> {
        ComposerView {
            status,
            queue,
            shown,
            hint: "enter sends",
        }
    }

    #[test]
    fn what_is_drawn_is_read() {
        let wide = Size { columns: 100, rows: 30 };
        let queue = ["one".to_owned(), "two\nlines".to_owned()];
        for size in [wide, SMALL] {
            check(&view(None, &[], ""), size, ScreenReading::ComposerEmpty);
            check(&view(Some("Working…"), &queue, ""), size, ScreenReading::Busy);
            let long = "word ".repeat(30).trim_end().to_owned();
            let ScreenReading::ComposerHolds { shown } =
                reading::read(&rendered(&composer(&view(None, &[], &long), size), size))
            else {
                panic!("no text in the box");
            };
            assert!(reading::shows(&shown, &long), "{shown}");
        }
    }

    #[test]
    fn a_text_that_does_not_fit_shows_its_end_and_does_not_pass_for_whole() {
        let long: String = ('a'..='z').cycle().take(600).collect();
        let block = composer(&view(Some("Working…"), &["x".into()], &long), SMALL);
        assert_eq!(block.rows.len(), SMALL.rows);
        let ScreenReading::ComposerHolds { shown } = reading::read(&rendered(&block, SMALL)) else {
            panic!("no text in the box");
        };
        assert!(shown.starts_with('…') && !reading::shows(&shown, &long));
    }

    #[test]
    fn a_question_is_read_as_it_was_asked() {
        let mut asked = Dialog::question("which?", &["Red", "Dark blue"], true);
        asked.press(&Key::Char('2'));
        let read = |asked: &Dialog| match reading::read(&rendered(&dialog(asked, SMALL), SMALL)) {
            ScreenReading::Dialog(dialog) => dialog,
            other => panic!("{other:?}"),
        };
        let first = read(&asked);
        assert_eq!(
            (first.question.as_str(), first.multi, first.free_text),
            ("which?", true, true)
        );
        let choices: Vec<(&str, bool, bool)> = first
            .choices
            .iter()
            .map(|choice| (choice.label.as_str(), choice.checked, choice.own_words))
            .collect();
        assert_eq!(
            choices,
            [
                ("Red", false, false),
                ("Dark blue", true, false),
                ("(a text of your own)", false, true)
            ]
        );
        asked.press(&Key::Char('3'));
        asked.press(&Key::Paste(
            "a text that is wider than the small box of this test".into(),
        ));
        assert_eq!(read(&asked).digest, first.digest);
    }

    #[test]
    fn a_dialog_is_read_as_it_was_asked() {
        let question = "run `rm -rf build`?\n\n1. Yes";
        let asked = Dialog::new("Permission", question, &["Yes", "No"]);
        let block = dialog(&asked, SMALL);
        assert!(block.rows.len() <= SMALL.rows);
        let expected = ScreenReading::Dialog(signal::dialog(question, &["Yes".into(), "No".into()]));
        assert_eq!(reading::read(&rendered(&block, SMALL)), expected);
        let long = Dialog::new("Permission", &"why? ".repeat(100), &["Yes", "No"]);
        let block = dialog(&long, SMALL);
        assert_eq!(block.rows.len(), SMALL.rows);
        assert!(
            matches!(reading::read(&rendered(&block, SMALL)), ScreenReading::Dialog(dialog) if dialog.choices.len() == 2)
        );
    }
}
