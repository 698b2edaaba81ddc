//! Every key there is: its table, its type, its limits, its default. The one list that the file, the environment and the
//! manual are held against.

use crate::domain::text::nearest;

/// What a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    Integer {
        min: i64,
        max: i64,
    },
    Texts,
    /// Numeric ids of a channel. Names are refused: they change owners.
    Id,
    Ids,
}

#[derive(Debug)]
pub(super) struct Key {
    /// Empty: outside of tables. [`AGENTS`]: once for each agent.
    pub(super) table: &'static str,
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    /// As it would be written in the file. None: nothing is assumed.
    pub(super) default: Option<&'static str>,
}

/// The table that holds one table for each agent.
pub(super) const AGENTS: &str = "agents";

const KIB: i64 = 1 << 10;
const MIB: i64 = 1 << 20;

pub(super) const KEYS: &[Key] = &[
    key("", "data_dir", Shape::Text, Some(r#""~/.telecoder""#)),
    key("", "default_agent", Shape::Text, Some(r#""auto""#)),
    key("", "default_policy", Shape::Text, Some(r#""ask""#)),
    key("", "max_active_sessions", integer(1, 1000), Some("16")),
    key("", "reply", Shape::Text, Some(r#""auto""#)),
    key("", "after_loss", Shape::Text, Some(r#""tell""#)),
    key(AGENTS, "kind", Shape::Text, None),
    key(AGENTS, "command", Shape::Text, None),
    key(AGENTS, "args", Shape::Texts, Some("[]")),
    key(AGENTS, "env_file", Shape::Text, None),
    key(AGENTS, "pass_env", Shape::Texts, Some("[]")),
    key(AGENTS, "ready", Shape::Text, None),
    key(AGENTS, "evidence", Shape::Text, Some(r#""none""#)),
    key("telegram", "token_file", Shape::Text, None),
    key("telegram", "api_url", Shape::Text, None),
    key("telegram", "allow", Shape::Ids, Some("[]")),
    key("telegram", "home_chat", Shape::Id, None),
    key("telegram", "poll_timeout_s", integer(1, 50), Some("50")),
    key(
        "telegram",
        "receipts",
        Shape::Texts,
        Some(r#"["👀", "✍", "⚡", "👍", "👎", "🤔"]"#),
    ),
    key("telegram", "topics", Shape::Text, Some(r#""auto""#)),
    key("telegram", "parts_max", integer(1, 50), Some("5")),
    key("telegram", "rich", Shape::Text, Some(r#""auto""#)),
    key("telegram", "drafts", Shape::Text, Some(r#""auto""#)),
    key("telegram", "stale_after_s", integer(60, 86_400), Some("900")),
    key("telegram", "own_approval", Shape::Text, Some(r#""allow""#)),
    key("telegram", "transcribe_command", Shape::Texts, Some("[]")),
    key("telegram", "transcribe_url", Shape::Text, None),
    key("tmux", "path", Shape::Text, Some(r#""tmux""#)),
    key("tmux", "history_lines", integer(100, 50_000), Some("2000")),
    key("limits", "prompt_bytes", integer(KIB, 16 * MIB), Some("1048576")),
    key("limits", "letter_bytes", integer(4 * KIB, 256 * KIB), Some("262144")),
    key("limits", "file_bytes", integer(1, 50_000_000), Some("50000000")),
    key("limits", "letters_max", integer(10, 1_000_000), Some("10000")),
    key("limits", "log_bytes", integer(64 * KIB, 1024 * MIB), Some("4194304")),
    key("github", "token_file", Shape::Text, None),
    key("github", "api_url", Shape::Text, Some(r#""https://api.github.com""#)),
    key("github", "poll_s", integer(15, 86_400), Some("120")),
    key("github", "follow_prompts_max", integer(0, 1000), Some("10")),
    key(
        "github",
        "follow_from",
        Shape::Texts,
        Some(r#"["OWNER", "MEMBER", "COLLABORATOR"]"#),
    ),
    key("publish", "auto", Shape::Text, Some(r#""off""#)),
    key(
        "publish",
        "author",
        Shape::Text,
        Some(r#""TeleCoder <telecoder@localhost>""#),
    ),
    key("publish", "file_bytes", integer(KIB, 100 * MIB), Some("5242880")),
    key("workspace", "kind", Shape::Text, Some(r#""clone""#)),
    key("workspace", "setup_timeout_s", integer(1, 86_400), Some("900")),
    key("verify", "commands", Shape::Texts, Some("[]")),
    key("verify", "timeout_s", integer(1, 86_400), Some("900")),
    key("verify", "output_bytes", integer(KIB, MIB), Some("65536")),
    key("log", "level", Shape::Text, Some(r#""info""#)),
    key("log", "format", Shape::Text, Some(r#""text""#)),
];

const fn key(table: &'static str, name: &'static str, shape: Shape, default: Option<&'static str>) -> Key {
    Key {
        table,
        name,
        shape,
        default,
    }
}

const fn integer(min: i64, max: i64) -> Shape {
    Shape::Integer { min, max }
}

pub(super) fn find(table: &str, name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.table == table && key.name == name)
}

/// The names that may stand in a table; at the top these are keys and tables.
pub(super) fn names_in(table: &str) -> Vec<&'static str> {
    let keys = KEYS.iter().filter(|key| key.table == table).map(|key| key.name);
    let mut names: Vec<_> = keys.collect();
    if table.is_empty() {
        names.extend(tables());
    }
    names
}

pub(super) fn is_table(name: &str) -> bool {
    tables().any(|table| table == name)
}

/// "Did you mean …", or what there is.
pub(super) fn advice(name: &str, candidates: &[&str]) -> String {
    match nearest(name, candidates.iter().copied()) {
        Some(near) => format!("Did you mean `{near}`?"),
        None => format!("Known here: {}.", candidates.join(", ")),
    }
}

/// Each table once, in order.
fn tables() -> impl Iterator<Item = &'static str> {
    let mut last = "";
    KEYS.iter().map(|key| key.table).filter(move |table| {
        let new = *table != last;
        last = table;
        new
    })
}
