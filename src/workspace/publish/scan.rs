//! Looks for secrets and for files that do not belong into a repository, over every commit that would go out.

use std::sync::LazyLock;

use regex::Regex;

use crate::domain::fault::{Fault, Kind, Result};

/// Findings that are told one by one.
const FINDINGS_MAX: usize = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FindingKind {
    Secret,
    SecretFile,
    TooLarge,
}

/// Something that should not go out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub kind: FindingKind,
    pub path: String,
    /// What it looks like; never the secret itself.
    pub what: String,
}

/// Shapes that are secrets and hardly anything else.
static SECRETS: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    [
        (r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----", "a private key"),
        (r"\bgh[pousr]_[A-Za-z0-9]{36,}\b", "a GitHub token"),
        (r"\bgithub_pat_[A-Za-z0-9_]{50,}\b", "a GitHub token"),
        (r"\bglpat-[A-Za-z0-9_-]{20,}\b", "a GitLab token"),
        (r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b", "an AWS access key"),
        (
            r#"(?i)aws_secret_access_key["']?\s*[:=]\s*["']?[A-Za-z0-9/+]{40}\b"#,
            "an AWS secret key",
        ),
        (r"\bsk-ant-[A-Za-z0-9_-]{20,}", "an API key of a model's provider"),
        (r"\bsk-(?:proj-)?[A-Za-z0-9_-]{32,}", "an API key of a model's provider"),
        (r"\bAIza[A-Za-z0-9_-]{35}\b", "a Google API key"),
        (r"\bxox[abprs]-[A-Za-z0-9-]{10,}", "a Slack token"),
        (r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}\b", "a bot's token"),
        (r"\b(?:sk|rk)_live_[A-Za-z0-9]{20,}", "a payment provider's key"),
        (r"\bnpm_[A-Za-z0-9]{36}\b", "an npm token"),
        (
            r"\beyJ[A-Za-z0-9_-]{15,}\.eyJ[A-Za-z0-9_-]{15,}\.[A-Za-z0-9_-]{20,}",
            "a signed token (JWT)",
        ),
        (r"[a-z]+://[^/\s:@]+:[^/\s:@]{6,}@[^/\s]+", "an address with a password"),
    ]
    .into_iter()
    .map(|(pattern, what)| (Regex::new(pattern).expect("a constant pattern"), what))
    .collect()
});

static SECRET_FILES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:^|/)(?:\.env(?:\.(?:local|production|prod))?|id_(?:rsa|dsa|ecdsa|ed25519)|[^/]*\.(?:pem|p12|pfx|keystore|jks)|\.netrc|\.npmrc|\.pypirc|credentials\.json|service-account[^/]*\.json)$")
        .expect("a constant pattern")
});

/// Reads the patches of commits (`git log -p`) for added lines.
pub(super) fn secrets(patches: &str) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let mut path = String::new();
    for line in patches.lines() {
        if let Some(name) = line.strip_prefix("+++ ") {
            path = name.strip_prefix("b/").unwrap_or(name).trim_matches('"').to_owned();
            if SECRET_FILES.is_match(&path) {
                add(
                    &mut findings,
                    FindingKind::SecretFile,
                    &path,
                    "a file in which secrets are kept",
                );
            }
            continue;
        }
        let Some(added) = line.strip_prefix('+') else { continue };
        if let Some((_, what)) = SECRETS.iter().find(|(pattern, _)| pattern.is_match(added)) {
            add(&mut findings, FindingKind::Secret, &path, what);
        }
    }
    findings
}

fn add(findings: &mut Vec<Finding>, kind: FindingKind, path: &str, what: &str) {
    let finding = Finding {
        kind,
        path: path.to_owned(),
        what: what.to_owned(),
    };
    if !findings.contains(&finding) {
        findings.push(finding);
    }
}

/// Files of a tree (`git ls-tree -r -l -z`) that are larger than `max`, among those that `is_new` names.
pub(super) fn too_large(listing: &[u8], max: u64, is_new: impl Fn(&str) -> bool) -> Vec<Finding> {
    super::super::git::entries(listing)
        .filter_map(|entry| {
            let text = String::from_utf8_lossy(entry);
            let (meta, path) = text.split_once('\t')?;
            let size: u64 = meta.split_whitespace().nth(3)?.parse().ok()?;
            (size > max && is_new(path)).then(|| Finding {
                kind: FindingKind::TooLarge,
                path: path.to_owned(),
                what: format!("{size} bytes; the limit is {max}"),
            })
        })
        .collect()
}

/// The refusal that names what was found.
pub(super) fn refuse(findings: &[Finding]) -> Result<()> {
    if findings.is_empty() {
        return Ok(());
    }
    let mut lines: Vec<String> = findings
        .iter()
        .take(FINDINGS_MAX)
        .map(|finding| format!("{}: {}", finding.path, finding.what))
        .collect();
    if findings.len() > FINDINGS_MAX {
        lines.push(format!("and {} more", findings.len() - FINDINGS_MAX));
    }
    Err(Fault::new(
        Kind::RefusedByState,
        format!("what would go out holds what should not: {}", lines.join("; ")),
    )
    .hint("Take it out of the history (it is in a commit, so a later deletion is not enough), or say that it is none: `--allow-findings`."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str) -> Vec<String> {
        let patch = format!("+++ b/a.txt\n+{line}\n");
        secrets(&patch).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn secrets_are_found_in_added_lines_only() {
        for line in [
            &format!("key = ghp_{}", "a1B2".repeat(9)),
            "-----BEGIN OPENSSH PRIVATE KEY-----",
            "AKIAABCDEFGHIJKLMNOP",
            &format!("token: 123456789:AA{}", "x".repeat(33)),
            &format!("sk-ant-api03-{}", "y".repeat(30)),
            "postgres://user:hunter2hunter2@db/x",
        ] {
            assert_eq!(found(line).len(), 1, "{line}");
        }
        for line in [
            "let token = read_token();",
            "sk-this-is-short",
            "https://example.org/a:b@c",
            "+++ AKIA",
        ] {
            assert_eq!(found(line), Vec::<String>::new(), "{line}");
        }
        assert!(secrets("+++ b/a\n-AKIAABCDEFGHIJKLMNOP\n").is_empty());
        assert_eq!(secrets("+++ b/conf/.env\n+A=1\n")[0].kind, FindingKind::SecretFile);
    }

    #[test]
    fn large_files_are_found_among_the_new_ones() {
        let listing = b"100644 blob abc     900\ta\x00100644 blob abc      10\tb\x00100644 blob abc 5000\told\x00";
        let names: Vec<String> = too_large(listing, 100, |path| path != "old")
            .into_iter()
            .map(|f| f.path)
            .collect();
        assert_eq!(names, ["a"]);
    }
}
