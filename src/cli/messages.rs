//! `telecoder messages`: what agents said to people.

use std::collections::HashMap;

use super::context::Context;
use super::out;
use crate::api::client::{Client, path, query};
use crate::api::wire::{Message, ReadRequest, Session};
use crate::domain::fault::Result;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only what no `messages --unread` has shown before.
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
        for line in said(message) {
            out::line(&format!("  {line}"))?;
        }
    }
    Ok(())
}

/// A message as lines: its text, what was reported with it, what may be answered, and its files.
pub fn said(message: &Message) -> Vec<String> {
    let mut lines: Vec<String> = message.text.lines().map(String::from).collect();
    if let Some(done) = &message.done {
        let facts = [
            ("changed", &done.changed),
            ("verified", &done.verified),
            ("uncertain", &done.uncertain),
            ("next", &done.next),
        ];
        let facts = facts.iter().filter_map(|(key, value)| Some((key, value.as_ref()?)));
        lines.extend(facts.map(|(key, value)| format!("{key}: {value}")));
    }
    if !message.choices.is_empty() {
        lines.push(format!("choices: {}", message.choices.join(", ")));
    }
    for file in &message.files {
        let caption = file.caption.iter().map(|caption| format!(": {caption}"));
        let caption: String = caption.collect();
        lines.push(format!(
            "file {} ({} bytes, {}){caption}",
            file.name, file.size, file.path
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_that_was_said_is_left_out() {
        let message: Message = serde_json::from_value(json!({
            "id": 1, "kind": "reply", "text": "one\ntwo", "choices": ["yes", "no"], "state": "sent",
            "done": {"changed": "c", "verified": null, "uncertain": null, "next": "n"},
            "files": [{"path": "/o/x", "name": "shot.png", "size": 3, "caption": "after"}],
            "createdAt": "2026-01-01T00:00:00Z"
        }))
        .unwrap();
        let expected = [
            "one",
            "two",
            "changed: c",
            "next: n",
            "choices: yes, no",
            "file shot.png (3 bytes, /o/x): after",
        ];
        assert_eq!(said(&message), expected);
    }
}
