//! What all four interfaces have in common: a conversation, the tools that are offered, and an answer.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// Which interface a request came in by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    Anthropic,
    Responses,
    Chat,
    Gemini,
}

/// One step of a conversation, as the model sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// The text blocks of one message of the user's.
    User(Vec<String>),
    Assistant(String),
    /// The result of a tool call.
    Result(String),
}

/// What a tool takes.
#[derive(Debug, Clone)]
pub enum Tool {
    /// An object of this schema.
    Object(Value),
    /// Text without a form.
    Free,
}

/// A request that the provider takes.
#[derive(Debug)]
pub struct Request {
    pub model: String,
    pub stream: bool,
    pub items: Vec<Item>,
    pub tools: BTreeMap<String, Tool>,
    /// The form that the answer must have, where the agent demands one.
    pub answer_schema: Option<Value>,
    /// The file that the agent names for a plan, where it names one.
    pub plan_file: Option<String>,
}

/// What the model answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    Text(String),
    Call { tool: String, input: Value },
}

/// A refusal before anything of the request was done.
#[derive(Debug)]
pub struct Refusal {
    pub status: u16,
    pub message: String,
}

impl Refusal {
    /// A request that breaks the interface's form.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self {
            status: 400,
            message: message.into(),
        }
    }
}

/// What agents add to a conversation by themselves, in messages of the user's: never a person's prompt.
const ADDED: &[&str] = &[
    "<system-reminder>",
    "<environment_context>",
    "<user_instructions>",
    "<permissions",
    "# AGENTS.md instructions",
    "<session_context>",
    "<skills_instructions>",
    "<local-command",
    "<command-",
    "<apps_instructions>",
    "<plugins_instructions>",
    "<collaboration_mode>",
    "<INSTRUCTIONS>",
    "<recommended_plugins>",
    "<environments_instructions>",
    "<turn_aborted>",
    "[Request interrupted by user",
];

impl Request {
    /// A request for the agent's own sake (a title, a summary of a topic) offers no tools.
    pub fn is_main(&self) -> bool {
        !self.tools.is_empty()
    }

    /// Every prompt of a person's in the conversation, oldest first.
    pub fn prompts(&self) -> Vec<String> {
        self.items.iter().flat_map(prompts_of).collect()
    }

    /// The prompt that waits for its answer, with the results of the tools that were called for it.
    pub fn waiting(&self) -> (String, Vec<String>) {
        let newest = self.items.iter().rposition(|item| !prompts_of(item).is_empty());
        let Some(newest) = newest else {
            return (String::new(), Vec::new());
        };
        let results = self.items[newest + 1..].iter().filter_map(|item| match item {
            Item::Result(text) => Some(text.clone()),
            _ => None,
        });
        let prompt = prompts_of(&self.items[newest]).pop().unwrap_or_default();
        (prompt, results.collect())
    }
}

fn prompts_of(item: &Item) -> Vec<String> {
    let Item::User(texts) = item else {
        return Vec::new();
    };
    let own = texts.iter().filter(|text| {
        let text = text.trim_start();
        !text.is_empty() && !ADDED.iter().any(|added| text.starts_with(added))
    });
    own.cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_prompt_waits_with_the_results_that_came_after_it() {
        let user = |texts: &[&str]| Item::User(texts.iter().map(|text| text.to_string()).collect());
        let request = Request {
            model: "m".into(),
            stream: false,
            items: vec![
                user(&["<system-reminder>x</system-reminder>", "one"]),
                Item::Assistant("a".into()),
                Item::Result("old".into()),
                user(&["two"]),
                Item::Result("new".into()),
                user(&["<system-reminder>y</system-reminder>"]),
            ],
            tools: BTreeMap::new(),
            answer_schema: None,
            plan_file: None,
        };
        assert_eq!(request.prompts(), ["one", "two"]);
        assert_eq!(request.waiting(), ("two".into(), vec!["new".into()]));
    }
}
