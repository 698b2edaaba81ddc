//! The bridge: people on one side, rows on the other. `inbox` receives, routes and commands; `outbox` plans, delivers and paces.
//!
//! Both sides meet everything else in the store only. An update is confirmed to Telegram after the transaction that holds its
//! row, what it did, and the new offset; a part is sent after the transaction that says so. Knows no tmux and no agent: what
//! sessions can do is asked of the engine.

mod absence;
mod commands;
mod edits;
mod gate;
mod greet;
mod health;
mod inbox;
mod life;
mod outbox;
mod pace;
mod people;
mod prompt;
mod router;
mod shut;
mod taps;
mod words;

use std::sync::{Arc, OnceLock};

use secrecy::SecretString;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::channels::telegram::Client;
use crate::config::TelegramConfig;
use crate::domain::fault::Result;
use crate::sessions::Engine;
use crate::store::Store;

pub use absence::ask_about_old_prompts;
pub use health::{BridgeHealth, HealthReport};
pub use pace::{PaceLimits, Rate};
pub use people::digest as pairing_digest;
pub use shut::shut_what_is_not_allowed;

use gate::Gate;
use router::Router;

/// Everything that the bridge works with.
pub struct BridgeParts {
    pub store: Store,
    pub engine: Engine,
    pub telegram: TelegramSettings,
    /// Ends polling at once, and sending after a short grace.
    pub cancel: CancellationToken,
    /// Every task of the bridge's is here: wait for it after `cancel`.
    pub tracker: TaskTracker,
}

pub struct TelegramSettings {
    pub token: SecretString,
    pub config: TelegramConfig,
}

/// Starts inbox and outbox with the limits in force. Returns at once; what becomes of it is in the health.
///
/// Errors: `Config` for an `api_url` that cannot be used.
pub fn start(parts: BridgeParts) -> Result<Arc<BridgeHealth>> {
    start_paced(parts, pace::in_force())
}

/// [`start`] with limits of the caller's (tests scale them).
#[doc(hidden)]
pub fn start_paced(parts: BridgeParts, limits: PaceLimits) -> Result<Arc<BridgeHealth>> {
    let BridgeParts {
        store,
        engine,
        telegram: TelegramSettings { token, config },
        cancel,
        tracker,
    } = parts;
    let client = Client::new(&token, config.api_url.as_deref(), config.poll_timeout)?;
    if config.allow.is_empty() {
        tracing::warn!("telegram: the allowlist is empty, so the bot answers nobody; set `[telegram] allow`");
    }
    let gate = Gate::of(&config);
    let home = gate.home().cloned();
    let health = Arc::new(BridgeHealth::of(gate.clone()));
    let (me, home_forum) = (Arc::new(OnceLock::new()), Arc::new(OnceLock::new()));
    let router = Arc::new(Router {
        engine,
        gate,
        me: me.clone(),
        health: health.clone(),
        rules: router::Rules {
            topics: config.topics,
            stale_after: config.stale_after,
            own_approval: config.own_approval,
            home: home.clone(),
            scale: pace::scale(),
        },
    });
    let rules = outbox::Rules {
        receipts: config.receipts.clone(),
        parts_max: config.parts_max,
        rich: config.rich,
        drafts: config.drafts,
        home: home.clone(),
        home_forum: home_forum.clone(),
        scale: pace::scale(),
    };
    let greeter = greet::Greeter {
        client: client.clone(),
        store: store.clone(),
        me,
        health: health.clone(),
        home: home.filter(|_| config.topics),
        home_forum,
        allow: config.allow.clone(),
    };
    let inbox = inbox::Inbox::new(
        store.clone(),
        client.clone(),
        router,
        config,
        cancel.clone(),
        tracker.clone(),
    );
    let outbox = outbox::Outbox::new(
        store,
        client,
        limits,
        rules,
        health.clone(),
        cancel.clone(),
        tracker.clone(),
    );
    tracker.spawn(async move { cancel.run_until_cancelled(greeter.run()).await });
    tracker.spawn(inbox.run());
    tracker.spawn(outbox.run());
    Ok(health)
}
