//! `telecoder config`: which file is read, and what it means.

use clap::Subcommand;
use serde_json::{Value, json};

use super::context::Context;
use super::out;
use crate::config::{Config, LogFormat};
use crate::domain::fault::Result;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The configuration file that is read.
    Path,
    /// Every value that is in force, from defaults, file, environment and flags.
    Show,
}

pub fn run(cx: &Context, args: &Args) -> Result<()> {
    let config = cx.config()?;
    match args.what {
        What::Path if cx.json => out::json(&json!({ "file": config.file })),
        What::Path => match &config.file {
            Some(file) => out::line(&file.display().to_string()),
            None => {
                out::note("no configuration file is read; every key has its default");
                Ok(())
            }
        },
        What::Show if cx.json => out::json(&meaning(&config)),
        What::Show => lines(&meaning(&config), "").iter().try_for_each(|line| out::line(line)),
    }
}

/// Paths of secrets, never secrets.
fn meaning(config: &Config) -> Value {
    let agents: serde_json::Map<String, Value> = config
        .agents
        .iter()
        .map(|(name, agent)| {
            let value = json!({
                "kind": agent.kind, "command": agent.command, "args": agent.args, "env_file": agent.env_file,
                "pass_env": agent.pass_env, "ready": agent.ready, "evidence": agent.evidence,
            });
            (name.clone(), value)
        })
        .collect();
    let telegram = config.telegram.as_ref().map(|telegram| {
        json!({
            "token_file": telegram.token_file, "api_url": telegram.api_url, "allow": telegram.allow,
            "home_chat": telegram.home_chat, "poll_timeout_s": telegram.poll_timeout.as_secs(),
            "receipts": telegram.receipts.as_ref().map(receipts), "topics": telegram.topics, "parts_max": telegram.parts_max,
            "rich": telegram.rich, "drafts": telegram.drafts,
            "stale_after_s": telegram.stale_after.as_secs(), "own_approval": telegram.own_approval,
            "transcriber": telegram.transcriber.is_some(),
        })
    });
    let limits = &config.limits;
    json!({
        "data_dir": config.data_dir, "default_agent": config.default_agent, "default_policy": config.default_policy,
        "max_active_sessions": config.max_active_sessions,
        "reply": config.reply.as_str(), "after_loss": config.after_loss.as_str(), "agents": agents, "telegram": telegram,
        "tmux": { "path": config.tmux.path, "history_lines": config.tmux.history_lines },
        "limits": {
            "prompt_bytes": limits.prompt_bytes, "letter_bytes": limits.letter_bytes,
            "file_bytes": limits.file_bytes, "letters_max": limits.letters_max, "log_bytes": limits.log_bytes,
        },
        "log": {
            "level": config.log.level,
            "format": match config.log.format { LogFormat::Text => "text", LogFormat::Json => "json" },
        },
    })
}

/// `table.key = value`, a line each; what is not set is left out.
fn lines(value: &Value, prefix: &str) -> Vec<String> {
    match value {
        Value::Object(map) => map
            .iter()
            .flat_map(|(key, value)| {
                let dot = if prefix.is_empty() { "" } else { "." };
                lines(value, &format!("{prefix}{dot}{key}"))
            })
            .collect(),
        Value::Null => Vec::new(),
        value => vec![format!("{prefix} = {value}")],
    }
}

/// In the order in which they are typed.
fn receipts(receipts: &crate::config::Receipts) -> Value {
    let crate::config::Receipts {
        stored,
        typed,
        accepted,
        answered,
        refused,
        uncertain,
    } = receipts;
    json!([stored, typed, accepted, answered, refused, uncertain])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_become_dotted_keys_and_unset_ones_are_left_out() {
        let value = json!({"a": {"b": [1], "c": null}, "d": "x"});
        assert_eq!(lines(&value, ""), ["a.b = [1]", "d = \"x\""]);
    }
}
