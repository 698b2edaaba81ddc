//! Word against measurement, and the kind of a failure.

use super::{Check, Claims, FailureKind, Flag, FlagCode, Measured, Verdict};
use crate::domain::policy::Policy;
use crate::domain::session::{Reason, SessionState};
use crate::domain::turn::TurnState;

/// What is known of the end of a turn.
pub struct Facts<'a> {
    /// None for the end of a session without a turn.
    pub turn: Option<TurnState>,
    pub reason: Option<&'a Reason>,
    pub session: SessionState,
    pub session_reason: &'a Reason,
    pub policy: Policy,
    pub claims: &'a Claims,
    pub measured: Option<&'a Measured>,
    pub checks: &'a [Check],
}

/// The verdict, the kind of a failure, and every flag.
pub fn judge(facts: &Facts<'_>) -> (Verdict, Option<FailureKind>, Vec<Flag>) {
    let (verdict, failure) = end_of(facts);
    let (verdict, failure) = match (verdict, checks_failure(facts.checks)) {
        (Verdict::Done, Some(kind)) => (Verdict::Failed, Some(kind)),
        known => (known.0, failure),
    };
    (verdict, failure, flags(facts))
}

fn end_of(facts: &Facts<'_>) -> (Verdict, Option<FailureKind>) {
    let of_session = || session_failure(facts.session, &facts.session_reason.code);
    match facts.turn {
        Some(TurnState::Finished | TurnState::DeliveredUnconfirmed) => (Verdict::Done, None),
        Some(TurnState::Uncertain) => (Verdict::Uncertain, None),
        Some(TurnState::Refused) => (Verdict::Failed, Some(FailureKind::Refused)),
        Some(TurnState::Interrupted) if code(facts.reason) == "no_end_signal" => {
            (Verdict::Failed, Some(FailureKind::NoEndSignal))
        }
        Some(TurnState::Interrupted | TurnState::Cancelled) => (Verdict::Interrupted, None),
        // An agent that took the prompt and then ended by itself with 0 is one that works in this way.
        Some(TurnState::Failed) if code(facts.reason) == "exit_0" => (Verdict::Done, None),
        Some(TurnState::Failed) if code(facts.reason) == "stopped" => (Verdict::Interrupted, None),
        Some(_) => {
            let kind = facts.reason.and_then(|reason| failure_of_code(&reason.code));
            (Verdict::Failed, kind.or_else(of_session).or(Some(FailureKind::Other)))
        }
        None => (Verdict::Failed, of_session().or(Some(FailureKind::Other))),
    }
}

fn code(reason: Option<&Reason>) -> &str {
    reason.map_or("", |reason| reason.code.as_str())
}

fn session_failure(state: SessionState, code: &str) -> Option<FailureKind> {
    match state {
        SessionState::Lost => Some(FailureKind::Lost),
        SessionState::Limited => Some(FailureKind::Limited),
        _ => failure_of_code(code),
    }
}

fn failure_of_code(code: &str) -> Option<FailureKind> {
    Some(match code {
        "launch_failed" | "program_missing" | "exec_failed" | "unknown_agent" => FailureKind::LaunchFailed,
        "exit_code" | "exit_unknown" => FailureKind::AgentExit,
        "signal" => FailureKind::AgentSignal,
        "terminal_lost" | "terminated" => FailureKind::TerminalLost,
        "no_exit_record" => FailureKind::Lost,
        "usage_limit" => FailureKind::Limited,
        "no_end_signal" => FailureKind::NoEndSignal,
        _ => return None,
    })
}

fn checks_failure(checks: &[Check]) -> Option<FailureKind> {
    if checks.iter().any(|check| check.timed_out) {
        return Some(FailureKind::ChecksTimedOut);
    }
    checks
        .iter()
        .any(|check| !check.passed())
        .then_some(FailureKind::ChecksFailed)
}

fn flags(facts: &Facts<'_>) -> Vec<Flag> {
    let mut flags = Vec::new();
    let mut flag = |code, text: String| flags.push(Flag { code, text });
    let bad = facts.checks.iter().find(|check| !check.passed());
    if let (Some(words), Some(check)) = (facts.claims.verified.as_deref().and_then(pass_words), bad) {
        flag(
            FlagCode::ClaimsPass,
            format!("says \"{words}\"; {}", how_it_ended(check)),
        );
    }
    if let Some(measured) = facts.measured {
        if let Some(words) = facts.claims.changed.as_deref() {
            let denies = says_nothing(words);
            if !denies && !measured.changed_anything() {
                flag(
                    FlagCode::ClaimsChange,
                    format!("says \"{}\"; nothing changed in the workspace", first_words(words)),
                );
            }
            if denies && measured.turn.files > 0 {
                flag(
                    FlagCode::DeniesChange,
                    format!(
                        "says \"{}\"; {} file(s) changed",
                        first_words(words),
                        measured.turn.files
                    ),
                );
            }
            if says_committed(words) && measured.commits == 0 && measured.uncommitted + measured.untracked > 0 {
                flag(
                    FlagCode::ClaimsCommit,
                    format!("says \"{}\"; the changes are not committed", first_words(words)),
                );
            }
        }
        if measured.rewritten {
            flag(
                FlagCode::Rewritten,
                "commits of an earlier turn are gone from the branch".into(),
            );
        }
        if matches!(facts.policy, Policy::Locked | Policy::Observe) && measured.turn.files > 0 {
            flag(
                FlagCode::PolicyBroken,
                format!(
                    "the policy `{}` allows no writes; {} file(s) changed",
                    facts.policy, measured.turn.files
                ),
            );
        }
    }
    flags
}

fn how_it_ended(check: &Check) -> String {
    match (check.timed_out, check.code) {
        (true, _) => format!("`{}` did not end in time", check.command),
        (false, Some(code)) => format!("`{}` ended with exit code {code}", check.command),
        (false, None) => format!("`{}` was ended by a signal", check.command),
    }
}

/// The first line that says that something passes, if there is one and it does not deny it.
fn pass_words(text: &str) -> Option<String> {
    const GOOD: &[&str] = &[
        "pass",
        "green",
        "succeed",
        "success",
        "works",
        "ok",
        "clean",
        "no errors",
        "builds",
        "compiles",
    ];
    const BAD: &[&str] = &["fail", "not ", "n't", "except", "unable", "skipped", "without running"];
    text.lines()
        .find(|line| {
            let line = line.to_lowercase();
            GOOD.iter().any(|word| line.contains(word)) && !BAD.iter().any(|word| line.contains(word))
        })
        .map(first_words)
}

fn says_nothing(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    let words = first.trim_start_matches(['-', '*', ' ']).to_lowercase();
    let words = words.trim_end_matches(['.', ' ']);
    matches!(
        words,
        "nothing"
            | "none"
            | "no"
            | "n/a"
            | "no changes"
            | "no files"
            | "no files changed"
            | "no code changes"
            | "no files were changed"
    ) || [
        "nothing ",
        "nothing,",
        "nothing;",
        "no changes",
        "no files",
        "no code was changed",
        "no code changes",
    ]
    .iter()
    .any(|begin| words.starts_with(begin))
}

fn says_committed(text: &str) -> bool {
    let words = text.to_lowercase();
    words.contains("committed")
        && ![
            "not committed",
            "n't committed",
            "uncommitted",
            "nothing committed",
            "not yet committed",
        ]
        .iter()
        .any(|no| words.contains(no))
}

fn first_words(text: &str) -> String {
    const CHARS_MAX: usize = 80;
    let line = text
        .lines()
        .next()
        .unwrap_or_default()
        .trim_start_matches(['-', '*', ' '])
        .trim();
    let mut words: String = line.chars().take(CHARS_MAX).collect();
    if words.len() < line.len() {
        words.push('…');
    }
    words
}
