//! `telecoder trust`: what a repository wants to run, read by a person before it does.

use super::context::Context;
use super::out;
use super::terminal_text::plain;
use crate::api::client::{path, query};
use crate::api::wire::{RepoFile, TrustRequest};
use crate::domain::fault::{Fault, Kind, Result};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The session whose repository it is: name, id, or beginning of the id.
    session: Option<String>,
    /// A repository that no session works on yet: a path, a URL, or `owner/name` on the forge.
    #[arg(long, short, value_name = "PATH|URL", conflicts_with = "session")]
    repo: Option<String>,
    /// You have read it: its commands may run for every session of this repository, until the file changes.
    #[arg(long)]
    yes: bool,
}

pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let (url, again) = match (&args.session, &args.repo) {
        (Some(session), _) => (path(&["sessions", session, "trust"]), session.clone()),
        (None, Some(repo)) => {
            let cwd = std::env::current_dir().ok().map(|path| path.display().to_string());
            let pairs = [("repo", Some(repo.clone())), ("cwd", cwd)];
            (query(path(&["trust"]), &pairs), format!("--repo {repo}"))
        }
        (None, None) => {
            return Err(
                Fault::new(Kind::Usage, "whose commands?").hint("Name a session, or a repository with `--repo`.")
            );
        }
    };
    let client = cx.client()?;
    let mut file: RepoFile = client.get(&url).await?;
    if args.yes && !file.trusted {
        let request = TrustRequest {
            digest: file.digest.clone(),
        };
        file = client.post_again(&url, &request).await?;
    }
    if cx.json {
        return out::json(&file);
    }
    out::line(plain(&file.text).trim_end())?;
    out::note(&match file.trusted {
        true => format!("these commands may run for sessions of {}", file.repo),
        false => format!("nothing of this runs yet; once you have read it: telecoder trust {again} --yes"),
    });
    Ok(())
}
