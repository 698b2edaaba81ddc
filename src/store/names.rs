//! Names of sessions: taking one, and finding a session by what a person typed.

use super::Tx;
use super::rows::Columns;
use super::sessions::read_session;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::{ID_PREFIX_CHARS_MIN, SESSION_NAME_CHARS_MAX, SessionName};
use crate::domain::session::Session;
use crate::domain::text::nearest;

/// How many numbers are tried behind a name stem.
const NAME_TRIES_MAX: u32 = 10_000;
/// How many candidates an ambiguous prefix lists.
const CANDIDATES_LISTED: usize = 10;

impl Tx<'_> {
    /// Finds by exact name, then exact id, then id prefix (3 or more). `NotFound` names the nearest name, `Ambiguous` lists the
    /// candidates. Removed sessions are not found.
    pub fn find_session(&self, word: &str) -> Result<Session> {
        let by_name = "SELECT * FROM sessions WHERE name = ?1 AND removed_at IS NULL";
        if let Some(session) = self.maybe(by_name, [word], read_session)? {
            return Ok(session);
        }
        if word.chars().count() < ID_PREFIX_CHARS_MIN {
            return Err(self.not_found(word)?);
        }
        let mut found = self.all(
            "SELECT * FROM sessions WHERE substr(id, 1, length(?1)) = ?1 AND removed_at IS NULL ORDER BY row",
            [word],
            read_session,
        )?;
        match found.len() {
            0 => Err(self.not_found(word)?),
            1 => Ok(found.remove(0)),
            _ => Err(ambiguous(word, &found)),
        }
    }

    /// The name asked for, if it is free, else one made of the stem.
    pub(super) fn name_for(&self, asked: Option<SessionName>, stem: &SessionName) -> Result<SessionName> {
        match asked {
            Some(name) if self.name_is_taken(name.as_str())? => Err(taken(&name)),
            Some(name) => Ok(name),
            None => self.free_name(stem),
        }
    }

    fn name_is_taken(&self, name: &str) -> Result<bool> {
        let sql = "SELECT count(*) FROM sessions WHERE name = ?1 AND removed_at IS NULL";
        Ok(self.count(sql, [name])? > 0)
    }

    fn free_name(&self, stem: &SessionName) -> Result<SessionName> {
        if !self.name_is_taken(stem.as_str())? {
            return Ok(stem.clone());
        }
        for number in 2..=NAME_TRIES_MAX {
            let tail = format!("-{number}");
            let room = SESSION_NAME_CHARS_MAX - tail.len();
            let name = format!("{}{tail}", &stem.as_str()[..stem.as_str().len().min(room)]);
            if !self.name_is_taken(&name)? {
                return name.parse();
            }
        }
        Err(taken(stem))
    }

    fn not_found(&self, word: &str) -> Result<Fault> {
        let names = self.all("SELECT name FROM sessions WHERE removed_at IS NULL", [], |row| {
            row.text("name")
        })?;
        let hint = match nearest(word, names.iter().map(String::as_str)) {
            Some(name) => format!("Did you mean `{name}`? `telecoder list` shows all sessions."),
            None if word.chars().count() < ID_PREFIX_CHARS_MIN => {
                format!(
                    "Give a name, or at least {ID_PREFIX_CHARS_MIN} characters of an id; `telecoder list` shows both."
                )
            }
            None => "`telecoder list` shows all sessions.".into(),
        };
        Ok(Fault::new(Kind::NotFound, format!("there is no session `{word}`")).hint(hint))
    }
}

fn taken(name: &SessionName) -> Fault {
    Fault::new(
        Kind::RefusedByState,
        format!("the name `{name}` is taken by another session"),
    )
    .hint(format!(
        "Choose another name, or remove that session with `telecoder rm {name}`."
    ))
}

fn ambiguous(word: &str, found: &[Session]) -> Fault {
    let mut listed: Vec<String> = found
        .iter()
        .take(CANDIDATES_LISTED)
        .map(|s| format!("{} ({})", s.name, s.id))
        .collect();
    if found.len() > CANDIDATES_LISTED {
        listed.push("…".into());
    }
    Fault::new(
        Kind::Ambiguous,
        format!("`{word}` fits {} sessions: {}", found.len(), listed.join(", ")),
    )
    .hint("Give the name, or more characters of the id.")
}
