//! The session's machine, state by state.

use super::*;

fn status(state: SessionState) -> Status {
    Status::new(state, Source::Process, "test", "for the test")
}

fn exit(cause: ExitCause, code: Option<i32>, signal: Option<i32>) -> SessionEvent {
    SessionEvent::Exited(ExitRecord {
        v: 1,
        launch: LaunchNo(1),
        code,
        signal,
        cause,
        detail: None,
        started_at: Timestamp::UNIX_EPOCH,
        ended_at: Timestamp::UNIX_EPOCH,
    })
}

#[track_caller]
fn check(from: SessionState, event: SessionEvent, to: Option<(SessionState, &str)>) {
    let got = step(&status(from), &event).map(|(status, _)| (status.state, status.reason.code));
    let got = got.as_ref().map(|(state, code)| (*state, code.as_str()));
    assert_eq!(got, to, "{from:?} with {event:?}");
}

fn every_event() -> Vec<SessionEvent> {
    let source = Source::Hook;
    vec![
        SessionEvent::LaunchBegun,
        SessionEvent::LaunchRefused {
            code: "x".into(),
            text: "x".into(),
        },
        SessionEvent::Ready { source },
        SessionEvent::Working { source },
        SessionEvent::Dialog {
            source,
            text: "x".into(),
        },
        SessionEvent::DialogClosed { source },
        SessionEvent::Limited {
            source,
            text: "x".into(),
        },
        SessionEvent::NeedsPerson {
            source,
            code: "login".into(),
            text: "x".into(),
        },
        SessionEvent::StopRequested,
        SessionEvent::Vanished { text: "x".into() },
        SessionEvent::ResumeRequested,
        exit(ExitCause::Exit, Some(0), None),
    ]
}

#[test]
fn the_process_decides_how_a_session_ended() {
    use SessionState as S;
    check(
        S::Working,
        exit(ExitCause::Exit, Some(0), None),
        Some((S::Complete, "exit_0")),
    );
    check(
        S::Idle,
        exit(ExitCause::Exit, Some(3), None),
        Some((S::Failed, "exit_code")),
    );
    check(
        S::Idle,
        exit(ExitCause::Signal, None, Some(9)),
        Some((S::Failed, "signal")),
    );
    check(
        S::Starting,
        exit(ExitCause::ExecFailed, None, None),
        Some((S::Failed, "exec_failed")),
    );
    check(
        S::Idle,
        exit(ExitCause::TerminalLost, None, Some(1)),
        Some((S::Failed, "terminal_lost")),
    );
    check(
        S::Stopping,
        exit(ExitCause::Exit, Some(0), None),
        Some((S::Stopped, "stopped")),
    );
    check(
        S::Stopping,
        SessionEvent::Vanished { text: "gone".into() },
        Some((S::Stopped, "stopped")),
    );
    check(
        S::Idle,
        SessionEvent::Vanished { text: "gone".into() },
        Some((S::Lost, "no_exit_record")),
    );
    check(
        S::Lost,
        exit(ExitCause::Exit, Some(3), None),
        Some((S::Failed, "exit_code")),
    );
}

#[test]
fn an_ended_session_is_left_by_a_resume_only() {
    for from in [SessionState::Complete, SessionState::Failed, SessionState::Stopped] {
        for event in every_event() {
            let to = (event == SessionEvent::ResumeRequested).then_some((SessionState::Queued, "resume"));
            check(from, event, to);
        }
    }
}

#[test]
fn stopping_is_left_by_the_end_of_the_process_only() {
    for event in every_event() {
        let ended = matches!(event, SessionEvent::Exited(_) | SessionEvent::Vanished { .. });
        let got = step(&status(SessionState::Stopping), &event).map(|(status, _)| status.state);
        assert_eq!(got, ended.then_some(SessionState::Stopped), "{event:?}");
    }
}

#[test]
fn filters_know_states_and_aliases() {
    assert_eq!(
        SessionState::from_filter("error"),
        Some(vec![SessionState::Failed, SessionState::Lost])
    );
    assert_eq!(SessionState::from_filter("idle"), Some(vec![SessionState::Idle]));
    assert_eq!(SessionState::from_filter("active").map(|states| states.len()), Some(8));
    assert_eq!(SessionState::from_filter("asleep"), None);
}
