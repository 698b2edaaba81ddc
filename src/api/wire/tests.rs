//! The shapes of docs/contract.md, to the key.

use serde_json::json;

use super::*;
use crate::domain::exit::{ExitCause, ExitRecord};
use crate::domain::fault::Kind;
use crate::domain::ids::LaunchNo;
use crate::domain::launch::Placement;
use crate::domain::letter::ProcessRef;
use crate::domain::policy::Policy;
use crate::domain::route::{ChatRef, PromptOrigin};
use crate::domain::session::{self, SessionState, Source, Status};
use crate::domain::turn::{self, TurnState};
use crate::store::{Glance, TurnGlance};

fn session() -> session::Session {
    session::Session {
        id: "abcdefghij23".parse().unwrap(),
        name: "fix-login".parse().unwrap(),
        agent: "demo".into(),
        policy: Policy::Ask,
        status: Status::new(SessionState::NeedsInput, Source::Screen, "dialog", "Run `ls`?"),
        status_since: "2026-01-02T03:04:05Z".parse().unwrap(),
        launch: Some(LaunchNo(2)),
        native_id: Some("n-1".into()),
        repo: None,
        work_dir: "/d/sessions/abcdefghij23/work".into(),
        branch: None,
        chat: Some(ChatRef {
            channel: "telegram".into(),
            chat_id: -5,
            thread_id: Some(9),
        }),
        parent: None,
        created_at: "2026-01-02T03:04:00Z".parse().unwrap(),
        started_at: None,
        ended_at: None,
        exit: Some(ExitRecord {
            v: 1,
            launch: LaunchNo(1),
            code: Some(3),
            signal: None,
            cause: ExitCause::Exit,
            detail: None,
            started_at: "2026-01-02T03:04:00Z".parse().unwrap(),
            ended_at: "2026-01-02T03:04:00Z".parse().unwrap(),
        }),
        removed_at: None,
        limited_until: None,
        fork_of: None,
    }
}

fn glance() -> Glance {
    Glance {
        session: session(),
        turn: Some(TurnGlance {
            id: "0192f0c1-0000-7000-8000-000000000001".parse().unwrap(),
            state: TurnState::Held,
            reason: Some(session::Reason::new("dialog", "a dialog is open")),
            steered: false,
        }),
        waiting: 1,
        placement: Some(Placement {
            window: "@4".parse().unwrap(),
            pane: "%7".parse().unwrap(),
            server: ProcessRef { pid: 1, start: 2 },
        }),
    }
}

#[test]
fn a_session_has_the_shape_of_the_contract() {
    let expected = json!({
        "id": "abcdefghij23", "name": "fix-login", "agent": "demo", "policy": "ask", "status": "needs_input",
        "reason": {"code": "dialog", "text": "Run `ls`?"}, "statusSince": "2026-01-02T03:04:05Z",
        "statusSource": "screen", "launch": 2, "nativeId": "n-1", "repo": null,
        "workDir": "/d/sessions/abcdefghij23/work", "branch": null,
        "chat": {"channel": "telegram", "chatId": -5, "threadId": 9}, "parentId": null,
        "createdAt": "2026-01-02T03:04:00Z", "startedAt": null, "endedAt": null,
        "exit": {"code": 3, "signal": null, "cause": "exit"},
        "turn": {"id": "0192f0c1-0000-7000-8000-000000000001", "state": "held",
                 "reason": {"code": "dialog", "text": "a dialog is open"}},
        "queuedPrompts": 1, "tmux": {"windowId": "@4", "paneId": "%7"}
    });
    let wire = Session::from(&glance());
    let value = serde_json::to_value(&wire).unwrap();
    assert_eq!(value, expected);
    assert_eq!(serde_json::from_value::<Session>(value).unwrap(), wire);
}

#[test]
fn an_error_has_kind_message_and_hint() {
    let error = Fault::new(Kind::RefusedByState, "no").hint("Do it.");
    let value = serde_json::to_value(ErrorBody { error }).unwrap();
    assert_eq!(
        value,
        json!({"error": {"kind": "refused_by_state", "message": "no", "hint": "Do it."}})
    );
}

#[test]
fn an_ended_turn_has_two_log_entries_and_a_waiting_one_has_one() {
    let mut turn = Turn::from(&turn::Turn {
        id: "0192f0c1-0000-7000-8000-000000000001".parse().unwrap(),
        session: "abcdefghij23".parse().unwrap(),
        seq: 1,
        kind: turn::TurnKind::Prompt,
        state: TurnState::Held,
        reason: None,
        text: "hello".into(),
        stripped: 0,
        steered: false,
        agent_turn: None,
        origin: PromptOrigin::Cli,
        launch: None,
        created_at: "2026-01-02T03:04:00Z".parse().unwrap(),
        typed_at: None,
        accepted_at: None,
        ended_at: None,
        final_text: None,
    });
    assert_eq!(LogEntry::of_turn(&turn).len(), 1);
    turn.state = TurnState::Finished;
    turn.ended_at = Some(turn.created_at);
    turn.final_text = Some("did it".into());
    let entries = LogEntry::of_turn(&turn);
    assert_eq!(entries[1].text.as_deref(), Some("did it"));
    assert_ne!(entries[0].key, entries[1].key);
}

#[test]
fn a_request_with_an_unknown_key_is_refused() {
    let typo = json!({"promt": "hello"});
    assert!(serde_json::from_value::<CreateRequest>(typo).is_err());
}
