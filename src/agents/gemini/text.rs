//! What the program makes of a prompt, and what its box shows of one.

use super::question;
use crate::agents::echo::{is_most_of, visible};

use crate::domain::screen::Screen;

/// Put before a word that the program would take for a command. It has no width, and the program keeps it.
const WORD_JOINER: char = '\u{2060}';
/// From more lines or characters on, the box shows a pasted text as a placeholder.
const PASTE_LINES_MAX: usize = 5;
const PASTE_CHARS_MAX: usize = 500;

/// Stands for the upper edge of a question's frame, for the rules to know it by.
const QUESTION_TOP: &str = "╭─── Answer Questions";

/// What is pasted for this prompt: literal, and such that Enter submits it.
///
/// * A first word like `/help` would be run as a command, also with blanks before it. One with a second slash is a path, and no
///   command.
/// * After a word with `@` a list of completions may be open, and Enter would take one; after a backslash Enter makes
///   a line. A blank at the end prevents both; the program cuts it off again.
pub fn prepared(text: &str) -> String {
    let mut prepared = String::with_capacity(text.len() + 4);
    let first = text.split_whitespace().next().unwrap_or("");
    let is_command = first
        .strip_prefix('/')
        .is_some_and(|rest| !rest.contains('/') && !rest.starts_with('*'));
    if is_command {
        prepared.push(WORD_JOINER);
        prepared.push_str(text.trim_start());
    } else {
        prepared.push_str(text);
    }
    let last = text.rsplit(char::is_whitespace).next().unwrap_or("");
    if last.contains('@') || last.ends_with('\\') {
        prepared.push(' ');
    }
    prepared
}

/// What reaches the model: without control and direction characters, ends of lines as LF, blanks at both ends cut; and, where the
/// person's settings escape a pasted `@`, without its backslash.
pub fn normalised(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n").replace("\\@", "@");
    let kept: String = text.chars().filter(|c| !is_dropped(*c)).collect();
    kept.trim().to_owned()
}

fn is_dropped(c: char) -> bool {
    matches!(c,
        '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{80}'..='\u{9f}'
        | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Whether the box shows `text`, or the placeholder of a paste of its size.
///
/// Blanks and characters without width do not count: the box wraps, the terminal pads and merges. Of a text that is not plain ASCII
/// the box must show nothing that is not in it, in its order, and most of it. That it arrived exactly is proven by the hook.
pub fn shows(shown: &str, text: &str) -> bool {
    is_placeholder(shown.trim(), text)
        || visible(shown).eq(visible(text))
        || (!text.is_ascii() && is_most_of(shown, text))
}

/// `[Pasted Text: 60 lines]` or `[Pasted Text: 3000 chars]`, with ` #2` for a second one of the same size. Blanks after the text may
/// stand behind it.
fn is_placeholder(shown: &str, text: &str) -> bool {
    let Some(inner) = shown
        .strip_prefix("[Pasted Text: ")
        .and_then(|rest| rest.strip_suffix(']'))
    else {
        return false;
    };
    let size = inner.split_once(" #").map_or(inner, |(size, _)| size);
    let text: String = text.chars().filter(|c| !is_dropped(*c)).collect();
    let (lines, chars) = (text.split('\n').count(), text.encode_utf16().count());
    if lines > PASTE_LINES_MAX {
        size == format!("{lines} lines")
    } else {
        chars > PASTE_CHARS_MAX && size == format!("{chars} chars")
    }
}

/// Redrawing near the end of the screen, the program may leave old rows below its own. The cursor always stands in its box, so what
/// is below the first lower edge under the cursor and its two rows of footer is not there. In a dialog the cursor stands below it.
pub fn without_ghosts(screen: &Screen) -> Screen {
    let cursor = usize::from(screen.cursor.1);
    let mut seen = screen.clone();
    let below = screen.rows.iter().enumerate().skip(cursor);
    let edge = below.clone().find(|(_, row)| row.starts_with("▀▀▀")).map(|(at, _)| at);
    let Some(edge) = edge else { return seen };
    let footer = screen.rows[edge + 1..]
        .iter()
        .take_while(|row| !row.starts_with('▀'))
        .take(2)
        .count();
    for row in (edge + 1 + footer)..seen.rows.len() {
        seen.rows[row].clear();
        if let Some(strong) = seen.strong.get_mut(row) {
            strong.clear();
        }
    }
    seen
}

/// Without the frame of the dialog that ends the screen, if one does, so that rules see its rows as they are read. A row about hidden
/// lines may stand below it. What stands outside of it keeps its frames.
pub fn unframed(mut screen: Screen) -> Screen {
    let filled = screen
        .rows
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, row)| !row.trim().is_empty());
    let Some((last, _)) = filled.take(2).find(|(_, row)| row.trim_start().starts_with("╰──")) else {
        return screen;
    };
    for row in &mut screen.rows[last + 1..] {
        row.clear();
    }
    let indent = screen.rows[last].len() - screen.rows[last].trim_start().len();
    screen.rows[last].drain(..indent);
    let sides = |row: &&String| row.trim_start().starts_with('│');
    let height = screen.rows[..last].iter().rev().take_while(sides).count();
    let top = (last - height).checked_sub(1);
    let first = last - height;
    let inner: Vec<&str> = screen.rows[first..last].iter().map(|row| inner(row)).collect();
    let is_question = question::is_one(&inner, top.is_some());
    let plain = match is_question {
        true => question::plain(&inner),
        false => inner.into_iter().map(|row| without_edges(row.trim())).collect(),
    };
    screen.rows.splice(first..last, plain);
    match top {
        Some(top) => {
            let edge = screen.rows[top].trim_start().to_owned();
            screen.rows[top] = if is_question { QUESTION_TOP.to_owned() } else { edge };
        }
        // Its upper edge is above the screen.
        None if is_question => {
            screen.rows.insert(0, QUESTION_TOP.to_owned());
            screen.strong.insert(0, String::new());
            screen.cursor.1 += 1;
        }
        None => {}
    }
    screen
}

/// What stands between the sides of a frame, with its margin at the left.
fn inner(row: &str) -> &str {
    let row = row.trim().trim_start_matches('│').trim_end_matches('│');
    row.strip_prefix(' ').unwrap_or(row).trim_end()
}

/// A frame within a frame is none to read.
fn without_edges(row: &str) -> String {
    let inner = row.trim_matches(['│', ' ']);
    let is_edge = inner.chars().all(|c| matches!(c, '╭' | '╮' | '╰' | '╯' | '─'));
    if is_edge { String::new() } else { inner.to_owned() }
}
