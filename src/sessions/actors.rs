//! Which actors there are, and how to nudge one.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use tokio::sync::mpsc;

use crate::domain::ids::SessionId;
use crate::runner::watch::LaunchChange;

/// A reason to look. Nudges carry no state: what is true is read from the store and the launch directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Nudge {
    /// The store changed.
    Look,
    Change(LaunchChange),
    /// Look at everything, in case a nudge was lost.
    Sweep,
    /// The tmux server died or a window of it closed.
    Tmux,
}

#[derive(Default)]
pub struct Actors(Mutex<HashMap<SessionId, mpsc::UnboundedSender<Nudge>>>);

impl Actors {
    /// False when the session has no actor.
    pub fn nudge(&self, session: &SessionId, nudge: Nudge) -> bool {
        self.map().get(session).is_some_and(|actor| actor.send(nudge).is_ok())
    }

    pub fn nudge_all(&self, nudge: &Nudge) {
        for actor in self.map().values() {
            let _ = actor.send(nudge.clone());
        }
    }

    /// Registers a new actor, or nudges the one that there is. The receiver belongs to the new actor.
    pub fn register(&self, session: &SessionId) -> Option<mpsc::UnboundedReceiver<Nudge>> {
        let mut map = self.map();
        if let Some(actor) = map.get(session)
            && actor.send(Nudge::Look).is_ok()
        {
            return None;
        }
        let (sender, receiver) = mpsc::unbounded_channel();
        map.insert(session.clone(), sender);
        Some(receiver)
    }

    /// Takes an actor off the list, unless it was nudged meanwhile: then it has to look once more.
    pub fn retire(&self, session: &SessionId, nudges: &mpsc::UnboundedReceiver<Nudge>) -> bool {
        let mut map = self.map();
        if nudges.is_empty() {
            map.remove(session);
            true
        } else {
            false
        }
    }

    /// Takes an actor off the list whatever waits for it (it failed).
    pub fn forget(&self, session: &SessionId) {
        self.map().remove(session);
    }

    fn map(&self) -> MutexGuard<'_, HashMap<SessionId, mpsc::UnboundedSender<Nudge>>> {
        self.0.lock().expect("no code panics while it holds the list of actors")
    }
}
