//! What Claude Code makes of a text: what would be a command to it, what it drops, wraps and merges, and how its box shows it.

use std::sync::LazyLock;

use icu_normalizer::ComposingNormalizerBorrowed;
use regex::Regex;
use unicode_width::UnicodeWidthChar;

use crate::agents::echo::is_most_of;

/// Before a text that would be a command. One blank is not enough: ` /help` opens the help.
const BEFORE_SLASH: &str = "> ";
/// Words that leave the program when they are the whole prompt, blanks round them or not.
const LEAVING: [&str; 6] = ["exit", "quit", ":q", ":q!", ":wq", ":wq!"];
/// Claude Code frames a long paste, and escapes such a frame where the text itself has one.
static FRAME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"<\\?/?pasted_content(?: id="[^"]*")?>"#).expect("a valid pattern"));
static PLACEHOLDER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\[Pasted text #\d+(?: \+(\d+) lines?)?\]$").expect("a valid pattern"));
/// A box in a small window shows a part of the text; so many characters of it have to be there.
const PART_CHARS_MIN: usize = 24;

/// The text to paste. Marks of writing direction make Claude Code stop and ask for a second Enter, so they stay behind.
pub fn prepared(text: &str) -> String {
    let mut text: String = text.chars().filter(|c| !is_direction_mark(*c)).collect();
    let trimmed = text.trim();
    if LEAVING.contains(&trimmed) {
        return format!("\"{trimmed}\"");
    }
    let first = trimmed.split_whitespace().next().unwrap_or_default();
    match first.chars().next() {
        // A path has a second slash and is no command.
        Some('/') if !first[1..].contains('/') => text = format!("{BEFORE_SLASH}{}", text.trim_start()),
        Some('!' | '#') => text.insert(0, ' '),
        _ => {}
    }
    // A backslash before Enter makes a new line; after `@word` Enter may complete a name. A blank at the end ends both.
    let last = text.split_whitespace().next_back().unwrap_or_default();
    if text.ends_with('\\') || (last.starts_with('@') && text.ends_with(last)) {
        text.push(' ');
    }
    text
}

/// What Claude Code itself makes of a text on its way to the model, without the blanks round it.
pub fn normalised(text: &str) -> String {
    let text = FRAME.replace_all(text, "");
    let text: String = text.chars().filter(|c| !is_invisible(*c)).collect();
    let text = text.replace('\t', "    ").replace(['\u{2028}', '\u{2029}'], "\n");
    let text = ComposingNormalizerBorrowed::new_nfc().normalize(&text).into_owned();
    // The frame brings line breaks of its own.
    text.trim().to_owned()
}

/// Whether the box shows `text`: in full, a part of it in a small window, or the placeholder of a long paste with its lines.
pub fn shows(shown: &str, text: &str) -> bool {
    let placeholder = PLACEHOLDER.captures(shown.trim());
    let (shown, wanted) = (visible(shown), visible(text));
    if shown == wanted {
        return true;
    }
    if let Some(found) = placeholder {
        let lines = found
            .get(1)
            .map_or(0, |lines| lines.as_str().parse().unwrap_or(usize::MAX));
        return lines == text.trim_end_matches(' ').matches('\n').count();
    }
    if shown.chars().count() >= PART_CHARS_MIN && wanted.contains(&shown) {
        return true;
    }
    !text.is_ascii() && is_most_of(&shown, &wanted)
}

/// Terminals wrap and pad, so blanks do not count, nor what has no width.
fn visible(text: &str) -> String {
    normalised(text)
        .chars()
        .filter(|c| !c.is_whitespace() && c.width().is_some_and(|width| width > 0))
        .collect()
}

fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What Claude Code drops, with or without saying so. Joiners and variation marks count as invisible on both sides: it keeps them
/// within an emoji and drops them elsewhere.
fn is_invisible(c: char) -> bool {
    is_direction_mark(c)
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{180e}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}' | '\u{feff}'
                | '\u{fe00}'..='\u{fe0f}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn prepares(text: &str, expected: &str) {
        assert_eq!(prepared(text), expected);
    }

    #[test]
    fn what_would_be_a_command_is_made_literal() {
        prepares("fix it", "fix it");
        prepares("/help me", "> /help me");
        prepares("  /compact", "> /compact");
        prepares("/etc/hosts is wrong", "/etc/hosts is wrong");
        prepares("!ls", " !ls");
        prepares("# note", " # note");
        prepares(" exit ", "\"exit\"");
        prepares("exit the loop", "exit the loop");
        prepares("ends with \\", "ends with \\ ");
        prepares("see @src/main.rs", "see @src/main.rs ");
        prepares("see @src for more", "see @src for more");
        prepares("a\u{202e}b\u{200f}c", "abc");
    }

    #[track_caller]
    fn are_one(text: &str, taken: &str) {
        assert_eq!(normalised(&prepared(text)), normalised(taken), "{text:?}");
    }

    #[test]
    fn what_it_takes_is_known_again() {
        are_one("e\u{301}t", "ét");
        are_one("a\tb", "a    b");
        are_one("zero\u{200b}width \u{ad}x", "zerowidth x");
        are_one("family 👩‍👩‍👧", "family 👩‍👩‍👧");
        are_one(
            "long",
            "\n\n<pasted_content id=\"eb40\">\nlong\n</pasted_content id=\"eb40\">\n",
        );
        are_one("a <pasted_content> b", "a <\\/pasted_content> b");
        are_one("trail  \n", "trail");
        assert_ne!(normalised("one"), normalised("two"));
    }

    #[test]
    fn the_box_shows_it() {
        assert!(shows("fix the login and\ntest it", "fix the login and test it"));
        assert!(!shows("fix the", "fix the login"));
        assert!(!shows("half typed fix it", "fix it"));
        assert!(shows("[Pasted text #3 +4 lines]", "a\nb\nc\nd\ne"));
        assert!(!shows("[Pasted text #3 +5 lines]", "a\nb\nc\nd\ne"));
        assert!(shows("[Pasted text #12]", &"x".repeat(900)));
        assert!(shows("[Pasted text #1 +4 lines]", "[Pasted text #1 +4 lines]"));
        let long = "word ".repeat(100);
        assert!(shows(&"word ".repeat(20), &long));
        assert!(shows("日本語 e\u{301}", "日本語 é"));
    }
}
