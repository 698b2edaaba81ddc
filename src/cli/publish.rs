//! `telecoder publish`: a session's branch to the forge, and its pull request.

use super::context::Context;
use super::out;
use super::terminal_text::{one_line, plain};
use crate::api::client::path;
use crate::api::wire::{PublishRequest, Published};
use crate::domain::fault::Result;
use crate::domain::outcome::stat;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name, id, or beginning of the id.
    session: String,
    /// The branch that it is to be merged into [default: what the session began from, else the repository's default].
    #[arg(long, value_name = "BRANCH")]
    base: Option<String>,
    /// The pull request's title [default: made from the commits].
    #[arg(long)]
    title: Option<String>,
    /// Its text [default: made from the outcomes].
    #[arg(long)]
    body: Option<String>,
    /// Open it as a draft.
    #[arg(long)]
    draft: bool,
    /// Show what would go out, and send nothing.
    #[arg(long)]
    dry_run: bool,
    /// Commit what the agent left uncommitted (looked through for secrets and large files first).
    #[arg(long)]
    commit: bool,
    /// Publish although the scan found something that looks like a secret or is large.
    #[arg(long)]
    allow_findings: bool,
    /// Push the branch and open no pull request.
    #[arg(long)]
    push_only: bool,
}

pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let request = PublishRequest {
        base: args.base,
        title: args.title,
        body: args.body,
        draft: args.draft,
        dry_run: args.dry_run,
        commit: args.commit,
        allow_findings: args.allow_findings,
        push_only: args.push_only,
    };
    // Publishing twice is publishing once, so a lost connection may be followed by another attempt.
    let published: Published = cx
        .client()?
        .post_again(&path(&["sessions", &args.session, "publish"]), &request)
        .await?;
    if cx.json {
        return out::json(&published);
    }
    if published.dry_run {
        return preview(&published);
    }
    out::line(&published.pull.told())?;
    if published.left_behind > 0 {
        let files = published.left_behind;
        out::note(&format!(
            "{files} uncommitted file(s) stayed behind; `--commit` takes them along"
        ));
    }
    out::note(match (published.pull.number, published.opened) {
        (Some(_), true) => "the pull request is open",
        (Some(_), false) => "the pull request has the newest commits",
        (None, _) => "the branch is pushed",
    });
    Ok(())
}

fn preview(published: &Published) -> Result<()> {
    let pull = &published.pull;
    out::line(&format!(
        "would push {} to {} ({})",
        short(&published.commit),
        pull.branch,
        pull.remote
    ))?;
    out::line(&format!("into {}: {}", pull.base, stat(&published.stat)))?;
    if published.committed {
        out::line("with a commit of what is not committed")?;
    }
    if published.left_behind > 0 {
        out::line(&format!(
            "without {} file(s) that are not committed",
            published.left_behind
        ))?;
    }
    for subject in &published.subjects {
        out::line(&format!("  {}", one_line(subject)))?;
    }
    for finding in &published.findings {
        out::line(&format!("⚠ {}", one_line(finding)))?;
    }
    out::line(&format!(
        "\n{}\n\n{}",
        one_line(&published.title),
        plain(published.body.trim_end())
    ))
}

fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}
