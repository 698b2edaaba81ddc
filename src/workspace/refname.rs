//! Which names of branches and refs are taken: git's own rules, and nothing that could be an option.

use crate::domain::fault::{Fault, Kind, Result};

const NAME_BYTES_MAX: usize = 200;

/// Whether git takes this as a full ref name (the rules of `git check-ref-format`).
pub(super) fn is_ref_name(name: &str) -> bool {
    let bad_char = |c: char| c.is_control() || c.is_whitespace() || "~^:?*[\\\u{7f}".contains(c);
    let part_ok =
        |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock") && !part.starts_with('-');
    name.len() <= NAME_BYTES_MAX
        && !name.contains(bad_char)
        && !name.contains("..")
        && !name.contains("@{")
        && name != "@"
        && !name.ends_with('.')
        && name.split('/').all(part_ok)
}

/// A branch that a person named.
pub fn check_branch(name: &str) -> Result<()> {
    if is_ref_name(name) && name != "HEAD" && !name.starts_with("refs/") {
        return Ok(());
    }
    let shown: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
    Err(
        Fault::new(Kind::Usage, format!("`{shown}` cannot be the name of a branch")).hint(
            "Letters, digits, `/`, `-`, `_` and `.`; not a `-` or `.` at the beginning of a part, no blanks, no `..`.",
        ),
    )
}

/// What a session may begin from: a branch, a tag or a commit, and no expression.
pub fn check_base(name: &str) -> Result<()> {
    check_branch(name).map_err(|fault| {
        Fault::new(fault.kind, fault.message.replace("the name of a branch", "a base"))
            .hint("Name a branch, a tag or a commit: `--base main`.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_gits_rules_and_are_no_options() {
        for good in ["main", "feature/login-2", "telecoder/abc", "v1.2.3", "ä"] {
            assert!(check_branch(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "-x",
            "--upload-pack=x",
            "a b",
            "a..b",
            "a~1",
            "a^",
            "a:b",
            "x.lock",
            "a/.b",
            "a//b",
            "/a",
            "a/",
            "a@{1}",
            "@",
            "HEAD",
            "refs/heads/x",
            "a\nb",
            "a\\b",
            "a*",
            "feature/-x",
            "a.",
            "a\u{7f}",
        ] {
            assert!(check_branch(bad).is_err(), "{bad:?}");
        }
        assert!(check_branch(&"x".repeat(300)).is_err());
    }
}
