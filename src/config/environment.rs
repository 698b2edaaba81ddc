//! What was typed into the environment: `TELECODER_<KEY>` for a key outside of tables, `TELECODER_<TABLE>__<KEY>` for one in a
//! table, `TELECODER_AGENTS__<NAME>__<KEY>` for an agent's.
//!
//! A variable with `__` that names no key is an error; any other unknown `TELECODER_*` is none of our business (an agent's
//! window has several, and a person may have their own). An empty value is no value.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::file::{ID_HINT, wanted};
use super::keys::{self, AGENTS, KEYS, Key, Shape};
use super::source::Sources;
use crate::domain::fault::{Fault, Kind, Result};

const PREFIX: &str = "TELECODER_";
const SEPARATOR: &str = "__";
/// Names of earlier systems for keys that are still there; the name of today wins.
const ALIASES: &[(&str, &str)] = &[
    ("TELECODER_CODING_AGENT", "default_agent"),
    ("TELECODER_DATA", "data_dir"),
    ("TELECODER_POLICY_MODE", "default_policy"),
];

/// What the loader may know of the process, in one value, so that a test can make its own.
#[derive(Debug)]
pub(super) struct Environment {
    variables: BTreeMap<String, String>,
    pub(super) cwd: PathBuf,
    /// The last place where a configuration is looked for.
    pub(super) system_file: PathBuf,
}

impl Environment {
    pub(super) fn new(variables: BTreeMap<String, String>, cwd: PathBuf, system_file: PathBuf) -> Self {
        Self {
            variables,
            cwd,
            system_file,
        }
    }

    /// The process's own. A variable that is not UTF-8 is an error only if it would have been ours.
    pub(super) fn of_process() -> Result<Self> {
        let mut variables = BTreeMap::new();
        for (name, value) in std::env::vars_os() {
            match (name.into_string(), value.into_string()) {
                (Ok(name), Ok(value)) => drop(variables.insert(name, value)),
                (Ok(name), Err(_)) if name.starts_with(PREFIX) => {
                    return Err(Fault::new(Kind::Config, format!("{name}: not UTF-8")));
                }
                _ => {}
            }
        }
        let cwd = std::env::current_dir().unwrap_or_else(|_| "/".into());
        Ok(Self::new(variables, cwd, "/etc/telecoder/config.toml".into()))
    }

    pub(super) fn var(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// A variable that is set and not empty.
    pub(super) fn filled(&self, name: &str) -> Option<&str> {
        self.var(name).filter(|value| !value.is_empty())
    }

    /// An absolute path in a variable; anything else there is as good as nothing.
    pub(super) fn dir(&self, name: &str) -> Option<&Path> {
        self.filled(name).map(Path::new).filter(|path| path.is_absolute())
    }

    /// Puts what the environment says over `table`, and notes in `sources` which variable it was.
    pub(super) fn overlay(&self, table: &mut toml::Table, sources: &mut Sources) -> Result<()> {
        self.overlay_aliases(table, sources)?;
        for (variable, value) in &self.variables {
            let Some(name) = variable.strip_prefix(PREFIX).filter(|_| !value.is_empty()) else {
                continue;
            };
            let parts: Vec<&str> = name.split(SEPARATOR).collect();
            match self.key_of(&parts, table) {
                Some((path, key)) => put(table, sources, &path, key, variable, value)?,
                None if parts.len() > 1 => return Err(unknown(variable, table)),
                None => {}
            }
        }
        Ok(())
    }

    fn overlay_aliases(&self, table: &mut toml::Table, sources: &mut Sources) -> Result<()> {
        for (alias, name) in ALIASES {
            if let (Some(value), Some(key)) = (self.filled(alias), keys::find("", name)) {
                put(table, sources, &[(*name).into()], key, alias, value)?;
            }
        }
        for (variable, value) in &self.variables {
            // `TELECODER_AGENT_<NAME>_COMMAND`, in which `_` stands for `-`.
            let agent = variable
                .strip_prefix("TELECODER_AGENT_")
                .and_then(|rest| rest.strip_suffix("_COMMAND"));
            if let (Some(agent), Some(key), false) = (agent, keys::find(AGENTS, "command"), value.is_empty()) {
                let agent = agent.to_ascii_lowercase().replace('_', "-");
                put(
                    table,
                    sources,
                    &[AGENTS.into(), agent, "command".into()],
                    key,
                    variable,
                    value,
                )?;
            }
        }
        Ok(())
    }

    /// The key that the parts of a name stand for, and the path to it.
    fn key_of(&self, parts: &[&str], table: &toml::Table) -> Option<(Vec<String>, &'static Key)> {
        match *parts {
            [key] => known("", key).map(|key| (vec![key.name.into()], key)),
            ["AGENTS", agent, key] if !agent.is_empty() => {
                let key = known(AGENTS, key)?;
                Some((vec![AGENTS.into(), agent_name(agent, table), key.name.into()], key))
            }
            [in_table, key] if in_table != "AGENTS" && !in_table.is_empty() => {
                let key = known(&in_table.to_ascii_lowercase(), key)?;
                Some((vec![key.table.into(), key.name.into()], key))
            }
            _ => None,
        }
    }
}

/// Upper case only: `telecoder_x` is another variable.
fn known(table: &str, upper: &str) -> Option<&'static Key> {
    keys::find(table, &upper.to_ascii_lowercase()).filter(|key| key.name.to_ascii_uppercase() == upper)
}

/// The configured agent that the variable means (`MY_AGENT` is `my-agent` or `my_agent`), else the name in lower case.
fn agent_name(upper: &str, table: &toml::Table) -> String {
    let configured = table.get(AGENTS).and_then(toml::Value::as_table);
    let found = configured.and_then(|agents| agents.keys().find(|name| spelled(name) == upper));
    found.cloned().unwrap_or_else(|| upper.to_ascii_lowercase())
}

/// How a key or an agent is spelled in a variable.
fn spelled(name: &str) -> String {
    name.to_ascii_uppercase().replace('-', "_")
}

fn put(
    table: &mut toml::Table,
    sources: &mut Sources,
    path: &[String],
    key: &Key,
    variable: &str,
    text: &str,
) -> Result<()> {
    let value = typed(key.shape, text).ok_or_else(|| {
        let fault = Fault::new(
            Kind::Config,
            format!("{variable}: `{}` takes {}", path.join("."), wanted(key.shape)),
        );
        match key.shape {
            Shape::Id | Shape::Ids => fault.hint(ID_HINT),
            Shape::Texts => fault.hint("Write it as in the file, `[\"a\", \"b\"]`, or separate by commas."),
            _ => fault,
        }
    })?;
    sources.variables.insert(path.join("."), variable.into());
    set(table, path, value);
    Ok(())
}

fn set(table: &mut toml::Table, path: &[String], value: toml::Value) {
    let Some((last, tables)) = path.split_last() else {
        return;
    };
    let mut table = table;
    for name in tables {
        let inner = table
            .entry(name.as_str())
            .or_insert_with(|| toml::Value::Table(toml::Table::new()));
        match inner {
            toml::Value::Table(inner) => table = inner,
            // The file was checked: a table's name holds a table.
            _ => return,
        }
    }
    table.insert(last.clone(), value);
}

fn typed(shape: Shape, text: &str) -> Option<toml::Value> {
    match shape {
        Shape::Text => Some(toml::Value::String(text.into())),
        Shape::Integer { .. } | Shape::Id => text.trim().parse().ok().map(toml::Value::Integer),
        Shape::Texts => list(Shape::Text, text),
        Shape::Ids => list(Shape::Id, text),
    }
}

/// A list as in the file, or values separated by commas.
fn list(of: Shape, text: &str) -> Option<toml::Value> {
    if text.trim_start().starts_with('[') {
        let parsed: toml::Table = toml::from_str(&format!("list = {text}")).ok()?;
        let items = parsed.get("list")?.as_array()?;
        let fits = |item: &toml::Value| match of {
            Shape::Text => item.is_str(),
            _ => item.is_integer(),
        };
        return items.iter().all(fits).then(|| toml::Value::Array(items.clone()));
    }
    let items = text
        .split(',')
        .map(|item| typed(of, item.trim()))
        .collect::<Option<Vec<_>>>()?;
    Some(toml::Value::Array(items))
}

fn unknown(variable: &str, table: &toml::Table) -> Fault {
    let agents = table.get(AGENTS).and_then(toml::Value::as_table);
    let agents: Vec<String> = match agents {
        Some(agents) if !agents.is_empty() => agents.keys().map(|name| spelled(name)).collect(),
        _ => vec!["NAME".into()],
    };
    let all: Vec<String> = KEYS
        .iter()
        .filter(|key| !key.table.is_empty())
        .flat_map(|key| {
            match key.table {
                AGENTS => agents.iter().map(|agent| format!("AGENTS__{agent}")).collect(),
                other => vec![spelled(other)],
            }
            .into_iter()
            .map(|table| format!("{PREFIX}{table}{SEPARATOR}{}", spelled(key.name)))
        })
        .collect();
    let names: Vec<&str> = all.iter().map(String::as_str).collect();
    Fault::new(Kind::Config, format!("{variable} names no key")).hint(keys::advice(variable, &names))
}
