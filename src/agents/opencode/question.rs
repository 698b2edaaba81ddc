//! The agent's own questions: how they are drawn, and the keys that answer them.
//!
//! A number takes a choice; where several may be taken it ticks, and Tab leads on to the next question or to the last look at all
//! answers, which Enter sends off. The row for a text of one's own has a number, too: it opens a field below itself, in which numbers
//! are text, and Enter closes it. What does not fit into the window is cut off below.

use crate::agents::squeezed;
use crate::domain::dialog::{AnswerStep, Dialog, DialogAnswer, DialogChoice, DialogKind};
use crate::domain::screen::Screen;

use super::screen::Block;

/// The row for a text of one's own; also the hint in its field.
const OWN_WORDS: &str = "Type your own answer";
/// The field shows so many rows of a text, its end.
const FIELD_ROWS: usize = 6;
/// Behind the question where several choices may be taken, wherever the terminal wraps it.
const SEVERAL: &str = "(selectallthatapply)";
/// The last tab, and what stands in it.
const CONFIRM: &str = "Confirm";
const REVIEW: &str = "Review";
const UNANSWERED: &str = "(not answered)";
/// What the last tab offers, with the keys.
const REVIEW_CHOICES: [&str; 2] = ["(Enter) Submit answers", "(Escape) Dismiss"];
/// What stands below choices whose end is out of sight.
const CUT: &str = "(cut)";
/// Only so many choices have a key; arrows lead to the others.
const NUMBERS_MAX: usize = 9;
/// Takes out of the field what may be left there: from its end, marked to its beginning.
const EMPTY_FIELD: [&str; 3] = ["End", "S-Home", "BSpace"];

/// A question on the screen: the rows of its block without their bar, and its parts by their rows.
struct Drawn<'a> {
    rows: &'a [String],
    /// The row of keys; none where the window is too low for it.
    keys: Option<usize>,
    /// The row of the first choice; none in the last tab.
    first_choice: Option<usize>,
}

impl<'a> Drawn<'a> {
    fn new(rows: &'a [String]) -> Option<Self> {
        let keys = rows.iter().rposition(|row| is_keys(row));
        let end = keys.unwrap_or(rows.len());
        // In the last tab nothing is chosen with arrows; an answer of several rows may look like choices there.
        let is_review = match keys {
            Some(at) => !rows[at].contains('↑'),
            None => rows.iter().any(|row| row.trim() == REVIEW),
        };
        let first_choice = rows[..end].iter().rposition(|row| row.starts_with("1. "));
        let first_choice = first_choice.filter(|_| !is_review);
        (keys.is_some() || first_choice.is_some()).then_some(Self {
            rows,
            keys,
            first_choice,
        })
    }

    /// The paragraphs above the choices: in the last tab, all of them.
    fn paragraphs(&self) -> Vec<Vec<&'a str>> {
        let end = self.first_choice.or(self.keys).unwrap_or(self.rows.len());
        let paragraphs = self.rows[..end].split(|row| row.trim().is_empty());
        paragraphs
            .filter(|rows| !rows.is_empty())
            .map(|rows| rows.iter().map(|row| row.trim()).collect())
            .collect()
    }

    /// Several questions, and one with several choices, have a row of tabs above.
    fn has_tabs(&self, paragraphs: &[Vec<&str>]) -> bool {
        let ends_so = |rows: &Vec<&str>| rows.last().is_some_and(|row| row.ends_with(CONFIRM));
        match self.keys {
            Some(at) => self.rows[at].contains('⇆') && !paragraphs.is_empty(),
            None => paragraphs.len() > 1 && ends_so(&paragraphs[0]),
        }
    }

    /// Whether choices with their explanations go on to the last row, and not a list in the question.
    fn has_choices_to_its_end(&self) -> bool {
        let is_explained = |row: &String| row.starts_with("   ");
        let choices = &self.rows[self.first_choice.unwrap_or(self.rows.len())..];
        choices.iter().any(is_explained) && choices.iter().all(|row| is_choice(row) || is_explained(row))
    }

    /// The row for a text of one's own.
    fn own_row(&self) -> Option<usize> {
        let end = self.keys.unwrap_or(self.rows.len());
        let at = (self.first_choice?..end).rev().find(|at| is_choice(&self.rows[*at]))?;
        self.rows[at].trim_end_matches('✓').ends_with(OWN_WORDS).then_some(at)
    }

    /// The rows of the field for a text of one's own, or of the text that was typed there.
    fn field(&self) -> Option<std::ops::Range<usize>> {
        let from = self.own_row()? + 1;
        let end = self.keys.unwrap_or(self.rows.len());
        let height = self.rows[from..end].iter().rposition(|row| !row.trim().is_empty())? + 1;
        Some(from..from + height)
    }

    /// One row for the question, above it what else is said, below it the choices. The agent's own words do not begin in the first
    /// column, where the rules look for the parts of a dialog.
    fn canonical(&self, cursor: Option<usize>, at_bottom: bool) -> Vec<String> {
        let mut paragraphs = self.paragraphs();
        let mut rows = Vec::new();
        if self.has_tabs(&paragraphs) {
            rows.extend(other_tabs(&paragraphs.remove(0).join("   ")).map(|names| said(&names)));
        }
        let Some(first) = self.first_choice else {
            if paragraphs.first().is_none_or(|rows| rows != &[REVIEW]) {
                return Vec::new();
            }
            rows.extend(paragraphs[1..].iter().flatten().map(|row| said(row)));
            rows.extend([REVIEW.to_owned(), String::new()]);
            rows.extend(REVIEW_CHOICES.map(str::to_owned));
            return rows;
        };
        let question = paragraphs.pop().unwrap_or_default().join(" ");
        rows.extend(paragraphs.concat().into_iter().map(said));
        rows.extend([said(without_hint(&question)), String::new()]);
        let is_typing = cursor.is_some_and(|row| self.field().is_some_and(|field| field.contains(&row)));
        let own = self.own_row();
        if self.keys.is_none() {
            // A field that is out of sight may be open: then a number would be text. Where none is, none can be seen to open.
            rows.extend_from_slice(&self.rows[first..own.unwrap_or(self.rows.len())]);
            let is_cut = at_bottom && cursor.is_none() && self.has_choices_to_its_end();
            rows.extend(is_cut.then(|| CUT.to_owned()));
            return rows;
        }
        for (at, row) in self.rows.iter().enumerate().skip(first) {
            let mark = if is_typing && Some(at) == own { "❯ " } else { "" };
            rows.push(format!("{mark}{row}"));
        }
        rows
    }
}

/// The rows of a question's block in the form that the rules read. `cursor`: its row in the block, where it is shown at all.
/// `at_bottom`: the block ends with the window. Of a block that is no question nothing is left: it may say anything.
pub fn canonical(inner: &[String], cursor: Option<usize>, at_bottom: bool) -> Vec<String> {
    Drawn::new(inner).map_or(Vec::new(), |drawn| drawn.canonical(cursor, at_bottom))
}

fn said(row: &str) -> String {
    format!(" {row}")
}

/// The other questions of the same call, by their short names. One question alone needs none.
pub fn other_tabs(names: &str) -> Option<String> {
    let questions = names.trim().trim_end_matches(CONFIRM).trim();
    questions.contains("   ").then(|| questions.to_owned())
}

fn is_keys(row: &str) -> bool {
    let row = row.trim_start();
    row.starts_with(['↑', '⇆']) && row.contains("enter") && row.contains("esc")
}

fn is_choice(row: &str) -> bool {
    let number = row.split_once(". ").map_or("", |(number, _)| number);
    !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
}

fn without_hint(question: &str) -> &str {
    let Some(at) = question.rfind('(') else {
        return question;
    };
    let hint: String = question[at..].split_whitespace().collect();
    if hint == SEVERAL {
        question[..at].trim_end()
    } else {
        question
    }
}

/// Whether the field holds exactly this text. Of a longer one than it has rows for, it shows the end.
pub fn field_shows(screen: &Screen, text: &str) -> bool {
    let Some(inner) = Block::question(&screen.rows) else {
        return false;
    };
    let shown = Drawn::new(&inner).and_then(|drawn| Some(drawn.rows[drawn.field()?].to_vec()));
    let Some(shown) = shown else {
        return false;
    };
    let wanted = squeezed(text);
    let seen = squeezed(&shown.concat());
    match shown.len() >= FIELD_ROWS {
        true => !seen.is_empty() && wanted.ends_with(&seen),
        false => wanted == seen,
    }
}

/// Whether this is a question, and not the last look at the answers.
pub fn is_asked(dialog: &Dialog) -> bool {
    dialog.kind == DialogKind::Question && dialog.question != REVIEW
}

/// The steps that answer a question. `None` where its choices have no key or the row for a text is out of sight.
pub fn steps(dialog: &Dialog, answer: &DialogAnswer) -> Option<Vec<AnswerStep>> {
    let leave_field: Vec<AnswerStep> = dialog.is_in_own_words().then(|| key("Escape")).into_iter().collect();
    match answer {
        DialogAnswer::Text(text) => own_words(dialog, text),
        DialogAnswer::Choice(_) => Some([leave_field, taken(dialog, dialog.chosen(answer)?)?].concat()),
        DialogAnswer::Several { choices, text } => {
            let mut steps = leave_field;
            for (at, choice) in dialog.choices.iter().enumerate() {
                let is_wanted = choices.contains(&(at + 1));
                if !choice.own_words && choice.checked != is_wanted {
                    steps.extend(ticked(dialog, at)?);
                }
            }
            let own = dialog.choices.iter().position(|choice| choice.own_words);
            // A text that stands there already is unticked before it is written anew.
            if let Some(at) = own.filter(|at| dialog.choices[*at].checked) {
                steps.extend(ticked(dialog, at)?);
            }
            if let Some(text) = text {
                steps.extend(ticked(dialog, own?)?);
                steps.extend(written(text));
            }
            steps.push(key("Tab"));
            Some(steps)
        }
        _ => None,
    }
}

/// The field is opened, unless it is open already.
fn own_words(dialog: &Dialog, text: &str) -> Option<Vec<AnswerStep>> {
    let own = dialog.choices.iter().position(|choice| choice.own_words)?;
    let open = match dialog.is_in_own_words() {
        true => Vec::new(),
        false => taken(dialog, own)?,
    };
    Some([open, written(text)].concat())
}

fn written(text: &str) -> Vec<AnswerStep> {
    let mut steps: Vec<AnswerStep> = EMPTY_FIELD.map(key).into();
    steps.extend([AnswerStep::Text(text.to_owned()), key("Enter")]);
    steps
}

/// Takes the choice at this place of a question that takes one.
fn taken(dialog: &Dialog, at: usize) -> Option<Vec<AnswerStep>> {
    if let Some(number) = numbered(&dialog.choices[at]) {
        return Some(vec![key(&number)]);
    }
    // Tab leads back to the first row where there is no other tab.
    dialog.detail.is_empty().then(|| {
        let down = (0..at).map(|_| key("Down"));
        [key("Tab")].into_iter().chain(down).chain([key("Enter")]).collect()
    })
}

/// Ticks or unticks the choice at this place. A number leads to its row, too; ticked twice it is as it was, and arrows lead on.
fn ticked(dialog: &Dialog, at: usize) -> Option<Vec<AnswerStep>> {
    if let Some(number) = numbered(&dialog.choices[at]) {
        return Some(vec![key(&number)]);
    }
    let last = numbered(dialog.choices.get(NUMBERS_MAX - 1)?)?;
    let mut steps = vec![key(&last), key(&last)];
    steps.extend((NUMBERS_MAX..=at).map(|_| key("Down")));
    steps.push(key("Enter"));
    Some(steps)
}

fn numbered(choice: &DialogChoice) -> Option<String> {
    let number: usize = choice.key.parse().ok()?;
    (number <= NUMBERS_MAX).then(|| choice.key.clone())
}

fn key(name: &str) -> AnswerStep {
    AnswerStep::Key(name.to_owned())
}

/// The last tab asks whether the answers are to be sent off: their person has just given them, if none is missing.
pub fn confirm_keys(dialog: &Dialog) -> Option<Vec<String>> {
    let is_whole =
        dialog.kind == DialogKind::Question && dialog.question == REVIEW && !dialog.detail.contains(UNANSWERED);
    is_whole.then(|| vec!["Enter".to_owned()])
}
