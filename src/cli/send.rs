//! `telecoder send`: a prompt for a session that is there.

use std::io::{IsTerminal, Read};

use super::context::Context;
use super::out;
use super::wait::{self, Waited};
use crate::api::client::path;
use crate::api::wire::{self, PromptRequest};
use crate::domain::fault::{Fault, Kind, Result};

/// Longest text that is read from stdin; the daemon's limit for prompts is smaller and says so by itself.
const STDIN_BYTES_MAX: u64 = 64 * 1024 * 1024;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name, id, or beginning of the id.
    session: String,
    /// The prompt; `-`, or nothing with a pipe, reads it from standard input.
    #[arg(value_name = "TEXT|-")]
    pub text: Option<String>,
    /// Print the replies and return at the end of the turn, as `run --wait` does.
    #[arg(long, short)]
    wait: bool,
    /// Into the turn that runs, where the agent takes a text while it works; without it the prompt waits for a turn of its own.
    #[arg(long)]
    steer: bool,
}

pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let text = text_or_stdin(args.text.as_deref())?;
    let client = cx.client()?;
    let key = uuid::Uuid::now_v7().to_string();
    let url = path(&["sessions", &args.session, "prompts"]);
    let request = PromptRequest {
        text,
        steer: args.steer,
    };
    let turn: wire::Turn = client.post_once(&url, &request, &key).await?;
    if args.wait {
        let Waited { report, verdict } = wait::for_turn(&client, &turn.session, &turn.id, !cx.json).await?;
        if cx.json {
            out::json(&report)?;
        }
        return verdict;
    }
    if cx.json {
        return out::json(&turn);
    }
    let reason = turn.reason.as_ref().map(|reason| format!(": {}", reason.text));
    out::note(&format!("{}{}", turn.in_words(), reason.unwrap_or_default()));
    if args.steer && !turn.steered {
        out::note("note: no turn runs that it could go into; it is a prompt like any other");
    }
    if turn.stripped > 0 {
        out::note(&format!("note: {} control characters were taken out", turn.stripped));
    }
    Ok(())
}

/// The text that was typed, or what stdin holds. Never empty.
pub fn text_or_stdin(typed: Option<&str>) -> Result<String> {
    let text = match typed {
        Some(text) if text != "-" => text.to_owned(),
        None if std::io::stdin().is_terminal() => {
            return Err(Fault::new(Kind::Usage, "there is no text")
                .hint("Give it as the last argument, or `-` to type it until Ctrl-D."));
        }
        _ => read_stdin()?,
    };
    if text.trim().is_empty() {
        return Err(Fault::new(Kind::Usage, "the text is empty")
            .hint("Say what the agent should do: `telecoder run \"fix the login test\"`."));
    }
    Ok(text)
}

fn read_stdin() -> Result<String> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(STDIN_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| Fault::io("reading stdin", &e))?;
    if bytes.len() as u64 > STDIN_BYTES_MAX {
        return Err(Fault::new(
            Kind::OverLimit,
            format!("stdin holds more than {STDIN_BYTES_MAX} bytes"),
        )
        .hint("Put the text into a file in the session's workspace and name it in the prompt."));
    }
    String::from_utf8(bytes).map_err(|_| Fault::new(Kind::Usage, "stdin is not UTF-8 text"))
}
