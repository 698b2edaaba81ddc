//! `telecoder rerun` and `telecoder lineage`.

use super::context::Context;
use super::list::span;
use super::out;
use super::table::{Cell, Look, render};
use crate::api::client::path;
use crate::api::wire::{Relative, RerunRequest, Session};
use crate::domain::Timestamp;
use crate::domain::fault::Result;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name, id, or beginning of the id.
    session: String,
    /// Another prompt than the first one of the session.
    #[arg(long, value_name = "PROMPT")]
    prompt: Option<String>,
    /// Another policy [default: as before, but never `yolo`].
    #[arg(long, short, value_name = "POLICY")]
    policy: Option<String>,
    /// Another agent.
    #[arg(long, short, value_name = "AGENT")]
    agent: Option<String>,
}

pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let request = RerunRequest {
        prompt: args.prompt,
        policy: args.policy,
        agent: args.agent,
    };
    let key = uuid::Uuid::now_v7().to_string();
    let session: Session = cx
        .client()?
        .post_once(&path(&["sessions", &args.session, "rerun"]), &request, &key)
        .await?;
    if cx.json {
        return out::json(&session);
    }
    out::line(&session.name)?;
    out::note(&format!(
        "{} starts; watch it with `telecoder attach {}`",
        session.agent, session.name
    ));
    Ok(())
}

#[derive(Debug, clap::Args)]
pub struct LineageArgs {
    /// Name, id, or beginning of the id.
    session: String,
}

pub async fn lineage(cx: &Context, args: LineageArgs) -> Result<()> {
    let relatives: Vec<Relative> = cx.client()?.get(&path(&["sessions", &args.session, "lineage"])).await?;
    if cx.json {
        return out::json(&relatives);
    }
    let now = Timestamp::now();
    let rows: Vec<Vec<Cell>> = relatives
        .iter()
        .map(|relative| {
            let status = if relative.removed {
                "removed".to_owned()
            } else {
                relative.status.to_string()
            };
            let from = relatives
                .iter()
                .find(|other| Some(&other.id) == relative.rerun_of.as_ref());
            vec![
                Cell::new(relative.attempt.to_string()),
                Cell::new(&relative.name),
                Cell::new(from.map_or("-", |from| from.name.as_str())),
                Cell::new(&relative.agent),
                Cell::new(relative.policy.to_string()),
                Cell::new(status),
                Cell::new(span(relative.created_at, now)),
            ]
        })
        .collect();
    let look = Look {
        columns: out::columns(),
        colours: out::colours(),
    };
    out::styled(&render(
        &["RUN", "NAME", "FROM", "AGENT", "POLICY", "STATUS", "AGE"],
        &rows,
        look,
    ))
}
