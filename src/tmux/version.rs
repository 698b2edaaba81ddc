//! Which tmux this is, and whether it will do.

use std::fmt;

use crate::domain::fault::{Fault, Kind, Result};

/// The oldest version that we drive: 3.3 has the formats and flags that the guards rest on.
const OLDEST: (u32, u32) = (3, 3);

/// What `tmux -V` said: `3.3a`, `3.7c`, `next-3.8`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub major: u32,
    pub minor: u32,
    text: String,
}

impl Version {
    /// Reads the output of `tmux -V`. `None` when it names no version number.
    pub fn parse(output: &str) -> Option<Self> {
        let text = output.trim().strip_prefix("tmux ")?.trim();
        let numbers = text.strip_prefix("next-").unwrap_or(text);
        let (major, rest) = numbers.split_once('.')?;
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        Some(Self {
            major: major.parse().ok()?,
            minor: rest[..digits].parse().ok()?,
            text: text.into(),
        })
    }

    /// Errors: `ProgramMissing` for a version that is too old.
    pub fn check(self) -> Result<Self> {
        if (self.major, self.minor) >= OLDEST {
            return Ok(self);
        }
        Err(Fault::new(Kind::ProgramMissing, format!("tmux {self} is too old"))
            .hint("Install tmux 3.3 or newer, or name one with the configuration key `tmux.path`."))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(output: &str, expected: Option<(u32, u32, bool)>) {
        let got = Version::parse(output).map(|v| (v.major, v.minor, v.check().is_ok()));
        assert_eq!(got, expected, "{output}");
    }

    #[test]
    fn reads_every_form_and_refuses_the_old() {
        check("tmux 3.3a\n", Some((3, 3, true)));
        check("tmux 3.3-rc", Some((3, 3, true)));
        check("tmux 3.7c", Some((3, 7, true)));
        check("tmux next-3.8", Some((3, 8, true)));
        check("tmux 3.10", Some((3, 10, true)));
        check("tmux 4.0", Some((4, 0, true)));
        check("tmux 3.2a", Some((3, 2, false)));
        check("tmux 2.9", Some((2, 9, false)));
        check("tmux master", None);
        check("screen 4.9", None);
        check("", None);
    }

    #[test]
    fn the_refusal_names_the_version() {
        let fault = Version::parse("tmux 3.2a").unwrap().check().unwrap_err();
        assert_eq!(fault.kind, Kind::ProgramMissing);
        assert!(fault.message.contains("3.2a"), "{fault}");
    }
}
