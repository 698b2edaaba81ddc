//! The claims of a corpus of messages, and words against measurements.

use super::*;
use crate::domain::policy::Policy;
use crate::domain::session::{Reason, SessionState};
use crate::domain::turn::TurnState;

const CORPUS: &str = include_str!("corpus.txt");
/// Of the messages, so many of a hundred are read exactly.
const RIGHT_MIN: usize = 95;

struct Sample {
    message: String,
    expected: Claims,
}

fn corpus() -> Vec<Sample> {
    CORPUS.split("%%%%%\n").skip(1).map(sample).collect()
}

fn sample(text: &str) -> Sample {
    let mut lines = text.lines();
    let mut field = |name: &str| {
        let line = lines.next().expect("a line for each field");
        let value = line
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix(": "))
            .expect("the fields in order");
        (value != "-").then(|| value.replace("\\n", "\n"))
    };
    let expected = Claims {
        changed: field("changed"),
        verified: field("verified"),
        uncertain: field("uncertain"),
        next: field("next"),
    };
    Sample {
        message: lines.collect::<Vec<_>>().join("\n"),
        expected,
    }
}

#[test]
fn the_claims_of_the_corpus_are_read() {
    let samples = corpus();
    assert!(samples.len() >= 60, "{}", samples.len());
    let mut wrong = Vec::new();
    for sample in &samples {
        let read = read_claims(&sample.message);
        // A verification that was never claimed is worse than any other mistake.
        assert!(
            read.verified.is_none() || sample.expected.verified.is_some(),
            "an invented verification: {:?} from\n{}",
            read.verified,
            sample.message
        );
        if read != sample.expected {
            wrong.push(format!("{}\n--> {read:#?}\n", sample.message));
        }
    }
    let right = samples.len() - wrong.len();
    assert!(
        right * 100 >= RIGHT_MIN * samples.len(),
        "{right} of {}:\n{}",
        samples.len(),
        wrong.join("\n")
    );
}

fn measured(files: u32, commits: u32, uncommitted: u32) -> Measured {
    Measured {
        mark: Mark {
            head: None,
            tree: "t".into(),
        },
        commits,
        subjects: Vec::new(),
        uncommitted,
        untracked: 0,
        left_out: Vec::new(),
        turn: DiffStat {
            files,
            added: 1,
            removed: 0,
        },
        files: Vec::new(),
        total: DiffStat::default(),
        total_commits: commits,
        rewritten: false,
    }
}

fn check(code: i32) -> Check {
    Check {
        command: "make test".into(),
        code: Some(code),
        timed_out: false,
        duration_ms: 1,
        output: String::new(),
    }
}

/// The flags of a turn that ended well.
fn flags(message: &str, measured: &Measured, checks: &[Check]) -> Vec<FlagCode> {
    let claims = read_claims(message);
    let reason = Reason::new("ready", "");
    let (_, _, flags) = judge(&Facts {
        turn: Some(TurnState::Finished),
        reason: None,
        session: SessionState::Idle,
        session_reason: &reason,
        policy: Policy::Ask,
        claims: &claims,
        measured: Some(measured),
        checks,
    });
    flags.into_iter().map(|flag| flag.code).collect()
}

#[test]
fn words_that_the_measurement_contradicts_are_flagged() {
    use FlagCode as F;
    for (message, measured, checks, expected) in [
        (
            "Changed: a\nVerified: all tests pass",
            measured(1, 1, 0),
            vec![check(1)],
            vec![F::ClaimsPass],
        ),
        (
            "Changed: a\nVerified: all tests pass",
            measured(1, 1, 0),
            vec![check(0)],
            vec![],
        ),
        (
            "Changed: a\nVerified: 3 tests fail",
            measured(1, 1, 0),
            vec![check(1)],
            vec![],
        ),
        (
            "Changed: a\nVerified: could not run them",
            measured(1, 1, 0),
            vec![check(1)],
            vec![],
        ),
        ("Changed: the login", measured(0, 0, 0), vec![], vec![F::ClaimsChange]),
        ("Changed: nothing", measured(0, 0, 0), vec![], vec![]),
        (
            "Changed: no files were changed",
            measured(2, 0, 2),
            vec![],
            vec![F::DeniesChange],
        ),
        (
            "Changed: the login, committed as abc",
            measured(1, 0, 1),
            vec![],
            vec![F::ClaimsCommit],
        ),
        ("Changed: the login, not committed", measured(1, 0, 1), vec![], vec![]),
    ] {
        assert_eq!(flags(message, &measured, &checks), expected, "{message}");
    }
}

#[test]
fn failures_have_kinds() {
    use FailureKind as K;
    let claims = Claims::default();
    let of = |turn: Option<TurnState>, code: &str, session: SessionState, checks: &[Check]| {
        let reason = Reason::new(code, "");
        let (verdict, kind, _) = judge(&Facts {
            turn,
            reason: turn.is_some().then_some(&reason),
            session,
            session_reason: &reason,
            policy: Policy::Ask,
            claims: &claims,
            measured: None,
            checks,
        });
        (verdict, kind)
    };
    use {SessionState as S, TurnState as T, Verdict as V};
    for (turn, code, session, expected) in [
        (Some(T::Finished), "", S::Idle, (V::Done, None)),
        (Some(T::Failed), "exit_0", S::Complete, (V::Done, None)),
        (Some(T::Failed), "exit_code", S::Failed, (V::Failed, Some(K::AgentExit))),
        (Some(T::Failed), "signal", S::Failed, (V::Failed, Some(K::AgentSignal))),
        (Some(T::Failed), "no_exit_record", S::Lost, (V::Failed, Some(K::Lost))),
        (Some(T::Failed), "stopped", S::Stopped, (V::Interrupted, None)),
        (Some(T::Interrupted), "interrupted", S::Idle, (V::Interrupted, None)),
        (
            Some(T::Interrupted),
            "no_end_signal",
            S::Idle,
            (V::Failed, Some(K::NoEndSignal)),
        ),
        (Some(T::Uncertain), "", S::Idle, (V::Uncertain, None)),
        (Some(T::Refused), "", S::Idle, (V::Failed, Some(K::Refused))),
        (None, "program_missing", S::Failed, (V::Failed, Some(K::LaunchFailed))),
    ] {
        assert_eq!(of(turn, code, session, &[]), expected, "{turn:?} {code}");
    }
    let slow = Check {
        code: None,
        timed_out: true,
        ..check(0)
    };
    assert_eq!(
        of(Some(T::Finished), "", S::Idle, &[check(2)]),
        (V::Failed, Some(K::ChecksFailed))
    );
    assert_eq!(
        of(Some(T::Finished), "", S::Idle, &[slow]),
        (V::Failed, Some(K::ChecksTimedOut))
    );
}
