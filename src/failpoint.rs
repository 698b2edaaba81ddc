//! Kill points for the fault tests: with the cargo feature `failpoints`, `TELECODER_FAILPOINT=NAME[:N]` aborts the process
//! when it passes the hop NAME of docs/architecture.md for the N-th time. Without the feature nothing remains of it.

/// Passes the named hop.
#[macro_export]
macro_rules! failpoint {
    ($name:literal) => {
        #[cfg(feature = "failpoints")]
        $crate::failpoint::pass($name);
    };
}

/// Counts the hop and aborts when it is the one that was asked for.
#[cfg(feature = "failpoints")]
pub fn pass(name: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static PASSED: AtomicU32 = AtomicU32::new(0);
    let Ok(wanted) = std::env::var("TELECODER_FAILPOINT") else {
        return;
    };
    let (hop, count) = wanted.split_once(':').unwrap_or((&wanted, "1"));
    if hop == name && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == count.parse().unwrap_or(1) {
        std::process::abort();
    }
}
