//! A dialog that an agent shows: what it asks, what can be chosen, and the digest that binds an answer to exactly this one.

use serde::{Deserialize, Serialize};

use super::Timestamp;
use super::fault::{Fault, Kind};
use super::ids::{LaunchNo, SessionId};
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
}

impl Dialog {
    pub fn new(kind: DialogKind, question: &str, detail: &str, choices: Vec<DialogChoice>) -> Self {
        let mut covered = format!("{}\n{}", normalised(question), normalised(detail));
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
        }
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

    /// The choice (from 0) that an answer names. `None` for a text, and where the dialog has no such choice.
    pub fn chosen(&self, answer: &DialogAnswer) -> Option<usize> {
        match answer {
            DialogAnswer::Approve => self.choice_of(Meaning::Allow),
            DialogAnswer::Deny => self.choice_of(Meaning::Deny),
            DialogAnswer::Choice(n) => n.checked_sub(1).filter(|i| *i < self.choices.len()),
            DialogAnswer::Text(_) => None,
        }
    }
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
    kept.flat_map(str::chars)
        .filter(|c| c.is_alphanumeric() || c.is_ascii_punctuation())
        .collect()
}

fn is_time(unit: &str) -> bool {
    matches!(
        unit.trim_end_matches(|c: char| !c.is_alphanumeric()),
        "s" | "sec" | "secs" | "second" | "seconds" | "m" | "min"
    )
}

/// Who answers, for the audit log: the channel and the person's name or number in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    pub channel: String,
    pub who: String,
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
    Text(String),
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
mod tests {
    use super::*;

    fn dialog(question: &str, detail: &str, labels: &[&str]) -> Dialog {
        let choices = labels.iter().map(|label| DialogChoice {
            key: String::new(),
            label: (*label).to_owned(),
            meaning: label.starts_with("Yes").then_some(Meaning::Allow),
        });
        Dialog::new(DialogKind::Permission, question, detail, choices.collect())
    }

    #[test]
    fn a_digest_holds_for_what_is_asked_and_not_for_how_it_is_drawn() {
        let one = dialog("Do you want to proceed?", "rm -rf build", &["Yes", "No"]);
        let wrapped = dialog("Do you want to\n  proceed?", "rm -rf  build", &["Yes", "No"]);
        assert_eq!(one.digest, wrapped.digest);
        for other in [
            dialog("Do you want to proceed?", "rm -rf /build", &["Yes", "No"]),
            dialog("Do you want to proceed?", "rm -rf build", &["Yes", "Always", "No"]),
            dialog("Do you want it?", "rm -rf build", &["Yes", "No"]),
            dialog("Do you want to proceed?", "rm -rf build2", &["Yes", "No"]),
        ] {
            assert_ne!(one.digest, other.digest);
        }
        assert_eq!(one.digest.as_str().parse::<DialogDigest>().unwrap(), one.digest);
        assert!("xyz".parse::<DialogDigest>().is_err());
    }

    #[test]
    fn a_dialog_that_counts_down_is_one_dialog() {
        let at = |text: &str| dialog(text, "", &["Yes"]).digest;
        assert_eq!(at("⠋ allow `ls`? 30 s left"), at("⠙ allow `ls`? 29 s left"));
        assert_eq!(at("allow `ls`? (30s)"), at("allow `ls`? (5s)"));
        assert_ne!(at("allow `rm 1`?"), at("allow `rm 2`?"));
    }

    #[test]
    fn an_answer_names_a_choice_or_none() {
        let dialog = dialog("Go?", "", &["Yes", "Maybe"]);
        assert_eq!(dialog.chosen(&DialogAnswer::Approve), Some(0));
        assert_eq!(dialog.chosen(&DialogAnswer::Deny), None);
        assert_eq!(dialog.chosen(&DialogAnswer::Choice(2)), Some(1));
        assert_eq!(dialog.chosen(&DialogAnswer::Choice(3)), None);
        assert_eq!(dialog.chosen(&DialogAnswer::Choice(0)), None);
    }
}
