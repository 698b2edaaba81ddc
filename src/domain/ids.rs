//! Identifiers as types: parsed once at the edge, afterwards the type is the proof.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::fault::{Fault, Kind};

/// Letters of a session id; the first one is taken from the 26 letters only.
const ID_ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
pub const SESSION_ID_CHARS: usize = 12;
pub const SESSION_NAME_CHARS_MAX: usize = 40;
/// Shortest id prefix that a command accepts.
pub const ID_PREFIX_CHARS_MIN: usize = 3;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
        impl TryFrom<String> for $name {
            type Error = Fault;
            fn try_from(text: String) -> Result<Self, Fault> {
                text.parse()
            }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

text_id! {
    /// 12 characters of `[a-z2-7]`, beginning with a letter.
    SessionId
}
text_id! {
    /// `[a-z0-9][a-z0-9_-]{0,39}`, unique among sessions that are not removed.
    SessionName
}
text_id! {
    /// A tmux pane id (`%3`). Valid only together with the server that gave it.
    PaneId
}
text_id! {
    /// A tmux window id (`@3`).
    WindowId
}
text_id! {
    /// A turn: one prompt and what came of it. A UUID v7 in text form, so ids sort by age.
    TurnId
}
text_id! {
    /// A letter of a mailbox, and the ask that it opens. A UUID in lower-case text form.
    LetterId
}

impl SessionId {
    /// Makes an id of 64 random bits (60 are used).
    pub fn from_random(bits: u64) -> Self {
        let mut text = String::with_capacity(SESSION_ID_CHARS);
        text.push(char::from(ID_ALPHABET[(bits % 26) as usize]));
        for i in 1..SESSION_ID_CHARS {
            text.push(char::from(ID_ALPHABET[(bits >> (5 * i)) as usize & 31]));
        }
        Self(text)
    }
}

impl FromStr for SessionId {
    type Err = Fault;
    fn from_str(text: &str) -> Result<Self, Fault> {
        let ok = text.len() == SESSION_ID_CHARS
            && text.bytes().all(|b| ID_ALPHABET.contains(&b))
            && text.as_bytes()[0].is_ascii_lowercase();
        if ok {
            Ok(Self(text.into()))
        } else {
            Err(Fault::new(Kind::Usage, format!("`{text}` is not a session id")))
        }
    }
}

impl FromStr for SessionName {
    type Err = Fault;
    fn from_str(text: &str) -> Result<Self, Fault> {
        let first_ok = text
            .bytes()
            .next()
            .is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let rest_ok = text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-');
        if first_ok && rest_ok && text.len() <= SESSION_NAME_CHARS_MAX {
            Ok(Self(text.into()))
        } else {
            Err(
                Fault::new(Kind::Usage, format!("`{text}` cannot be a session name")).hint(format!(
                    "A name has 1 to {SESSION_NAME_CHARS_MAX} characters of a-z, 0-9, `_` and `-`, and begins with a letter or digit."
                )),
            )
        }
    }
}

fn tmux_id(text: &str, sigil: char, what: &str) -> Result<String, Fault> {
    let digits = text.strip_prefix(sigil).unwrap_or("");
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        Ok(text.into())
    } else {
        Err(Fault::new(Kind::Failure, format!("`{text}` is not a tmux {what} id")))
    }
}

impl FromStr for PaneId {
    type Err = Fault;
    fn from_str(text: &str) -> Result<Self, Fault> {
        tmux_id(text, '%', "pane").map(Self)
    }
}

impl FromStr for WindowId {
    type Err = Fault;
    fn from_str(text: &str) -> Result<Self, Fault> {
        tmux_id(text, '@', "window").map(Self)
    }
}

fn uuid_text(text: &str, what: &str) -> Result<String, Fault> {
    let shape_ok = text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_digit() || (b'a'..=b'f').contains(&b),
        });
    if shape_ok {
        Ok(text.into())
    } else {
        Err(Fault::new(Kind::Usage, format!("`{text}` is not a {what} id")))
    }
}

impl FromStr for TurnId {
    type Err = Fault;
    fn from_str(text: &str) -> Result<Self, Fault> {
        uuid_text(text, "turn").map(Self)
    }
}

impl FromStr for LetterId {
    type Err = Fault;
    fn from_str(text: &str) -> Result<Self, Fault> {
        uuid_text(text, "letter").map(Self)
    }
}

/// A message to a person: a row of the outbox. SQLite's row id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(pub i64);

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The n-th launch of a session, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LaunchNo(pub u32);

impl fmt::Display for LaunchNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
