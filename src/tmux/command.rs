//! tmux commands as argument vectors, and the two ways to write them down: arguments of a process, a line for control mode.
//!
//! `tmux_interface` builds the flags; it does not quote. What it leaves open is closed here: `--` before anything that a
//! person or a file system named, a `;` at an argument's end, and the quoting of control mode.

use tmux_interface::TmuxCommand;

/// One tmux command: its name, flags and arguments, unquoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command(Vec<String>);

impl Command {
    /// Adds positional arguments behind a `--`, so that a leading `-` is no flag.
    pub fn args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.0.push("--".into());
        self.0.extend(args.into_iter().map(Into::into));
        self
    }
}

impl From<TmuxCommand<'_>> for Command {
    fn from(built: TmuxCommand<'_>) -> Self {
        Self(built.to_vec().into_iter().map(String::from).collect())
    }
}

/// Commands that tmux runs as one: nothing of another client comes in between, and after an error the rest is dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CommandList(Vec<Command>);

impl CommandList {
    pub fn new(first: impl Into<Command>) -> Self {
        Self(vec![first.into()])
    }

    pub fn then(mut self, next: impl Into<Command>) -> Self {
        self.0.push(next.into());
        self
    }

    /// One line for control mode, without its line feed; also the form of a command inside another (`if-shell`).
    pub fn line(&self) -> String {
        let commands = self.0.iter().map(|command| {
            let words: Vec<String> = command.0.iter().map(|word| quote(word)).collect();
            words.join(" ")
        });
        commands.collect::<Vec<_>>().join(" ; ")
    }

    /// Arguments for a tmux process.
    pub fn argv(&self) -> Vec<String> {
        let mut argv = Vec::new();
        for (i, command) in self.0.iter().enumerate() {
            if i > 0 {
                argv.push(";".into());
            }
            argv.extend(command.0.iter().map(|word| argument(word)));
        }
        argv
    }
}

impl<C: Into<Command>> From<C> for CommandList {
    fn from(only: C) -> Self {
        Self::new(only)
    }
}

/// Makes text literal where tmux expands formats (`-n`, `-c`): `#` is their only sigil.
pub(super) fn escape_format(text: &str) -> String {
    text.replace('#', "##")
}

/// Makes text literal where tmux expands formats and `strftime` (`pipe-pane`).
pub(super) fn escape_timed_format(text: &str) -> String {
    escape_format(text).replace('%', "%%")
}

/// Quotes one word for tmux's own parser. Single quotes are its only literal form; a line feed would end a control-mode
/// line, so it goes as an escape in double quotes.
fn quote(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if !word.is_empty() && word.bytes().all(plain) {
        return word.into();
    }
    let mut quoted = String::with_capacity(word.len() + 2);
    quoted.push('\'');
    for c in word.chars() {
        match c {
            '\'' => quoted.push_str(r"'\''"),
            '\n' => quoted.push_str(r#"'"\n"'"#),
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}

/// A process argument that ends in `;` would end the command; `\;` is the byte itself.
fn argument(word: &str) -> String {
    match word.strip_suffix(';') {
        Some(rest) => format!(r"{rest}\;"),
        None => word.into(),
    }
}

#[cfg(test)]
mod tests {
    use tmux_interface::{DisplayMessage, SendKeys};

    use super::*;

    fn say(text: &str) -> Command {
        Command::from(DisplayMessage::new().print().build()).args([text])
    }

    #[test]
    fn a_line_quotes_every_word_that_is_not_plain() {
        let list =
            CommandList::new(say("it's; #{x} $HOME")).then(SendKeys::new().target_pane("%3").key("Enter").build());
        assert_eq!(
            list.line(),
            r#"display-message -p -- 'it'\''s; #{x} $HOME' ; send-keys -t '%3' Enter"#
        );
        assert_eq!(
            CommandList::new(say("a\nb")).line(),
            r#"display-message -p -- 'a'"\n"'b'"#
        );
        assert_eq!(CommandList::new(say("")).line(), "display-message -p -- ''");
    }

    #[test]
    fn arguments_keep_a_last_semicolon() {
        let list = CommandList::new(say("x;")).then(say(r"y\;"));
        assert_eq!(
            list.argv(),
            [
                "display-message",
                "-p",
                "--",
                r"x\;",
                ";",
                "display-message",
                "-p",
                "--",
                r"y\\;"
            ]
        );
    }

    #[test]
    fn formats_become_literal() {
        assert_eq!(escape_format("#{pid}#(x)"), "##{pid}##(x)");
        assert_eq!(escape_timed_format("50%#H"), "50%%##H");
    }
}
