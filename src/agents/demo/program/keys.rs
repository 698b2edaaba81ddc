//! Bytes of the terminal to keys: typed characters, control keys, escape sequences, bracketed paste.
//!
//! Bytes may be cut anywhere between two reads. A paste is collected to the byte, in time linear in its length.

const PASTE_END: &[u8] = b"\x1b[201~";
const ESC: u8 = 0x1b;
/// A control sequence that is longer than this is rubbish.
const SEQUENCE_BYTES_MAX: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    Char(char),
    Enter,
    /// A line feed that was typed, not pasted; also Alt-Enter.
    Newline,
    Backspace,
    /// Ctrl-U.
    ClearLine,
    /// Ctrl-C.
    Cancel,
    /// Ctrl-D.
    EndOfInput,
    /// Ctrl-Z.
    Suspend,
    Escape,
    Up,
    Down,
    Paste(String),
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Ground,
    /// After ESC: a key of its own, or the begin of a sequence.
    Escape,
    /// After `ESC [`.
    Sequence(Vec<u8>),
    /// After `ESC O`: one more byte.
    Function,
    Paste(Vec<u8>),
    /// The first bytes of a character in UTF-8.
    Character(Vec<u8>),
}

#[derive(Debug, Default)]
pub struct KeyParser {
    state: State,
}

impl KeyParser {
    pub fn feed(&mut self, bytes: &[u8], keys: &mut Vec<Key>) {
        let mut rest = bytes;
        while let Some((&byte, tail)) = rest.split_first() {
            rest = tail;
            match std::mem::take(&mut self.state) {
                State::Ground => self.ground(byte, keys),
                State::Escape => self.after_escape(byte, keys),
                State::Sequence(sequence) => self.sequence(sequence, byte, keys),
                State::Function => keys.extend(arrow(byte)),
                State::Character(collected) => self.character(collected, byte, keys),
                State::Paste(collected) => rest = self.paste(collected, byte, tail, keys),
            }
        }
    }

    /// Whether an ESC waits for what follows it.
    pub fn escape_is_pending(&self) -> bool {
        matches!(self.state, State::Escape)
    }

    /// Nothing followed the ESC in time: it was the key.
    pub fn flush_escape(&mut self, keys: &mut Vec<Key>) {
        if self.escape_is_pending() {
            self.state = State::Ground;
            keys.push(Key::Escape);
        }
    }

    fn ground(&mut self, byte: u8, keys: &mut Vec<Key>) {
        match byte {
            b'\r' => keys.push(Key::Enter),
            b'\n' => keys.push(Key::Newline),
            0x08 | 0x7f => keys.push(Key::Backspace),
            0x15 => keys.push(Key::ClearLine),
            0x03 => keys.push(Key::Cancel),
            0x04 => keys.push(Key::EndOfInput),
            0x1a => keys.push(Key::Suspend),
            ESC => self.state = State::Escape,
            b' '..=b'~' => keys.push(Key::Char(char::from(byte))),
            0xc2..=0xf4 => self.state = State::Character(vec![byte]),
            _ => {}
        }
    }

    fn after_escape(&mut self, byte: u8, keys: &mut Vec<Key>) {
        match byte {
            b'[' => self.state = State::Sequence(Vec::new()),
            b'O' => self.state = State::Function,
            b'\r' => keys.push(Key::Newline),
            other => {
                keys.push(Key::Escape);
                self.ground(other, keys);
            }
        }
    }

    fn sequence(&mut self, mut sequence: Vec<u8>, byte: u8, keys: &mut Vec<Key>) {
        sequence.push(byte);
        match byte {
            b'~' if sequence == b"200~" => self.state = State::Paste(Vec::new()),
            0x40..=0x7e => keys.extend(arrow(byte)),
            _ if sequence.len() < SEQUENCE_BYTES_MAX => self.state = State::Sequence(sequence),
            _ => {}
        }
    }

    fn character(&mut self, mut collected: Vec<u8>, byte: u8, keys: &mut Vec<Key>) {
        if !(0x80..=0xbf).contains(&byte) {
            return self.ground(byte, keys);
        }
        collected.push(byte);
        match std::str::from_utf8(&collected) {
            Ok(text) => keys.extend(text.chars().filter(|c| !c.is_control()).map(Key::Char)),
            Err(error) if error.error_len().is_none() => self.state = State::Character(collected),
            Err(_) => {}
        }
    }

    /// Takes everything up to the end mark, or the rest if there is none yet. Returns what was not taken.
    fn paste<'a>(&mut self, mut collected: Vec<u8>, first: u8, tail: &'a [u8], keys: &mut Vec<Key>) -> &'a [u8] {
        let before = collected.len();
        collected.push(first);
        collected.extend_from_slice(tail);
        // The mark may have begun in an earlier read.
        let from = before.saturating_sub(PASTE_END.len() - 1);
        let Some(found) = find(&collected[from..], PASTE_END).map(|at| from + at) else {
            self.state = State::Paste(collected);
            return &[];
        };
        let unused = collected.len() - (found + PASTE_END.len());
        collected.truncate(found);
        let text = String::from_utf8(collected).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned());
        keys.push(Key::Paste(text));
        &tail[tail.len() - unused..]
    }
}

fn arrow(byte: u8) -> Option<Key> {
    match byte {
        b'A' => Some(Key::Up),
        b'B' => Some(Key::Down),
        _ => None,
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(chunks: &[&[u8]]) -> Vec<Key> {
        let mut parser = KeyParser::default();
        let mut keys = Vec::new();
        for chunk in chunks {
            parser.feed(chunk, &mut keys);
        }
        parser.flush_escape(&mut keys);
        keys
    }

    #[test]
    fn typed_keys() {
        use Key::*;
        let bytes = "aé\u{9b}👩\r\n\x7f\x15\x03\x04\x1a\x01".as_bytes();
        let expected = [
            Char('a'),
            Char('é'),
            Char('👩'),
            Enter,
            Newline,
            Backspace,
            ClearLine,
            Cancel,
            EndOfInput,
            Suspend,
        ];
        assert_eq!(parse(&[bytes]), expected);
        assert_eq!(parse(&[b"\xff\xc3a\xe2\x82"]), [Char('a')]);
    }

    #[test]
    fn escape_is_a_key_or_the_begin_of_one() {
        use Key::*;
        assert_eq!(parse(&[b"\x1b"]), [Escape]);
        assert_eq!(parse(&[b"\x1b\x1bx"]), [Escape, Escape, Char('x')]);
        assert_eq!(
            parse(&[b"\x1b", b"[", b"A\x1bOB\x1b[1;5C\x1b[<35;1;2Mx"]),
            [Up, Down, Char('x')]
        );
        assert_eq!(parse(&[b"\x1b\r"]), [Newline]);
    }

    #[test]
    fn a_paste_is_kept_to_the_byte() {
        let text = "a\tb\r\n\n; -n $(x) \x1b[201 ~ \x1b[20\x1b e\u{301}";
        let bytes = format!("x\x1b[200~{text}\x1b[201~\r");
        let expected = [Key::Char('x'), Key::Paste(text.into()), Key::Enter];
        assert_eq!(parse(&[bytes.as_bytes()]), expected);
        assert_eq!(parse(&[b"\x1b[200~\x1b[201~"]), [Key::Paste(String::new())]);
    }

    #[test]
    fn a_paste_of_a_megabyte_takes_linear_time() {
        // At 4 KiB a read, a search from the begin each time would look at 16 GB.
        let text = "0123456789abcde\n".repeat(1 << 16) + "\x1b[201";
        let bytes = format!("\x1b[200~{text}\x1b[201~");
        let chunks: Vec<&[u8]> = bytes.as_bytes().chunks(4096).collect();
        assert_eq!(parse(&chunks), [Key::Paste(text)]);
    }

    proptest! {
        #[test]
        fn cuts_between_reads_change_nothing(text in "[a-z\\x1b\\[20~1\n\té👩]{0,40}", cut in 0usize..60) {
            prop_assume!(!text.contains("\x1b[201~"));
            let bytes = format!("é\x1b[200~{text}\x1b[201~\r");
            let (a, b) = bytes.as_bytes().split_at(cut.min(bytes.len()));
            let expected = [Key::Char('é'), Key::Paste(text), Key::Enter];
            prop_assert_eq!(parse(&[a, b]), expected);
        }
    }
}
