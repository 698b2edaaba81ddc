//! Topics of sessions: made, named after them, closed with them. A topic that was deleted is made anew; where none can be had, the
//! session's messages stand in the chat itself, each with its name.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Shared;
use crate::bridge::life;
use crate::channels::telegram::{ActEnd, CHANNEL};
use crate::domain::fault::Result;
use crate::domain::route::ChatRef;
use crate::domain::session::{Session, SessionState};
use crate::store::Topic;

const AGAIN_MS: u64 = 5000;
/// How soon a topic is looked at again that is to be closed when everything is said.
const WAIT_MS: u64 = 500;
/// A topic's name holds at most so many characters.
const TITLE_CHARS_MAX: usize = 128;

impl Shared {
    /// One look at all topics. Returns when to look again, if something has to wait.
    pub(super) async fn look_after_topics(self: &Arc<Self>) -> Result<Option<Instant>> {
        let mut wake = None;
        for topic in self.store.read(|tx| tx.wanted_topics(CHANNEL)).await? {
            if let Err(ready) = self.pacer().try_take(topic.chat_id, Instant::now()) {
                wake = Some(ready);
                continue;
            }
            self.make_topic(&topic).await?;
            // Its messages waited for it, and nothing else may happen that would have them looked at.
            wake = Some(Instant::now());
        }
        for topic in self.store.read(|tx| tx.made_topics(CHANNEL)).await? {
            if let Some(ready) = self.reshape_topic(&topic).await? {
                wake = Some(wake.map_or(ready, |at: Instant| at.min(ready)));
            }
        }
        Ok(wake)
    }

    async fn make_topic(&self, topic: &Topic) -> Result<()> {
        let id = topic.session.clone();
        let session = self.store.read(move |tx| tx.session(&id)).await?;
        let title = title(&session);
        let made = self.client.make_topic(topic.chat_id, &title).await;
        let (id, chat_id, home) = (session.id.clone(), topic.chat_id, self.rules.home.clone());
        match made {
            Ok(thread) => {
                let place = ChatRef {
                    channel: CHANNEL.into(),
                    chat_id,
                    thread_id: Some(thread),
                };
                self.store.write(move |tx| tx.topic_made(&id, &place, &title)).await
            }
            Err(ActEnd::RetryAfter(seconds)) => {
                self.store
                    .write(move |tx| tx.topic_later(&id, seconds.saturating_mul(1000)))
                    .await
            }
            Err(ActEnd::Again(why)) => {
                tracing::info!(session.id = %id, reason = %why, "telegram: a topic was not made; again later");
                self.store.write(move |tx| tx.topic_later(&id, AGAIN_MS)).await
            }
            Err(ActEnd::Refused(why)) => {
                tracing::warn!(session.id = %id, reason = %why, "telegram: a topic cannot be made");
                let text = format!(
                    "No topic could be made in chat {chat_id} for `{}`: {why}. Its messages stand in the chat itself. Give the \
                     bot the right to manage topics, or set `topics = \"off\"`.",
                    session.name
                );
                self.store
                    .write(move |tx| {
                        tx.refuse_topic(&id, &why)?;
                        life::tell_home(tx, home.as_ref(), text)
                    })
                    .await
            }
            Err(ActEnd::Done) => Ok(()),
        }
    }

    /// Name and closedness follow the session's state.
    async fn reshape_topic(&self, topic: &Topic) -> Result<Option<Instant>> {
        let id = topic.session.clone();
        let (session, waiting) = self
            .store
            .read(move |tx| Ok((tx.session(&id)?, tx.open_messages(&id)?)))
            .await?;
        let title = title(&session);
        let is_over = session.status.state.is_ended() || session.removed_at.is_some();
        // What is still to be said stands in it first. Only groups know closed topics.
        let closed = is_over && waiting == 0 && topic.chat_id < 0;
        if topic.title.as_deref() == Some(&title) && topic.closed == closed {
            let is_waited_for = is_over && waiting > 0;
            return Ok(is_waited_for.then(|| Instant::now() + Duration::from_millis(WAIT_MS)));
        }
        if let Err(ready) = self.pacer().try_take_bot(topic.chat_id, Instant::now()) {
            return Ok(Some(ready));
        }
        let place = ChatRef {
            channel: CHANNEL.into(),
            chat_id: topic.chat_id,
            thread_id: topic.thread_id,
        };
        let end = match topic.title.as_deref() == Some(&title) {
            false => self.client.rename_topic(&place, &title).await,
            true => self.client.close_topic(&place, closed).await,
        };
        let is_gone = matches!(&end, ActEnd::Refused(why) if why.to_ascii_lowercase().contains("not found"));
        let again = matches!(end, ActEnd::Again(_) | ActEnd::RetryAfter(_));
        let now_closed = if topic.title.as_deref() == Some(&title) {
            closed
        } else {
            topic.closed
        };
        let id = session.id.clone();
        self.store
            .write(move |tx| match (is_gone, again) {
                // A session that is over needs no new one.
                (true, _) if is_over => tx.refuse_topic(&id, "it was deleted"),
                (true, _) => tx.lose_topic(&id),
                (false, true) => Ok(()),
                // What is refused otherwise is not tried again and again.
                (false, false) => tx.set_topic_shape(&id, &title, now_closed),
            })
            .await?;
        let pause = if again {
            Duration::from_millis(AGAIN_MS)
        } else {
            Duration::ZERO
        };
        Ok(Some(Instant::now() + pause))
    }
}

/// The session's name, behind a mark where a person should know how it stands.
fn title(session: &Session) -> String {
    let mark = match session.status.state {
        SessionState::NeedsInput => "❗ ",
        SessionState::Limited => "⏳ ",
        SessionState::Complete => "✔ ",
        SessionState::Failed | SessionState::Lost => "✖ ",
        SessionState::Stopped => "■ ",
        _ => "",
    };
    format!("{mark}{}", session.name)
        .chars()
        .take(TITLE_CHARS_MAX)
        .collect()
}
