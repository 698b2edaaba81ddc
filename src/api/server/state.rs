//! What every handler has.

use std::sync::Arc;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::caller::Shims;
use crate::bridge::BridgeHealth;
use crate::config::data_dir::DataDir;
use crate::domain::Timestamp;
use crate::domain::fault::Result;
use crate::domain::session::Session;
use crate::sessions::Engine;
use crate::store::Store;
use crate::tmux::Tmux;

/// What the server needs of the rest of the daemon.
pub struct ApiParts {
    pub store: Store,
    pub engine: Engine,
    pub tmux: Tmux,
    pub dir: DataDir,
    /// Longest prompt, in bytes; a request's body may be a little longer.
    pub prompt_bytes_max: usize,
    /// None when no channel is configured.
    pub telegram: Option<Arc<BridgeHealth>>,
    /// Ends the event streams.
    pub cancel: CancellationToken,
    pub started_at: Timestamp,
}

/// What every handler has; cheap to clone.
#[derive(Clone)]
pub struct Api(Arc<Inner>);

pub struct Inner {
    pub parts: ApiParts,
    pub(super) shims: Shims,
    pub started: Instant,
}

impl std::ops::Deref for Api {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Api {
    pub(super) fn new(parts: ApiParts) -> Self {
        Self(Arc::new(Inner {
            parts,
            shims: Shims::default(),
            started: Instant::now(),
        }))
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.parts.engine
    }

    pub(super) fn store(&self) -> &Store {
        &self.parts.store
    }

    /// The session that a name, an id or an id prefix means.
    pub(super) async fn find(&self, word: &str) -> Result<Session> {
        let word = word.to_owned();
        self.store().read(move |tx| tx.find_session(&word)).await
    }
}
