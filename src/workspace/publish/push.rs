//! The push: from the mirror, of one commit to one branch, never forced, with the credential of this call alone.

use super::super::git::{self, GitError};
use super::super::mirror::Mirror;
use super::super::mirrors::Mirrors;
use super::super::refname::check_branch;
use super::super::repo_source::is_loopback;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::SessionId;

/// A push that may have arrived is repeated: it is the same commit on the same branch.
const ATTEMPTS_MAX: u32 = 3;

/// Pushes `commit` to the branch `branch` of `remote`.
///
/// Errors: `NotPermitted` when the forge refuses the token, `RefusedByState` when somebody else pushed to the branch, else
/// git's words.
pub async fn push(mirrors: &Mirrors, id: &SessionId, remote: &str, branch: &str, commit: &str) -> Result<()> {
    check_branch(branch)?;
    let Some(mirror) = Mirror::of_session(mirrors, id).await? else {
        return Err(Fault::new(Kind::NotFound, "the session works on no repository"));
    };
    let mut last = None;
    for _ in 0..ATTEMPTS_MAX {
        match once(mirrors, &mirror, remote, branch, commit).await {
            Ok(()) => return Ok(()),
            Err(error) => match explain(error, branch) {
                Ok(fault) => return Err(fault),
                Err(fault) => last = Some(fault),
            },
        }
    }
    Err(last.unwrap_or_else(|| Fault::new(Kind::Failure, "the push failed")))
}

async fn once(mirrors: &Mirrors, mirror: &Mirror, remote: &str, branch: &str, commit: &str) -> Result<(), GitError> {
    let push = mirror
        .git("push")
        .limit(git::WORK_TREE)
        .plain_http(url::Url::parse(remote).is_ok_and(|url| is_loopback(&url)))
        .args(&[
            "--porcelain",
            "--no-verify",
            "--no-signed",
            "--no-follow-tags",
            "--recurse-submodules=no",
            "--",
        ])
        .args(&[remote, &format!("{commit}:refs/heads/{branch}")]);
    mirrors.authorise(push, remote).run().await.map(drop)
}

/// `Ok`: what to tell; `Err`: it may be tried again.
fn explain(error: GitError, branch: &str) -> Result<Fault, Fault> {
    let GitError::Failed { stderr, .. } = &error else {
        return Err(error.into_fault("pushing"));
    };
    let said = stderr.to_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| said.contains(part));
    if has(&[
        "authentication failed",
        "could not read username",
        "could not read password",
        "invalid username or",
        "401",
    ]) {
        return Ok(Fault::new(
            Kind::NotPermitted,
            format!("the forge does not take the token for a push: {stderr}"),
        )
        .hint("Put a token that may write contents into the file of `[github] token_file`."));
    }
    if has(&["403", "permission to", "denied to", "write access"]) {
        return Ok(
            Fault::new(Kind::NotPermitted, format!("the token may not push: {stderr}"))
                .hint("It needs write on `Contents` of this repository; a workflow file needs `Workflows`, too."),
        );
    }
    if has(&["not found", "404"]) {
        return Ok(Fault::new(
            Kind::NotFound,
            format!("the forge shows no such repository to this token: {stderr}"),
        )
        .hint("Check the repository's name, and that the token was given access to it."));
    }
    if has(&[
        "non-fast-forward",
        "fetch first",
        "rejected",
        "failed to push some refs",
        "stale info",
    ]) {
        return Ok(Fault::new(
            Kind::RefusedByState,
            format!("the branch `{branch}` has commits there that this session does not have, or the forge refuses it: {stderr}"),
        )
        .hint("Nothing is overwritten. Publish on another branch: start a session with `--branch NAME`, or bring theirs in first."));
    }
    Err(error.into_fault("pushing"))
}
