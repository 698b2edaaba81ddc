//! The server: routes, who may call them, and the socket.
//!
//! Every answer is JSON (but the raw terminal log and the event stream), every error too. Reads are open to every caller that
//! the socket lets in; what acts asks [`caller::Caller`] first.

mod asks;
mod caller;
mod control;
mod dialogs;
mod events;
mod extract;
mod health;
mod inbox;
mod listener;
mod logs;
mod messages;
mod people;
mod prompts;
mod publish;
mod refusal;
mod sessions;
mod state;

use std::time::Duration;

use axum::Router;
use axum::routing::{delete, get, post};
use tokio_util::sync::CancellationToken;

use crate::domain::fault::{Fault, Result};

pub use state::{Api, ApiParts};

use listener::{Peer, PeerListener};

/// How long open answers may take to end after the daemon was asked to stop. Event streams end at once.
const DRAIN_LIMIT: Duration = Duration::from_secs(5);

/// A bound socket that does not answer yet.
pub struct Server {
    api: Api,
    listener: PeerListener,
}

impl Server {
    /// Binds `<data>/api.sock` 0600. It appears by rename, so whoever finds it can connect.
    ///
    /// Only the holder of the data directory's lock may call this: a socket that is already there is replaced.
    pub fn bind(parts: ApiParts) -> Result<Self> {
        let listener = PeerListener::bind(&parts.dir.api_sock())?;
        Ok(Self {
            api: Api::new(parts),
            listener,
        })
    }

    /// Answers until `cancel`, then ends what is open within a limit.
    pub async fn run(self, cancel: CancellationToken) -> Result<()> {
        let routes = routes(self.api).into_make_service_with_connect_info::<Peer>();
        let stop = cancel.clone();
        let serving = axum::serve(self.listener, routes).with_graceful_shutdown(async move { stop.cancelled().await });
        let limit = async {
            cancel.cancelled().await;
            tokio::time::sleep(DRAIN_LIMIT).await;
        };
        tokio::select! {
            ended = serving.into_future() => ended.map_err(|e| Fault::io("serving the API socket", &e)),
            () = limit => {
                tracing::warn!("some API answers did not end in time and were cut");
                Ok(())
            }
        }
    }
}

fn routes(api: Api) -> Router {
    Router::new()
        .route("/v1/health", get(health::show))
        .route("/v1/sessions", get(sessions::list).post(sessions::create))
        .route("/v1/sessions/{session}", get(sessions::show).delete(sessions::remove))
        .route("/v1/sessions/{session}/prompts", post(prompts::send))
        .route("/v1/sessions/{session}/turns", get(prompts::list))
        .route("/v1/sessions/{session}/turns/{turn}", get(prompts::show))
        .route("/v1/sessions/{session}/stop", post(control::stop))
        .route("/v1/sessions/{session}/resume", post(control::resume))
        .route("/v1/sessions/{session}/interrupt", post(control::interrupt))
        .route("/v1/sessions/{session}/keys", post(control::keys))
        .route("/v1/sessions/{session}/screen", get(control::screen))
        .route("/v1/sessions/{session}/answer", post(asks::answer_session))
        .route("/v1/sessions/{session}/dialog", post(dialogs::answer))
        .route("/v1/sessions/{session}/command", post(dialogs::command))
        .route("/v1/sessions/{session}/explain", get(dialogs::explain))
        .route("/v1/sessions/{session}/history", get(dialogs::history))
        .route("/v1/sessions/{session}/fork", post(dialogs::fork))
        .route("/v1/sessions/{session}/logs", get(logs::entries))
        .route("/v1/sessions/{session}/logs/raw", get(logs::raw))
        .route("/v1/sessions/{session}/messages", get(messages::of_session))
        .route("/v1/sessions/{session}/outcomes", get(inbox::outcomes))
        .route("/v1/sessions/{session}/diff", get(inbox::diff))
        .route("/v1/sessions/{session}/verify", post(inbox::verify))
        .route("/v1/sessions/{session}/publish", post(publish::publish))
        .route("/v1/sessions/{session}/rerun", post(publish::rerun))
        .route("/v1/sessions/{session}/lineage", get(publish::lineage))
        .route("/v1/sessions/{session}/trust", get(inbox::repo_file).post(inbox::trust))
        .route("/v1/trust", get(inbox::file_of_repo).post(inbox::trust_repo))
        .route("/v1/gc", post(publish::gc))
        .route("/v1/inbox", get(inbox::list))
        .route("/v1/inbox/ack", post(inbox::ack))
        .route("/v1/inbox/{entry}", get(inbox::show))
        .route("/v1/outcomes/{outcome}", get(inbox::outcome))
        .route("/v1/asks", get(asks::list))
        .route("/v1/asks/{ask}/answer", post(asks::answer_ask))
        .route("/v1/events", get(events::events))
        .route("/v1/messages", get(messages::list))
        .route("/v1/messages/read", post(messages::mark_read))
        .route("/v1/pairings", post(people::pair))
        .route("/v1/people", get(people::list))
        .route("/v1/people/{id}", delete(people::remove))
        .fallback(refusal::no_such_path)
        .method_not_allowed_fallback(refusal::wrong_method)
        .with_state(api)
}
