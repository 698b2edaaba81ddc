//! `/health`: whether we hear and speak.

use crate::bridge::router::{Reply, Router};
use crate::bridge::words::how_long;
use crate::channels::telegram::markdown::escape;
use crate::domain::fault::Result;
use crate::store::{SessionFilter, Tx};

pub(super) fn health(tx: &Tx<'_>, router: &Router) -> Result<Reply> {
    let report = router.health.report();
    let sessions = tx.sessions(&SessionFilter::default())?;
    let live = sessions
        .iter()
        .filter(|session| !session.status.state.is_ended())
        .count();
    let mut lines = vec![format!(
        "version {}, {live} sessions that have not ended",
        env!("CARGO_PKG_VERSION")
    )];
    lines.push(match report.last_poll_completed {
        Some(at) => format!("last completed poll {} ago", how_long(at, tx.now())),
        None => "no poll completed yet".into(),
    });
    for (what, error) in [("receiving", report.poll_error), ("sending", report.send_error)] {
        if let Some(error) = error {
            lines.push(format!("{what} fails: {}", escape(&error)));
        }
    }
    Ok(Reply::new(lines.join("\n")))
}
