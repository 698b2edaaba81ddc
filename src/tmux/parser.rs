//! The language of control mode: lines in, answers and notifications out. Pure.
//!
//! An answer is a block `%begin T N F` … `%end T N F` (or `%error T N F`); only the line with the very same numbers ends it,
//! so a screen that shows `%end` is just text. Outside blocks every line is a notification, but for the error of a command
//! that tmux finished later (`load-buffer` of a missing file), which comes as a bare line.

use crate::domain::ids::WindowId;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// One command's answer. Text in UTF-8, what is none replaced.
    Block {
        failed: bool,
        text: String,
    },
    /// A line outside of any block that is no notification: a late error.
    Stray(String),
    /// A window was closed, or unlinked from one of the sessions that show it.
    WindowGone(WindowId),
    ConfigError(String),
    /// The client has a session now: it was attached, or moved.
    Attached,
}

/// The stream is not what it should be: a block's end without its beginning. Nothing behind it can be trusted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken;

#[derive(Debug, Default)]
pub(super) struct Parser {
    open: Option<OpenBlock>,
}

#[derive(Debug)]
struct OpenBlock {
    numbers: String,
    text: String,
}

impl Parser {
    /// Takes one line without its line feed.
    pub fn line(&mut self, line: &[u8]) -> Result<Option<Item>, Broken> {
        let line = String::from_utf8_lossy(line);
        let Some(open) = &mut self.open else {
            return self.outside(&line);
        };
        let failed = match line.split_once(' ') {
            Some(("%end", numbers)) if numbers == open.numbers => false,
            Some(("%error", numbers)) if numbers == open.numbers => true,
            _ => {
                open.text.push_str(&line);
                open.text.push('\n');
                return Ok(None);
            }
        };
        let text = std::mem::take(&mut open.text);
        self.open = None;
        Ok(Some(Item::Block { failed, text }))
    }

    fn outside(&mut self, line: &str) -> Result<Option<Item>, Broken> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        Ok(match word {
            "%begin" => {
                self.open = Some(OpenBlock {
                    numbers: rest.into(),
                    text: String::new(),
                });
                None
            }
            "%end" | "%error" => return Err(Broken),
            "%window-close" | "%unlinked-window-close" => {
                let id = rest.split(' ').next().unwrap_or("");
                id.parse().ok().map(Item::WindowGone)
            }
            "%session-changed" => Some(Item::Attached),
            "%config-error" => Some(Item::ConfigError(rest.into())),
            word if word.starts_with('%') || word.is_empty() => None,
            _ => Some(Item::Stray(line.into())),
        })
    }
}

#[cfg(test)]
mod tests;
