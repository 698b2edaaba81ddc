//! The example file: it is the manual, and it is the truth.

use super::*;

const MANUAL: &str = include_str!("../../../config.example.toml");

/// The manual with every key set, as a table.
fn manual() -> (String, toml::Table) {
    let text: String = MANUAL
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(key) if key.starts_with(|c: char| !c.is_whitespace()) => format!("{key}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let table = toml::from_str(&text).expect("the manual is TOML");
    (text, table)
}

fn in_manual<'t>(table: &'t toml::Table, key: &keys::Key) -> Option<&'t toml::Value> {
    match key.table {
        "" => table.get(key.name),
        keys::AGENTS => table[keys::AGENTS]["mine"].get(key.name),
        inner => table[inner].get(key.name),
    }
}

#[test]
fn the_manual_as_it_is_changes_nothing() {
    assert!(toml::from_str::<toml::Table>(MANUAL).expect("TOML").is_empty());
}

#[test]
fn the_manual_shows_every_key_and_its_default() {
    let (_, table) = manual();
    for key in KEYS {
        let shown = in_manual(&table, key).unwrap_or_else(|| panic!("{}.{} is not in the manual", key.table, key.name));
        if let Some(default) = key.default {
            let default = literal(default).expect("TOML");
            assert_eq!(*shown, default, "{}.{}", key.table, key.name);
        }
    }
}

/// The text above a key says what cannot be seen in its value: that it is only an example, and the limits of a number.
#[test]
fn the_manual_explains_examples_and_limits() {
    let mut explained = 0;
    let mut about = String::new();
    let mut table = "";
    for line in MANUAL.lines() {
        if let Some(text) = line.strip_prefix("# ") {
            about.push_str(text);
            about.push(' ');
            continue;
        }
        let typed = line.strip_prefix('#');
        if let Some(named) = typed.and_then(|line| line.strip_prefix('[')?.strip_suffix(']')) {
            table = named.split('.').next().unwrap_or_default();
        }
        let assigned = typed.and_then(|line| line.split_once(" = "));
        if let Some(key) = assigned.and_then(|(name, _)| keys::find(table, name)) {
            explained += 1;
            assert_eq!(
                key.default.is_none(),
                about.contains("This is an example."),
                "{}",
                key.name
            );
            if let Shape::Integer { min, max } = key.shape {
                assert!(about.contains(&format!("{min} to {max}")), "{}: {about}", key.name);
            }
        }
        about.clear();
    }
    assert_eq!(explained, KEYS.len());
}

#[test]
fn the_manual_with_every_key_set_is_taken() {
    let (text, table) = manual();
    let machine = Machine::new()
        .user_file(&text)
        .var("CREDENTIALS_DIRECTORY", "/run/credentials");
    let config = machine.load().expect("no key of it is extra");
    assert_eq!(config.agents["mine"].command.as_deref(), Some("my-agent"));
    assert_eq!(
        config.telegram.expect("a channel").token_file,
        Path::new("/run/credentials/telegram")
    );
    // What serde knows and the list of keys does not would be a key that nobody can type.
    let raw: file::RawConfig = table.try_into().expect("typed");
    let raw = serde_json::to_value(raw).expect("JSON");
    let mut known: BTreeSet<String> = BTreeSet::new();
    for (name, value) in raw.as_object().expect("an object") {
        let inner = if name == keys::AGENTS { &value["mine"] } else { value };
        match inner.as_object() {
            Some(inner) => known.extend(inner.keys().map(|key| format!("{name}.{key}"))),
            None => drop(known.insert(format!(".{name}"))),
        }
    }
    let listed: BTreeSet<String> = KEYS.iter().map(|key| format!("{}.{}", key.table, key.name)).collect();
    assert_eq!(known, listed);
}
