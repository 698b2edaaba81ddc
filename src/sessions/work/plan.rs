//! Which commands check a session's work: asked for, configured, named by the repository, or found out.

use super::super::Engine;
use super::repo_file::{REPO_FILE, repo_file};
use crate::domain::outcome::{Detail, Measured, NotChecked};
use crate::domain::policy::Policy;
use crate::domain::session::Session;
use crate::domain::work::Work;

/// How much of a file is looked at to find out what a repository is.
const LOOKED_AT_BYTES_MAX: u64 = 64 * 1024;

pub(super) enum Plan {
    Run(Vec<String>),
    Not(Option<NotChecked>),
}

/// What runs after a turn that ended well.
pub(super) async fn after_turn(engine: &Engine, session: &Session, work: &Work, detail: &Detail, round: u32) -> Plan {
    // What could not be measured may have changed.
    let changed = detail.measured.as_ref().is_none_or(Measured::changed_anything);
    if session.branch.is_none() {
        return Plan::Not(None);
    }
    if !changed && round == 0 {
        return not("nothing changed");
    }
    choose(engine, session, work, false).await
}

/// Which commands there are; `by_person`: somebody asked for the checks now, and may be asked to read.
pub(super) async fn choose(engine: &Engine, session: &Session, work: &Work, by_person: bool) -> Plan {
    if matches!(session.policy, Policy::Locked | Policy::Observe) && !by_person {
        return not(&format!("the policy `{}` runs no commands", session.policy));
    }
    if !work.verify.is_empty() {
        return Plan::Run(work.verify.clone());
    }
    if !engine.0.config.verify.commands.is_empty() {
        return Plan::Run(engine.0.config.verify.commands.clone());
    }
    match repo_file(engine, session).await {
        Ok(Some(found)) if !found.file.verify.is_empty() && found.trusted => return Plan::Run(found.file.verify),
        Ok(Some(found)) if !found.file.verify.is_empty() => {
            return Plan::Not(Some(NotChecked {
                why: format!("{REPO_FILE} was not read by you yet: telecoder trust {}", session.name),
                could: found.file.verify,
            }));
        }
        Ok(_) => {}
        Err(fault) => return not(&fault.message),
    }
    let detected = detect(&session.work_dir);
    if detected.is_empty() {
        return not("no check is configured");
    }
    if by_person || matches!(session.policy, Policy::Standard | Policy::Yolo) {
        return Plan::Run(detected);
    }
    Plan::Not(Some(NotChecked {
        why: format!(
            "the policy `{}` runs no check that nobody named: telecoder verify {}",
            session.policy, session.name
        ),
        could: detected,
    }))
}

fn not(why: &str) -> Plan {
    Plan::Not(Some(NotChecked {
        why: why.to_owned(),
        could: Vec::new(),
    }))
}

/// What a person would type first in such a directory. Looks at names and a few bytes; runs nothing.
fn detect(work_dir: &std::path::Path) -> Vec<String> {
    let has = |name: &str| work_dir.join(name).symlink_metadata().is_ok_and(|meta| meta.is_file());
    let contains = |name: &str, part: &str| {
        has(name)
            && std::fs::File::open(work_dir.join(name))
                .and_then(|file| {
                    let mut text = String::new();
                    std::io::Read::read_to_string(&mut std::io::Read::take(file, LOOKED_AT_BYTES_MAX), &mut text)?;
                    Ok(text.contains(part))
                })
                .unwrap_or(false)
    };
    let command = if has("Cargo.toml") {
        "cargo test"
    } else if contains("package.json", "\"test\":") {
        match () {
            () if has("pnpm-lock.yaml") => "pnpm test",
            () if has("yarn.lock") => "yarn test",
            () => "npm test",
        }
    } else if has("go.mod") {
        "go test ./..."
    } else if has("pytest.ini") || has("conftest.py") || contains("pyproject.toml", "[tool.pytest") {
        "pytest -q"
    } else if contains("Makefile", "\ntest:") {
        "make test"
    } else {
        return Vec::new();
    };
    vec![command.to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_found_by_what_a_repository_has() {
        for (files, expected) in [
            (&[("Cargo.toml", "")][..], &["cargo test"][..]),
            (
                &[("package.json", "{\"scripts\": {\"test\": \"x\"}}"), ("yarn.lock", "")],
                &["yarn test"],
            ),
            (&[("package.json", "{}")], &[]),
            (&[("Makefile", "all:\n\ntest:\n\tx\n")], &["make test"]),
            (&[("README.md", "")], &[]),
        ] {
            let dir = tempfile::tempdir().unwrap();
            for (name, text) in files {
                std::fs::write(dir.path().join(name), text).unwrap();
            }
            assert_eq!(detect(dir.path()), expected, "{files:?}");
        }
    }
}
