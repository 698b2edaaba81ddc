//! Our policy words as the program's own permissions. They are merged into the person's: of two rules that match, the later one
//! counts, and ours come later. So what the person forbids is said again behind ours.

use serde::{Serialize, Serializer};

use super::stated::{DENY, Stated};
use crate::domain::policy::Policy;

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

/// Our rules for this policy word, with what `stated` denies.
pub fn of(policy: Policy, stated: &[Stated]) -> Permissions {
    let mut permissions = by_word(policy);
    for (tool, rules) in &mut permissions.0 {
        for theirs in stated {
            rules.heed(&theirs.of(tool));
        }
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
}

impl Rules {
    /// Says again what the person denies: a merged rule keeps the place of the person's own, before ours, and a word of ours for the
    /// whole tool takes the place of all of theirs. A pattern with one more star is a new rule, and holds for at least as much.
    fn heed(&mut self, theirs: &[(&str, &str)]) {
        let whole = theirs.iter().rposition(|(pattern, _)| *pattern == "*");
        if let Some(at) = whole.filter(|at| theirs[*at].1 == DENY) {
            self.forbid_all(&theirs[at + 1..]);
        }
        let parts = theirs.iter().filter(|(pattern, word)| *word == DENY && *pattern != "*");
        self.0.extend(parts.map(|(pattern, _)| (format!("{pattern}*"), DENY)));
    }

    /// Everything but `telecoder notify`. For what the person excepts, the word holds that we have for the whole tool.
    fn forbid_all(&mut self, excepted: &[(&str, &str)]) {
        let whole = self.0.iter().position(|(pattern, _)| pattern == "*");
        let ours = whole.map_or(DENY, |at| self.0[at].1);
        for (pattern, word) in &mut self.0 {
            if pattern != NOTIFY {
                *word = DENY;
            }
        }
        let at = whole.map_or(0, |at| at + 1);
        if whole.is_none() {
            self.0.insert(0, ("*".to_owned(), DENY));
        }
        for (pattern, word) in excepted.iter().rev() {
            if *word != DENY {
                self.0.insert(at.max(1), (format!("{pattern}*"), ours));
            }
        }
    }
}

#[cfg(test)]
mod tests {
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

    /// The rules of one tool under a policy word, beside a configuration of the person's.
    fn rules(policy: Policy, theirs: &str, tool: &str) -> Vec<(String, &'static str)> {
        let made = of(policy, &[Stated::read(theirs).unwrap()]);
        made.0.into_iter().find(|(own, _)| own == tool).unwrap().1.0
    }

    fn rule(pattern: &str, word: &'static str) -> (String, &'static str) {
        (pattern.to_owned(), word)
    }

    #[test]
    fn what_the_person_denies_stays_denied() {
        let theirs =
            r#"{"permission": {"edit": "deny", "bash": {"rm *": "deny", "ls *": "allow"}, "webfetch": "ask"}}"#;
        assert_eq!(rules(Policy::Ask, theirs, "edit"), [rule("*", "deny")]);
        assert_eq!(rules(Policy::Ask, theirs, "webfetch"), [rule("*", "ask")]);
        assert_eq!(rules(Policy::Ask, theirs, "bash").last(), Some(&rule("rm **", "deny")));
        let older = r#"{"tools": {"write": false}}"#;
        assert_eq!(rules(Policy::Ask, older, "edit"), [rule("*", "deny")]);
    }

    #[test]
    fn who_denies_everything_is_not_asked_about_it() {
        let only_notify = [rule("*", "deny"), rule(NOTIFY, "allow"), rule(NOTIFY_INTO_FILE, "deny")];
        for theirs in [
            r#"{"permission": "deny"}"#,
            r#"{"permission": {"*": "deny", "read": "allow"}}"#,
        ] {
            for policy in [Policy::Ask, Policy::Standard] {
                assert_eq!(rules(policy, theirs, "bash"), only_notify);
                assert_eq!(rules(policy, theirs, "external_directory"), [rule("*", "deny")]);
            }
            assert_eq!(rules(Policy::Ask, theirs, "edit"), [rule("*", "deny")]);
            assert_eq!(rules(Policy::Yolo, theirs, "bash"), only_notify[..2]);
            assert!(
                rules(Policy::Observe, theirs, "bash")
                    .iter()
                    .all(|(own, word)| own == NOTIFY || *word == "deny")
            );
        }
    }

    #[test]
    fn what_they_except_is_as_our_word_says() {
        let theirs =
            r#"{"permission": {"*": "deny", "edit": "allow", "bash": {"git *": "allow", "git push *": "deny"}}}"#;
        assert_eq!(rules(Policy::Ask, theirs, "edit"), [rule("*", "ask")]);
        let expected = [
            rule("*", "deny"),
            rule("git **", "ask"),
            rule(NOTIFY, "allow"),
            rule(NOTIFY_INTO_FILE, "deny"),
            rule("git push **", "deny"),
        ];
        assert_eq!(rules(Policy::Ask, theirs, "bash"), expected);
        // Under `observe` no word of theirs opens anything.
        assert!(!rules(Policy::Observe, theirs, "bash").contains(&rule("git **", "allow")));
        let last = r#"{"permission": {"edit": "allow", "*": "deny"}}"#;
        assert_eq!(rules(Policy::Ask, last, "edit"), [rule("*", "deny")]);
    }
}
