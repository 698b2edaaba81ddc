//! A dialog that an agent shows: what it asks, what can be chosen, and the digest that binds an answer to exactly this one.

use serde::{Deserialize, Serialize};

use super::Timestamp;
use super::fault::{Fault, Kind};
use super::ids::{LaunchNo, LetterId, SessionId};
use super::text::sha256_hex;

/// Characters of a digest: short enough for a button of a chat, long enough that two dialogs of one session never share one.
const DIGEST_CHARS: usize = 12;

/// Names one dialog by its content: lower-case hex over the normalised question, detail and choices.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DialogDigest(String);

impl DialogDigest {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for DialogDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for DialogDigest {
    type Err = Fault;
    fn from_str(text: &str) -> Result<Self, Fault> {
        let hex = text.len() == DIGEST_CHARS && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if hex {
            return Ok(Self(text.to_owned()));
        }
        Err(
            Fault::new(Kind::Usage, format!("`{text}` is not the digest of a dialog"))
                .hint("`telecoder status SESSION` shows the open dialog with its digest."),
        )
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DialogKind {
    /// May this tool run?
    Permission,
    /// Is this folder to be trusted?
    Trust,
    /// Is this plan to be carried out?
    Plan,
    /// A question of the agent's own, with choices.
    Question,
    Other,
}

/// What a choice does, where that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    Allow,
    /// Allows this and later ones like it.
    AllowAlways,
    Deny,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DialogChoice {
    /// What chooses it on the agent's screen (`1`, `y`); empty when only the arrow keys do.
    pub key: String,
    pub label: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meaning: Option<Meaning>,
    /// The row in which a text of one's own is typed: chosen by giving that text.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own_words: bool,
    /// Its box is ticked, where several may be taken. Changes while somebody answers, so the digest does not cover it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub checked: bool,
}

impl DialogChoice {
    pub fn new(key: &str, label: &str, meaning: Option<Meaning>) -> Self {
        Self {
            key: key.to_owned(),
            label: label.to_owned(),
            meaning,
            own_words: false,
            checked: false,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dialog {
    pub digest: DialogDigest,
    pub kind: DialogKind,
    pub question: String,
    /// What it is about: the command, the file, the plan. May be empty.
    #[serde(default)]
    pub detail: String,
    pub choices: Vec<DialogChoice>,
    /// Several choices may be taken together.
    #[serde(default)]
    pub multi: bool,
    /// It takes a text beside its choices, or instead of them.
    #[serde(default)]
    pub free_text: bool,
    /// The choice (from 0) that Enter would take now; moves with the arrow keys, so the digest does not cover it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selected: Option<usize>,
    /// The agent's hook that announced it waits for a decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asker: Option<Asker>,
}

/// A hook that asks for a decision, and may be given one instead of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Asker {
    /// Its letter, which names what it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub letter: Option<LetterId>,
    /// What it asks about: the whole command, the file's name, the question.
    pub subject: String,
    /// What the agent's adapter needs for a decision.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub input: serde_json::Value,
}

impl Dialog {
    pub fn new(kind: DialogKind, question: &str, detail: &str, choices: Vec<DialogChoice>) -> Self {
        let mut covered = format!("{}\n{}", normalised(question), exact(detail));
        for choice in &choices {
            covered.push('\n');
            covered.push_str(&normalised(&choice.label));
        }
        let mut hex = sha256_hex(covered.as_bytes());
        hex.truncate(DIGEST_CHARS);
        Self {
            digest: DialogDigest(hex),
            kind,
            question: question.to_owned(),
            detail: detail.to_owned(),
            choices,
            multi: false,
            free_text: false,
            selected: None,
            asker: None,
        }
    }

    /// Whether this is the dialog of what a hook asks about: some of its rows in a run, or a word of its question, are exactly that. An
    /// agent may ask several things at once, and only one of them is on the screen.
    pub fn is_about(&self, subject: &str) -> bool {
        let wanted = normalised(subject);
        if wanted.is_empty() {
            return false;
        }
        let rows: Vec<String> = self
            .detail
            .lines()
            .chain([self.question.as_str()])
            .map(normalised)
            .collect();
        let is_run = |from: usize| {
            let mut run = String::new();
            rows[from..].iter().any(|row| {
                run.push_str(row);
                run == wanted
            })
        };
        let is_mark = |c: char| !c.is_alphanumeric();
        let named = |word: &str| word.trim_matches(is_mark) == subject.trim_matches(is_mark);
        (0..rows.len()).any(is_run) || self.question.split_whitespace().any(named)
    }

    /// Whether what a hook has announced stands in this dialog somewhere: a hook knows its subject, and little of how it is drawn.
    pub fn mentions(&self, announced: &Dialog) -> bool {
        let subject = match normalised(&announced.detail) {
            detail if detail.is_empty() => normalised(&announced.question),
            detail => detail,
        };
        normalised(&self.text()).contains(&subject)
    }

    /// Question and detail, as a person reads them.
    pub fn text(&self) -> String {
        match (self.detail.trim(), self.question.trim()) {
            ("", question) => question.to_owned(),
            (detail, "") => detail.to_owned(),
            (detail, question) => format!("{detail}\n{question}"),
        }
    }

    /// The place (from 0) of the first choice with this meaning.
    pub fn choice_of(&self, meaning: Meaning) -> Option<usize> {
        self.choices.iter().position(|choice| choice.meaning == Some(meaning))
    }

    /// Whether the answer is a No.
    pub fn refuses(&self, answer: &DialogAnswer) -> bool {
        let chosen = self.chosen(answer).and_then(|at| self.choices[at].meaning);
        *answer == DialogAnswer::Deny || chosen == Some(Meaning::Deny)
    }

    /// The choice (from 0) that an answer names. `None` for words and for several, and where the dialog has no such choice.
    pub fn chosen(&self, answer: &DialogAnswer) -> Option<usize> {
        match answer {
            DialogAnswer::Approve => self.choice_of(Meaning::Allow),
            DialogAnswer::Deny => self.choice_of(Meaning::Deny),
            DialogAnswer::Choice(n) => n.checked_sub(1).filter(|at| self.is_choice(*at)),
            DialogAnswer::Several { .. } | DialogAnswer::Text(_) | DialogAnswer::Said(_) => None,
        }
    }

    /// What an answer means to this dialog: words become the choices that they name, or a text of one's own. `None` where it does
    /// not take such an answer.
    pub fn understood(&self, answer: DialogAnswer) -> Option<DialogAnswer> {
        let is_known = |numbers: &[usize]| {
            numbers
                .iter()
                .all(|n| n.checked_sub(1).is_some_and(|at| self.is_choice(at)))
        };
        match answer {
            DialogAnswer::Said(words) => self.understood_words(words.trim()),
            DialogAnswer::Choice(n) if self.multi => self.understood(DialogAnswer::Several {
                choices: vec![n],
                text: None,
            }),
            DialogAnswer::Text(text) if self.multi => self.understood(DialogAnswer::Several {
                choices: Vec::new(),
                text: Some(text),
            }),
            DialogAnswer::Several { choices, text: None } if !self.multi => match choices.as_slice() {
                [n] if is_known(&choices) => Some(DialogAnswer::Choice(*n)),
                _ => None,
            },
            DialogAnswer::Several { ref choices, ref text } => {
                let says_something = !choices.is_empty() || text.is_some();
                let takes_text = text
                    .as_ref()
                    .is_none_or(|text| self.free_text && !text.trim().is_empty());
                (self.multi && says_something && takes_text && is_known(choices)).then_some(answer)
            }
            DialogAnswer::Choice(n) => is_known(&[n]).then_some(answer),
            DialogAnswer::Text(ref text) => (self.free_text && !text.trim().is_empty()).then_some(answer),
            DialogAnswer::Approve | DialogAnswer::Deny => Some(answer),
        }
    }

    /// A number, the words of a choice; of several, a list of them with commas between; else a text.
    fn understood_words(&self, words: &str) -> Option<DialogAnswer> {
        if let Some(n) = self.named(words) {
            return self.understood(DialogAnswer::Choice(n));
        }
        // The number of the row for a text is no text: which one is still to be said.
        let own = self.choices.iter().position(|choice| choice.own_words);
        if own.is_some_and(|at| words.parse() == Ok(at + 1)) {
            return None;
        }
        if !self.multi {
            return self.understood(DialogAnswer::Text(words.to_owned()));
        }
        let (mut choices, mut rest) = (Vec::new(), Vec::new());
        for part in words.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match self.named(part) {
                Some(n) if choices.contains(&n) => {}
                Some(n) => choices.push(n),
                None => rest.push(part),
            }
        }
        self.understood(DialogAnswer::Several {
            choices,
            text: (!rest.is_empty()).then(|| rest.join(", ")),
        })
    }

    /// The number (from 1) of the choice that these words name.
    fn named(&self, words: &str) -> Option<usize> {
        let by_number = words.parse().ok();
        let by_label = || {
            let at = self
                .choices
                .iter()
                .position(|choice| choice.label.eq_ignore_ascii_case(words));
            at.map(|at| at + 1)
        };
        by_number
            .filter(|n: &usize| n.checked_sub(1).is_some_and(|at| self.is_choice(at)))
            .or_else(by_label)
    }

    fn is_choice(&self, at: usize) -> bool {
        self.choices.get(at).is_some_and(|choice| !choice.own_words)
    }

    /// The mark stands in the row for a text, where a number would be text.
    pub fn is_in_own_words(&self) -> bool {
        let selected = self.selected.and_then(|at| self.choices.get(at));
        selected.is_some_and(|choice| choice.own_words)
    }

    /// Whether both ask the same, whatever was ticked or typed in between.
    pub fn asks_the_same(&self, other: &Dialog) -> bool {
        self.kind == other.kind
            && normalised(&self.question) == normalised(&other.question)
            && exact(&self.detail) == exact(&other.detail)
    }
}

/// What a dialog is about, with the blanks and the numbers of it: `rm -rf / tmp` is not `rm -rf /tmp`. Only where a row ends is nothing
/// of it known: a terminal wraps there.
fn exact(text: &str) -> String {
    let rows = text.lines().map(|row| {
        let words: Vec<String> = row
            .split_whitespace()
            .map(|word| word.chars().filter(|c| is_said(*c)).collect())
            .collect();
        words.join(" ")
    });
    rows.collect()
}

/// Letters, numbers and marks; not frames, and not wheels that turn.
fn is_said(c: char) -> bool {
    c.is_alphanumeric() || c.is_ascii_punctuation()
}

/// A frame that is redrawn, a wheel that turns, seconds that count down and a terminal that wraps elsewhere change nothing of what
/// is asked.
fn normalised(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let counts_down = |at: usize| {
        let word = words[at].trim_matches(|c: char| !c.is_alphanumeric());
        let unit = word.trim_start_matches(|c: char| c.is_ascii_digit());
        let next = words.get(at + 1).copied().unwrap_or_default();
        unit.len() < word.len() && (is_time(unit) || (unit.is_empty() && is_time(next)))
    };
    let kept = (0..words.len()).filter(|at| !counts_down(*at)).map(|at| words[at]);
    kept.flat_map(str::chars).filter(|c| is_said(*c)).collect()
}

fn is_time(unit: &str) -> bool {
    matches!(
        unit.trim_end_matches(|c: char| !c.is_alphanumeric()),
        "s" | "sec" | "secs" | "second" | "seconds" | "m" | "min"
    )
}

/// Who answers: the channel, what the person is called there, and the number behind the name if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    pub channel: String,
    pub name: String,
    pub id: Option<i64>,
}

impl Actor {
    /// For the audit log, where a name alone says too little.
    pub fn who(&self) -> String {
        match self.id {
            Some(id) => format!("{} ({id})", self.name),
            None => self.name.clone(),
        }
    }
}

/// What a person says to a dialog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "answer", content = "value")]
pub enum DialogAnswer {
    /// The choice that allows this once.
    Approve,
    /// The choice that refuses.
    Deny,
    /// By its number, from 1.
    Choice(usize),
    /// Several by their numbers, and a text of one's own beside them.
    Several { choices: Vec<usize>, text: Option<String> },
    /// A text of one's own.
    Text(String),
    /// What a person wrote: it depends on the dialog what it means.
    Said(String),
}

/// One step of an answer that is given on the agent's screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerStep {
    /// A key, by its tmux name.
    Key(String),
    /// A text, pasted into the row that takes it.
    Text(String),
}

impl AnswerStep {
    pub fn keys(keys: Vec<String>) -> Vec<Self> {
        keys.into_iter().map(AnswerStep::Key).collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DialogState {
    Open,
    /// Answered through TeleCoder.
    Answered,
    /// Gone by itself, or answered at the terminal.
    Gone,
}

/// The durable record of a dialog.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DialogRow {
    pub session: SessionId,
    pub launch: LaunchNo,
    pub dialog: Dialog,
    pub state: DialogState,
    /// It was seen on the screen; before that only a hook has spoken of it.
    pub seen: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<String>,
    pub opened_at: Timestamp,
}

/// What became of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DialogOutcome {
    /// The key was pressed and the dialog is gone.
    Answered,
    /// The key was pressed and another dialog came at once.
    Next(Box<Dialog>),
}

#[cfg(test)]
mod tests;
