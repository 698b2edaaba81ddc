//! What is still to be done after the commit, one lane a chat: in order within a chat, side by side between chats. The lanes only
//! hurry; after a crash they are filled again from the pending rows.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::channels::telegram::{Content, Update};
use crate::domain::route::ChatRef;

/// Taps have a lane of their own: an answer to a dialog does not wait behind a repository that is being fetched.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct LaneKey {
    chat: ChatRef,
    taps: bool,
}

impl LaneKey {
    /// None: the update has no chat, so nobody waits for it.
    pub fn of(update: &Update) -> Option<Self> {
        Some(Self {
            chat: update.chat.clone()?,
            taps: matches!(update.content, Content::Tap { .. }),
        })
    }
}

#[derive(Default)]
pub(super) struct Lanes {
    /// A chat is busy as long as it has an entry, also while its last update is being done.
    queues: Mutex<HashMap<LaneKey, VecDeque<Waiting>>>,
    grown: Notify,
}

pub(super) struct Waiting {
    pub update: Update,
    /// It was found pending after a restart, so it may have been carried out already.
    pub recovered: bool,
}

impl Lanes {
    /// Chats in which something is still to be done that what follows has to wait for.
    pub fn busy(&self) -> HashSet<ChatRef> {
        let queues = self.lock();
        queues
            .keys()
            .filter(|key| !key.taps)
            .map(|key| key.chat.clone())
            .collect()
    }

    /// True when the lane was empty: somebody has to work it off.
    pub fn push(&self, key: &LaneKey, waiting: Waiting) -> bool {
        let mut queues = self.lock();
        let idle = !queues.contains_key(key);
        queues.entry(key.clone()).or_default().push_back(waiting);
        drop(queues);
        self.grown.notify_waiters();
        idle
    }

    /// The next of a lane; none ends the lane.
    pub fn next(&self, key: &LaneKey) -> Option<Waiting> {
        let mut queues = self.lock();
        let next = queues.get_mut(key)?.pop_front();
        if next.is_none() {
            queues.remove(key);
        }
        next
    }

    /// The next of a lane if it fits; waits for one until the time has come. None: nothing came, or something else.
    pub async fn next_fitting(
        &self,
        key: &LaneKey,
        until: Instant,
        fits: impl Fn(&Waiting) -> bool,
    ) -> Option<Waiting> {
        loop {
            let grown = self.grown.notified();
            tokio::pin!(grown);
            grown.as_mut().enable();
            {
                let mut queues = self.lock();
                let queue = queues.get_mut(key)?;
                match queue.front() {
                    Some(next) if fits(next) => return queue.pop_front(),
                    Some(_) => return None,
                    None => {}
                }
            }
            tokio::time::timeout_at(until, grown).await.ok()?;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<LaneKey, VecDeque<Waiting>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
