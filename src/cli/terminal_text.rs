//! Takes out of text what would act on a terminal: escape sequences as a whole, and every control character but LF and TAB.

use std::io::{self, Write};

/// Text that only shows.
pub fn plain(text: &str) -> String {
    let mut kept = Vec::with_capacity(text.len());
    Stripper::new(&mut kept)
        .write_all(text.as_bytes())
        .expect("a vector takes everything");
    String::from_utf8_lossy(&kept).into_owned()
}

/// The same on one line.
pub fn one_line(text: &str) -> String {
    plain(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Passes on what only shows. Sequences may be cut anywhere between two writes.
pub struct Stripper<W> {
    inner: W,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Text,
    /// After ESC.
    Escape,
    /// In `ESC [ …`, up to its final byte.
    Csi,
    /// In a string (OSC, DCS, SOS, PM, APC), up to BEL or ST.
    String,
    /// After ESC in a string.
    StringEscape,
    /// After 0xC2, which begins the C1 controls as UTF-8.
    Lead,
}

impl<W: Write> Stripper<W> {
    pub fn new(inner: W) -> Self {
        Self {
            inner,
            state: State::Text,
        }
    }

    fn step(&mut self, byte: u8, kept: &mut Vec<u8>) {
        self.state = match (self.state, byte) {
            (State::Text, 0x1b) | (State::Escape | State::Csi, 0x1b) => State::Escape,
            (State::Text, 0xc2) => State::Lead,
            (State::Text, b'\n' | b'\t') | (State::Text, 0x20..=0x7e | 0x80..=0xff) => {
                kept.push(byte);
                State::Text
            }
            (State::Text, _) => State::Text,
            (State::Escape, b'[') => State::Csi,
            (State::Escape, b']' | b'P' | b'X' | b'^' | b'_') => State::String,
            // Intermediate bytes (character sets) wait for their final byte.
            (State::Escape, 0x20..=0x2f) => State::Escape,
            (State::Escape, _) => State::Text,
            (State::Csi, 0x40..=0x7e) => State::Text,
            (State::Csi, _) => State::Csi,
            (State::String, 0x07) => State::Text,
            (State::String, 0x1b) => State::StringEscape,
            (State::String, _) => State::String,
            (State::StringEscape, b'\\') => State::Text,
            (State::StringEscape, _) => State::String,
            (State::Lead, 0x9b) => State::Csi,
            (State::Lead, 0x90 | 0x98 | 0x9d..=0x9f) => State::String,
            (State::Lead, 0x80..=0x9f) => State::Text,
            (State::Lead, _) => {
                kept.extend([0xc2, byte]);
                State::Text
            }
        };
    }
}

impl<W: Write> Write for Stripper<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut kept = Vec::with_capacity(bytes.len());
        for byte in bytes {
            self.step(*byte, &mut kept);
        }
        self.inner.write_all(&kept)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_go_and_text_stays() {
        for (input, expected) in [
            ("plain\ttext\nüñ 👩‍👩‍👧 ©", "plain\ttext\nüñ 👩‍👩‍👧 ©"),
            ("\u{1b}[1;31mred\u{1b}[0m!", "red!"),
            ("a\u{1b}]0;title\u{7}b\u{1b}]8;;http://x\u{1b}\\c", "abc"),
            ("a\u{1b}(Bb\u{1b}7c\rd\u{8}e\u{7f}", "abcde"),
            ("a\u{9b}2Jb\u{9d}52;c;x\u{7}c\u{85}d", "abcd"),
            ("\u{1b}P1$r\u{1b}\\x", "x"),
        ] {
            assert_eq!(plain(input), expected, "{input:?}");
        }
    }

    #[test]
    fn a_sequence_cut_between_two_writes_is_still_one() {
        let whole = "a\u{1b}[31mb\u{1b}]0;t\u{7}c\u{a9}d";
        for cut in 0..whole.len() {
            let mut kept = Vec::new();
            let mut stripper = Stripper::new(&mut kept);
            stripper.write_all(&whole.as_bytes()[..cut]).unwrap();
            stripper.write_all(&whole.as_bytes()[cut..]).unwrap();
            assert_eq!(String::from_utf8(kept).unwrap(), "abc©d", "cut at {cut}");
        }
    }

    #[test]
    fn one_line_is_one_line() {
        assert_eq!(one_line(" a\n b\t\u{1b}[1mc "), "a b c");
    }
}
