//! The daemon's half: hostile input.

use std::collections::BinaryHeap;
use std::io::Read;
use std::path::Path;

use rustix::fd::OwnedFd;
use rustix::fs::Dir;
use serde::Deserialize;

use super::beneath::{self, Refused};
use super::name;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::LetterId;
use crate::domain::letter::{LETTER_BYTES_MAX, LETTER_VERSION, Letter};

/// Names that one call looks at. An agent that floods its mailbox costs time, never memory; beyond this the order by
/// name holds only within what was seen.
const NAMES_MAX: usize = 50_000;
/// Letters of a newer version that may lie in wait; more of them are bad, or they would hide all others.
const NEWER_MAX: usize = 64;

#[derive(Debug)]
pub enum Found {
    Letter {
        file: String,
        letter: Box<Letter>,
    },
    /// Not a letter, with the reason (a link, a FIFO, too long, not JSON, a forged name ...).
    Bad {
        file: String,
        reason: String,
    },
    /// A letter of a newer version: stays where it is and is reported.
    Newer {
        file: String,
        version: u32,
    },
}

/// What lies in `mail/new`, in name order, at most `limit` files that can be taken away (letters and bad ones), and the
/// newer ones that were met on the way. Never follows a link, never blocks.
///
/// `file` is the name as it can be shown (`%XX` for odd bytes); [`super::discard`] and [`super::quarantine`] take it.
/// Errors: `NoMailbox` when its directories are gone or are something else by now (the agent may write there); else the
/// machine is out of something. Nothing is said about a file then.
pub fn read_new(mail: &Path, limit: usize) -> Result<Vec<Found>> {
    let failed = |error: std::io::Error| Fault::io(format_args!("reading {}/new", mail.display()), &error);
    let new = beneath::mail_dir(mail, "new").map_err(|error| match Refused::from(error) {
        Refused::Failed(error) if error.kind() != std::io::ErrorKind::NotADirectory => failed(error),
        _ => Fault::new(
            Kind::NoMailbox,
            format!("{}/new is no mailbox any more", mail.display()),
        ),
    })?;
    let mut found = Vec::new();
    let (mut taken, mut newer) = (0, 0);
    for file in smallest_names(&new, limit.saturating_add(NEWER_MAX)).map_err(failed)? {
        if taken == limit {
            break;
        }
        let one = match read_one(&new, &file) {
            Ok(one) => one,
            Err(Refused::Gone) => continue,
            Err(Refused::Reason(reason)) => bad(&file, reason),
            Err(Refused::Failed(error)) => return Err(failed(error)),
        };
        let one = match one {
            Found::Newer { .. } if newer == NEWER_MAX => bad(&file, "is one of too many letters of a newer version"),
            other => other,
        };
        if matches!(one, Found::Newer { .. }) {
            newer += 1;
        } else {
            taken += 1;
        }
        found.push(one);
    }
    Ok(found)
}

fn bad(file: &[u8], reason: impl Into<String>) -> Found {
    Found::Bad {
        file: name::encode(file),
        reason: reason.into(),
    }
}

/// The first names in order, at most `count`.
///
/// One scan of a directory that is written to may miss a name and give one that came after it. Whatever came before a name that the
/// first scan has seen was there before the second began, which therefore is whole up to the last of those.
pub(super) fn smallest_names(dir: &OwnedFd, count: usize) -> std::io::Result<Vec<Vec<u8>>> {
    let first = scan(dir, count)?;
    let Some(last) = first.last() else {
        return Ok(first);
    };
    let mut names = scan(dir, count)?;
    names.retain(|name| name <= last);
    Ok(names)
}

/// The first names that one scan gives, without holding more than `count` of them.
fn scan(dir: &OwnedFd, count: usize) -> std::io::Result<Vec<Vec<u8>>> {
    let mut names = BinaryHeap::new();
    for entry in Dir::read_from(dir)?.take(NAMES_MAX) {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if matches!(name, b"." | b"..") {
            continue;
        }
        let is_wanted = names.len() < count || names.peek().is_some_and(|largest: &Vec<u8>| name < largest.as_slice());
        if is_wanted {
            names.push(name.to_vec());
        }
        if names.len() > count {
            names.pop();
        }
    }
    Ok(names.into_sorted_vec())
}

fn read_one(new: &OwnedFd, file: &[u8]) -> std::result::Result<Found, Refused> {
    let limit = LETTER_BYTES_MAX as u64;
    let opened = beneath::regular(new, file, limit)?;
    let mut text = Vec::new();
    opened.take(limit + 1).read_to_end(&mut text)?;
    if text.len() as u64 > limit {
        return Err(Refused::Reason("grew over the limit while it was read".into()));
    }
    Ok(judge(file, &text).unwrap_or_else(|reason| bad(file, reason)))
}

/// What the text of a file is. The error is the reason for which it is no letter.
fn judge(file: &[u8], text: &[u8]) -> std::result::Result<Found, String> {
    let id = id_of(file).ok_or("its name is not a letter's id and `.json`")?;
    let Version { v: version } = serde_json::from_slice(text).map_err(|error| format!("is not a letter: {error}"))?;
    let file = name::encode(file);
    if version > LETTER_VERSION {
        return Ok(Found::Newer { file, version });
    }
    if version == 0 {
        return Err("its version is 0".into());
    }
    let letter: Letter = serde_json::from_slice(text).map_err(|error| format!("is not a letter: {error}"))?;
    if letter.id != id {
        return Err(format!("its name says {id} and its text says {}", letter.id));
    }
    let letter = Box::new(letter);
    Ok(Found::Letter { file, letter })
}

fn id_of(file: &[u8]) -> Option<LetterId> {
    let name = std::str::from_utf8(file).ok()?;
    name.strip_suffix(".json")?.parse().ok()
}

/// Enough of a letter to know whether we can read the rest.
#[derive(Deserialize)]
struct Version {
    v: u32,
}
