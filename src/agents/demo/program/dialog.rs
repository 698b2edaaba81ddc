//! A dialog: it replaces the prompt box, its default is the first choice, and Enter takes it. Pasted text is thrown away where no
//! text is asked for; an Enter after it answers all the same. That is how real agents are, and why nobody may type without looking.

use std::time::{Duration, Instant};

use super::keys::Key;
use crate::agents::demo::look;

pub struct Dialog {
    pub title: &'static str,
    pub question: String,
    /// For a question the last one is the row for a text of one's own.
    pub choices: Vec<String>,
    pub selected: usize,
    form: Form,
    deaf_until: Option<Instant>,
}

/// What it takes for an answer.
enum Form {
    /// One choice.
    Choice,
    /// One choice, or a text.
    Question { own: String },
    /// Any of them, and a text.
    Several { ticks: Vec<bool>, own: String },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Chosen(usize),
    /// To a question: the words of what was chosen, and the text.
    Said(String),
    Cancelled,
}

impl Dialog {
    pub fn new(title: &'static str, question: &str, choices: &[&str]) -> Self {
        Self {
            title,
            question: question.to_owned(),
            choices: choices.iter().map(|choice| (*choice).to_owned()).collect(),
            selected: 0,
            form: Form::Choice,
            deaf_until: None,
        }
    }

    /// The same, which loses what is typed so soon after it opens.
    pub fn deaf_for(mut self, time: Duration) -> Self {
        self.deaf_until = (!time.is_zero()).then(|| Instant::now() + time);
        self
    }

    /// A question with choices and a row for a text of one's own.
    pub fn question(question: &str, choices: &[&str], several: bool) -> Self {
        let mut dialog = Self::new(look::QUESTION, question, choices);
        dialog.choices.push(look::OWN_ROW.to_owned());
        let own = String::new();
        dialog.form = match several {
            true => Form::Several {
                ticks: vec![false; choices.len()],
                own,
            },
            false => Form::Question { own },
        };
        dialog
    }

    pub fn press(&mut self, key: &Key) -> Option<Answer> {
        if self.deaf_until.is_some_and(|until| Instant::now() < until) {
            return None;
        }
        match key {
            Key::Escape | Key::Cancel => return Some(Answer::Cancelled),
            Key::Up => self.selected = self.selected.saturating_sub(1),
            Key::Down => self.selected = (self.selected + 1).min(self.choices.len() - 1),
            Key::Enter => return self.submitted(),
            _ if self.is_own_row(self.selected) => self.type_own(key),
            Key::Char(c) => return self.by_character(*c).and_then(|at| self.pick(at)),
            _ => {}
        }
        None
    }

    /// The rows of a choice: its tick, and its name or what was typed there.
    pub fn row(&self, at: usize) -> String {
        let name = match self.own() {
            Some(own) if self.is_own_row(at) && !own.is_empty() => own,
            _ => &self.choices[at],
        };
        match &self.form {
            Form::Several { ticks, own } => {
                let ticked = ticks.get(at).copied().unwrap_or(!own.is_empty());
                format!("{}{name}", if ticked { look::TICKED } else { look::NOT_TICKED })
            }
            _ => name.to_owned(),
        }
    }

    pub fn hint(&self) -> &'static str {
        match self.form {
            Form::Choice => "enter confirms · esc cancels",
            Form::Question { .. } => "enter confirms · a number chooses · esc cancels",
            Form::Several { .. } => "a number ticks · enter sends · esc cancels",
        }
    }

    fn own(&self) -> Option<&String> {
        match &self.form {
            Form::Choice => None,
            Form::Question { own } | Form::Several { own, .. } => Some(own),
        }
    }

    fn is_own_row(&self, at: usize) -> bool {
        self.own().is_some() && at + 1 == self.choices.len()
    }

    fn type_own(&mut self, key: &Key) {
        let (Form::Question { own } | Form::Several { own, .. }) = &mut self.form else {
            return;
        };
        match key {
            Key::Char(c) => own.push(*c),
            Key::Paste(text) => own.push_str(text),
            Key::Backspace => drop(own.pop()),
            Key::ClearLine => own.clear(),
            _ => {}
        }
    }

    /// Its number was pressed.
    fn pick(&mut self, at: usize) -> Option<Answer> {
        if self.is_own_row(at) {
            self.selected = at;
            return None;
        }
        match &mut self.form {
            Form::Choice => Some(Answer::Chosen(at)),
            Form::Question { .. } => Some(Answer::Said(self.choices[at].clone())),
            Form::Several { ticks, .. } => {
                ticks[at] = !ticks[at];
                None
            }
        }
    }

    fn submitted(&mut self) -> Option<Answer> {
        let said = match &self.form {
            Form::Question { own } if self.is_own_row(self.selected) => own.clone(),
            Form::Choice | Form::Question { .. } => return self.pick(self.selected),
            Form::Several { ticks, own } => {
                let ticked = self.choices.iter().zip(ticks).filter(|(_, ticked)| **ticked);
                let mut words: Vec<&str> = ticked.map(|(choice, _)| choice.as_str()).collect();
                words.extend((!own.is_empty()).then_some(own.as_str()));
                words.join(", ")
            }
        };
        (!said.is_empty()).then_some(Answer::Said(said))
    }

    /// The number of a choice, or its first letter.
    fn by_character(&self, c: char) -> Option<usize> {
        let by_letter = matches!(self.form, Form::Choice);
        self.choices.iter().enumerate().position(|(index, choice)| {
            c.to_digit(10) == Some(index as u32 + 1) || (by_letter && choice.starts_with(c.to_ascii_uppercase()))
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

    #[track_caller]
    fn asks(several: bool, keys: &[Key], expected: Option<&str>) {
        let mut dialog = Dialog::question("which?", &["Red", "Blue"], several);
        let answer = keys.iter().find_map(|key| dialog.press(key));
        assert_eq!(answer, expected.map(|said| Answer::Said(said.to_owned())));
    }

    #[test]
    fn a_question_takes_a_choice_or_a_text() {
        use Key::{Char, Down, Enter, Paste};
        asks(false, &[Char('2')], Some("Blue"));
        asks(false, &[Enter], Some("Red"));
        asks(false, &[Char('3'), Enter], None);
        asks(
            false,
            &[Char('3'), Paste("1 green".into()), Char('2'), Enter],
            Some("1 green2"),
        );
        asks(true, &[Enter], None);
        asks(true, &[Char('2'), Char('1'), Char('2'), Enter], Some("Red"));
        asks(
            true,
            &[Char('2'), Down, Down, Paste("green".into()), Enter],
            Some("Blue, green"),
        );
    }
}
