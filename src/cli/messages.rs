//! `telecoder messages`: what agents said to people.

use std::collections::HashMap;

use super::context::Context;
use super::out;
use crate::api::client::{Client, path, query};
use crate::api::wire::{Message, ReadRequest, Session};
use crate::domain::fault::Result;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only what was not shown by this command before; each message once.
    #[arg(long, short)]
    unread: bool,
    /// Only the last N.
    #[arg(long, short = 'n', value_name = "N", conflicts_with = "unread")]
    limit: Option<u32>,
}

pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let client = cx.client()?;
    let url = query(
        path(&["messages"]),
        &[
            ("unread", args.unread.then(|| "true".to_owned())),
            ("limit", args.limit.map(|n| n.to_string())),
        ],
    );
    let messages: Vec<Message> = client.get(&url).await?;
    if cx.json {
        out::json(&messages)?;
    } else {
        print(&client, &messages).await?;
    }
    if args.unread && !messages.is_empty() {
        // After the printing: a crash between the two shows a message twice and never loses one.
        let ids = messages.iter().map(|message| message.id).collect();
        let _: serde_json::Value = client
            .post_again(&path(&["messages", "read"]), &ReadRequest { ids })
            .await?;
    }
    Ok(())
}

async fn print(client: &Client, messages: &[Message]) -> Result<()> {
    let url = query(path(&["sessions"]), &[("status", Some("all".into()))]);
    let sessions: Vec<Session> = client.get(&url).await?;
    let names: HashMap<&str, &str> = sessions.iter().map(|s| (s.id.as_str(), s.name.as_str())).collect();
    for message in messages {
        let session = message.session.as_deref().unwrap_or("-");
        let name = names.get(session).copied().unwrap_or(session);
        out::line(&format!("{} {name} ({})", message.created_at, message.state))?;
        for line in message.text.lines() {
            out::line(&format!("  {line}"))?;
        }
        for file in &message.files {
            out::line(&format!("  file: {}", file.path))?;
        }
    }
    Ok(())
}
