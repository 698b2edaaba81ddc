//! `/key KEY…`: keys for the terminal of the session. A key is pressed at most once: a second Enter could approve what nobody has
//! read.

use super::Desk;
use crate::bridge::router::Reply;
use crate::bridge::taps::asked_by;
use crate::channels::telegram::markdown::{code, fence};
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::SessionId;

/// Keys in one command.
const KEYS_MAX: usize = 20;

/// What people call keys, and what the terminal calls them.
const NAMES: [(&str, &str); 22] = [
    ("enter", "Enter"),
    ("return", "Enter"),
    ("esc", "Escape"),
    ("escape", "Escape"),
    ("up", "Up"),
    ("down", "Down"),
    ("left", "Left"),
    ("right", "Right"),
    ("tab", "Tab"),
    ("shift-tab", "BTab"),
    ("btab", "BTab"),
    ("space", "Space"),
    ("backspace", "BSpace"),
    ("bspace", "BSpace"),
    ("delete", "DC"),
    ("home", "Home"),
    ("end", "End"),
    ("pageup", "PPage"),
    ("ppage", "PPage"),
    ("pagedown", "NPage"),
    ("npage", "NPage"),
    ("dc", "DC"),
];

pub(super) async fn key(desk: &Desk<'_>, args: &[String]) -> Result<Reply> {
    let keys = args.iter().map(|word| name(word)).collect::<Result<Vec<_>>>()?;
    if keys.is_empty() || keys.len() > KEYS_MAX {
        return Err(Fault::new(Kind::Usage, format!("/key takes 1 to {KEYS_MAX} keys"))
            .hint("For example `/key Down Enter`, `/key y` or `/key C-c`."));
    }
    let session = desk.meant(None).await?;
    if desk.recovered {
        let text = "I was restarted while this stood to be done. Whether the keys were pressed is not known; look with /screen \
                    before you press them again.";
        return Ok(Reply::of(&session.id, text));
    }
    if !desk.router.rules.own_approval && may_approve(&keys) {
        someone_elses(desk, &session.id).await?;
    }
    desk.engine.keys(&session.id, &keys).await?;
    Ok(Reply::of(&session.id, pressed(desk, &session.id, &keys).await))
}

/// Escape and an interrupt refuse; any other key may say yes.
fn may_approve(keys: &[String]) -> bool {
    keys.iter().any(|key| !matches!(key.as_str(), "Escape" | "C-c"))
}

/// Refuses keys of the person whose own prompt led to the dialog that is open: a key would approve it as a button does.
pub(super) async fn someone_elses(desk: &Desk<'_>, session: &SessionId) -> Result<()> {
    let (id, from) = (session.clone(), desk.here.from);
    let is_own = desk
        .store
        .read(move |tx| Ok(tx.dialog(&id)?.is_some() && asked_by(tx, &id, from)?))
        .await?;
    match is_own {
        true => Err(Fault::new(
            Kind::NotPermitted,
            "somebody else has to answer this: your own prompt led to it",
        )
        .hint("/esc refuses it.")),
        false => Ok(()),
    }
}

/// The screen may not have answered yet; it is shown to say where the keys went.
async fn pressed(desk: &Desk<'_>, session: &SessionId, keys: &[String]) -> String {
    let pressed = format!(
        "Pressed {}",
        keys.iter().map(|key| code(key)).collect::<Vec<_>>().join(" ")
    );
    match desk.engine.screen(session).await {
        Ok(screen) => format!("{pressed}\n{}", fence(&screen.last_rows(8).join("\n"))),
        Err(_) => pressed,
    }
}

/// A single character, a key by its name, or one with `C-`, `M-` or `S-` before it.
fn name(word: &str) -> Result<String> {
    let lower = word.to_ascii_lowercase();
    if let Some((_, key)) = NAMES.iter().find(|(name, _)| *name == lower) {
        return Ok((*key).to_owned());
    }
    let single = word.chars().count() == 1 && !word.chars().any(char::is_control);
    let function = lower
        .strip_prefix('f')
        .and_then(|n| n.parse::<u8>().ok())
        .is_some_and(|n| (1..=12).contains(&n));
    if single {
        return Ok(word.to_owned());
    }
    if function {
        return Ok(lower.to_uppercase());
    }
    for prefix in ["c-", "m-", "s-", "ctrl-", "alt-"] {
        if let Some(rest) = lower.strip_prefix(prefix) {
            let modifier = match prefix {
                "c-" | "ctrl-" => "C",
                "m-" | "alt-" => "M",
                _ => "S",
            };
            return Ok(format!("{modifier}-{}", name(rest)?));
        }
    }
    Err(Fault::new(Kind::Usage, format!("`{word}` is not a key")).hint(
        "Keys are single characters, Enter, Escape, Tab, Up, Down, Left, Right, Space, Home, End, PageUp, PageDown, F1 to F12, \
         and C-c and the like.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_many_names() {
        for (word, key) in [
            ("enter", "Enter"),
            ("ESC", "Escape"),
            ("y", "y"),
            ("Y", "Y"),
            ("ctrl-c", "C-c"),
            ("C-c", "C-c"),
            ("shift-tab", "BTab"),
            ("f5", "F5"),
            ("1", "1"),
        ] {
            assert_eq!(name(word).expect("a key"), key);
        }
        assert!(name("rm").is_err());
        assert!(name("-X").is_err());
    }
}
