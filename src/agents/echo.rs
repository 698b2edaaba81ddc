//! Whether a box shows a text: what the adapters compare has no blanks and nothing without a width, for terminals wrap and pad.

use unicode_width::UnicodeWidthChar;

/// At least this share of a text's characters must be shown where the terminal merges some.
const SHOWN_PERCENT_MIN: usize = 50;

/// The characters of a text that a person would see.
pub fn visible(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars()
        .filter(|c| !c.is_whitespace() && c.width().is_some_and(|width| width > 0))
}

/// Every shown character is in the text, in its order, and there are enough of them. A text of nothing that has a width shows as
/// nothing, or as whatever the terminal makes of it.
pub fn is_most_of(shown: &str, text: &str) -> bool {
    let mut rest = visible(text);
    let mut count = 0;
    for c in visible(shown).filter(|c| *c != char::REPLACEMENT_CHARACTER) {
        if !rest.any(|t| t == c) {
            return false;
        }
        count += 1;
    }
    count * 100 >= visible(text).count() * SHOWN_PERCENT_MIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_of_a_text_in_its_order() {
        assert!(visible("a\u{200b} b\n").eq("ab".chars()));
        assert!(is_most_of("grüße\u{fffd}", "grü ße👍"));
        assert!(is_most_of("ab", "ab cd"));
        assert!(!is_most_of("a", "ab cd"));
        assert!(!is_most_of("ba", "ab"));
    }
}
