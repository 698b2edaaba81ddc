//! A panic anywhere is a bug whose reach we do not know: it is logged, and the daemon goes down in order. Agents live on, the
//! store has the truth, and whoever supervises us (systemd, or the next command) starts us again.

use tokio_util::sync::CancellationToken;

/// Sets the hook; the token is cancelled by the first panic.
pub fn watch() -> CancellationToken {
    let panicked = CancellationToken::new();
    let token = panicked.clone();
    std::panic::set_hook(Box::new(move |info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current();
        tracing::error!(
            panic.place = place,
            panic.thread = thread.name().unwrap_or("unnamed"),
            panic.message = info.payload_as_str().unwrap_or("no text"),
            "a part of the daemon panicked; it will end"
        );
        token.cancel();
    }));
    panicked
}
