//! A dialog: it replaces the prompt box, its default is the first choice, and Enter takes it. Pasted text is thrown away; an
//! Enter after it answers all the same. That is how real agents are, and why nobody may type without looking.

use super::keys::Key;

pub struct Dialog {
    pub title: &'static str,
    pub question: String,
    pub choices: Vec<&'static str>,
    pub selected: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Chosen(usize),
    Cancelled,
}

impl Dialog {
    pub fn new(title: &'static str, question: &str, choices: &[&'static str]) -> Self {
        Self {
            title,
            question: question.to_owned(),
            choices: choices.to_vec(),
            selected: 0,
        }
    }

    pub fn press(&mut self, key: &Key) -> Option<Answer> {
        match key {
            Key::Enter => return Some(Answer::Chosen(self.selected)),
            Key::Escape | Key::Cancel => return Some(Answer::Cancelled),
            Key::Up => self.selected = self.selected.saturating_sub(1),
            Key::Down => self.selected = (self.selected + 1).min(self.choices.len() - 1),
            Key::Char(c) => return self.by_character(*c).map(Answer::Chosen),
            _ => {}
        }
        None
    }

    /// The number of a choice, or its first letter.
    fn by_character(&self, c: char) -> Option<usize> {
        self.choices.iter().enumerate().position(|(index, choice)| {
            c.to_digit(10) == Some(index as u32 + 1) || choice.starts_with(c.to_ascii_uppercase())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(keys: &[Key], expected: Option<Answer>) {
        let mut dialog = Dialog::new("Permission", "sure?", &["Yes", "No"]);
        assert_eq!(keys.iter().find_map(|key| dialog.press(key)), expected);
    }

    #[test]
    fn keys_and_answers() {
        check(&[Key::Enter], Some(Answer::Chosen(0)));
        check(&[Key::Down, Key::Down, Key::Enter], Some(Answer::Chosen(1)));
        check(&[Key::Down, Key::Up, Key::Up, Key::Enter], Some(Answer::Chosen(0)));
        check(&[Key::Char('2')], Some(Answer::Chosen(1)));
        check(&[Key::Char('n')], Some(Answer::Chosen(1)));
        check(&[Key::Escape], Some(Answer::Cancelled));
        check(&[Key::Paste("2\nn".into()), Key::Char('x'), Key::Char('9')], None);
        check(&[Key::Paste("no".into()), Key::Enter], Some(Answer::Chosen(0)));
    }
}
