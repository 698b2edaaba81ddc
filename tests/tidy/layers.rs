//! Who may know whom: the table of docs/architecture.md, read from there, against the paths in the code.

use std::collections::{BTreeMap, BTreeSet};

use crate::Finding;
use crate::source::{Source, line_of};

const REASON: &str = "docs/architecture.md, Code map: hands never know each other, and nobody knows what is above";
const HANDS: &[&str] = &["store", "tmux", "agents", "runner", "workspace", "sandbox", "channels"];

pub struct Table {
    /// None: everything.
    may_use: BTreeMap<String, Option<BTreeSet<String>>>,
}

impl Table {
    /// Reads the rows of the form ``| `room` | what | may use |``.
    pub fn parse(document: &str) -> Table {
        let mut may_use = BTreeMap::new();
        for line in document.lines() {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let room = cells[0].strip_prefix('`').and_then(|cell| cell.strip_suffix('`'));
            if let (Some(room), [_, _, words]) = (room, cells.as_slice()) {
                may_use.insert(room.to_owned(), rooms_of(words));
            }
        }
        Table { may_use }
    }

    /// Rooms that are there and that the table does not name.
    pub fn missing_rooms(&self, sources: &[Source]) -> Vec<Finding> {
        let rooms: BTreeSet<&str> = sources.iter().map(Source::room).collect();
        let unnamed = rooms
            .into_iter()
            .filter(|room| !is_root(room) && !self.may_use.contains_key(*room));
        unnamed
            .map(|room| Finding {
                file: room.into(),
                line: 0,
                what: format!("the room `{room}` is not in the Code map"),
                reason: "docs/architecture.md names every room and what it may use",
            })
            .collect()
    }

    pub fn check(&self, source: &Source) -> Vec<Finding> {
        let room = source.room();
        let Some(Some(allowed)) = self.may_use.get(room) else {
            return Vec::new();
        };
        if source.is_test {
            return Vec::new();
        }
        let uses = used_rooms(source).into_iter();
        let bad = uses.filter(|(_, used)| used != room && !allowed.contains(used) && self.may_use.contains_key(used));
        bad.map(|(line, used)| Finding {
            file: source.path.clone(),
            line,
            what: format!("`{room}` uses `{used}`"),
            reason: REASON,
        })
        .collect()
    }
}

fn is_root(room: &str) -> bool {
    matches!(room, "lib" | "main")
}

/// The words of the table's last column.
fn rooms_of(words: &str) -> Option<BTreeSet<String>> {
    // Kill points may stand anywhere; without the cargo feature nothing of them is left.
    let mut rooms = BTreeSet::from(["failpoint".to_owned()]);
    for word in words
        .replace(" and ", ", ")
        .split(',')
        .map(|word| word.trim().trim_matches('`'))
    {
        match word {
            "everything" => return None,
            "nothing" | "" => {}
            "the hands" | "the hands above" => {
                rooms.extend(HANDS.iter().chain(&["config", "domain"]).map(|room| room.to_string()));
            }
            room => {
                rooms.insert(room.into());
            }
        }
    }
    Some(rooms)
}

/// Every room that a path in the code leads to, with its line.
fn used_rooms(source: &Source) -> Vec<(usize, String)> {
    let code = &source.code;
    let from_root = crate::pattern(r"\bcrate\s*::\s*");
    let mut uses = Vec::new();
    for found in from_root.find_iter(code) {
        uses.extend(first_segments(code, found.end()));
    }
    // `super::super::x` may lead to the root as well.
    let supers = crate::pattern(r"\b((?:super\s*::\s*)+)");
    for found in supers.find_iter(code) {
        if found.as_str().matches("super").count() == source.module().len() {
            uses.extend(first_segments(code, found.end()));
        }
    }
    uses.into_iter()
        .map(|(offset, name)| (line_of(code, offset), name))
        .collect()
}

/// The names right behind `crate::`: one, or those of a `{…}` group at its own level.
fn first_segments(code: &str, at: usize) -> Vec<(usize, String)> {
    let name_at = |offset: usize| -> Option<(usize, String)> {
        let name: String = code[offset..]
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        (!name.is_empty()).then_some((offset, name))
    };
    if !code[at..].starts_with('{') {
        return name_at(at).into_iter().collect();
    }
    let mut names = Vec::new();
    let mut depth = 0;
    let mut expects_name = false;
    for (i, c) in code[at..].char_indices() {
        match c {
            '{' => {
                depth += 1;
                expects_name = depth == 1;
            }
            '}' if depth == 1 => break,
            '}' => depth -= 1,
            ',' => expects_name = depth == 1,
            c if expects_name && !c.is_whitespace() => {
                names.extend(name_at(at + i));
                expects_name = false;
            }
            _ => {}
        }
    }
    names
}
