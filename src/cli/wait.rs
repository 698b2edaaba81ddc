//! Waiting for the end of a turn: what `run --wait` and `send --wait` return with.

use std::collections::HashSet;

use serde::Serialize;

use super::messages::said as said_lines;
use super::out;
use crate::api::client::{Client, path};
use crate::api::wire::{Message, Session, Turn};
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::message::MessageKind;
use crate::domain::session::SessionState;
use crate::domain::turn::TurnState;

/// What came of the turn, as `--json` prints it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub session: Session,
    pub turn: Turn,
    /// What the agent said since the prompt.
    pub messages: Vec<Message>,
}

pub struct Waited {
    pub report: Report,
    /// Ok, or `SessionFailed`, `NeedsInput`, `Uncertain` ... with its exit code.
    pub verdict: Result<()>,
}

/// Waits until the turn has ended or waits for a person. With `say`, prints the agent's messages as they come.
///
/// Events only wake: what is true is read each time, so nothing depends on which event comes.
pub async fn for_turn(client: &Client, session: &str, turn: &str, say: bool) -> Result<Waited> {
    let mut events = client.events(Some(session), None).await?;
    let mut said = HashSet::new();
    loop {
        let report = match look(client, session, turn).await {
            Err(fault) if fault.kind == Kind::DaemonUnreachable => {
                events.news().await?;
                continue;
            }
            report => report?,
        };
        if say {
            for message in report.messages.iter().filter(|message| said.insert(message.id)) {
                said_lines(message).iter().try_for_each(|line| out::line(line))?;
            }
        }
        if let Some(verdict) = verdict(&report.session, &report.turn) {
            return Ok(Waited { report, verdict });
        }
        events.news().await?;
    }
}

async fn look(client: &Client, session: &str, turn: &str) -> Result<Report> {
    let turn: Turn = client.get_running(&path(&["sessions", session, "turns", turn])).await?;
    let shown: Session = client.get_running(&path(&["sessions", session])).await?;
    let mut messages: Vec<Message> = client.get_running(&path(&["sessions", session, "messages"])).await?;
    messages.retain(|message| {
        matches!(message.kind, MessageKind::Reply | MessageKind::Ask) && message.created_at >= turn.created_at
    });
    Ok(Report {
        session: shown,
        turn,
        messages,
    })
}

/// None while there is something to wait for.
fn verdict(session: &Session, turn: &Turn) -> Option<Result<()>> {
    let name = &session.name;
    let because = |text: Option<&str>| text.map(|text| format!(": {text}")).unwrap_or_default();
    let turn_reason = because(turn.reason.as_ref().map(|reason| reason.text.as_str()));
    let fault = |kind, message: String| Some(Err(Fault::new(kind, message)));
    match turn.state {
        TurnState::Finished | TurnState::DeliveredUnconfirmed => return Some(Ok(())),
        TurnState::Uncertain => {
            let message = format!("whether the agent of `{name}` took the prompt is uncertain{turn_reason}");
            let hint = format!("Look with `telecoder screen {name}` before you send it again.");
            return Some(Err(Fault::new(Kind::Uncertain, message).hint(hint)));
        }
        TurnState::Refused => return fault(Kind::RefusedByState, format!("the prompt was refused{turn_reason}")),
        TurnState::Interrupted => return fault(Kind::Failure, format!("the turn was interrupted{turn_reason}")),
        // An agent that took the prompt and then ended by itself with 0 is one that works in this way (`exec` modes).
        TurnState::Failed if session.status == SessionState::Complete => return Some(Ok(())),
        _ => {}
    }
    if turn.state.is_ended() || session.status.is_ended() {
        let message = format!("`{name}` is {}: {}", session.status, session.reason.text);
        let hint = format!("`telecoder logs {name}` shows what was said, `telecoder status {name}` its last screen.");
        return Some(Err(Fault::new(Kind::SessionFailed, message).hint(hint)));
    }
    if session.status == SessionState::NeedsInput || !session.asks.is_empty() {
        let question = session.asks.first().map_or(&session.reason.text, |ask| &ask.question);
        let hint = match session.asks.is_empty() {
            true => format!("Look with `telecoder screen {name}`, answer with `telecoder keys {name} KEY`."),
            false => format!("Answer with `telecoder answer {name} \"...\"`."),
        };
        let message = format!("`{name}` needs input: {question}");
        return Some(Err(Fault::new(Kind::NeedsInput, message).hint(hint)));
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn judge(session: &str, turn: &str, asks: Value) -> Option<Result<(), Kind>> {
        let at = "2026-01-01T00:00:00Z";
        let session: Session = serde_json::from_value(json!({
            "id": "a", "name": "n", "agent": "x", "policy": "ask", "status": session,
            "reason": {"code": "c", "text": "t"}, "statusSince": at, "statusSource": "hook", "workDir": "/w",
            "createdAt": at, "queuedPrompts": 0, "asks": asks
        }))
        .unwrap();
        let turn: Turn = serde_json::from_value(json!({
            "id": "t", "session": "a", "seq": 1, "state": turn, "text": "p", "stripped": 0, "origin": "cli",
            "createdAt": at
        }))
        .unwrap();
        verdict(&session, &turn).map(|verdict| verdict.map_err(|fault| fault.kind))
    }

    #[test]
    fn a_turn_is_waited_for_while_it_may_still_end() {
        for (session, turn) in [
            ("queued", "queued"),
            ("starting", "queued"),
            ("idle", "typed"),
            ("working", "accepted"),
            ("limited", "accepted"),
            ("stopping", "accepted"),
        ] {
            assert_eq!(judge(session, turn, json!([])), None, "{session} {turn}");
        }
    }

    #[test]
    fn each_end_has_its_exit_code() {
        for (session, turn, expected) in [
            ("idle", "finished", Ok(())),
            ("idle", "delivered_unconfirmed", Ok(())),
            ("complete", "failed", Ok(())),
            ("failed", "failed", Err(Kind::SessionFailed)),
            ("failed", "cancelled", Err(Kind::SessionFailed)),
            ("complete", "queued", Err(Kind::SessionFailed)),
            ("stopped", "queued", Err(Kind::SessionFailed)),
            ("idle", "uncertain", Err(Kind::Uncertain)),
            ("lost", "uncertain", Err(Kind::Uncertain)),
            ("needs_input", "held", Err(Kind::NeedsInput)),
            ("needs_input", "accepted", Err(Kind::NeedsInput)),
            ("idle", "refused", Err(Kind::RefusedByState)),
            ("idle", "interrupted", Err(Kind::Failure)),
        ] {
            assert_eq!(judge(session, turn, json!([])), Some(expected), "{session} {turn}");
        }
    }

    #[test]
    fn an_open_question_is_input_that_is_needed() {
        let ask = json!([{"id": "i", "session": "a", "question": "which?", "choices": [], "state": "open",
            "openedAt": "2026-01-01T00:00:00Z"}]);
        assert_eq!(judge("working", "accepted", ask), Some(Err(Kind::NeedsInput)));
    }
}
