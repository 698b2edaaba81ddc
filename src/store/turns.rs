//! Turns: the inbox. A prompt is a row before it is anything else.

use super::Tx;
use crate::domain::fault::Result;
use crate::domain::ids::{LaunchNo, SessionId, TurnId};
use crate::domain::route::PromptOrigin;
use crate::domain::session::Reason;
use crate::domain::text::Sanitised;
use crate::domain::turn::{Turn, TurnEvent, TurnState};

pub struct NewTurn {
    pub id: TurnId,
    pub session: SessionId,
    pub text: Sanitised,
    pub origin: PromptOrigin,
    /// Two prompts of a session with one key are one prompt (a client that repeats a request; a channel message).
    pub key: Option<String>,
}

impl Tx<'_> {
    /// Inserts in state `queued`, or returns the turn that already has the key. Event `turn.state`.
    pub fn insert_turn(&self, _new: NewTurn) -> Result<Turn> {
        todo!()
    }
    pub fn turn_by_key(&self, _session: &SessionId, _key: &str) -> Result<Option<Turn>> {
        todo!()
    }
    pub fn turn(&self, _id: &TurnId) -> Result<Turn> {
        todo!()
    }
    /// Steps the turn's machine with `event` and stores what follows (also `launch` of `BeginTyping`, `final_text` of
    /// `Finished`, the times). Returns the new state, or none when the event changes nothing. Event `turn.state`.
    pub fn step_turn(&self, _id: &TurnId, _event: &TurnEvent) -> Result<Option<TurnState>> {
        todo!()
    }
    /// The oldest waiting turn (`queued` or `held`) of a session.
    pub fn next_waiting_turn(&self, _session: &SessionId) -> Result<Option<Turn>> {
        todo!()
    }
    /// Turns of a session that were typed and have not ended (`typing`, `typed`, `accepted`), oldest first.
    pub fn running_turns(&self, _session: &SessionId) -> Result<Vec<Turn>> {
        todo!()
    }
    /// The newest turn of a session.
    pub fn last_turn(&self, _session: &SessionId) -> Result<Option<Turn>> {
        todo!()
    }
    /// All turns of a session, oldest first; the last `limit` when given.
    pub fn turns(&self, _session: &SessionId, _limit: Option<u32>) -> Result<Vec<Turn>> {
        todo!()
    }
    pub fn waiting_count(&self, _session: &SessionId) -> Result<u32> {
        todo!()
    }
    /// Steps every waiting turn of a session to `cancelled`, and every running one through `SessionEnded`.
    pub fn end_turns(&self, _session: &SessionId, _reason: &Reason, _cancel_waiting: bool) -> Result<Vec<TurnId>> {
        todo!()
    }
    /// For evidence that names no turn: the oldest turn of the launch in `typing`, `typed` or `uncertain` whose text matches exactly
    /// (after trimming trailing white space on both sides).
    pub fn turn_by_text(&self, _session: &SessionId, _no: LaunchNo, _text: &str) -> Result<Option<Turn>> {
        todo!()
    }
}
