//! Kill points for the fault tests (docs/architecture.md, "Hops"): with the cargo feature `failpoints`,
//! `TELECODER_FAILPOINT=I5` aborts the process at that point, `I5:3` when it comes there for the third time. Without the
//! feature nothing of this exists in the program.

/// Marks a place between two durable steps, where a crash must lose nothing.
#[macro_export]
macro_rules! failpoint {
    ($name:literal) => {
        #[cfg(feature = "failpoints")]
        $crate::failpoint::hit($name);
    };
}

/// Counts the visit, and aborts the process when it is the one that was asked for.
#[cfg(feature = "failpoints")]
pub fn hit(name: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static VISITS: AtomicU32 = AtomicU32::new(0);

    let Ok(wanted) = std::env::var("TELECODER_FAILPOINT") else {
        return;
    };
    let (point, nth) = match wanted.split_once(':') {
        Some((point, nth)) => (point, nth.parse().unwrap_or(1)),
        None => (wanted.as_str(), 1),
    };
    if point == name && VISITS.fetch_add(1, Ordering::SeqCst) + 1 == nth {
        std::process::abort();
    }
}
