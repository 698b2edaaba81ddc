//! `telecoder demo-agent`: the bundled scripted agent (docs/agents.md).

use std::path::PathBuf;

use crate::agents::demo::program::{self, Conversation, Mode, Options, QUIRKS_ENVIRONMENT, Quirks};
use crate::domain::fault::{Fault, Kind, Result};

/// Where transcripts are kept when `--home` does not say.
const HOME_DEFAULT: &str = ".telecoder-demo-agent";

/// The bundled scripted agent: does what `demo:` lines in its prompts say.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Begin a conversation under this id (a UUID). Default: a new one.
    #[arg(long, value_name = "UUID", conflicts_with = "resume")]
    session_id: Option<uuid::Uuid>,
    /// Go on with the conversation of this id.
    #[arg(long, value_name = "UUID")]
    resume: Option<uuid::Uuid>,
    /// Directory of the transcripts.
    #[arg(long, value_name = "DIR")]
    home: Option<PathBuf>,
    /// The telecoder program whose `hook` and `notify` are called.
    #[arg(long, value_name = "PROGRAM")]
    hooks: Option<PathBuf>,
    /// Where the hook of a permission waits for a person's decision.
    #[arg(long, value_name = "DIR")]
    decisions: Option<PathBuf>,
    /// The file that says how agents work here.
    #[arg(long, value_name = "FILE")]
    constitution: Option<PathBuf>,
    /// refuse, read-only, ask, edits or bypass.
    #[arg(long, value_name = "WORD", default_value = "ask")]
    permission_mode: Mode,
    /// Imitate a way of real agents (docs/agents.md); may be given several times.
    #[arg(long, value_name = "NAME[=VALUE]")]
    quirk: Vec<String>,
    /// Use the terminal's alternate screen.
    #[arg(long)]
    alternate_screen: bool,
}

/// Runs the agent in this terminal; returns its exit code.
pub fn run(args: Args) -> Result<u8> {
    let environment = std::env::var(QUIRKS_ENVIRONMENT).unwrap_or_default();
    let conversation = match (args.resume, args.session_id) {
        (Some(id), _) => Conversation::Resumed(id.to_string()),
        (None, Some(id)) => Conversation::New(id.to_string()),
        (None, None) => Conversation::New(uuid::Uuid::now_v7().to_string()),
    };
    let code = program::run(Options {
        conversation,
        home: args.home.map_or_else(default_home, Ok)?,
        telecoder: args.hooks,
        decisions: args.decisions,
        constitution: args.constitution,
        mode: args.permission_mode,
        quirks: Quirks::parse(&args.quirk, &environment)?,
        alternate_screen: args.alternate_screen,
    })?;
    // As the operating system would: the low eight bits.
    Ok(code as u8)
}

fn default_home() -> Result<PathBuf> {
    let home = std::env::home_dir().ok_or_else(|| {
        Fault::new(Kind::Failure, "no home directory is known").hint("Name a directory for transcripts: --home DIR")
    })?;
    Ok(home.join(HOME_DEFAULT))
}
