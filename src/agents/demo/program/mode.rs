//! The agent's own permission system: what `--permission-mode` lets it do.

use std::str::FromStr;

use crate::domain::fault::{Fault, Kind};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Runs nothing; every question is answered with No.
    Refuse,
    /// Runs what only looks; every question is answered with No.
    ReadOnly,
    /// Asks.
    Ask,
    /// Asks; real agents would edit files without a question.
    Edits,
    /// Every question is answered with Yes.
    Bypass,
}

const WORDS: [(&str, Mode); 5] = [
    ("refuse", Mode::Refuse),
    ("read-only", Mode::ReadOnly),
    ("ask", Mode::Ask),
    ("edits", Mode::Edits),
    ("bypass", Mode::Bypass),
];

/// Commands that only look.
const LOOKING: [&str; 11] = [
    "cat",
    "echo",
    "false",
    "git diff",
    "git log",
    "git show",
    "git status",
    "grep",
    "head",
    "ls",
    "pwd",
];
/// What a shell would make more of than one plain command.
const SHELL_SIGNS: &[char] = &['|', '&', ';', '<', '>', '`', '$', '(', '\n'];

impl Mode {
    pub fn as_str(self) -> &'static str {
        WORDS
            .iter()
            .find(|(_, mode)| *mode == self)
            .map_or("ask", |(word, _)| word)
    }

    /// The answer to a permission question, where nobody is asked.
    pub fn answer(self) -> Option<bool> {
        match self {
            Mode::Refuse | Mode::ReadOnly => Some(false),
            Mode::Ask | Mode::Edits => None,
            Mode::Bypass => Some(true),
        }
    }

    pub fn may_run(self, command: &str) -> bool {
        match self {
            Mode::Refuse => false,
            Mode::ReadOnly => only_looks(command),
            Mode::Ask | Mode::Edits | Mode::Bypass => true,
        }
    }
}

fn only_looks(command: &str) -> bool {
    let begins_with = |known: &str| {
        let rest = command.trim().strip_prefix(known);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    !command.contains(SHELL_SIGNS) && LOOKING.into_iter().any(begins_with)
}

impl FromStr for Mode {
    type Err = Fault;
    fn from_str(text: &str) -> Result<Self, Fault> {
        let found = WORDS.iter().find(|(word, _)| *word == text);
        found.map(|(_, mode)| *mode).ok_or_else(|| {
            Fault::new(Kind::Usage, format!("`{text}` is not a permission mode"))
                .hint("Modes are refuse, read-only, ask, edits and bypass.")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_go_both_ways() {
        for (word, mode) in WORDS {
            assert_eq!(word.parse(), Ok(mode));
            assert_eq!(mode.as_str(), word);
        }
        assert!("yolo".parse::<Mode>().is_err());
    }

    #[test]
    fn looking_is_not_writing() {
        let runs = |command| Mode::ReadOnly.may_run(command);
        assert!(runs("ls") && runs("git status -s") && runs(" cat a b"));
        assert!(!runs("lsof") && !runs("git push") && !runs("echo x > y") && !runs("cat $(rm x)") && !runs("ls; rm x"));
        assert!(!Mode::Refuse.may_run("ls") && Mode::Ask.may_run("rm x"));
    }
}
