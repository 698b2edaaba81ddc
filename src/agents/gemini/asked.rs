//! What the model asks, by the hook that comes before the tool runs: the screen shows three rows of a list, and the hook has them all.
//!
//! A screen does not say whose it is. So a list is made whole only where everything that is shown of it fits, and no other session asks
//! the same with other choices.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::super::screens::OWN_WORDS;
use super::question::ALL;
use crate::agents::squeezed;
use crate::domain::dialog::{Dialog, DialogChoice};

/// The program's tool for questions.
const TOOL: &str = "ask_user";
/// Sessions whose last questions are kept; more than run at once.
const SESSIONS_MAX: usize = 256;

/// The last questions of each session, by the program's own id of it.
#[derive(Debug, Default)]
pub struct Asked(Mutex<HashMap<String, Vec<Question>>>);

#[derive(Debug, Clone, PartialEq)]
struct Question {
    text: String,
    labels: Vec<String>,
    several: bool,
}

impl Asked {
    /// Keeps what a `BeforeTool` hook says of questions.
    pub fn note(&self, event: &str, data: &Value) {
        if event != "BeforeTool" || data["tool_name"] != TOOL {
            return;
        }
        let questions = data.pointer("/tool_input/questions").and_then(Value::as_array);
        let (Some(session), Some(questions)) = (data["session_id"].as_str(), questions) else {
            return;
        };
        let questions = questions.iter().filter_map(Question::read).collect();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= SESSIONS_MAX && !kept.contains_key(session) {
            kept.clear();
        }
        kept.insert(session.to_owned(), questions);
    }

    /// The choices of this question from the first to the last, where that is certain: with what the screen shows of them.
    pub fn choices(&self, shown: &Dialog) -> Option<Vec<DialogChoice>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut fitting = kept.values().flatten().filter(|question| question.fits(shown));
        let first = fitting.next()?;
        fitting
            .all(|other| other.labels == first.labels)
            .then(|| first.choices(shown))
    }
}

impl Question {
    fn read(asked: &Value) -> Option<Self> {
        let options = asked.get("options")?.as_array()?;
        let labels = options
            .iter()
            .map(|option| option.get("label")?.as_str().map(str::to_owned));
        Some(Self {
            text: asked.get("question")?.as_str()?.to_owned(),
            labels: labels.collect::<Option<_>>()?,
            several: asked["multiSelect"] == true,
        })
    }

    /// What is shown of a label may be cut, and a window may wrap it.
    fn fits(&self, shown: &Dialog) -> bool {
        let is_choice = |choice: &&DialogChoice| !choice.own_words && number(choice) <= self.labels.len();
        let mut seen = shown.choices.iter().filter(is_choice).peekable();
        let is_known = !self.several || shown.choices.iter().any(|choice| choice.key == "1");
        self.several == shown.multi
            && is_known
            && squeezed(&shown.text()).ends_with(&squeezed(&self.text))
            && seen.peek().is_some()
            && seen.all(|choice| {
                let label = self.labels.get(number(choice).wrapping_sub(1));
                label.is_some_and(|label| squeezed(label) == squeezed(&choice.label))
            })
    }

    /// Of choices that are out of sight it is not known whether they are ticked; nobody has ticked them without scrolling, and a list
    /// that was scrolled is not made whole.
    fn choices(&self, shown: &Dialog) -> Vec<DialogChoice> {
        let labels = self.labels.iter().enumerate();
        let mut choices: Vec<DialogChoice> = labels
            .map(|(at, label)| {
                let key = (at + 1).to_string();
                let seen = shown.choices.iter().find(|choice| choice.key == key);
                DialogChoice {
                    checked: seen.is_some_and(|choice| choice.checked),
                    ..DialogChoice::new(&key, label, None)
                }
            })
            .collect();
        if self.several && self.labels.len() > 1 {
            choices.push(DialogChoice::new(&(choices.len() + 1).to_string(), ALL, None));
        }
        let key = (choices.len() + 1).to_string();
        let seen = shown.choices.iter().find(|choice| choice.key == key);
        choices.push(DialogChoice {
            own_words: true,
            // It was not known for what it is, so it shows no hint.
            checked: seen.is_some_and(|choice| choice.checked || !choice.own_words),
            ..DialogChoice::new(&key, OWN_WORDS, None)
        });
        choices
    }
}

fn number(choice: &DialogChoice) -> usize {
    choice.key.parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::dialog::DialogKind;

    fn hook(session: &str, labels: &[&str]) -> Value {
        let options: Vec<Value> = labels
            .iter()
            .map(|label| json!({"label": label, "description": "d"}))
            .collect();
        let question = json!({"question": "Which `colour`?", "header": "h", "type": "choice", "options": options});
        json!({"session_id": session, "tool_name": TOOL, "tool_input": {"questions": [question]}})
    }

    fn shown(labels: &[(&str, &str)]) -> Dialog {
        let choices = labels
            .iter()
            .map(|(key, label)| DialogChoice::new(key, label, None))
            .collect();
        Dialog::new(DialogKind::Question, "Which colour?", "", choices)
    }

    #[test]
    fn a_list_is_made_whole_where_that_is_certain() {
        let asked = Asked::default();
        let labels = |dialog: &Dialog| -> Option<Vec<String>> {
            Some(asked.choices(dialog)?.into_iter().map(|choice| choice.label).collect())
        };
        let seen = shown(&[("1", "Red"), ("2", "Dark blue"), ("3", "Green")]);
        assert_eq!(labels(&seen), None);
        asked.note("BeforeTool", &hook("a", &["Red", "Dark blue", "Green", "Gold"]));
        let whole = ["Red", "Dark blue", "Green", "Gold", OWN_WORDS].map(str::to_owned);
        assert_eq!(labels(&seen).as_deref(), Some(whole.as_slice()));
        // Scrolled.
        assert_eq!(
            labels(&shown(&[("3", "Green"), ("4", "Gold")])).as_deref(),
            Some(whole.as_slice())
        );
        assert_eq!(labels(&shown(&[("1", "Blue"), ("2", "Dark blue")])), None);
        // Another session asks the same, and then with other choices.
        asked.note("BeforeTool", &hook("b", &["Red", "Dark blue", "Green", "Gold"]));
        assert!(labels(&seen).is_some());
        asked.note("BeforeTool", &hook("b", &["Red", "Dark blue", "Green", "Grey"]));
        assert_eq!(labels(&seen), None);
    }
}
