//! The guard of everything that types: tmux itself looks at the pane in the very list that types, and prints its verdict.
//!
//! A pane that is gone gives no stamp, a dead one kills tmux 3.3a when it is pasted into, one whose input is off or that
//! shows copy mode swallows keys without a word.

use tmux_interface::{DisplayMessage, IfShell};

use super::Guarded;
use super::command::{Command, CommandList};
use super::error::{Repeat, TmuxError};
use super::reply::Reply;
use super::window::SESSION_STAMP;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::{PaneId, SessionId};

const DONE: &str = "telecoder-done";
const MISMATCH: &str = "telecoder-mismatch";
const IN_MODE: &str = "telecoder-in-mode";
const INPUT_OFF: &str = "telecoder-input-off";

/// What typing into copy mode does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InMode {
    /// A paste reaches the program all the same.
    Passes,
    /// Keys would go to copy mode.
    Swallows,
}

/// `typing`, if `pane` is alive, takes input and is stamped with `session`; else only `instead`.
pub(super) fn guarded(
    pane: &PaneId,
    session: &SessionId,
    in_mode: InMode,
    typing: CommandList,
    instead: Option<Command>,
) -> Command {
    let refuse = |verdict: &str| match &instead {
        None => CommandList::new(say(verdict)),
        Some(instead) => CommandList::new(instead.clone()).then(say(verdict)),
    };
    let ours = format!("#{{&&:#{{==:#{{{SESSION_STAMP}}},{session}}},#{{==:#{{pane_dead}},0}}}}");
    let mut inner = branch(pane, "#{pane_input_off}", refuse(INPUT_OFF), typing.then(say(DONE)));
    if in_mode == InMode::Swallows {
        inner = branch(pane, "#{pane_in_mode}", refuse(IN_MODE), inner.into());
    }
    branch(pane, &ours, inner.into(), refuse(MISMATCH))
}

/// What the verdict means. A refusal that is neither done nor mismatch is a fault: nothing was typed.
pub(super) fn verdict(answer: Result<Reply, TmuxError>, pane: &PaneId, doing: &str) -> Result<Guarded> {
    let reply = answer.map_err(|error| error.fault(doing, Repeat::Never))?;
    let said = |verdict: &str| reply.output.lines().any(|line| line == verdict);
    if said(DONE) {
        return Ok(Guarded::Done);
    }
    if said(MISMATCH) {
        return Ok(Guarded::Mismatch);
    }
    if said(IN_MODE) {
        let message = format!("pane {pane} is in copy mode and would swallow the keys");
        return Err(
            Fault::new(Kind::RefusedByState, message).hint("Leave copy mode in the attached terminal: press `q`.")
        );
    }
    if said(INPUT_OFF) {
        let message = format!("pane {pane} has its input switched off");
        return Err(Fault::new(Kind::RefusedByState, message).hint(format!(
            "Switch it on with the tmux command `select-pane -e -t {pane}`."
        )));
    }
    match reply.error {
        Some(text) if super::error::is_missing_target(&text) || text.contains("target pane has exited") => {
            Ok(Guarded::Mismatch)
        }
        Some(text) => Err(TmuxError::Refused(text).fault(doing, Repeat::Never)),
        None => Err(Fault::new(Kind::Uncertain, "tmux gave no verdict").context(doing)),
    }
}

fn branch(pane: &PaneId, condition: &str, then: CommandList, otherwise: CommandList) -> Command {
    let choose = IfShell::new().not_execute().target_pane(pane.as_str()).build();
    Command::from(choose).args([condition.to_owned(), then.line(), otherwise.line()])
}

fn say(verdict: &str) -> Command {
    DisplayMessage::new().print().message(verdict).build().into()
}
