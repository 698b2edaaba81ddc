//! What the person's own configuration says of permissions: where it may stand, and its rules in the order in which they are written,
//! for the last one that matches counts.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use regex::Regex;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::agents::jsonc;

/// A longer file is none that a person wrote.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
const NAMES: [&str; 2] = ["opencode.json", "opencode.jsonc"];
/// Tools of the older form whose permission the program calls `edit`.
const WRITING_TOOLS: [&str; 2] = ["write", "patch"];
pub const DENY: &str = "deny";

/// `tool`, `pattern` and `word` of one rule; `*` and `?` in the first two stand for any text and any character.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    tool: String,
    pattern: String,
    word: String,
}

/// The rules of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stated(Vec<Rule>);

impl Stated {
    /// Patterns and words that this file has for a tool, in its order.
    pub fn of(&self, tool: &str) -> Vec<(&str, &str)> {
        let rules = self.0.iter().filter(|rule| matches(&rule.tool, tool));
        rules.map(|rule| (rule.pattern.as_str(), rule.word.as_str())).collect()
    }

    /// A file that cannot be read would stop the program itself; here it says nothing.
    pub fn read(text: &str) -> Option<Self> {
        let file: File = jsonc::parse_as(text)?;
        let mut rules = Vec::new();
        // The older form comes before the newer one.
        for (tool, is_on) in file.tools {
            if !is_on {
                let tool = if WRITING_TOOLS.contains(&tool.as_str()) {
                    "edit"
                } else {
                    &tool
                };
                rules.push(Rule::of(tool, "*", DENY));
            }
        }
        match file.permission {
            Said::Word(word) => rules.push(Rule::of("*", "*", &word)),
            Said::Each(tools) => rules.extend(tools.iter().flat_map(|(tool, said)| Rule::all(tool, said))),
            Said::Other => {}
        }
        Some(Self(rules))
    }
}

impl Rule {
    fn of(tool: &str, pattern: &str, word: &str) -> Self {
        Self {
            tool: tool.to_owned(),
            pattern: pattern.to_owned(),
            word: word.to_owned(),
        }
    }

    fn all(tool: &str, said: &Said) -> Vec<Self> {
        let of_pattern = |(pattern, said): &(String, Said)| match said {
            Said::Word(word) => Some(Self::of(tool, pattern, word)),
            _ => None,
        };
        match said {
            Said::Word(word) => vec![Self::of(tool, "*", word)],
            Said::Each(patterns) => patterns.iter().filter_map(of_pattern).collect(),
            Said::Other => Vec::new(),
        }
    }
}

/// Every file of the person's and of the repository's that the program may read here. `env` is what the person gave to the agent;
/// the rest is the daemon's own environment, which the agent shares.
pub fn files(work_dir: &Path, env: &BTreeMap<String, String>) -> Vec<PathBuf> {
    let set = |name: &str| {
        let value = env.get(name).cloned().or_else(|| std::env::var(name).ok());
        value.filter(|value| !value.is_empty()).map(PathBuf::from)
    };
    let home = set("HOME");
    let config = set("XDG_CONFIG_HOME").or_else(|| Some(home.as_ref()?.join(".config")));
    let global = config.map(|dir| dir.join("opencode"));
    let mut files: Vec<PathBuf> = global.iter().map(|dir| dir.join("config.json")).collect();
    let mut dirs: Vec<PathBuf> = global.into_iter().collect();
    for dir in work_dir.ancestors() {
        dirs.extend([dir.to_owned(), dir.join(".opencode")]);
        // It looks up to the root of the repository; an empty `.git`, which git passes over, is none.
        let mark = dir.join(".git");
        if mark.is_file() || mark.join("HEAD").symlink_metadata().is_ok() {
            break;
        }
    }
    dirs.extend(home.map(|home| home.join(".opencode")));
    dirs.extend(set("OPENCODE_CONFIG_DIR"));
    files.extend(dirs.iter().flat_map(|dir| NAMES.map(|name| dir.join(name))));
    files.extend(set("OPENCODE_CONFIG"));
    files
}

/// What those files say, each for itself: what one of them denies is not lifted by another.
pub fn read_all(files: &[PathBuf]) -> Vec<Stated> {
    let text = |path: &PathBuf| {
        let meta = std::fs::metadata(path).ok()?;
        (meta.is_file() && meta.len() <= FILE_BYTES_MAX).then(|| std::fs::read_to_string(path).ok())?
    };
    files
        .iter()
        .filter_map(text)
        .filter_map(|text| Stated::read(&text))
        .collect()
}

fn matches(pattern: &str, tool: &str) -> bool {
    let pattern = regex::escape(pattern).replace(r"\*", ".*").replace(r"\?", ".");
    Regex::new(&format!("^{pattern}$")).is_ok_and(|pattern| pattern.is_match(tool))
}

#[derive(serde::Deserialize)]
struct File {
    #[serde(default)]
    permission: Said,
    #[serde(default)]
    tools: BTreeMap<String, bool>,
}

/// A word, or one for each key, in the order of the text.
#[derive(Default)]
enum Said {
    Word(String),
    Each(Vec<(String, Said)>),
    #[default]
    Other,
}

impl<'de> Deserialize<'de> for Said {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Said;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a word or an object")
    }

    fn visit_str<E>(self, word: &str) -> Result<Said, E> {
        Ok(Said::Word(word.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Said, A::Error> {
        let mut each = Vec::new();
        while let Some(entry) = map.next_entry()? {
            each.push(entry);
        }
        Ok(Said::Each(each))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Said, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Said::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Said, E> {
        Ok(Said::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Said, E> {
        Ok(Said::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Said, E> {
        Ok(Said::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Said, E> {
        Ok(Said::Other)
    }

    fn visit_unit<E>(self) -> Result<Said, E> {
        Ok(Said::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_keep_the_order_of_the_text() {
        let text = r#"{
            // Only what is named.
            "tools": {"write": false, "webfetch": true},
            "permission": {"*": "deny", "read": "allow", "bash": {"git *": "ask", "git push *": "deny"}, "e?it": "ask", "x": 7}
        }"#;
        let stated = Stated::read(text).unwrap();
        assert_eq!(
            stated.of("bash"),
            [("*", "deny"), ("git *", "ask"), ("git push *", "deny")]
        );
        assert_eq!(stated.of("edit"), [("*", "deny"), ("*", "deny"), ("*", "ask")]);
        assert_eq!(stated.of("webfetch"), [("*", "deny")]);
        assert_eq!(
            Stated::read(r#"{"permission": "deny"}"#).unwrap().of("edit"),
            [("*", "deny")]
        );
        assert_eq!(Stated::read("{}"), Some(Stated::default()));
        assert_eq!(Stated::read("{ half"), None);
    }

    #[test]
    fn every_place_is_looked_at_up_to_the_root_of_the_repository() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        std::fs::create_dir_all(at("repo/.git")).unwrap();
        std::fs::write(at("repo/.git/HEAD"), "ref: refs/heads/main\n").unwrap();
        std::fs::create_dir_all(at("repo/sub/.opencode")).unwrap();
        std::fs::create_dir_all(at("repo/sub/.git")).unwrap();
        let env = [
            ("XDG_CONFIG_HOME", "xdg"),
            ("OPENCODE_CONFIG", "mine.json"),
            ("OPENCODE_CONFIG_DIR", "more"),
            ("HOME", "home"),
        ];
        let env = env
            .map(|(name, path)| (name.to_owned(), at(path).display().to_string()))
            .into();
        let files = files(&at("repo/sub"), &env);
        for path in [
            "xdg/opencode/config.json",
            "xdg/opencode/opencode.jsonc",
            "repo/opencode.json",
            "repo/sub/.opencode/opencode.json",
            "home/.opencode/opencode.json",
            "more/opencode.json",
            "mine.json",
        ] {
            assert!(files.contains(&at(path)), "{path}: {files:?}");
        }
        assert!(!files.contains(&at("opencode.json")), "{files:?}");
        std::fs::write(at("repo/sub/.opencode/opencode.json"), r#"{"permission": "deny"}"#).unwrap();
        assert_eq!(read_all(&files).len(), 1);
    }
}
