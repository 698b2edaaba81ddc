//! Doing what needs the outside world, and storing the reply and the end of the update in one transaction.

use std::sync::Arc;
use std::time::Duration;

use super::lanes::Waiting;
use super::{PAUSE_MAX, Shared, backoff};
use crate::channels::telegram::inbound::{self, Content, Update};
use crate::domain::fault::Result;
use crate::store::StoredUpdate;

use crate::bridge::commands::{Desk, from_world};
use crate::bridge::router::{Here, Known, Reply, Routed, answer, here};
use crate::bridge::words;

impl Shared {
    /// Takes up what a crash left pending, oldest first.
    pub(super) fn resume(self: &Arc<Self>, pending: Vec<StoredUpdate>) {
        for stored in pending {
            match inbound::read(&stored.raw) {
                Some(update) => self.enqueue(update, true),
                None => tracing::warn!(update.id = stored.update_id, "telegram: a stored update cannot be read"),
            }
        }
    }

    /// Puts an update into its chat's lane, and works the lane off if nobody does.
    pub(super) fn enqueue(self: &Arc<Self>, update: Update, recovered: bool) {
        let Some(chat) = update.chat.clone() else {
            return;
        };
        if !self.lanes.push(&chat, Waiting { update, recovered }) {
            return;
        }
        let shared = self.clone();
        self.tracker.spawn(async move {
            let work = async {
                while let Some(waiting) = shared.lanes.next(&chat) {
                    shared.perform(&waiting).await;
                }
            };
            // What is cut off here stays pending and is looked at again after the next start.
            shared.cancel.run_until_cancelled(work).await;
        });
    }

    async fn perform(&self, waiting: &Waiting) {
        let update = &waiting.update;
        if let Routed::Done(session) = self.until_stored(|| self.route(waiting)).await {
            if let Some(session) = session {
                self.router.engine.wake(&session);
            }
            return;
        }
        let (Content::Text(message), Some(here)) = (&update.content, here(update)) else {
            return;
        };
        let desk = Desk {
            store: &self.store,
            engine: &self.router.engine,
            here: &here,
            recovered: waiting.recovered,
        };
        let reply = match from_world(&desk, &message.text).await {
            Ok(None) => return,
            Ok(Some(reply)) => reply,
            Err(fault) => Reply::new(words::fault(&fault)),
        };
        self.until_stored(|| self.finish(&here, &reply)).await;
    }

    /// Routes it once more: what stood before it in the lane may have changed where it goes.
    async fn route(&self, waiting: &Waiting) -> Result<Routed> {
        let known = Known {
            default: self.default_request(std::iter::once(&waiting.update)).await?,
            recovered: waiting.recovered,
        };
        let (router, update) = (self.router.clone(), waiting.update.clone());
        self.store.write(move |tx| router.route(tx, &update, &known)).await
    }

    async fn finish(&self, here: &Here, reply: &Reply) -> Result<()> {
        let (here, reply) = (here.clone(), reply.clone());
        self.store
            .write(move |tx| {
                answer(tx, &here, &reply)?;
                tx.finish_update(here.update_id)
            })
            .await
    }

    /// Tries again until the store takes it; only the end of the bridge ends that.
    async fn until_stored<T, F>(&self, mut attempt: impl FnMut() -> F) -> T
    where
        F: Future<Output = Result<T>>,
    {
        let mut failures = 0;
        loop {
            match attempt().await {
                Ok(done) => return done,
                Err(fault) => {
                    failures += 1;
                    tracing::error!(reason = %fault, "telegram: an update's end cannot be stored; trying again");
                    let pause: Duration = backoff(failures, PAUSE_MAX);
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }
}
