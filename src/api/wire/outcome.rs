//! Outcomes, entries of the inbox, differences.

use serde::{Deserialize, Serialize};

use crate::domain::Timestamp;
use crate::domain::outcome::{
    self, Check, Claims, DiffStat, FailureKind, FileChange, Flag, InboxEntry, InboxItem, Measured, NotChecked, Usage,
    Verdict,
};
use crate::domain::work::Publication;
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

/// Where a session's branch and pull request are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pull {
    pub remote: String,
    pub branch: String,
    pub base: String,
    pub commit: Option<String>,
    pub number: Option<u64>,
    pub url: Option<String>,
    /// `open`, `closed` or `merged`, as last seen.
    pub state: Option<String>,
    pub draft: bool,
}

impl Pull {
    /// In a line.
    pub fn told(&self) -> String {
        match (&self.number, &self.url) {
            (Some(number), Some(url)) => {
                format!("#{number} {} {url}", self.state.as_deref().unwrap_or("open"))
            }
            _ => format!("branch {} of {}", self.branch, self.remote),
        }
    }
}

impl From<&Publication> for Pull {
    fn from(publication: &Publication) -> Self {
        Self {
            remote: publication.remote.clone(),
            branch: publication.branch.clone(),
            base: publication.base.clone(),
            commit: publication.pushed.clone(),
            number: publication.number,
            url: publication.url.clone(),
            state: publication.state.clone(),
            draft: publication.draft,
        }
    }
}

/// What went out, or would.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Published {
    pub dry_run: bool,
    pub pull: Pull,
    pub commit: String,
    /// The commit is ours, of files that were not committed.
    pub committed: bool,
    pub stat: DiffStat,
    pub subjects: Vec<String>,
    /// Files that are not committed and stay behind.
    pub left_behind: u32,
    pub findings: Vec<String>,
    pub title: String,
    pub body: String,
    /// The pull request is new.
    pub opened: bool,
}

impl From<crate::sessions::Published> for Published {
    fn from(published: crate::sessions::Published) -> Self {
        Self {
            dry_run: published.dry_run,
            pull: Pull::from(&published.publication),
            commit: published.tip,
            committed: published.committed,
            stat: published.stat,
            subjects: published.subjects,
            left_behind: published.left_behind,
            findings: published.findings,
            title: published.title,
            body: published.body,
            opened: published.opened,
        }
    }
}

/// One session of a family of reruns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Relative {
    pub id: String,
    pub name: String,
    pub attempt: u32,
    pub rerun_of: Option<String>,
    pub agent: String,
    pub policy: crate::domain::policy::Policy,
    pub status: crate::domain::session::SessionState,
    pub created_at: Timestamp,
    pub removed: bool,
}

impl From<&crate::sessions::Relative> for Relative {
    fn from(relative: &crate::sessions::Relative) -> Self {
        let session = &relative.session;
        Self {
            id: session.id.to_string(),
            name: session.name.to_string(),
            attempt: relative.attempt,
            rerun_of: relative.work.rerun_of.as_ref().map(ToString::to_string),
            agent: session.agent.clone(),
            policy: session.policy,
            status: session.status.state,
            created_at: session.created_at,
            removed: session.removed_at.is_some(),
        }
    }
}
