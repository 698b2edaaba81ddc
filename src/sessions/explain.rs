//! Why a session has the state that it has: the verdict on record, what the screen says now and by which rule, and what stands in the
//! way of a prompt.

use super::Engine;
use crate::agents::Adapter;
use crate::domain::agent::{Detection, Evidence};
use crate::domain::dialog::Dialog;
use crate::domain::fault::Result;
use crate::domain::ids::SessionId;
use crate::domain::screen::{Explained, ScreenReading};
use crate::domain::session::Session;
use crate::domain::turn::Turn;

/// Everything that `telecoder explain` shows.
#[derive(Debug, Clone)]
pub struct Explanation {
    pub session: Session,
    pub evidence: Evidence,
    /// None when there is no window, or it cannot be read.
    pub screen: Option<Explained>,
    pub in_mode: bool,
    /// The dialog on record.
    pub dialog: Option<Dialog>,
    /// Typed, and not ended.
    pub running: Vec<Turn>,
    pub waiting: Option<Turn>,
    pub detection: Option<Detection>,
    pub rules_version: Option<String>,
    /// What a person should know about these verdicts.
    pub warnings: Vec<String>,
}

impl Engine {
    pub async fn explain(&self, id: &SessionId) -> Result<Explanation> {
        let wanted = id.clone();
        let (session, dialog, running, waiting) = self
            .0
            .store
            .read(move |tx| {
                Ok((
                    tx.session(&wanted)?,
                    tx.dialog(&wanted)?,
                    tx.running_turns(&wanted)?,
                    tx.next_waiting_turn(&wanted)?,
                ))
            })
            .await?;
        let adapter = self.0.agents.get(&session.agent)?;
        let shown = self.screen(id).await.ok();
        let screen = shown.as_ref().map(|screen| adapter.explain(screen));
        let asked = adapter.clone();
        // Starts the agent's `--version`, which takes some of them seconds.
        let detection = tokio::task::spawn_blocking(move || asked.detect().ok())
            .await
            .ok()
            .flatten();
        let mut warnings = warnings(&*adapter, screen.as_ref(), detection.as_ref());
        if shown.as_ref().is_some_and(|screen| screen.has_unread_input) {
            warnings.push(
                "the agent has not read what was typed: it computes, or it is stopped, and its screen is older".into(),
            );
        }
        Ok(Explanation {
            evidence: adapter.evidence(),
            screen,
            in_mode: shown.is_some_and(|screen| screen.in_mode),
            dialog: dialog.map(|open| open.dialog),
            running,
            waiting,
            rules_version: adapter.rules_version().map(str::to_owned),
            detection,
            warnings,
            session,
        })
    }
}

fn warnings(adapter: &dyn Adapter, screen: Option<&Explained>, detection: Option<&Detection>) -> Vec<String> {
    let mut warnings = Vec::new();
    let version = detection.and_then(|detection| detection.version.as_deref());
    if screen.is_some_and(|screen| screen.reading == ScreenReading::Unknown) {
        warnings.extend(newer_than_rules(adapter, detection));
    }
    if let (Some(version), Some(minimum)) = (version, detection.and_then(|detection| detection.minimum.as_deref()))
        && is_older(version, minimum)
    {
        warnings.push(format!(
            "the agent ({version}) is older than what its adapter was proven with ({minimum})"
        ));
    }
    warnings
}

/// The likely reason why no rule matches a screen: the agent is newer than what the rules were proven with.
pub(super) fn newer_than_rules(adapter: &dyn Adapter, detection: Option<&Detection>) -> Option<String> {
    let version = detection?.version.as_deref()?;
    let proven = adapter.rules_version().filter(|proven| is_older(proven, version))?;
    Some(format!(
        "no screen rule matches, and the agent ({version}) is newer than what the rules were proven with ({proven})"
    ))
}

/// Whether version `a` is older than `b`, number by number.
fn is_older(a: &str, b: &str) -> bool {
    let numbers = |version: &str| -> Vec<u64> {
        version
            .split(|c: char| !c.is_ascii_digit())
            .filter_map(|part| part.parse().ok())
            .collect()
    };
    numbers(a) < numbers(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert!(is_older("2.1.9", "2.1.10"));
        assert!(!is_older("2.2", "2.1.10"));
        assert!(!is_older("2.1.10", "2.1.10"));
    }
}
