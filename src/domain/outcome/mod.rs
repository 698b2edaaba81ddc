//! An outcome: what came of a turn. What was measured stands beside what the agent claims, and where the two contradict each
//! other, a flag says so.
//!
//! Nothing of what is measured comes from the agent's words, and nothing of what it claims is taken for true.

mod claims;
mod judge;
mod labels;
mod report;

use serde::{Deserialize, Serialize};

use super::Timestamp;
use super::ids::{SessionId, SessionName, TurnId};

pub use claims::{Claims, read_claims};
pub use judge::{Facts, judge};
pub use report::{check_line, headline, stat, summary, usage_line};

/// How the turn (or the session, for an entry without a turn) ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The turn ended as turns do. It says nothing about whether the work is right.
    Done,
    /// Something failed; [`FailureKind`] says what.
    Failed,
    /// A person (or a stop) cut it short.
    Interrupted,
    /// Whether the agent got the prompt is not known.
    Uncertain,
}

impl Verdict {
    pub const fn as_str(self) -> &'static str {
        match self {
            Verdict::Done => "done",
            Verdict::Failed => "failed",
            Verdict::Interrupted => "interrupted",
            Verdict::Uncertain => "uncertain",
        }
    }
}

/// What kind of failure it was, so that a person and a program know what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The agent's program could not be started (not installed, no right, a broken workspace).
    LaunchFailed,
    /// The agent's process ended with an error.
    AgentExit,
    /// The agent's process was ended by a signal.
    AgentSignal,
    /// The window or the tmux server went away.
    TerminalLost,
    /// The process is gone without a record.
    Lost,
    /// The agent refused the prompt.
    Refused,
    /// The provider refused (usage limit).
    Limited,
    /// A check ended with another code than 0.
    ChecksFailed,
    /// A check did not end in time.
    ChecksTimedOut,
    /// The agent never said that the turn ended.
    NoEndSignal,
    Other,
}

impl FailureKind {
    /// What a person may do next.
    pub const fn advice(self) -> &'static str {
        match self {
            FailureKind::LaunchFailed => "Mend what it names, then `telecoder resume`.",
            FailureKind::AgentExit | FailureKind::AgentSignal | FailureKind::Lost => {
                "Look at the last screen (`telecoder status`), then `telecoder resume` or `telecoder rerun`."
            }
            FailureKind::TerminalLost => "`telecoder resume` brings the conversation back.",
            FailureKind::Refused => "Look at the screen (`telecoder screen`) and send it in other words.",
            FailureKind::Limited => "Wait for the time that it names, or `telecoder rerun --agent` with another agent.",
            FailureKind::ChecksFailed => {
                "Read the output; `telecoder verify NAME --until-green 3` sends it back to the agent."
            }
            FailureKind::ChecksTimedOut => "Give the checks more time (`[verify] timeout_s`), or a narrower command.",
            FailureKind::NoEndSignal | FailureKind::Other => "Look at the screen: `telecoder screen`.",
        }
    }
}

/// A state of the work: the commit and the tree of every file that git would commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    /// None for a branch without a commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    pub tree: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileChange {
    /// As git names it; what is no UTF-8 is replaced.
    pub path: String,
    /// `added`, `modified`, `deleted`, `renamed`, `type_changed`.
    pub status: FileStatus,
    /// None for a binary file.
    pub added: Option<u32>,
    pub removed: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileStatus {
    Added,
    Modified,
    Deleted,
    Renamed,
    TypeChanged,
}

/// Files and lines between two states.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiffStat {
    pub files: u32,
    pub added: u32,
    pub removed: u32,
}

/// What the workspace shows, looked at from the daemon's own repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Measured {
    pub mark: Mark,
    /// Commits that this turn made, newest first: their subjects, at most [`SUBJECTS_MAX`].
    pub commits: u32,
    pub subjects: Vec<String>,
    /// Tracked files that differ from the last commit.
    pub uncommitted: u32,
    /// Files that git does not know and does not ignore.
    pub untracked: u32,
    /// Files that were too large to look into, and repositories within the repository.
    pub left_out: Vec<String>,
    /// What this turn changed, committed or not.
    pub turn: DiffStat,
    /// The files of this turn, at most [`FILES_MAX`].
    pub files: Vec<FileChange>,
    /// What the session changed in all, committed or not.
    pub total: DiffStat,
    /// Commits of the session's branch that its base does not have.
    pub total_commits: u32,
    /// Commits that were there after the turn before are gone from the branch.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rewritten: bool,
}

pub const FILES_MAX: usize = 200;
pub const SUBJECTS_MAX: usize = 20;

impl Measured {
    pub fn changed_anything(&self) -> bool {
        self.turn.files > 0 || self.commits > 0 || !self.left_out.is_empty()
    }
}

/// One check (a command of `verify`) and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    pub command: String,
    /// None when it was ended by the time limit or by a signal, or could not be started.
    pub code: Option<i32>,
    pub timed_out: bool,
    pub duration_ms: u64,
    /// The first and the last bytes of what it printed.
    pub output: String,
}

impl Check {
    pub fn passed(&self) -> bool {
        self.code == Some(0) && !self.timed_out
    }
}

/// Why no check ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NotChecked {
    /// A sentence.
    pub why: String,
    /// What could be run by `telecoder verify`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub could: Vec<String>,
}

impl NotChecked {
    /// What stands in an outcome until its checks have ended: nobody shall read it as one that needed none.
    pub fn running() -> Self {
        Self {
            why: "the checks still run".into(),
            could: Vec::new(),
        }
    }
}

/// What the agent's provider counted, where the agent reports it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
}

impl Usage {
    /// The sums of what several requests read and wrote; none for no request.
    pub fn of_tokens(requests: impl IntoIterator<Item = (u64, u64)>) -> Option<Self> {
        let sum = |(a, b): (u64, u64), (c, d): (u64, u64)| (a.saturating_add(c), b.saturating_add(d));
        let (input, output) = requests.into_iter().reduce(sum)?;
        Some(Self {
            input_tokens: Some(input),
            output_tokens: Some(output),
            cost_usd: None,
        })
    }
}

/// A contradiction between word and measurement, or something else that a person should see first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Flag {
    pub code: FlagCode,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlagCode {
    /// The agent says that checks pass, and they do not.
    ClaimsPass,
    /// The agent says that it changed something, and nothing changed.
    ClaimsChange,
    /// The agent says that nothing changed, and something did.
    DeniesChange,
    /// The agent says that it committed, and there is no commit.
    ClaimsCommit,
    /// History that was there before is gone.
    Rewritten,
    /// The policy forbids writing, and files changed.
    PolicyBroken,
}

/// The durable record.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub id: i64,
    pub session: SessionId,
    /// None for the end of a session that no turn ended with.
    pub turn: Option<TurnId>,
    pub verdict: Verdict,
    pub headline: String,
    pub detail: Detail,
    pub created_at: Timestamp,
    /// When a person said that they have seen it.
    pub acked_at: Option<Timestamp>,
}

/// Everything of an outcome that is read as a whole.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Detail {
    pub prompt: String,
    pub failure: Option<FailureKind>,
    /// The reason of the turn's or the session's end, in words.
    pub reason: Option<String>,
    /// None without a repository, or when it could not be measured (`unmeasured` says why).
    pub measured: Option<Measured>,
    pub unmeasured: Option<String>,
    pub claims: Claims,
    pub checks: Vec<Check>,
    pub not_checked: Option<NotChecked>,
    pub flags: Vec<Flag>,
    /// From the keystroke to the end.
    pub duration_ms: Option<u64>,
    pub usage: Option<Usage>,
}

/// One entry of the inbox: an outcome, or a session that waits for a person now.
#[derive(Debug, Clone, PartialEq)]
pub struct InboxEntry {
    pub name: SessionName,
    pub repo: Option<String>,
    pub item: InboxItem,
}

#[derive(Debug, Clone, PartialEq)]
pub enum InboxItem {
    Outcome(Box<Outcome>),
    /// The session needs a person: a dialog, a question, a limit.
    Waits {
        session: SessionId,
        since: Timestamp,
        why: String,
    },
    /// News of the session's pull request.
    News(Box<News>),
}

/// A comment, a review or a check of a pull request of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    pub id: i64,
    pub session: SessionId,
    pub at: Timestamp,
    pub number: u64,
    /// Who wrote it, and their association, as the forge says.
    pub author: String,
    /// One line.
    pub what: String,
    /// The untrusted text.
    pub text: String,
    pub url: Option<String>,
    pub acked_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests;
