//! The rules file: what was typed, and what it means.

use regex::Regex;
use serde::Deserialize;

use super::Compiled;
use crate::domain::dialog::{DialogKind, Meaning};
use crate::domain::fault::{Fault, Kind, Result};

/// Rows that a block reaches upwards when its rule does not say.
const HEIGHT_DEFAULT: usize = 60;
/// Rows right above the box that are looked at for the sign of work.
const BUSY_ROWS_DEFAULT: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reads {
    Composer,
    Dialog,
    Busy,
    /// There is a box, and it takes no text now: `why` says what a person can do.
    Closed,
}

/// A rule, ready to be used. docs/agents.md says what each part means.
#[derive(Debug)]
pub struct Rule {
    pub name: String,
    pub reads: Reads,
    pub top: Option<Regex>,
    pub from: Option<Regex>,
    pub bottom: Option<Regex>,
    pub slack: usize,
    pub height: usize,
    pub has: Vec<Regex>,
    pub hasnt: Vec<Regex>,
    pub below: Vec<Regex>,
    pub below_hasnt: Vec<Regex>,
    pub begins: Option<Regex>,
    pub first: Option<Regex>,
    pub rest: Option<Regex>,
    pub ghosts: Vec<Regex>,
    pub busy: Option<Regex>,
    pub busy_below: Option<Regex>,
    pub busy_rows: usize,
    pub interrupted: Option<Regex>,
    pub beside: Option<Regex>,
    pub inner: Option<Regex>,
    pub details: bool,
    pub noise: Option<Regex>,
    pub kind: DialogKind,
    pub question: Option<Regex>,
    /// How a question ends that goes on in the next rows.
    pub question_ends: Option<Regex>,
    pub choice: Option<Regex>,
    pub gaps: bool,
    pub multi: bool,
    pub free_text: bool,
    pub own_words: Option<u32>,
    pub why: Option<String>,
    meanings: Vec<(Meaning, Regex)>,
}

impl Rule {
    /// `always` before `deny` before `allow`: "Yes, and don't ask again" begins like "Yes".
    pub fn meaning(&self, label: &str) -> Option<Meaning> {
        let hit = self.meanings.iter().find(|(_, pattern)| pattern.is_match(label));
        hit.map(|(meaning, _)| *meaning)
    }

    /// Whether the row at `at` is a line within the block, and not its top: one of the first rows below it is a choice.
    pub fn is_inner(&self, rows: &[String], at: usize, end: usize) -> bool {
        let (Some(inner), Some(choice)) = (&self.inner, &self.choice) else {
            return false;
        };
        let next = rows[at + 1..end].iter().find(|row| !row.trim().is_empty());
        inner.is_match(&rows[at]) && next.is_some_and(|row| choice.is_match(row))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    version: Option<String>,
    #[serde(default, rename = "rule")]
    rules: Vec<RawRule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    name: String,
    reads: Reads,
    top: Option<String>,
    from: Option<String>,
    bottom: Option<String>,
    #[serde(default)]
    slack: usize,
    height: Option<usize>,
    #[serde(default)]
    has: Vec<String>,
    #[serde(default)]
    hasnt: Vec<String>,
    #[serde(default)]
    below: Vec<String>,
    #[serde(default)]
    below_hasnt: Vec<String>,
    begins: Option<String>,
    first: Option<String>,
    rest: Option<String>,
    #[serde(default)]
    ghosts: Vec<String>,
    busy: Option<String>,
    busy_below: Option<String>,
    busy_rows: Option<usize>,
    interrupted: Option<String>,
    beside: Option<String>,
    inner: Option<String>,
    #[serde(default)]
    details: bool,
    noise: Option<String>,
    kind: Option<DialogKind>,
    question: Option<String>,
    question_ends: Option<String>,
    choice: Option<String>,
    #[serde(default)]
    gaps: bool,
    #[serde(default)]
    multi: bool,
    #[serde(default)]
    free_text: bool,
    own_words: Option<u32>,
    why: Option<String>,
    always: Option<String>,
    deny: Option<String>,
    allow: Option<String>,
}

pub(super) fn parse(text: &str, named: &str) -> Result<Compiled> {
    let told = |what: String| {
        Fault::new(Kind::Config, format!("the screen rules {named}: {what}"))
            .hint("docs/agents.md, \"Screen rules\", shows what a rule holds.")
    };
    let raw: RawFile = toml::from_str(text).map_err(|e| told(e.message().replace('\n', "; ")))?;
    let rules = raw.rules.into_iter().map(|rule| {
        let name = rule.name.clone();
        rule.mean().map_err(|what| told(format!("rule `{name}`: {what}")))
    });
    Ok(Compiled {
        version: raw.version,
        rules: rules.collect::<Result<_>>()?,
    })
}

impl RawRule {
    fn mean(self) -> std::result::Result<Rule, String> {
        if self.reads == Reads::Composer && self.first.is_none() {
            return Err("a composer needs `first`".into());
        }
        if (self.reads == Reads::Closed) != self.why.is_some() {
            return Err("`why` belongs to `closed`, and to nothing else".into());
        }
        if self.top.is_some() && self.from.is_some() {
            return Err("`top` and `from` exclude each other".into());
        }
        let anchors = [&self.top, &self.from, &self.bottom, &self.begins];
        if anchors.iter().all(|anchor| anchor.is_none()) {
            return Err("needs an anchor: `top`, `from`, `bottom` or `begins`".into());
        }
        let meanings = [
            (Meaning::AllowAlways, self.always),
            (Meaning::Deny, self.deny),
            (Meaning::Allow, self.allow),
        ];
        let meanings = meanings
            .into_iter()
            .filter_map(|(meaning, text)| text.map(|text| pattern(text).map(|pattern| (meaning, pattern))));
        Ok(Rule {
            name: self.name,
            reads: self.reads,
            top: maybe(self.top)?,
            from: maybe(self.from)?,
            bottom: maybe(self.bottom)?,
            slack: self.slack,
            height: self.height.unwrap_or(HEIGHT_DEFAULT),
            has: all(self.has)?,
            hasnt: all(self.hasnt)?,
            below: all(self.below)?,
            below_hasnt: all(self.below_hasnt)?,
            begins: maybe(self.begins)?,
            first: maybe(self.first)?,
            rest: maybe(self.rest)?,
            ghosts: all(self.ghosts)?,
            busy: maybe(self.busy)?,
            busy_below: maybe(self.busy_below)?,
            busy_rows: self.busy_rows.unwrap_or(BUSY_ROWS_DEFAULT),
            interrupted: maybe(self.interrupted)?,
            beside: maybe(self.beside)?,
            inner: maybe(self.inner)?,
            details: self.details,
            noise: maybe(self.noise)?,
            kind: self.kind.unwrap_or(DialogKind::Other),
            question: maybe(self.question)?,
            question_ends: maybe(self.question_ends)?,
            choice: maybe(self.choice)?,
            gaps: self.gaps,
            multi: self.multi,
            free_text: self.free_text,
            why: self.why,
            own_words: self.own_words,
            meanings: meanings.collect::<std::result::Result<_, _>>()?,
        })
    }
}

fn pattern(text: String) -> std::result::Result<Regex, String> {
    Regex::new(&text).map_err(|error| {
        let error = error.to_string();
        format!("`{text}`: {}", error.lines().last().unwrap_or("").trim())
    })
}

fn maybe(text: Option<String>) -> std::result::Result<Option<Regex>, String> {
    text.map(pattern).transpose()
}

fn all(texts: Vec<String>) -> std::result::Result<Vec<Regex>, String> {
    texts.into_iter().map(pattern).collect()
}
