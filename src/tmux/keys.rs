//! Keys by name: our own table, so that tmux never types a misspelt name as text.

use tmux_interface::SendKeys;

use super::Guarded;
use super::command::{Command, CommandList};
use super::error::Repeat;
use super::guard::{InMode, guarded, verdict};
use super::link::Link;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::{PaneId, SessionId};
use crate::domain::text::nearest;

/// More keys than this in one call are text in disguise.
const KEYS_MAX: usize = 256;

/// What a person may write, and tmux's name for it.
const NAMES: [(&str, &str); 28] = [
    ("Enter", "Enter"),
    ("Return", "Enter"),
    ("Escape", "Escape"),
    ("Esc", "Escape"),
    ("Tab", "Tab"),
    ("BTab", "BTab"),
    ("Space", "Space"),
    ("BSpace", "BSpace"),
    ("Backspace", "BSpace"),
    ("Up", "Up"),
    ("Down", "Down"),
    ("Left", "Left"),
    ("Right", "Right"),
    ("Home", "Home"),
    ("End", "End"),
    ("PageUp", "PPage"),
    ("PgUp", "PPage"),
    ("PPage", "PPage"),
    ("PageDown", "NPage"),
    ("PgDn", "NPage"),
    ("NPage", "NPage"),
    ("Delete", "DC"),
    ("Del", "DC"),
    ("DC", "DC"),
    ("Insert", "IC"),
    ("IC", "IC"),
    ("Shift-Tab", "BTab"),
    ("S-Tab", "BTab"),
];
const FUNCTION_KEYS: std::ops::RangeInclusive<u8> = 1..=12;
/// Characters that a terminal can send with Ctrl beside the letters.
const CONTROL_SIGNS: &str = "@[\\]^_?";

#[derive(Debug, Clone, PartialEq, Eq)]
enum Key {
    /// tmux's name.
    Named(String),
    /// A character, sent as it is.
    Literal(char),
}

impl Link {
    pub async fn keys(&self, pane: &PaneId, session: &SessionId, names: &[String]) -> Result<Guarded> {
        if names.is_empty() {
            return Err(Fault::new(Kind::Usage, "there is no key to press"));
        }
        if names.len() > KEYS_MAX {
            let message = format!("{} keys in one call; at most {KEYS_MAX}", names.len());
            return Err(Fault::new(Kind::OverLimit, message));
        }
        let keys = names.iter().map(|name| parse(name)).collect::<Result<Vec<Key>>>()?;
        let presses = keys
            .iter()
            .skip(1)
            .fold(CommandList::new(press(pane, &keys[0])), |list, key| {
                list.then(press(pane, key))
            });
        let list = guarded(pane, session, InMode::Swallows, presses, None).into();
        let answer = self.run(&list, Repeat::Never).await;
        verdict(answer, pane, &format!("pressing keys in pane {pane}"))
    }
}

fn press(pane: &PaneId, key: &Key) -> Command {
    let send = SendKeys::new().target_pane(pane.as_str());
    match key {
        Key::Named(name) => Command::from(send.build()).args([name.clone()]),
        Key::Literal(c) => Command::from(send.disable_lookup().build()).args([c.to_string()]),
    }
}

fn parse(name: &str) -> Result<Key> {
    if let Some(c) = single(name) {
        return Ok(Key::Literal(c));
    }
    if let Some(key) = named(name) {
        return Ok(Key::Named(key));
    }
    modified(name).map(Key::Named).ok_or_else(|| unknown(name))
}

/// `C-`, `M-`, `S-` in any order, each at most once, before a name or a character that can bear them.
fn modified(name: &str) -> Option<String> {
    let (mut prefix, mut base) = (String::new(), name);
    while let Some((modifier, rest)) = base.split_once('-').filter(|(_, rest)| !rest.is_empty()) {
        let modifier = match modifier {
            "C" | "c" | "Ctrl" => "C-",
            "M" | "m" | "Alt" => "M-",
            "S" | "s" | "Shift" => "S-",
            _ => return None,
        };
        if prefix.contains(modifier) {
            return None;
        }
        prefix.push_str(modifier);
        base = rest;
    }
    let base = match single(base) {
        Some(_) if prefix.contains("S-") => return None,
        Some(c) if prefix.contains("C-") => {
            (c.is_ascii_alphabetic() || CONTROL_SIGNS.contains(c)).then(|| c.to_ascii_lowercase().to_string())?
        }
        Some(c) => (c.is_ascii_graphic()).then(|| c.to_string())?,
        None => named(base)?,
    };
    (!prefix.is_empty()).then(|| format!("{prefix}{base}"))
}

fn named(name: &str) -> Option<String> {
    if let Some((_, key)) = NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        return Some((*key).into());
    }
    let number = name.strip_prefix(['F', 'f'])?;
    let known = FUNCTION_KEYS.map(|n| n.to_string()).any(|known| known == number);
    known.then(|| format!("F{number}"))
}

/// The one printable character that `name` is.
fn single(name: &str) -> Option<char> {
    let mut chars = name.chars();
    let c = chars.next()?;
    (chars.next().is_none() && !c.is_control()).then_some(c)
}

fn unknown(name: &str) -> Fault {
    let known: Vec<String> = NAMES
        .iter()
        .map(|(known, _)| (*known).to_owned())
        .chain(FUNCTION_KEYS.map(|n| format!("F{n}")))
        .collect();
    let fault = Fault::new(Kind::Usage, format!("`{name}` is not a key"));
    match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => fault.hint(format!(
            "Did you mean `{near}`? A combination is written `C-c`, `M-x` or `S-Up`."
        )),
        None => fault.hint("Keys are names such as `Enter`, `Escape`, `Up`, `C-c`, `F1`, or one character."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expected: &str) {
        assert_eq!(parse(name).unwrap(), Key::Named(expected.into()), "{name}");
    }

    #[test]
    fn names_become_those_of_tmux() {
        for (name, expected) in NAMES {
            check(name, expected);
        }
        check("enter", "Enter");
        check("F1", "F1");
        check("f12", "F12");
        check("C-c", "C-c");
        check("C-C", "C-c");
        check("c-d", "C-d");
        check("Ctrl-x", "C-x");
        check("C-[", "C-[");
        check("M-x", "M-x");
        check("M--", "M--");
        check("M-Enter", "M-Enter");
        check("S-Up", "S-Up");
        check("C-M-Left", "C-M-Left");
        check("C-Space", "C-Space");
    }

    #[test]
    fn one_character_is_itself() {
        for c in ['a', 'Z', '-', ';', '#', '~', 'é', '日', ' '] {
            assert_eq!(parse(&c.to_string()).unwrap(), Key::Literal(c));
        }
    }

    #[test]
    fn what_is_no_key_is_refused_with_the_nearest() {
        for name in [
            "", "Entr", "F13", "F0", "F01", "C-", "C-é", "C-C-c", "S-a", "hello", "\u{1b}", "X-a", "C-hello", "-t",
            "C-1",
        ] {
            assert_eq!(parse(name).unwrap_err().kind, Kind::Usage, "{name}");
        }
        assert!(parse("Entr").unwrap_err().hint.unwrap().contains("`Enter`"));
        assert!(parse("Escap").unwrap_err().hint.unwrap().contains("`Escape`"));
    }
}
