//! Reads agents' screens by rules that are data: one TOML file per agent, embedded, and replaced without a release by
//! `<data>/screens/<agent>.toml`. docs/agents.md, "Screen rules", is the manual.
//!
//! A rule says where its block stands (between two anchors, counted from the bottom of the screen) and what must be in it. It never
//! looks for a pattern anywhere on the screen: an echoed prompt or a tool's output may imitate any dialog. The first rule that
//! matches has the word, and its name is told by `telecoder explain`.

mod block;
mod file;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::LazyLock;

use crate::domain::dialog::{Dialog, DialogChoice};
use crate::domain::fault::Result;
use crate::domain::screen::{Explained, Screen, ScreenReading};

use block::Block;
use file::{Reads, Rule};

/// The rules of one agent. Those that are part of the program are compiled at the first look at a screen: an agent that nobody uses
/// costs no memory.
#[derive(Debug)]
pub struct Rules(LazyLock<Compiled, Box<dyn FnOnce() -> Compiled + Send>>);

#[derive(Debug)]
struct Compiled {
    version: Option<String>,
    rules: Vec<Rule>,
}

impl Rules {
    /// Parses a rules file. `Config` names what is wrong in it.
    pub fn parse(text: &str, named: &str) -> Result<Self> {
        let compiled = file::parse(text, named)?;
        Ok(Self(LazyLock::new(Box::new(|| compiled))))
    }

    /// The rules that are part of the program, or those of `<dir>/<agent>.toml` where somebody put them.
    pub fn load(embedded: &'static str, agent: &'static str, dir: Option<&Path>) -> Result<Self> {
        let own = dir.map(|dir| dir.join(format!("{agent}.toml")));
        if let Some(path) = own.filter(|path| path.exists()) {
            let named = path.display().to_string();
            let text = std::fs::read_to_string(&path)
                .map_err(|e| crate::domain::fault::Fault::io(format!("reading {named}"), &e))?;
            return Self::parse(&text, &named);
        }
        let compile =
            move || file::parse(embedded, agent).expect("each agent's tests read screens by its embedded rules");
        Ok(Self(LazyLock::new(Box::new(compile))))
    }

    /// The newest version of the agent that these rules were proven with.
    pub fn version(&self) -> Option<&str> {
        self.0.version.as_deref()
    }

    /// Whether the box is empty because a person cut the turn short, in the agent's own words above it.
    pub fn was_interrupted(&self, screen: &Screen) -> bool {
        let composer = |rule: &&Rule| rule.reads == Reads::Composer && rule.interrupted.is_some();
        self.0
            .rules
            .iter()
            .filter(composer)
            .any(|rule| Block::find(rule, screen).is_some_and(|block| block.is_interrupted(rule)))
    }

    /// Whether there is a box and the agent works, whatever the box holds. `None`: no box is seen.
    pub fn shows_work(&self, screen: &Screen) -> Option<bool> {
        let composers = self.0.rules.iter().filter(|rule| rule.reads == Reads::Composer);
        composers
            .filter_map(|rule| Some(Block::find(rule, screen)?.is_busy(rule)))
            .next()
    }

    /// Why the box takes no text, where the first rule that matches says so.
    pub fn why_closed(&self, screen: &Screen) -> Option<String> {
        let first = self.0.rules.iter().find(|rule| read_by(rule, screen).is_some())?;
        first.why.clone()
    }

    pub fn read(&self, screen: &Screen) -> Explained {
        if screen.dead {
            return unknown();
        }
        self.0
            .rules
            .iter()
            .find_map(|rule| {
                let reading = read_by(rule, screen)?;
                Some(Explained {
                    reading,
                    rule: Some(rule.name.clone()),
                })
            })
            .unwrap_or_else(unknown)
    }
}

/// Rows that a question may take in the narrowest window.
const QUESTION_ROWS_MAX: usize = 5;
/// The name of the row for a text of one's own.
pub const OWN_WORDS: &str = "(a text of your own)";

fn unknown() -> Explained {
    Explained {
        reading: ScreenReading::Unknown,
        rule: None,
    }
}

fn read_by(rule: &Rule, screen: &Screen) -> Option<ScreenReading> {
    let block = Block::find(rule, screen)?;
    match rule.reads {
        Reads::Busy => Some(ScreenReading::Busy),
        // Nothing is typed into it, as into a screen that nobody knows; `why_closed` has the words.
        Reads::Closed => Some(ScreenReading::Unknown),
        Reads::Composer => composer(rule, &block),
        Reads::Dialog => dialog(rule, &block).map(ScreenReading::Dialog),
    }
}

/// The first row of the box has the mark; in further rows stands the rest of the text.
fn composer(rule: &Rule, block: &Block<'_>) -> Option<ScreenReading> {
    let first = rule.first.as_ref()?;
    let start = block.rows.iter().position(|row| first.is_match(row))?;
    let text_of = |row: &str, pattern: &regex::Regex| {
        pattern
            .captures(row)
            .map(|found| found.get(1).map_or("", |group| group.as_str()).to_owned())
    };
    // What is drawn faint is a suggestion: nobody typed it.
    let strong = block.strong.get(start).map_or("", String::as_str);
    let mut shown = vec![text_of(strong, first).unwrap_or_default()];
    for row in block.strong.iter().skip(start + 1) {
        match rule.rest.as_ref().map(|rest| text_of(row, rest)) {
            Some(Some(text)) => shown.push(text),
            Some(None) => break,
            None => {}
        }
    }
    let shown = shown.join("\n").trim_end_matches(['\n', ' ', '\u{a0}']).to_owned();
    // The first letter of a suggestion stands under the cursor and is not faint; the rest of it is.
    let all = text_of(&block.rows[start], first).unwrap_or_default();
    let under_cursor = shown.trim().chars().count() == 1 && all.trim().chars().count() > 1;
    let is_ghost = under_cursor || rule.ghosts.iter().any(|ghost| ghost.is_match(shown.trim()));
    if !shown.trim().is_empty() && !is_ghost {
        return Some(ScreenReading::ComposerHolds { shown });
    }
    Some(match block.is_busy(rule) {
        true => ScreenReading::Busy,
        false => ScreenReading::ComposerEmpty,
    })
}

fn dialog(rule: &Rule, block: &Block<'_>) -> Option<Dialog> {
    let is_noise = |row: &&str| rule.noise.as_ref().is_some_and(|noise| noise.is_match(row.trim()));
    let rows: Vec<&str> = block
        .rows
        .iter()
        .map(|row| row.trim_end())
        .filter(|row| !is_noise(row))
        .collect();
    let (start, found) = choices(rule, &rows);
    if found.is_empty() && rule.choice.is_some() {
        return None;
    }
    let above: Vec<&str> = rows[..start].iter().map(|row| row.trim()).collect();
    let asked = match &rule.question {
        Some(pattern) => above.iter().rposition(|row| pattern.is_match(row)),
        None => above.iter().rposition(|row| !row.is_empty()),
    };
    let asked = asked.map_or(0..0, |at| at..at + question_rows(rule, &above[at..]));
    let question = above[asked.clone()].join(" ");
    // Some agents draw what it is about above the question, some below.
    let detail = above.iter().enumerate().filter(|(at, _)| !asked.contains(at));
    let detail: Vec<&str> = detail
        .map(|(_, row)| *row)
        .filter(|row| row.chars().any(char::is_alphanumeric))
        .collect();
    let selected = found.iter().position(|(selected, _)| *selected);
    let mut choices: Vec<DialogChoice> = found.into_iter().map(|(_, choice)| choice).collect();
    mark_own_words(rule, &mut choices);
    let mut dialog = Dialog::new(rule.kind, &question, &detail.join("\n"), choices);
    dialog.multi = rule.multi;
    dialog.free_text = rule.free_text;
    dialog.selected = selected;
    Some(dialog)
}

/// How many rows the question takes: more than one where the window is too narrow for it.
fn question_rows(rule: &Rule, rows: &[&str]) -> usize {
    let Some(ends) = &rule.question_ends else {
        return 1;
    };
    let near = rows.iter().take(QUESTION_ROWS_MAX).take_while(|row| !row.is_empty());
    near.enumerate()
        .find(|(_, row)| ends.is_match(row))
        .map_or(1, |(at, _)| at + 1)
}

/// The row for a text of one's own shows a hint, or what somebody has typed there: neither is a choice's name.
fn mark_own_words(rule: &Rule, choices: &mut [DialogChoice]) {
    let number = |choice: &DialogChoice| choice.key.parse::<u32>().ok();
    let last = choices.last().and_then(number);
    let Some(own) = last
        .zip(rule.own_words)
        .and_then(|(last, from_last)| last.checked_sub(from_last))
    else {
        return;
    };
    for choice in choices.iter_mut().filter(|choice| number(choice) == Some(own)) {
        choice.own_words = true;
        OWN_WORDS.clone_into(&mut choice.label);
    }
}

/// The choices, from the last row that is one upwards, with their place. A long label goes on in rows without a number: they belong
/// to the choice above.
fn choices(rule: &Rule, rows: &[&str]) -> (usize, Vec<(bool, DialogChoice)>) {
    let Some(pattern) = &rule.choice else {
        return (rows.len(), Vec::new());
    };
    let mut found = Vec::new();
    let mut start = rows.len();
    let mut rest: Vec<&str> = Vec::new();
    for (at, row) in rows.iter().enumerate().rev() {
        if let Some(hit) = pattern.captures(row) {
            let group = |name: &str| hit.name(name).map_or("", |group| group.as_str().trim());
            let key = group("key").to_owned();
            let first = key == "1";
            let mut label = group("label").to_owned();
            for more in rest.drain(..).rev() {
                label.push(' ');
                label.push_str(more.trim());
            }
            let meaning = rule.meaning(&label);
            let mut choice = DialogChoice::new(&key, &label, meaning);
            choice.checked = !group("checked").is_empty();
            found.push((!group("selected").is_empty(), choice));
            start = at;
            if first {
                break;
            }
            continue;
        }
        // Above the question stands what it is about, in words of the agent's.
        let is_question = || {
            rule.question
                .as_ref()
                .is_some_and(|question| question.is_match(row.trim()))
        };
        if found.is_empty() && !rule.details && is_question() {
            break;
        }
        match (rule.details, row.trim().is_empty()) {
            // A choice is explained in the rows below it.
            (true, _) => {}
            (false, true) if !found.is_empty() && !rule.gaps => break,
            (false, true) => rest.clear(),
            (false, false) => rest.push(row),
        }
    }
    found.reverse();
    (start, found)
}
