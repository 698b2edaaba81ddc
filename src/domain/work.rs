//! What a session works on, and how: asked for when it is made, and kept with it.

use serde::{Deserialize, Serialize};

use super::ids::SessionId;

/// Rounds of `--until-green` at most.
pub const ROUNDS_MAX: u32 = 10;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Work {
    /// A branch, tag or commit of the source; none: its HEAD.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// The session's own branch; none: `telecoder/<id>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The pull request on whose branch the session works.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull: Option<u64>,
    pub kind: WorkspaceKind,
    /// Commands that check the work after each turn, as asked for by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub verify: Vec<String>,
    /// How often the output of failing checks goes back to the agent.
    #[serde(skip_serializing_if = "is_zero")]
    pub until_green: u32,
    /// Comments and checks of the pull request become prompts.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub follow: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rerun_of: Option<SessionId>,
    /// 1 for a first run, one more for each rerun in the family.
    #[serde(skip_serializing_if = "is_zero")]
    pub attempt: u32,
    /// The set-up of the workspace is over: it passed, or there was none.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub set_up: bool,
    /// What a person should know of the workspace, in sentences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkspaceKind {
    /// A clone of the session's own that borrows objects from a mirror of ours.
    #[default]
    Clone,
    /// A worktree of the person's own repository, which shares its config and hooks: only when asked for by name.
    Worktree,
    /// The person's own checkout: only when asked for by name.
    InPlace,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The session's branch and pull request on its forge.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Publication {
    /// `https://host/owner/repo.git`, without a credential.
    pub remote: String,
    pub branch: String,
    pub base: String,
    /// Stored before anything goes out: what is to be pushed, so that a repeat pushes the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intended: Option<String>,
    /// What is known to stand on the branch there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pushed: Option<String>,
    /// The tree of `pushed`, when it was a commit of ours over uncommitted files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pushed_tree: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// `open`, `closed` or `merged`, as last seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    pub draft: bool,
}
