//! `telecoder run`: a new session with its first prompt.

use std::path::Path;

use super::context::Context;
use super::wait::{self, Waited};
use super::{out, send};
use crate::api::client::{Client, path};
use crate::api::wire::{self, CreateRequest};
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::work::WorkspaceKind;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The agent: a name of the configuration, `auto` (the first one that is installed) or `demo` [default: `default_agent`].
    #[arg(long, short, value_name = "AGENT")]
    agent: Option<String>,
    /// Work on a repository: a path, a URL, or `owner/name` on the forge. Without it the session has an empty directory of its own.
    #[arg(long, short, value_name = "PATH|URL")]
    repo: Option<String>,
    /// The session's name; made from the repository or the prompt when not given.
    #[arg(long, short, value_name = "NAME")]
    name: Option<String>,
    /// What the agent may do: locked, observe, ask, standard or yolo [default: `default_policy`].
    #[arg(long, short, value_name = "POLICY")]
    policy: Option<String>,
    /// Begin from this branch, tag or commit of the repository [default: its HEAD].
    #[arg(long, value_name = "REF", requires = "repo")]
    base: Option<String>,
    /// The session's own branch [default: `telecoder/<id>`].
    #[arg(long, value_name = "NAME", requires = "repo")]
    branch: Option<String>,
    /// Work on the branch of this pull request of the repository.
    #[arg(long, value_name = "N", requires = "repo", conflicts_with_all = ["base", "branch"],
          value_parser = clap::value_parser!(u64).range(1..))]
    pr: Option<u64>,
    /// Work in the checkout itself, and not in a clone of it: what the agent does there is done to your own files.
    #[arg(long, requires = "repo", conflicts_with_all = ["base", "branch", "pr"])]
    in_place: bool,
    /// Work in a worktree of your own repository, and not in a clone of it: it shares config, hooks and branches with it.
    #[arg(long, requires = "repo", conflicts_with_all = ["pr", "in_place"])]
    worktree: bool,
    /// Requests of reviewers and failing checks of the session's pull request become prompts.
    #[arg(long, requires = "repo")]
    follow: bool,
    /// Check the work after each turn that changed something with this command (may be given more than once).
    #[arg(long, value_name = "CMD", requires = "repo")]
    verify: Vec<String>,
    /// Send failing checks back to the agent, N times at most.
    #[arg(long, value_name = "N", requires = "repo")]
    until_green: Option<u32>,
    /// Print the replies and return at the end of the first turn: exit code 0, 20 (failed), 21 (needs input) or 12 (uncertain).
    #[arg(long, short)]
    wait: bool,
    /// The prompt; `-` reads it from standard input.
    prompt: String,
}

pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let prompt = send::text_or_stdin(Some(&args.prompt))?;
    let cwd = std::env::current_dir().ok();
    if args.repo.is_none()
        && let Some(root) = cwd.as_deref().and_then(repository_around)
    {
        out::note(&format!(
            "note: you are in the repository {}, and the session is not; to work on it use `--repo {}`",
            root.display(),
            shlex::try_quote(&root.display().to_string()).unwrap_or_default()
        ));
    }
    let request = CreateRequest {
        agent: args.agent,
        policy: args.policy,
        name: args.name,
        repo: args.repo,
        cwd: cwd.map(|path| path.display().to_string()),
        base: args.base,
        branch: args.branch,
        verify: args.verify,
        until_green: args.until_green,
        pull: args.pr,
        workspace: match (args.in_place, args.worktree) {
            (true, _) => Some(WorkspaceKind::InPlace),
            (_, true) => Some(WorkspaceKind::Worktree),
            _ => None,
        },
        follow: args.follow.then_some(true),
        prompt: Some(prompt),
    };
    let client = cx.client()?;
    let key = uuid::Uuid::now_v7().to_string();
    let session: wire::Session = client.post_once(&path(&["sessions"]), &request, &key).await?;
    if args.wait {
        return wait_for_first_turn(cx, &client, session).await;
    }
    if cx.json {
        return out::json(&session);
    }
    out::line(&session.name)?;
    let (agent, name) = (&session.agent, &session.name);
    out::note(&format!("{agent} starts; watch it with `telecoder attach {name}`"));
    Ok(())
}

async fn wait_for_first_turn(cx: &Context, client: &Client, session: wire::Session) -> Result<()> {
    let Some(turn) = session.turn.as_ref().map(|turn| turn.id.clone()) else {
        let message = format!("`{}` has no first turn to wait for", session.name);
        return Err(Fault::new(Kind::Failure, message));
    };
    if !cx.json {
        out::note(&format!("{} starts as `{}`", session.agent, session.name));
    }
    let Waited { report, verdict } = wait::for_turn(client, &session.id, &turn, !cx.json).await?;
    if cx.json {
        out::json(&report)?;
    }
    verdict
}

/// The root of the repository that a directory is in. An empty `.git` marks none, as for git: while Codex's sandbox works, and after
/// a kill of it, one lies in each directory that it may write to, `/tmp` among them (seen with 0.169).
fn repository_around(path: &Path) -> Option<&Path> {
    path.ancestors().find(|path| {
        let mark = path.join(".git");
        mark.is_file() || mark.join("HEAD").symlink_metadata().is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_found_from_any_depth() {
        let temp = tempfile::tempdir().unwrap();
        let at = |path: &str| temp.path().join(path);
        std::fs::create_dir_all(at("a/b")).unwrap();
        std::fs::create_dir(at("a/.git")).unwrap();
        let outside = repository_around(temp.path());
        assert_eq!(
            repository_around(&at("a/b")),
            outside,
            "an empty directory is no repository"
        );

        std::fs::create_dir(at(".git")).unwrap();
        std::fs::write(at(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
        assert_eq!(repository_around(&at("a/b")), Some(temp.path()));
        std::fs::write(at("a/b/.git"), "gitdir: ../../.git/worktrees/b\n").unwrap();
        assert_eq!(repository_around(&at("a/b")), Some(at("a/b").as_path()));
    }
}
