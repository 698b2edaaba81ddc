//! What systemd is told: ready, alive, stopping. Without systemd nothing happens.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio_util::sync::CancellationToken;

use crate::store::Store;

/// The store has to answer within this time for a sign of life to be given.
const STORE_LIMIT: Duration = Duration::from_secs(5);

/// Whether systemd started this very process. Then the tmux server has a unit of its own and is never our child.
///
/// `NOTIFY_SOCKET` alone does not tell: a shell inherits the one of its service or container. `SYSTEMD_EXEC_PID` (systemd 248 and
/// newer) names the process that systemd has started.
pub fn is_parent() -> bool {
    let started = std::env::var("SYSTEMD_EXEC_PID").ok();
    std::env::var_os("NOTIFY_SOCKET").is_some() && started == Some(std::process::id().to_string())
}

pub fn ready() {
    tell(&[NotifyState::Ready, NotifyState::Status("ready")]);
}

pub fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
}

/// Gives a sign of life twice in each watchdog period, as long as the store answers.
pub async fn watchdog(store: Store, cancel: CancellationToken) {
    let Some(period) = sd_notify::watchdog_enabled().filter(|_| is_parent()) else {
        return cancel.cancelled().await;
    };
    let mut ticks = tokio::time::interval(period / 2);
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            _ = ticks.tick() => {}
        }
        match tokio::time::timeout(STORE_LIMIT, store.read(|tx| tx.last_event_seq())).await {
            Ok(Ok(_)) => tell(&[NotifyState::Watchdog]),
            Ok(Err(error)) => tracing::error!(error.message = %error, "no sign of life: the store does not answer"),
            Err(_) => tracing::error!("no sign of life: the store does not answer in time"),
        }
    }
}

/// Someone else's socket is told nothing.
fn tell(state: &[NotifyState<'_>]) {
    if !is_parent() {
        return;
    }
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "systemd could not be told");
    }
}
