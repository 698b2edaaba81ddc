//! What was typed into the file: read, checked against the list of keys, its `${VAR}` replaced. Every error names the line.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::environment::Environment;
use super::keys::{self, AGENTS, Shape};
use super::source::Sources;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::SessionName;

/// A configuration longer than this is some other file.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// All that can be typed, from whatever source. Defaults are already in it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConfig {
    pub(super) data_dir: String,
    pub(super) default_agent: String,
    pub(super) default_policy: String,
    pub(super) max_active_sessions: u32,
    pub(super) reply: String,
    pub(super) after_loss: String,
    #[serde(default)]
    pub(super) agents: BTreeMap<String, RawAgent>,
    pub(super) telegram: Option<RawTelegram>,
    pub(super) tmux: RawTmux,
    pub(super) limits: RawLimits,
    pub(super) github: RawGithub,
    pub(super) publish: RawPublish,
    pub(super) workspace: RawWorkspace,
    pub(super) verify: RawVerify,
    pub(super) log: RawLog,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGithub {
    pub(super) token_file: Option<String>,
    pub(super) api_url: String,
    pub(super) poll_s: u32,
    pub(super) follow_prompts_max: u32,
    pub(super) follow_from: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPublish {
    pub(super) auto: String,
    pub(super) author: String,
    pub(super) file_bytes: u32,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWorkspace {
    pub(super) kind: String,
    pub(super) setup_timeout_s: u32,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawVerify {
    pub(super) commands: Vec<String>,
    pub(super) timeout_s: u32,
    pub(super) output_bytes: u32,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAgent {
    pub(super) kind: Option<String>,
    pub(super) command: Option<String>,
    pub(super) args: Vec<String>,
    pub(super) env_file: Option<String>,
    pub(super) pass_env: Vec<String>,
    pub(super) ready: Option<String>,
    pub(super) evidence: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTelegram {
    pub(super) token_file: Option<String>,
    pub(super) api_url: Option<String>,
    pub(super) allow: Vec<i64>,
    pub(super) home_chat: Option<i64>,
    pub(super) poll_timeout_s: u32,
    pub(super) receipts: Vec<String>,
    pub(super) topics: String,
    pub(super) rich: String,
    pub(super) drafts: String,
    pub(super) parts_max: u32,
    pub(super) stale_after_s: u32,
    pub(super) own_approval: String,
    pub(super) transcribe_command: Vec<String>,
    pub(super) transcribe_url: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTmux {
    pub(super) path: String,
    pub(super) history_lines: u32,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLimits {
    pub(super) prompt_bytes: u32,
    pub(super) letter_bytes: u32,
    pub(super) file_bytes: u32,
    pub(super) letters_max: u32,
    pub(super) log_bytes: u32,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLog {
    pub(super) level: String,
    pub(super) format: String,
}

/// Reads the file and notes in `sources` where each key stands.
pub(super) fn read(file: &Path, env: &Environment, sources: &mut Sources) -> Result<toml::Table> {
    let text = read_text(file)?;
    sources.file = Some(file.into());
    parse(file, &text, env, sources)
}

fn parse(file: &Path, text: &str, env: &Environment, sources: &mut Sources) -> Result<toml::Table> {
    let document = Document { file, text };
    let typed = DeTable::parse(text).map_err(|error| document.fault(error.span(), syntax(&error)))?;
    document.check_table("", "", typed.get_ref(), &mut sources.lines)?;
    let mut table: toml::Table = toml::from_str(text).map_err(|error| document.fault(error.span(), syntax(&error)))?;
    expand_table("", &mut table, env, sources)?;
    Ok(table)
}

fn read_text(file: &Path) -> Result<String> {
    let told = |what: String| Fault::new(Kind::Config, format!("{}: {what}", file.display()));
    let meta = std::fs::metadata(file).map_err(|error| match error.kind() {
        ErrorKind::NotFound => told("there is no such file".into()).hint(
            "`--config` and TELECODER_CONFIG name a file that exists; without them the usual places are searched.",
        ),
        _ => told(error.to_string()),
    })?;
    if !meta.is_file() {
        return Err(told("not a regular file".into()));
    }
    if meta.len() > FILE_BYTES_MAX {
        return Err(told(format!("longer than {FILE_BYTES_MAX} bytes; not a configuration")));
    }
    let bytes = std::fs::read(file).map_err(|error| told(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + good.iter().filter(|b| **b == b'\n').count();
        Fault::new(Kind::Config, format!("{}:{line}: not UTF-8", file.display()))
            .hint("Save the file as UTF-8; `config.example.toml` shows every key.")
    })
}

fn syntax(error: &toml::de::Error) -> String {
    format!("not TOML: {}", error.message().replace('\n', "; "))
}

/// A parsed file, for finding the place of a fault.
struct Document<'a> {
    file: &'a Path,
    text: &'a str,
}

impl Document<'_> {
    /// Checks one table. `dotted` is its name in the file (`agents.mine`), `schema` its name in the list of keys (`agents`).
    fn check_table(
        &self,
        dotted: &str,
        schema: &str,
        table: &DeTable<'_>,
        lines: &mut BTreeMap<String, usize>,
    ) -> Result<()> {
        for (name, value) in table {
            let key = join(dotted, name.get_ref());
            lines.insert(key.clone(), self.line(name.span().start));
            if dotted.is_empty() && keys::is_table(name.get_ref()) {
                let inner = self.table(&key, value)?;
                match name.get_ref().as_ref() {
                    AGENTS => self.check_agents(inner, lines)?,
                    schema => self.check_table(&key, schema, inner, lines)?,
                }
                continue;
            }
            let Some(known) = keys::find(schema, name.get_ref()) else {
                let fault = self.fault(Some(name.span()), format!("unknown key `{key}`"));
                return Err(fault.hint(keys::advice(name.get_ref(), &keys::names_in(schema))));
            };
            self.check_shape(&key, known.shape, value)?;
        }
        Ok(())
    }

    fn check_agents(&self, agents: &DeTable<'_>, lines: &mut BTreeMap<String, usize>) -> Result<()> {
        for (name, value) in agents {
            let key = join(AGENTS, name.get_ref());
            if let Err(why) = name.get_ref().parse::<SessionName>() {
                let fault = self.fault(
                    Some(name.span()),
                    format!("`{}` cannot be an agent's name", name.get_ref()),
                );
                return Err(match why.hint {
                    Some(hint) => fault.hint(hint),
                    None => fault,
                });
            }
            lines.insert(key.clone(), self.line(name.span().start));
            self.check_table(&key, AGENTS, self.table(&key, value)?, lines)?;
        }
        Ok(())
    }

    fn table<'v>(&self, key: &str, value: &'v Spanned<DeValue<'_>>) -> Result<&'v DeTable<'v>> {
        match value.get_ref() {
            DeValue::Table(table) => Ok(table),
            other => Err(self.wrong(key, value.span(), "a table", other)),
        }
    }

    fn check_shape(&self, key: &str, shape: Shape, value: &Spanned<DeValue<'_>>) -> Result<()> {
        match (shape, value.get_ref()) {
            (Shape::Text, DeValue::String(_)) | (Shape::Integer { .. } | Shape::Id, DeValue::Integer(_)) => Ok(()),
            (Shape::Texts, DeValue::Array(items)) => items
                .iter()
                .try_for_each(|item| self.check_shape(key, Shape::Text, item)),
            (Shape::Ids, DeValue::Array(items)) => {
                items.iter().try_for_each(|item| self.check_shape(key, Shape::Id, item))
            }
            (shape, other) => Err(self.wrong(key, value.span(), wanted(shape), other)),
        }
    }

    fn wrong(&self, key: &str, span: Range<usize>, wanted: &str, found: &DeValue<'_>) -> Fault {
        let found = match found {
            DeValue::String(text) => format!("the text \"{text}\""),
            other => format!("{} {}", article(other.type_str()), other.type_str()),
        };
        let fault = self.fault(Some(span), format!("`{key}` takes {wanted}, not {found}"));
        match wanted {
            NUMERIC_ID => fault.hint(ID_HINT),
            _ => fault,
        }
    }

    fn fault(&self, span: Option<Range<usize>>, what: String) -> Fault {
        let place = match span {
            Some(span) => format!(
                "{}:{}:{}",
                self.file.display(),
                self.line(span.start),
                self.column(span.start)
            ),
            None => self.file.display().to_string(),
        };
        Fault::new(Kind::Config, format!("{place}: {what}"))
    }

    fn line(&self, offset: usize) -> usize {
        1 + self.text[..offset.min(self.text.len())].matches('\n').count()
    }

    fn column(&self, offset: usize) -> usize {
        let before = &self.text[..offset.min(self.text.len())];
        let line = before.rsplit('\n').next().unwrap_or("");
        1 + line.chars().count()
    }
}

const NUMERIC_ID: &str = "a numeric id";
pub(super) const ID_HINT: &str = "Names like @someone can change owners, so only numeric ids are taken; write to the bot once, \
     and the event `access.refused` (`telecoder events`) has your id.";

pub(super) fn wanted(shape: Shape) -> &'static str {
    match shape {
        Shape::Text => "a text",
        Shape::Integer { .. } => "a whole number",
        Shape::Id => NUMERIC_ID,
        Shape::Texts => "a list of texts",
        Shape::Ids => "a list of numeric ids",
    }
}

fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    }
}

fn join(table: &str, name: &str) -> String {
    if table.is_empty() {
        name.into()
    } else {
        format!("{table}.{name}")
    }
}

fn expand_table(dotted: &str, table: &mut toml::Table, env: &Environment, sources: &Sources) -> Result<()> {
    for (name, value) in table.iter_mut() {
        expand_value(&join(dotted, name), value, env, sources)?;
    }
    Ok(())
}

fn expand_value(key: &str, value: &mut toml::Value, env: &Environment, sources: &Sources) -> Result<()> {
    match value {
        toml::Value::String(text) => *text = expand(key, text, env, sources)?,
        toml::Value::Array(items) => {
            for item in items {
                expand_value(key, item, env, sources)?;
            }
        }
        toml::Value::Table(table) => expand_table(key, table, env, sources)?,
        _ => {}
    }
    Ok(())
}

/// Replaces `${VAR}`; `$${` stands for a literal `${`. A variable that is not set is an error, an empty one is empty.
fn expand(key: &str, text: &str, env: &Environment, sources: &Sources) -> Result<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        if rest[..at].ends_with('$') {
            out.push_str(&rest[..at - 1]);
            out.push_str("${");
            rest = &rest[at + 2..];
            continue;
        }
        out.push_str(&rest[..at]);
        let (name, behind) = rest[at + 2..].split_once('}').ok_or_else(|| {
            sources
                .fault(key, "has `${` without `}`")
                .hint("Write `$${` for a literal `${`.")
        })?;
        let value = env.var(name).ok_or_else(|| {
            sources
                .fault(key, format_args!("needs the variable `{name}`, which is not set"))
                .hint("Set it where the daemon starts, or write `$${` for a literal `${`.")
        })?;
        out.push_str(value);
        rest = behind;
    }
    out.push_str(rest);
    Ok(out)
}
