//! What the program makes of a prompt, and what its box shows of one.

use crate::agents::echo::{is_most_of, visible};

/// Words that, alone in the box, end the program.
const ENDING: &[&str] = &["exit", "quit", ":q"];
/// Put behind such a word. It has no width, and the program keeps it.
const WORD_JOINER: char = '\u{2060}';

/// What is pasted for this prompt: literal, and such that Enter submits it.
///
/// * A text that begins with `/` may be a command; with a blank before it, it is none.
/// * After a word with `@` a list of files may be open, and Enter would take one. A blank closes it.
/// * `exit` and the like alone would end the program, also with blanks round them.
pub fn prepared(text: &str) -> String {
    let mut prepared = String::with_capacity(text.len() + 4);
    if text.starts_with('/') {
        prepared.push(' ');
    }
    prepared.push_str(text);
    if ENDING.contains(&text.trim()) {
        prepared.push(WORD_JOINER);
    }
    let last = text.rsplit(char::is_whitespace).next().unwrap_or("");
    if last.contains('@') {
        prepared.push(' ');
    }
    prepared
}

/// Whether the box shows `text`, the end of it that fits, or the placeholder of a paste.
///
/// Blanks and characters without width do not count: the box wraps, the terminal pads and merges. Of a text that is not plain ASCII
/// the box must show nothing that is not in it, in its order, and most of it. That it arrived exactly is proven by the plugin.
pub fn shows(shown: &str, text: &str) -> bool {
    is_placeholder(shown.trim(), text)
        || visible(shown).eq(visible(text))
        || (!text.is_ascii() && is_most_of(shown, text))
        || is_chosen_command(shown, text)
}

/// A command of its own opens a list above it within the box; Enter takes the first row of that.
fn is_chosen_command(shown: &str, text: &str) -> bool {
    let mut rows = shown.lines().map(str::trim).filter(|row| !row.is_empty());
    let first = rows.next().and_then(|row| row.split_whitespace().next());
    text.starts_with('/') && first == Some(text.trim()) && rows.next_back() == Some(text.trim())
}

/// `[Pasted ~4 lines]`: it counts the ends of lines of the text without the blanks at its ends.
fn is_placeholder(shown: &str, text: &str) -> bool {
    let count = shown
        .strip_prefix("[Pasted ~")
        .and_then(|rest| rest.strip_suffix(" lines]"));
    let lines = text.trim().split('\n').count();
    count
        .and_then(|count| count.parse::<usize>().ok())
        .is_some_and(|count| count == lines || count == lines + 1)
}
