//! What the agent says of its work, read tolerantly from its last message: headings, bold labels, lists and tables; never
//! from inside of code, a quotation or plain prose. A claim that is not labelled is no claim: better none than an invented one.

use serde::{Deserialize, Serialize};

use super::labels::{Field, Label, LabelForm};
use crate::domain::letter::Done;

/// Characters of one field that are kept.
const FIELD_CHARS_MAX: usize = 4000;
/// Indented this far, a line is code.
const CODE_INDENT: usize = 4;

/// The agent's own words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Claims {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uncertain: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl Claims {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What `notify --done` said goes before what was read from a message, field by field.
    #[must_use]
    pub fn or(self, other: Claims) -> Claims {
        Claims {
            changed: self.changed.or(other.changed),
            verified: self.verified.or(other.verified),
            uncertain: self.uncertain.or(other.uncertain),
            next: self.next.or(other.next),
        }
    }
}

impl From<&Done> for Claims {
    fn from(done: &Done) -> Self {
        let kept = |text: &Option<String>| text.as_deref().and_then(clean);
        Self {
            changed: kept(&done.changed),
            verified: kept(&done.verified),
            uncertain: kept(&done.uncertain),
            next: kept(&done.next),
        }
        .settle()
    }
}

/// Reads the four fields from a message.
pub fn read_claims(message: &str) -> Claims {
    let mut reader = Reader::default();
    for line in message.lines() {
        reader.line(line);
    }
    reader.claims().settle()
}

impl Claims {
    /// "Verified: nothing" is no verification.
    fn settle(mut self) -> Self {
        if let Some(text) = self.verified.take_if(|text| denies(text)) {
            let words = format!("Not verified: {text}");
            self.uncertain = Some(match self.uncertain.take() {
                Some(known) => format!("{known}\n{words}"),
                None => words,
            });
        }
        self
    }
}

/// Whether a text under "Verified" says that nothing was.
fn denies(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    let words = first
        .trim_start_matches(['-', '*', ' ', '_'])
        .trim_end_matches(['.', '!', '*', '_'])
        .to_lowercase();
    const WHOLE: &[&str] = &[
        "no",
        "none",
        "nothing",
        "n/a",
        "na",
        "-",
        "—",
        "nope",
        "not yet",
        "not run",
        "not verified",
        "not tested",
        "unverified",
    ];
    const BEGIN: &[&str] = &[
        "not verified",
        "nothing was",
        "nothing has",
        "nothing yet",
        "nothing could",
        "nothing –",
        "nothing —",
        "nothing (",
        "none (",
        "none –",
        "none —",
        "no tests were",
        "no checks were",
        "no tests run",
        "not run",
        "not tested",
        "not yet",
        "could not",
        "couldn't",
        "i could not",
        "i couldn't",
        "unable to",
        "i was unable",
        "i did not",
        "i didn't",
        "did not",
        "didn't",
        "no, ",
        "no. ",
        "no. ",
        "n/a",
        "untested",
        "not verifi",
        "no verification",
        "none yet",
        "nothing, ",
        "none, ",
    ];
    WHOLE.contains(&words.trim()) || BEGIN.iter().any(|begin| words.starts_with(begin))
}

/// How a section was opened, which decides what ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `## Changed`: ends at a heading of its level or above.
    Heading(usize),
    /// `**Changed**` or `Changed` alone on a line: ends at any heading or bold line.
    Alone,
    /// `Changed: text`, perhaps in a list, at this indentation.
    Inline { indent: usize, listed: bool },
}

#[derive(Default)]
struct Reader {
    texts: [String; 4],
    open: Option<(Field, Form)>,
    /// Since the last blank line of the open section nothing has come; and whether it has any text.
    after_blank: bool,
    has_text: bool,
    fence: Option<(char, usize)>,
}

impl Reader {
    fn line(&mut self, line: &str) {
        if self.in_fence(line) {
            return self.keep(line);
        }
        let indent = line.len() - line.trim_start().len();
        let text = line.trim();
        if text.is_empty() {
            self.after_blank = true;
            return;
        }
        if text.starts_with('>') {
            return self.keep(line);
        }
        if indent < CODE_INDENT
            && let Some(label) = Label::of(text)
        {
            return self.label(label, indent);
        }
        if self.ends_section(text, indent) {
            self.open = None;
            return;
        }
        self.keep(line);
    }

    /// Code is never a label; its fences open and close by their own rule.
    fn in_fence(&mut self, line: &str) -> bool {
        let text = line.trim_start();
        let mark = text.chars().next().filter(|c| matches!(c, '`' | '~'));
        let run = mark.map_or(0, |mark| text.chars().take_while(|c| *c == mark).count());
        match (self.fence, mark) {
            (None, Some(mark)) if run >= 3 => {
                self.fence = Some((mark, run));
                true
            }
            (None, _) => false,
            (Some((open, length)), Some(mark))
                if mark == open && run >= length && text.trim_end().chars().all(|c| c == mark) =>
            {
                self.fence = None;
                true
            }
            (Some(_), _) => true,
        }
    }

    fn label(&mut self, label: Label<'_>, indent: usize) {
        let form = match label.form {
            LabelForm::Heading(level) => Form::Heading(level),
            LabelForm::Alone => Form::Alone,
            LabelForm::Inline { listed } => Form::Inline { indent, listed },
        };
        match label.field {
            Some(field) => {
                self.open = Some((field, form));
                self.after_blank = false;
                self.has_text = false;
                if !label.rest.is_empty() {
                    self.keep(label.rest);
                }
            }
            None if self.is_ended_by(form) => self.open = None,
            None => self.keep(label.whole),
        }
    }

    /// Whether a label that is none of ours ends the open section.
    fn is_ended_by(&self, other: Form) -> bool {
        match (self.open.map(|(_, form)| form), other) {
            (None, _) => false,
            (Some(Form::Heading(own)), Form::Heading(level)) => level <= own,
            (Some(Form::Heading(_)), _) => false,
            (Some(_), Form::Heading(_) | Form::Alone) => true,
            (
                Some(Form::Inline { indent, listed }),
                Form::Inline {
                    indent: at,
                    listed: also,
                },
            ) => at == indent && also == listed,
            (Some(Form::Alone), Form::Inline { .. }) => false,
        }
    }

    /// A paragraph behind a blank line does not belong to a label that had its text; and a closing remark to none.
    fn ends_section(&self, text: &str, indent: usize) -> bool {
        let Some((_, form)) = self.open else { return false };
        if !self.after_blank || !self.has_text || indent > 0 || is_listed(text) {
            return false;
        }
        match form {
            Form::Inline { .. } => true,
            Form::Heading(_) | Form::Alone => is_closing_remark(text) || is_rule(text),
        }
    }

    fn keep(&mut self, line: &str) {
        let Some((field, _)) = self.open else { return };
        let text = &mut self.texts[field as usize];
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(line.trim_end());
        self.after_blank = false;
        self.has_text = true;
    }

    fn claims(self) -> Claims {
        let [changed, verified, uncertain, next] = self.texts.map(|text| clean(&text));
        Claims {
            changed,
            verified,
            uncertain,
            next,
        }
    }
}

fn is_listed(text: &str) -> bool {
    text.starts_with(['-', '*', '+', '•', '|'])
        || text
            .split_once(['.', ')'])
            .is_some_and(|(number, _)| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

fn is_rule(text: &str) -> bool {
    text.len() >= 3
        && ["---", "***", "___"].iter().any(|rule| text.starts_with(rule))
        && text.chars().all(|c| "-*_ ".contains(c))
}

fn is_closing_remark(text: &str) -> bool {
    let words = text.to_lowercase();
    [
        "let me know",
        "want me to",
        "would you like",
        "shall i",
        "feel free",
        "happy to",
        "if you'd like",
        "if you want",
        "do you want",
        "ready for",
        "tell me",
    ]
    .iter()
    .any(|begin| words.starts_with(begin))
}

/// Blank lines and common indentation go; nothing left is nothing said.
fn clean(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let indent = lines
        .iter()
        .map(|line| line.len() - line.trim_start().len())
        .min()
        .unwrap_or(0);
    let kept: Vec<&str> = lines
        .iter()
        .map(|line| line.get(indent..).unwrap_or(line).trim_end())
        .collect();
    let kept: String = kept.join("\n").chars().take(FIELD_CHARS_MAX).collect();
    let kept = kept.trim();
    (!kept.is_empty()).then(|| kept.to_owned())
}
