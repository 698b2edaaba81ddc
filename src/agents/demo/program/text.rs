//! Text to rows of the screen: nothing that a terminal would act on, cut to a width.

use unicode_width::UnicodeWidthChar;

/// Columns of a tab.
const TAB: &str = "    ";
/// Stands for a control character.
const CONTROL: char = '·';
/// The variation selector that makes a character an emoji of two columns, in some terminals.
const EMOJI_SELECTOR: char = '\u{fe0f}';

/// A text without its escape sequences and control characters; line feeds stay.
pub fn printable(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\x1b' if chars.next_if_eq(&'[').is_some() => {
                // Parameters up to and with the final byte.
                while chars.next_if(|c| !('@'..='~').contains(c)).is_some() {}
                chars.next();
            }
            '\r' if chars.peek() == Some(&'\n') => {}
            '\t' => clean.push_str(TAB),
            '\n' => clean.push('\n'),
            c if c.is_control() => clean.push(CONTROL),
            c => clean.push(c),
        }
    }
    clean
}

/// Cuts a printable text into rows of at most `width` columns. At least one row; a line feed begins a new one.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    text.split('\n')
        .flat_map(|line| wrap_line(line, width.max(1)))
        .collect()
}

/// The begin of a text's first line, at most `width` columns, with `…` when something is missing.
pub fn clip(text: &str, width: usize) -> String {
    let mut rows = wrap(text, width.saturating_sub(1)).into_iter();
    let first = rows.next().unwrap_or_default();
    if rows.next().is_some() { first + "…" } else { first }
}

/// How many columns a text takes at most: where terminals differ, the larger number.
pub fn columns(text: &str) -> usize {
    text.chars().map(char_columns).sum()
}

fn wrap_line(line: &str, width: usize) -> Vec<String> {
    let mut rows = vec![String::new()];
    let mut used = 0;
    for c in line.chars() {
        let columns = char_columns(c);
        if used + columns > width && used > 0 {
            rows.push(String::new());
            used = 0;
        }
        used += columns;
        rows.last_mut().expect("never empty").push(c);
    }
    rows
}

fn char_columns(c: char) -> usize {
    match c {
        EMOJI_SELECTOR => 1,
        c => c.width().unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_nothing() {
        assert_eq!(
            printable("a\x1b[1;31mred\x1b[0m\tb\r\nc\rd\x07\u{9b}2J"),
            "ared    b\nc·d··2J"
        );
        assert_eq!(printable("\x1b]0;x"), "·]0;x");
        assert_eq!(printable("cut \x1b[3"), "cut ");
    }

    #[test]
    fn rows_never_exceed_the_width() {
        assert_eq!(wrap("abcdef\n\ngh", 4), ["abcd", "ef", "", "gh"]);
        assert_eq!(wrap("日本語", 5), ["日本", "語"]);
        assert_eq!(wrap("", 4), [""]);
        assert_eq!(wrap("日", 1), ["日"]);
        assert_eq!(wrap("e\u{301}x", 2), ["e\u{301}x"]);
    }

    #[test]
    fn clipping_tells_that_something_is_missing() {
        assert_eq!(clip("abc", 4), "abc");
        assert_eq!(clip("abcdef", 4), "abc…");
        assert_eq!(clip("ab\ncd", 4), "ab…");
    }
}
