//! Publishing without being asked each time: `publish.auto`, and the answers to a pull request that is followed.

use super::super::Engine;
use super::publish::{PublishRequest, Published};
use crate::domain::outcome::{Outcome, Verdict};
use crate::domain::session::Session;

impl Engine {
    /// After a turn that ended well and left nothing behind, where the configuration says so.
    pub(super) async fn publish_by_itself(&self, outcome: &Outcome) {
        use crate::config::AutoPublish;
        use crate::domain::policy::Policy;
        let auto = match self.follows(outcome).await {
            true => AutoPublish::Pull,
            false => self.0.config.publish.auto,
        };
        let measured = outcome.detail.measured.as_ref();
        let whole = measured.is_some_and(|m| m.total_commits > 0 && m.uncommitted == 0 && m.untracked == 0);
        if auto == AutoPublish::Off || outcome.verdict != Verdict::Done || !whole || !outcome.detail.flags.is_empty() {
            return;
        }
        let id = outcome.session.clone();
        let Ok(session) = self.session(&id).await else { return };
        if matches!(session.policy, Policy::Locked | Policy::Observe) {
            tracing::info!(session.id = %id, "the policy {} publishes nothing by itself", session.policy);
            return;
        }
        let request = PublishRequest {
            push_only: auto == AutoPublish::Push,
            ..PublishRequest::default()
        };
        let before = self
            .publication(&id)
            .await
            .ok()
            .flatten()
            .and_then(|known| known.pushed);
        match self.publish_now(&id, request).await {
            // An answer to a question changes nothing, and need not be told.
            Ok(published) if !published.opened && before.as_ref() == Some(&published.tip) => {}
            Ok(published) => self.tell_published(&session, &published).await,
            Err(fault) => {
                tracing::warn!(session.id = %id, error = %fault, "the work could not be published by itself");
                let hint = fault.hint.map(|hint| format!(" {hint}")).unwrap_or_default();
                self.say(
                    &session,
                    format!("The work was not published: {}.{hint}", fault.message),
                )
                .await;
            }
        }
    }

    /// Whether the session answers its pull request: what it mends goes onto the same branch.
    async fn follows(&self, outcome: &Outcome) -> bool {
        let id = outcome.session.clone();
        let read = self.0.store.read(move |tx| {
            Ok(tx.work(&id)?.follow && tx.publication(&id)?.is_some_and(|known| known.number.is_some()))
        });
        read.await.unwrap_or(false)
    }

    async fn tell_published(&self, session: &Session, published: &Published) {
        let text = match (&published.publication.url, published.opened) {
            (Some(url), true) => format!("The pull request is open: {url}"),
            (Some(url), false) => format!("The pull request has the new commits: {url}"),
            (None, _) => format!("The branch `{}` is pushed.", published.publication.branch),
        };
        self.say(session, text).await;
    }

    async fn say(&self, session: &Session, text: String) {
        let (engine, session) = (self.clone(), session.clone());
        let said = self
            .0
            .store
            .write(move |tx| super::super::tell::notice(&engine, tx, &session, text, None))
            .await;
        if let Err(fault) = said {
            tracing::warn!(error = %fault, "a notice could not be stored");
        }
    }
}
