//! The program behind `telecoder demo-agent`: a full-screen agent that does what its prompts' directives say.
//!
//! It knows the contract of agents (screen, hooks, transcript, resume by id) and nothing of the daemon. One thread and no async
//! runtime: it waits in `poll` and costs nothing while idle. A crash loses what was typed and queued, never a recorded prompt.

mod app;
mod block;
mod composer;
mod dialog;
mod hooks;
mod input;
mod job;
mod keys;
mod mode;
mod process;
mod quirks;
mod screen;
mod script;
mod signals;
mod steps;
mod terminal;
mod text;
mod transcript;
mod turn;

use std::path::PathBuf;

pub use mode::Mode;
pub use quirks::{ENVIRONMENT as QUIRKS_ENVIRONMENT, Quirks};

use crate::agents::demo::wire::Record;
use crate::domain::Timestamp;
use crate::domain::fault::{Fault, Result};
use crate::domain::text::sha256_hex;
use app::App;
use transcript::Transcript;

/// Which conversation: a UUID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conversation {
    New(String),
    Resumed(String),
}

impl Conversation {
    pub fn id(&self) -> &str {
        match self {
            Conversation::New(id) | Conversation::Resumed(id) => id,
        }
    }

    pub fn is_resumed(&self) -> bool {
        matches!(self, Conversation::Resumed(_))
    }
}

#[derive(Debug, Clone)]
pub struct Options {
    pub conversation: Conversation,
    /// Where transcripts are kept.
    pub home: PathBuf,
    /// The program whose `hook` and `notify` are called. None: no hooks, and `telecoder` from PATH for `notify`.
    pub telecoder: Option<PathBuf>,
    /// Where the hook of a permission waits for a decision. None: it does not wait.
    pub decisions: Option<PathBuf>,
    pub constitution: Option<PathBuf>,
    pub mode: Mode,
    pub quirks: Quirks,
    pub alternate_screen: bool,
}

/// Runs to the end; returns the exit code.
///
/// Errors, before anything is drawn: the id is in use, or unknown for a resume; no terminal; an unreadable constitution.
pub fn run(options: Options) -> Result<i32> {
    let constitution_sha256 = constitution_digest(&options)?;
    let id = options.conversation.id();
    let (mut transcript, history) = match &options.conversation {
        Conversation::New(id) => (Transcript::create(&options.home, id)?, Vec::new()),
        Conversation::Resumed(id) => Transcript::resume(&options.home, id)?,
    };
    transcript.append_synced(&Record::Session {
        id: id.to_owned(),
        at: Timestamp::now(),
        resumed: options.conversation.is_resumed(),
        cwd: std::env::current_dir().unwrap_or_default(),
        mode: options.mode.as_str().to_owned(),
        constitution_sha256,
    })?;
    App::open(options, transcript, &history).map(|mut app| app.run())
}

fn constitution_digest(options: &Options) -> Result<Option<String>> {
    let Some(path) = &options.constitution else {
        return Ok(None);
    };
    let bytes = std::fs::read(path).map_err(|e| Fault::io(format!("reading {}", path.display()), &e))?;
    Ok(Some(sha256_hex(&bytes)))
}
