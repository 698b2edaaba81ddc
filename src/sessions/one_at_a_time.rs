//! What may happen once at a time in each session, while other sessions go on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

use crate::domain::ids::SessionId;

#[derive(Debug, Default)]
pub(super) struct OneAtATime(Mutex<HashMap<SessionId, Arc<tokio::sync::Mutex<()>>>>);

impl OneAtATime {
    /// Waits for its turn, which lasts as long as the guard lives. Those who wait are served in the order in which they came.
    pub(super) async fn lock(&self, id: &SessionId) -> OwnedMutexGuard<()> {
        let mine = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // Nobody holds these or waits for them.
            all.retain(|_, lock| Arc::strong_count(lock) > 1);
            all.entry(id.clone()).or_default().clone()
        };
        mine.lock_owned().await
    }
}
