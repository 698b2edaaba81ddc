//! Outcomes, entries of the inbox, differences.

use serde::{Deserialize, Serialize};

use crate::domain::Timestamp;
use crate::domain::outcome::{
    self, Check, Claims, DiffStat, FailureKind, FileChange, Flag, InboxEntry, InboxItem, Measured, NotChecked, Usage,
    Verdict,
};
use crate::workspace::Patch;

/// What came of a turn: measured beside claimed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    pub id: i64,
    pub session: String,
    pub turn: Option<String>,
    pub verdict: Verdict,
    pub headline: String,
    pub prompt: String,
    pub failure: Option<FailureKind>,
    pub reason: Option<String>,
    pub measured: Option<Measured>,
    /// Why it could not be measured.
    pub unmeasured: Option<String>,
    pub claimed: Claims,
    pub checks: Vec<Check>,
    pub not_checked: Option<NotChecked>,
    pub flags: Vec<Flag>,
    pub duration_ms: Option<u64>,
    pub usage: Option<Usage>,
    pub created_at: Timestamp,
    pub acked_at: Option<Timestamp>,
}

impl From<&outcome::Outcome> for Outcome {
    fn from(outcome: &outcome::Outcome) -> Self {
        let detail = outcome.detail.clone();
        Self {
            id: outcome.id,
            session: outcome.session.to_string(),
            turn: outcome.turn.as_ref().map(ToString::to_string),
            verdict: outcome.verdict,
            headline: outcome.headline.clone(),
            prompt: detail.prompt,
            failure: detail.failure,
            reason: detail.reason,
            measured: detail.measured,
            unmeasured: detail.unmeasured,
            claimed: detail.claims,
            checks: detail.checks,
            not_checked: detail.not_checked,
            flags: detail.flags,
            duration_ms: detail.duration_ms,
            usage: detail.usage,
            created_at: outcome.created_at,
            acked_at: outcome.acked_at,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    Done,
    Failed,
    Interrupted,
    Uncertain,
    /// The session needs a person now.
    Waits,
    /// Something came in about the pull request.
    News,
}

/// One entry of the inbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// What `inbox show` and `inbox ack` take: `12`, `n3`; none for a session that waits.
    pub entry: Option<String>,
    pub kind: EntryKind,
    pub session: String,
    pub name: String,
    pub repo: Option<String>,
    pub at: Timestamp,
    pub headline: String,
    /// What was measured, checked and contradicted, a line each.
    pub summary: Vec<String>,
    pub acked: bool,
}

impl From<&InboxEntry> for Entry {
    fn from(entry: &InboxEntry) -> Self {
        let begin = |kind, session: &crate::domain::ids::SessionId, at, headline: &str| Entry {
            entry: None,
            kind,
            session: session.to_string(),
            name: entry.name.to_string(),
            repo: entry.repo.clone(),
            at,
            headline: headline.to_owned(),
            summary: Vec::new(),
            acked: false,
        };
        match &entry.item {
            InboxItem::Outcome(outcome) => Entry {
                entry: Some(outcome.id.to_string()),
                summary: outcome::summary(&outcome.detail),
                acked: outcome.acked_at.is_some(),
                ..begin(
                    kind_of(outcome.verdict),
                    &outcome.session,
                    outcome.created_at,
                    &outcome.headline,
                )
            },
            InboxItem::Waits { session, since, why } => begin(EntryKind::Waits, session, *since, why),
            InboxItem::News(news) => Entry {
                entry: Some(format!("n{}", news.id)),
                acked: news.acked_at.is_some(),
                ..begin(
                    EntryKind::News,
                    &news.session,
                    news.at,
                    &format!("#{} {}", news.number, news.what),
                )
            },
        }
    }
}

fn kind_of(verdict: Verdict) -> EntryKind {
    match verdict {
        Verdict::Done => EntryKind::Done,
        Verdict::Failed => EntryKind::Failed,
        Verdict::Interrupted => EntryKind::Interrupted,
        Verdict::Uncertain => EntryKind::Uncertain,
    }
}

/// What a session changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Diff {
    pub stat: DiffStat,
    pub files: Vec<FileChange>,
    pub patch: String,
    /// The patch was too long and is cut; the files are all listed.
    pub cut: bool,
}

impl From<Patch> for Diff {
    fn from(patch: Patch) -> Self {
        Self {
            stat: patch.stat,
            files: patch.files,
            patch: patch.text,
            cut: patch.cut,
        }
    }
}
