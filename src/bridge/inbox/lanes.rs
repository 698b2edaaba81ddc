//! What is still to be done after the commit, one lane a chat: in order within a chat, side by side between chats. The lanes only
//! hurry; after a crash they are filled again from the pending rows.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::channels::telegram::Update;
use crate::domain::route::ChatRef;

#[derive(Default)]
pub(super) struct Lanes {
    /// A chat is busy as long as it has an entry, also while its last update is being done.
    queues: Mutex<HashMap<ChatRef, VecDeque<Waiting>>>,
}

pub(super) struct Waiting {
    pub update: Update,
    /// It was found pending after a restart, so it may have been carried out already.
    pub recovered: bool,
}

impl Lanes {
    pub fn busy(&self) -> HashSet<ChatRef> {
        self.lock().keys().cloned().collect()
    }

    /// True when the lane was empty: somebody has to work it off.
    pub fn push(&self, chat: &ChatRef, waiting: Waiting) -> bool {
        let mut queues = self.lock();
        let idle = !queues.contains_key(chat);
        queues.entry(chat.clone()).or_default().push_back(waiting);
        idle
    }

    /// The next of a lane; none ends the lane.
    pub fn next(&self, chat: &ChatRef) -> Option<Waiting> {
        let mut queues = self.lock();
        let next = queues.get_mut(chat)?.pop_front();
        if next.is_none() {
            queues.remove(chat);
        }
        next
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ChatRef, VecDeque<Waiting>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
