//! The prompt box: what was typed and pasted and is not yet submitted.

use crate::agents::demo::look;

/// A paste of more characters, or of more than one line, shows as a placeholder.
const PASTE_SHOWN_CHARS_MAX: usize = 400;

enum Segment {
    Typed(String),
    Pasted { text: String, placeholder: String },
}

#[derive(Default)]
pub struct Composer {
    segments: Vec<Segment>,
    /// Placeholders made so far; it only counts up, so a new paste never looks like an old one.
    placeholders: u32,
}

impl Composer {
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    pub fn insert(&mut self, text: &str) {
        match self.segments.last_mut() {
            Some(Segment::Typed(typed)) => typed.push_str(text),
            _ if text.is_empty() => {}
            _ => self.segments.push(Segment::Typed(text.to_owned())),
        }
    }

    /// `room`: how many characters the box can show.
    pub fn paste(&mut self, text: String, room: usize) {
        let characters = text.chars().count();
        if characters <= PASTE_SHOWN_CHARS_MAX.min(room) && !text.contains(['\n', '\r']) {
            return self.insert(&text);
        }
        self.placeholders += 1;
        let placeholder = look::placeholder(self.placeholders, &text);
        self.segments.push(Segment::Pasted { text, placeholder });
    }

    /// Takes out the last character, or the last placeholder as a whole.
    pub fn backspace(&mut self) {
        if let Some(Segment::Typed(typed)) = self.segments.last_mut() {
            typed.pop();
            if !typed.is_empty() {
                return;
            }
        }
        self.segments.pop();
    }

    pub fn clear(&mut self) {
        self.segments.clear();
    }

    /// The prompt itself, and an empty box.
    pub fn take(&mut self) -> String {
        let segments = std::mem::take(&mut self.segments);
        let mut parts = segments.into_iter().map(|segment| match segment {
            Segment::Typed(text) | Segment::Pasted { text, .. } => text,
        });
        let first = parts.next().unwrap_or_default();
        parts.fold(first, |text, part| text + &part)
    }

    /// What the box shows.
    pub fn shown(&self) -> String {
        let shown = self.segments.iter().map(|segment| match segment {
            Segment::Typed(text) => text.as_str(),
            Segment::Pasted { placeholder, .. } => placeholder.as_str(),
        });
        shown.collect()
    }

    /// What stands in the box, with pastes in full.
    pub fn ends_with(&self, end: char) -> bool {
        match self.segments.last() {
            Some(Segment::Typed(text) | Segment::Pasted { text, .. }) => text.ends_with(end),
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: usize = 1000;

    #[test]
    fn short_text_shows_as_it_is() {
        let mut composer = Composer::default();
        composer.insert("fix ");
        composer.paste("the login; -n".into(), ROOM);
        assert_eq!(composer.shown(), "fix the login; -n");
        assert_eq!(composer.take(), "fix the login; -n");
        assert!(composer.is_empty());
        composer.paste(String::new(), ROOM);
        assert!(composer.is_empty());
    }

    #[test]
    fn long_pastes_show_as_counted_placeholders_and_stay_exact() {
        let mut composer = Composer::default();
        composer.paste("a\n".into(), ROOM);
        assert_eq!(composer.shown(), "[pasted text #1: 2 characters, 2 lines]");
        composer.clear();
        composer.insert("see ");
        composer.paste("é".repeat(401), ROOM);
        assert_eq!(composer.shown(), "see [pasted text #2: 401 characters, 1 lines]");
        composer.insert("!");
        assert_eq!(composer.take(), format!("see {}!", "é".repeat(401)));
        composer.paste("wider than the box".into(), 10);
        assert_eq!(composer.shown(), "[pasted text #3: 18 characters, 1 lines]");
    }

    #[test]
    fn backspace_takes_a_character_or_a_whole_paste() {
        let mut composer = Composer::default();
        composer.insert("é");
        composer.paste("a\nb".into(), ROOM);
        composer.insert("x");
        composer.backspace();
        assert_eq!(composer.shown(), "é[pasted text #1: 3 characters, 2 lines]");
        composer.backspace();
        composer.backspace();
        assert!(composer.is_empty());
        composer.backspace();
        assert_eq!(composer.take(), "");
    }
}
