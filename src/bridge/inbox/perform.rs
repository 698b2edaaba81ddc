//! Doing what needs the outside world, and storing the reply and the end of the update in one transaction.

use std::sync::Arc;
use std::time::Duration;

use super::batch::replies_too_soon;
use super::files::with_places;
use super::lanes::{LaneKey, Waiting};
use super::{PAUSE_MAX, Shared, backoff};
use crate::channels::telegram::inbound::{self, Content, Update};
use crate::channels::telegram::{FileMessage, TextMessage};
use crate::domain::fault::{Kind, Result};
use crate::store::StoredUpdate;

use crate::bridge::commands::{Desk, from_world};
use crate::bridge::router::{Here, Known, Reply, Routed, answer, here};
use crate::bridge::taps::{Tap, decide, ran};
use crate::bridge::words;

/// How long a reply waits for the server's answer to what it may reply to.
const SENT_LIMIT: Duration = Duration::from_secs(20);
const SENT_LOOK_PAUSE: Duration = Duration::from_millis(200);

impl Shared {
    /// Takes up what a crash left pending, oldest first.
    pub(super) fn resume(self: &Arc<Self>, pending: Vec<StoredUpdate>) {
        for stored in pending {
            match inbound::read(&stored.raw) {
                Some(update) => {
                    // Whoever tapped still looks at the button.
                    if let Content::Tap { id, .. } = &update.content {
                        self.answers.begin(&self.client, &self.tracker, id);
                    }
                    self.enqueue(update, true);
                }
                None => tracing::warn!(update.id = stored.update_id, "telegram: a stored update cannot be read"),
            }
        }
    }

    /// Puts an update into its chat's lane, and works the lane off if nobody does.
    pub(super) fn enqueue(self: &Arc<Self>, update: Update, recovered: bool) {
        let Some(key) = LaneKey::of(&update) else {
            return;
        };
        if !self.lanes.push(&key, Waiting { update, recovered }) {
            return;
        }
        let shared = self.clone();
        self.tracker.spawn(async move {
            let work = async {
                while let Some(waiting) = shared.lanes.next(&key) {
                    shared.perform(&key, &waiting, None).await;
                }
            };
            // What is cut off here stays pending and is looked at again after the next start.
            shared.cancel.run_until_cancelled(work).await;
        });
    }

    /// `confirmed`: somebody said that it is to be done, however old it is; with the other parts of its album.
    async fn perform(&self, key: &LaneKey, waiting: &Waiting, confirmed: Option<Vec<Waiting>>) {
        let update = &waiting.update;
        let is_confirmed = confirmed.is_some();
        self.await_what_it_replies_to(update).await;
        if let Routed::Done(session) = self.until_stored(|| self.route(waiting, is_confirmed)).await {
            if let Some(session) = session {
                self.router.engine.wake(&session);
            }
            return;
        }
        match (&update.content, here(update)) {
            (Content::Text(message), Some(here)) => self.perform_text(waiting, &here, message).await,
            (Content::File(message), Some(here)) => self.perform_files(key, waiting, &here, message, confirmed).await,
            (Content::Tap { id, data, .. }, _) => self.perform_tap(key, waiting, id, data).await,
            _ => {}
        }
    }

    /// Somebody may reply to a message before the server's answer has told us its id. Ends when it has, or nothing is on its way.
    async fn await_what_it_replies_to(&self, update: &Update) {
        let mut events = self.store.event_seq();
        let known = async {
            loop {
                events.borrow_and_update();
                let asked = update.clone();
                let too_soon = self.store.read(move |tx| replies_too_soon(tx, &asked)).await;
                if !too_soon.unwrap_or(false) {
                    return;
                }
                // Between two parts of one message no event is written.
                let _ = tokio::time::timeout(SENT_LOOK_PAUSE, events.changed()).await;
            }
        };
        if tokio::time::timeout(SENT_LIMIT, known).await.is_err() {
            tracing::warn!("telegram: what a message replies to is not known; it goes to the chat's active session");
        }
    }

    async fn perform_files(
        &self,
        key: &LaneKey,
        first: &Waiting,
        here: &Here,
        message: &FileMessage,
        confirmed: Option<Vec<Waiting>>,
    ) {
        let is_confirmed = confirmed.is_some();
        let more = match confirmed {
            Some(more) => more,
            None => self.album(key, message).await,
        };
        let all: Vec<&Waiting> = std::iter::once(first).chain(&more).collect();
        let messages = with_places(&all);
        if self.until_stored(|| self.asked_first(&messages, is_confirmed)).await {
            return;
        }
        self.until_stored(async || match self.take_files(&messages).await {
            Err(fault) if fault.kind != Kind::Storage => {
                let reply = Reply::new(words::fault(&fault));
                self.finish(here, &reply).await?;
                for (rest, _) in messages.iter().skip(1) {
                    let update = rest.update_id;
                    self.store.write(move |tx| tx.finish_update(update)).await?;
                }
                Ok(())
            }
            taken => taken,
        })
        .await;
    }

    async fn perform_tap(&self, key: &LaneKey, waiting: &Waiting, id: &str, data: &str) {
        let tap = Tap {
            store: &self.store,
            router: &self.router,
            update: &waiting.update,
            data,
        };
        let decided = self.until_stored(async || match decide(&tap).await {
            Err(fault) if fault.kind != Kind::Storage => Ok(Err(fault)),
            decided => decided.map(Ok),
        });
        match decided.await {
            Ok(decided) => {
                self.answers.say(id, &decided.words);
                let old = |update| Waiting {
                    update,
                    recovered: waiting.recovered,
                };
                let mut run = decided.run.iter().filter_map(inbound::read).map(old);
                if let Some(first) = run.next() {
                    Box::pin(self.perform(key, &first, Some(run.collect()))).await;
                    self.until_stored(|| ran(&tap)).await;
                }
            }
            Err(fault) => {
                self.answers.say(id, &words::sentence(&fault.message));
                let update = waiting.update.update_id;
                self.until_stored(|| self.store.write(move |tx| tx.finish_update(update)))
                    .await;
            }
        }
    }

    async fn perform_text(&self, waiting: &Waiting, here: &Here, message: &TextMessage) {
        let desk = Desk {
            store: &self.store,
            engine: &self.router.engine,
            router: &self.router,
            here,
            recovered: waiting.recovered,
        };
        let reply = match from_world(&desk, &message.text).await {
            Ok(None) => return,
            Ok(Some(reply)) => reply,
            Err(fault) => Reply::new(words::fault(&fault)),
        };
        self.until_stored(|| self.finish(here, &reply)).await;
    }

    /// True when the message waited so long that its sender was asked instead.
    async fn asked_first(&self, messages: &[(Here, FileMessage)], confirmed: bool) -> Result<bool> {
        let heres: Vec<Here> = messages.iter().map(|(here, _)| here.clone()).collect();
        let router = self.router.clone();
        self.store
            .write(move |tx| {
                let is_stale = heres.first().is_some_and(|here| router.is_stale(tx, here, confirmed));
                if is_stale {
                    router.ask_first(tx, &heres)?;
                }
                Ok(is_stale)
            })
            .await
    }

    /// Routes it once more: what stood before it in the lane may have changed where it goes.
    async fn route(&self, waiting: &Waiting, confirmed: bool) -> Result<Routed> {
        let known = Known {
            default: self.default_request(std::iter::once(&waiting.update)).await?,
            recovered: waiting.recovered,
            confirmed,
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
