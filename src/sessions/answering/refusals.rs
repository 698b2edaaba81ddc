//! Why an answer is refused, or is not certain, and the way out.

use crate::domain::dialog::Dialog;
use crate::domain::fault::{Fault, Kind};
use crate::domain::ids::SessionId;
use crate::domain::session::Session;

pub(super) fn moved_on(session: &Session) -> Fault {
    let name = &session.name;
    Fault::new(
        Kind::RefusedByState,
        format!("{name}: it moved on; the dialog that this answers is not open any more"),
    )
    .hint(format!("See what it shows now: telecoder status {name}"))
}

pub(super) fn no_dialog(session: &Session) -> Fault {
    let name = &session.name;
    Fault::new(
        Kind::RefusedByState,
        format!(
            "{name} shows no dialog ({}: {})",
            session.status.state, session.status.reason.text
        ),
    )
    .hint(format!("See what it shows now: telecoder screen {name}"))
}

pub(super) fn in_copy_mode(session: &Session) -> Fault {
    Fault::new(
        Kind::RefusedByState,
        format!("somebody has the window of {} in copy mode", session.name),
    )
    .hint("Keys would go there. Leave the mode (q), then answer again.")
}

pub(super) fn half_way(session: &Session) -> Fault {
    let name = &session.name;
    Fault::new(
        Kind::Uncertain,
        format!("{name}: the dialog did not go along with the answer; nothing more was pressed"),
    )
    .hint(format!("Look with: telecoder screen {name}"))
}

pub(super) fn still_there(session: &Session) -> Fault {
    let name = &session.name;
    Fault::new(
        Kind::Uncertain,
        format!("the answer was given, but {name} still shows the dialog"),
    )
    .hint(format!("Look with: telecoder screen {name}"))
}

pub(super) fn window_gone(id: &SessionId) -> Fault {
    Fault::new(Kind::RefusedByState, "the agent's window went away before the answer")
        .hint(format!("Look again with: telecoder status {id}"))
}

pub(super) fn no_such_answer(session: &Session, dialog: &Dialog) -> Fault {
    let choices = dialog
        .choices
        .iter()
        .enumerate()
        .filter(|(_, choice)| !choice.own_words);
    let labels: Vec<String> = choices
        .map(|(i, choice)| format!("{} {}", i + 1, choice.label))
        .collect();
    let how = match (dialog.multi, dialog.free_text) {
        (true, true) => "NUMBER,NUMBER,TEXT",
        (true, false) => "NUMBER,NUMBER",
        (false, true) => "NUMBER|TEXT",
        (false, false) => "NUMBER",
    };
    Fault::new(
        Kind::Usage,
        format!("the dialog of {} has no such answer", session.name),
    )
    .hint(format!(
        "Answer with `telecoder answer {} {how}`: {}",
        session.name,
        labels.join(", ")
    ))
}

pub(super) fn stopping() -> Fault {
    Fault::new(Kind::Uncertain, "the daemon stopped while it gave the answer")
        .hint("Look with `telecoder screen` once it is up again.")
}
