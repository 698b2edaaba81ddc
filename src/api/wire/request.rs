//! What clients send, and small answers.

use serde::{Deserialize, Serialize};

use crate::domain::letter;
use crate::domain::work::{Work, WorkspaceKind};

/// `POST /v1/sessions`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateRequest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A path or a URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo: Option<String>,
    /// Where a relative `repo` begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// A branch, tag or commit of the repository to begin from; its HEAD when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// The session's branch; `telecoder/<id>` when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The number of the pull request to work on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull: Option<u64>,
    /// `clone`, `worktree` or `in_place`; when not given: as configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<WorkspaceKind>,
    /// Commands that check the work after each turn.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verify: Vec<String>,
    /// How often failing checks go back to the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_green: Option<u32>,
    /// Comments and checks of the session's pull request become prompts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follow: Option<bool>,
    /// The first prompt; a session may also begin without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
}

impl CreateRequest {
    pub fn work(&self) -> Work {
        Work {
            base: self.base.clone(),
            branch: self.branch.clone(),
            pull: self.pull,
            verify: self.verify.clone(),
            until_green: self.until_green.unwrap_or(0),
            follow: self.follow.unwrap_or(false),
            ..Work::default()
        }
    }
}

/// `POST /v1/sessions/SESSION/publish`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PublishRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    pub draft: bool,
    pub dry_run: bool,
    /// Commit what is not committed.
    pub commit: bool,
    /// What the scan finds does not stand in the way.
    pub allow_findings: bool,
    /// The branch alone.
    pub push_only: bool,
}

/// `POST /v1/sessions/SESSION/rerun`: what is to be other than before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RerunRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
}

/// `POST /v1/sessions/SESSION/verify`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct VerifyRequest {
    /// Empty: what is configured, or what the repository looks like.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until_green: Option<u32>,
}

/// `POST /v1/sessions/SESSION/trust`: the digest of the file that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrustRequest {
    pub digest: String,
}

/// `GET /v1/sessions/SESSION/trust` and `GET /v1/trust?repo=…`: the repository's own file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepoFile {
    pub repo: String,
    pub text: String,
    pub digest: String,
    pub trusted: bool,
}

impl From<crate::sessions::ShownFile> for RepoFile {
    fn from(shown: crate::sessions::ShownFile) -> Self {
        Self {
            repo: shown.repo,
            text: shown.text,
            digest: shown.digest,
            trusted: shown.trusted,
        }
    }
}

/// `POST /v1/inbox/ack`: an entry (`12`, `n3`), a session, or nothing for everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AckRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

/// The answer to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acked {
    pub acked: usize,
}

/// `POST /v1/sessions/SESSION/prompts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PromptRequest {
    pub text: String,
    /// For the turn that runs, not for one of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub steer: bool,
}

/// `POST /v1/sessions/SESSION/answer` and `POST /v1/asks/ASK/answer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AnswerRequest {
    pub text: String,
}

/// `POST /v1/sessions/SESSION/dialog`: exactly one of `answer` (`approve` or `deny`), `choice` (from 1), `text`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DialogRequest {
    /// The dialog that was seen; without it the answer goes to the one that is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<usize>,
    /// Several choices by their numbers, from 1; `text` may stand beside them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choices: Option<Vec<usize>>,
    /// A text of one's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What a person wrote: a number, several with commas between, the words of a choice, or a text of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
}

/// `POST /v1/sessions/SESSION/fork`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ForkRequest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// Without it, the one of the other session, but never `yolo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
}

/// `POST /v1/sessions/SESSION/command`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CommandRequest {
    pub text: String,
}

/// `POST /v1/sessions/SESSION/keys`: tmux key names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeysRequest {
    pub keys: Vec<String>,
}

/// `POST /v1/messages/read`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReadRequest {
    pub ids: Vec<i64>,
}

/// The answer to `DELETE /v1/sessions/SESSION`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Removed {
    pub removed: String,
    pub name: String,
}

/// `notify --done` as its message carries it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Done {
    pub changed: Option<String>,
    pub verified: Option<String>,
    pub uncertain: Option<String>,
    pub next: Option<String>,
}

impl From<&letter::Done> for Done {
    fn from(done: &letter::Done) -> Self {
        Self {
            changed: done.changed.clone(),
            verified: done.verified.clone(),
            uncertain: done.uncertain.clone(),
            next: done.next.clone(),
        }
    }
}
