//! Our policy words as the program's own permissions. They are merged into the person's: of two rules that match, the later one
//! counts, and ours come later. So what the person forbids is said again behind ours.

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::xdg;
use crate::agents::jsonc;
use crate::domain::policy::Policy;

/// The person's configuration, in the order in which the program merges it.
const FILES: &[&str] = &["config.json", "opencode.json", "opencode.jsonc"];
const NOTIFY: &str = "telecoder notify *";
/// Its output in a file is not what is allowed.
const NOTIFY_INTO_FILE: &str = "telecoder notify *>*";
const LOOKING_COMMANDS: &[&str] = &[
    "cat *",
    "git diff *",
    "git log *",
    "git show *",
    "git status *",
    "grep *",
    "head *",
    "ls *",
    "pwd",
    "stat *",
    "tail *",
    "wc *",
];
/// What makes a looking command write or run something else.
const BEYOND_LOOKING: &[&str] = &["*>*", "*`*", "*$(*", "*<(*", "*--output*", "*--ext-diff*"];

/// The rules of one tool: patterns with their words. The last one that matches counts, so their order is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rules(Vec<(String, &'static str)>);

/// `permission` of the launch's configuration, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permissions(Vec<(String, Rules)>);

impl Serialize for Rules {
    /// Some tools take a word only.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let [(pattern, word)] = self.0.as_slice()
            && pattern == "*"
        {
            return serializer.serialize_str(word);
        }
        serializer.collect_map(self.0.iter().map(|(pattern, word)| (pattern, word)))
    }
}

impl Serialize for Permissions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(tool, rules)| (tool, rules)))
    }
}

pub fn of(policy: Policy) -> Permissions {
    let mut permissions = by_word(policy);
    for (tool, patterns) in denied(&users_own()) {
        permissions.forbid(tool, &patterns);
    }
    permissions
}

fn by_word(policy: Policy) -> Permissions {
    match policy {
        Policy::Locked => looking(commands("deny", &[])),
        Policy::Observe => looking(commands("deny", LOOKING_COMMANDS)),
        Policy::Ask => Permissions::new([
            ("edit", plain("ask")),
            ("webfetch", plain("ask")),
            ("external_directory", plain("ask")),
            ("bash", commands("ask", &[])),
        ]),
        Policy::Standard => Permissions::new([("external_directory", plain("ask")), ("bash", commands("ask", &[]))]),
        Policy::Yolo => Permissions::new([("bash", patterns(&[(NOTIFY, "allow")]))]),
    }
}

fn looking(bash: Rules) -> Permissions {
    let read = patterns(&[
        ("*", "allow"),
        ("*.env", "deny"),
        ("*.env.*", "deny"),
        ("*.env.example", "allow"),
    ]);
    let mut permissions = Permissions::new([("*", plain("deny")), ("read", read)]);
    for tool in ["glob", "grep", "list", "todowrite", "todoread", "skill"] {
        permissions.0.push((tool.into(), plain("allow")));
    }
    for tool in [
        "edit",
        "webfetch",
        "websearch",
        "task",
        "question",
        "doom_loop",
        "external_directory",
    ] {
        permissions.0.push((tool.into(), plain("deny")));
    }
    permissions.0.push(("bash".into(), bash));
    permissions
}

fn plain(word: &'static str) -> Rules {
    patterns(&[("*", word)])
}

fn patterns(rules: &[(&str, &'static str)]) -> Rules {
    Rules(
        rules
            .iter()
            .map(|(pattern, word)| ((*pattern).to_owned(), *word))
            .collect(),
    )
}

/// Rules for commands: the default, what is allowed beside it, what that must not reach, and last `telecoder notify`.
fn commands(default: &'static str, allowed: &[&str]) -> Rules {
    let mut rules = vec![("*", default)];
    rules.extend(allowed.iter().map(|command| (*command, "allow")));
    if !allowed.is_empty() {
        rules.extend(BEYOND_LOOKING.iter().map(|beyond| (*beyond, "deny")));
    }
    rules.extend([(NOTIFY, "allow"), (NOTIFY_INTO_FILE, default)]);
    patterns(&rules)
}

impl Permissions {
    fn new<const N: usize>(tools: [(&str, Rules); N]) -> Self {
        Self(tools.map(|(tool, rules)| (tool.to_owned(), rules)).into())
    }

    /// Says again what the person denies: a merged rule keeps the place of the person's own, before ours. A pattern with one more
    /// star is a new rule, and denies at least as much.
    fn forbid(&mut self, tool: String, denied: &[String]) {
        let at = self.0.iter().position(|(own, _)| *own == tool).unwrap_or_else(|| {
            self.0.push((tool, Rules(Vec::new())));
            self.0.len() - 1
        });
        let rules = &mut self.0[at].1.0;
        for pattern in denied {
            match rules.iter_mut().find(|(own, _)| pattern == "*" && own == "*") {
                Some(all) => all.1 = "deny",
                None if pattern == "*" => rules.insert(0, ("*".to_owned(), "deny")),
                None => rules.push((format!("{pattern}*"), "deny")),
            }
        }
    }
}

/// What these permissions deny: tools with patterns.
pub(super) fn denied(permissions: &[Value]) -> Vec<(String, Vec<String>)> {
    let mut denied = Vec::new();
    for permission in permissions {
        match permission {
            Value::String(word) if word == "deny" => denied.push(("*".to_owned(), vec!["*".to_owned()])),
            Value::Object(tools) => denied.extend(tools.iter().filter_map(|(tool, rule)| {
                let patterns = denied_patterns(rule);
                (!patterns.is_empty()).then(|| (tool.clone(), patterns))
            })),
            _ => {}
        }
    }
    denied
}

fn denied_patterns(rule: &Value) -> Vec<String> {
    let is_deny = |word: &Value| word.as_str() == Some("deny");
    match rule {
        word if is_deny(word) => vec!["*".to_owned()],
        Value::Object(patterns) => {
            let denied = patterns.iter().filter(|(_, word)| is_deny(word));
            denied.map(|(pattern, _)| pattern.clone()).collect()
        }
        _ => Vec::new(),
    }
}

/// `permission` of the person's own files. One that cannot be read would stop the program itself; here it says nothing.
fn users_own() -> Vec<Value> {
    let Some(dir) = xdg("XDG_CONFIG_HOME", ".config") else {
        return Vec::new();
    };
    FILES
        .iter()
        .filter_map(|name| std::fs::read_to_string(dir.join(name)).ok())
        .filter_map(|text| jsonc::parse(&text)?.get("permission").cloned())
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn notify_is_allowed_by_every_word_after_what_is_not() {
        for policy in Policy::ALL {
            let made = by_word(policy);
            let (tool, bash) = made.0.last().unwrap();
            assert_eq!(tool, "bash");
            let at = |wanted: &str| bash.0.iter().position(|(pattern, _)| pattern == wanted);
            assert!(at(NOTIFY) > at("*"), "{policy}");
            assert!(at(NOTIFY_INTO_FILE) != Some(0), "{policy}");
        }
        let text = serde_json::to_string(&by_word(Policy::Observe)).unwrap();
        let place = |part: &str| text.find(part).unwrap();
        assert!(place("\"*\":\"deny\"") < place("\"read\""));
        assert!(place("cat *") < place("*>*") && place("*>*") < place("telecoder notify *\""));
    }

    #[test]
    fn what_the_person_denies_stays_denied() {
        let theirs = [json!({"edit": "deny", "bash": {"rm *": "deny", "ls *": "allow"}, "webfetch": "ask"})];
        let mut made = by_word(Policy::Ask);
        for (tool, patterns) in denied(&theirs) {
            made.forbid(tool, &patterns);
        }
        let rules = |tool: &str| made.0.iter().find(|(own, _)| own == tool).unwrap().1.0.clone();
        assert_eq!(rules("edit"), [("*".to_owned(), "deny")]);
        assert_eq!(rules("bash").last().unwrap(), &("rm **".to_owned(), "deny"));
        assert_eq!(denied(&[json!("deny")]), [("*".to_owned(), vec!["*".to_owned()])]);
    }
}
