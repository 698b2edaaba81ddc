//! `telecoder diff`: what a session changed, committed or not, from the daemon's own copy.

use super::context::Context;
use super::out;
use super::terminal_text::{one_line, plain};
use crate::api::client::{path, query};
use crate::api::wire::Diff;
use crate::domain::fault::Result;
use crate::domain::outcome::stat;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name, id, or beginning of the id.
    session: String,
    /// Only the files and how many lines changed.
    #[arg(long)]
    stat: bool,
    /// Only what the newest turn did.
    #[arg(long, conflicts_with = "entry")]
    turn: bool,
    /// What one entry of the inbox saw.
    #[arg(long, value_name = "ENTRY")]
    entry: Option<i64>,
}

pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let pairs = [
        ("turn", args.turn.then(|| "true".to_owned())),
        ("outcome", args.entry.map(|id| id.to_string())),
    ];
    let diff: Diff = cx
        .client()?
        .get(&query(path(&["sessions", &args.session, "diff"]), &pairs))
        .await?;
    if cx.json {
        return out::json(&diff);
    }
    if diff.files.is_empty() {
        out::note("nothing changed");
        return Ok(());
    }
    if args.stat {
        for file in &diff.files {
            let lines = match (file.added, file.removed) {
                (Some(added), Some(removed)) => format!("+{added} -{removed}"),
                _ => "binary".to_owned(),
            };
            out::line(&format!("{lines:>12}  {}", one_line(&file.path)))?;
        }
        return out::line(&stat(&diff.stat));
    }
    // Into a file or a pipe as it is: it may be for `git apply`.
    if out::stdout_is_terminal() {
        out::line(plain(&diff.patch).trim_end())?;
    } else {
        out::line(diff.patch.trim_end_matches('\n'))?;
    }
    if diff.cut {
        out::note("the patch is longer and was cut; `--stat` lists every file");
    }
    Ok(())
}
