//! Text on its way to a terminal, and names made of text.

use sha2::{Digest, Sha256};

use super::ids::{SESSION_NAME_CHARS_MAX, SessionName};

/// A prompt that is safe to paste: no control characters but LF and TAB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sanitised {
    pub text: String,
    /// How many characters were taken out (a CR before a LF, or a lone CR made into a LF, does not count).
    pub stripped: u32,
}

/// Takes out what a terminal would act on: C0 but LF and TAB, DEL, and C1 (U+0080 to U+009F, which tmux passes through
/// raw in every version). Without ESC there can be no `ESC[201~` that would end the bracketed paste. CR LF and lone CR
/// become LF. Everything else stays to the byte.
pub fn sanitise(input: &str) -> Sanitised {
    let mut text = String::with_capacity(input.len());
    let mut stripped = 0;
    let mut chars = input.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                if chars.peek() != Some(&'\n') {
                    text.push('\n');
                }
            }
            '\n' | '\t' => text.push(c),
            c if c.is_control() => stripped += 1,
            c => text.push(c),
        }
    }
    Sanitised { text, stripped }
}

/// Makes a session name of a prompt or a repository: lower-case ASCII words joined by `-`, at most four words.
pub fn name_from(text: &str) -> SessionName {
    let words = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .take(4)
        .map(str::to_ascii_lowercase);
    let mut name = String::new();
    for word in words {
        let room = SESSION_NAME_CHARS_MAX.saturating_sub(8 + name.len());
        if room < word.len() + 1 && !name.is_empty() {
            break;
        }
        if !name.is_empty() {
            name.push('-');
        }
        name.extend(word.chars().take(room.max(1)));
    }
    if name.is_empty() {
        name.push_str("session");
    }
    name.parse().expect("made of a-z, 0-9 and `-` within the limit")
}

/// The candidate that is most like `word`, if one is like it at all.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(score, _)| *score > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// SHA-256 in lower-case hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    Sha256::digest(bytes).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a String takes every byte");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha256_of_a_known_text() {
        let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_hex(b"abc"), hex);
    }

    #[track_caller]
    fn check(input: &str, text: &str, stripped: u32) {
        let got = sanitise(input);
        assert_eq!((got.text.as_str(), got.stripped), (text, stripped));
    }

    #[test]
    fn sanitise_keeps_text_and_strips_controls() {
        check("plain `$(x)` #{y} %s ; -n \\", "plain `$(x)` #{y} %s ; -n \\", 0);
        check("a\tb\n\nc\r\nd\re", "a\tb\n\nc\nd\ne", 0);
        check("x\u{1b}[201~y\u{9b}z\u{7f}\0", "x[201~yz", 4);
        check("👩‍👩‍👧 e\u{301}", "👩‍👩‍👧 e\u{301}", 0);
    }

    #[test]
    fn names_are_always_valid() {
        assert_eq!(name_from("Fix the login, please! now").as_str(), "fix-the-login-please");
        assert_eq!(name_from("日本語").as_str(), "session");
        assert_eq!(name_from(&"x".repeat(200)).as_str().len(), 32);
    }
}
