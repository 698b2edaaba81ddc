//! Configuration: what was typed (file, environment, flags) and what it means.
//!
//! `file` and `environment` hold what was typed; `Config` is what it means. `config.example.toml` is the manual; a test holds
//! it against this room. Precedence, lowest first: defaults, file, `TELECODER_*` environment, flags.
//!
//! Must not know: which agents there are, what any value is used for. Reads only the file and the environment, writes nothing.

pub mod data_dir;
mod environment;
mod file;
mod keys;
mod locate;
mod meaning;
mod secret;
mod source;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::domain::agent::Evidence;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::policy::Policy;
use crate::domain::route::ChatRef;
use crate::domain::work::WorkspaceKind;

use self::environment::Environment;
use self::source::Sources;

pub use self::secret::{read_token, read_token_file};

/// The channel of `[telegram]`, as it stands in a [`ChatRef`].
pub const TELEGRAM: &str = "telegram";

#[derive(Debug, Clone)]
pub struct Config {
    /// The file that was read, if one was found.
    pub file: Option<PathBuf>,
    /// Absolute.
    pub data_dir: PathBuf,
    /// An agent's name, or `auto`.
    pub default_agent: String,
    pub default_policy: Policy,
    pub max_active_sessions: usize,
    pub reply: ReplyMode,
    pub after_loss: AfterLoss,
    pub agents: BTreeMap<String, AgentConfig>,
    pub telegram: Option<TelegramConfig>,
    pub tmux: TmuxConfig,
    pub limits: Limits,
    pub github: GithubConfig,
    pub publish: PublishConfig,
    pub workspace: WorkspaceConfig,
    pub verify: VerifyConfig,
    pub log: LogConfig,
}

/// The forge to which sessions publish.
#[derive(Debug, Clone)]
pub struct GithubConfig {
    /// None: only public repositories, and nothing is published.
    pub token_file: Option<PathBuf>,
    /// Without a slash at its end.
    pub api_url: String,
    /// Between two looks at open pull requests.
    pub poll: Duration,
    /// Prompts that come of one pull request, at most.
    pub follow_prompts_max: u32,
    /// Whose words may become a prompt: associations as the forge names them.
    pub follow_from: Vec<String>,
}

impl GithubConfig {
    /// Where the forge's repositories are: `https://github.com`, without a slash at its end.
    pub fn web_url(&self) -> String {
        match self.api_url.as_str() {
            "https://api.github.com" => "https://github.com".to_owned(),
            own => own.strip_suffix("/api/v3").unwrap_or(own).to_owned(),
        }
    }
}

/// What happens by itself after a turn that ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AutoPublish {
    Off,
    Push,
    Pull,
}

#[derive(Debug, Clone)]
pub struct PublishConfig {
    pub auto: AutoPublish,
    /// Name and address of the commits that we make.
    pub author: (String, String),
    /// A larger file is not published.
    pub file_bytes: u64,
}

/// What sessions work in.
#[derive(Debug, Clone)]
pub struct WorkspaceConfig {
    /// Of sessions on a repository of this machine, when nothing else is asked for: a clone or a worktree.
    pub kind: WorkspaceKind,
    /// For each set-up command of a repository.
    pub setup_timeout: Duration,
}

/// How a session's work is checked.
#[derive(Debug, Clone)]
pub struct VerifyConfig {
    /// For every repository that names none of its own.
    pub commands: Vec<String>,
    /// For each command; then it is ended with its children.
    pub timeout: Duration,
    /// How much of each command's output is kept: its beginning and its end.
    pub output_bytes: usize,
}

/// Which of an agent's words reach the person at the end of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyMode {
    /// What it said with `notify`; if it said nothing, its final message.
    Auto,
    Notify,
    Final,
    /// What it said with `notify`, and its final message.
    Both,
}

impl ReplyMode {
    pub const fn as_str(self) -> &'static str {
        match self {
            ReplyMode::Auto => "auto",
            ReplyMode::Notify => "notify",
            ReplyMode::Final => "final",
            ReplyMode::Both => "both",
        }
    }
}

/// What becomes of a session whose terminal was lost: the tmux server died, or the machine was restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterLoss {
    /// The person is told, and may resume it.
    Tell,
    /// It is resumed by itself.
    Resume,
}

impl AfterLoss {
    pub const fn as_str(self) -> &'static str {
        match self {
            AfterLoss::Tell => "tell",
            AfterLoss::Resume => "resume",
        }
    }
}

#[derive(Debug, Clone)]
pub struct AgentConfig {
    /// `custom`, or the name of a built-in kind whose defaults are changed.
    pub kind: String,
    pub command: Option<String>,
    pub args: Vec<String>,
    pub env_file: Option<PathBuf>,
    /// Names of variables of the daemon's environment that the agent gets.
    pub pass_env: Vec<String>,
    /// For `custom`: a regular expression; the agent is ready when one of the last screen rows matches. None: ready at once.
    pub ready: Option<String>,
    pub evidence: Evidence,
}

#[derive(Debug, Clone)]
pub struct TelegramConfig {
    pub token_file: PathBuf,
    pub api_url: Option<String>,
    /// Numeric ids of users and chats. Empty: nobody.
    pub allow: Vec<i64>,
    /// Where sessions made elsewhere report to.
    pub home_chat: Option<i64>,
    pub poll_timeout: Duration,
    /// The reactions that say how a prompt stands; none: no receipts.
    pub receipts: Option<Receipts>,
    /// Whether a session gets a topic of its own in chats that have topics.
    pub topics: bool,
    /// Whether tables and long texts go out as rich messages where the server has them.
    pub rich: bool,
    /// Whether private chats see progress as a draft where the server has them.
    pub drafts: bool,
    /// A message of more parts goes out as a file.
    pub parts_max: usize,
    /// A message that is older when it arrives asks before it runs.
    pub stale_after: Duration,
    /// Whether a person may approve what the agent asks because of that person's own prompt.
    pub own_approval: bool,
    pub transcriber: Option<Transcriber>,
}

/// One reaction for each state of a prompt that a person should see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipts {
    pub stored: String,
    pub typed: String,
    pub accepted: String,
    pub answered: String,
    /// Refused, cancelled or failed: the prompt came to nothing.
    pub refused: String,
    pub uncertain: String,
}

/// What makes text of speech.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transcriber {
    /// A program and its arguments; the file's path comes last, the text is what it prints.
    Command(Vec<String>),
    /// An address that takes the file as `file` of a form and answers `{"text": "…"}`.
    Url(String),
}

#[derive(Debug, Clone)]
pub struct TmuxConfig {
    /// A path, or a name searched in PATH.
    pub path: String,
    pub history_lines: u32,
}

#[derive(Debug, Clone)]
pub struct Limits {
    pub prompt_bytes: usize,
    pub letter_bytes: usize,
    pub file_bytes: u64,
    /// Letters that may lie unread in one mailbox.
    pub letters_max: usize,
    /// Size of a session's `terminal.log`.
    pub log_bytes: u64,
}

#[derive(Debug, Clone)]
pub struct LogConfig {
    /// A `tracing` filter directive, e.g. `info` or `telecoder=debug`.
    pub level: String,
    pub format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// What the command line said about where to look.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    pub config: Option<PathBuf>,
    pub data_dir: Option<PathBuf>,
}

/// Where a person's own configuration would be written: `TELECODER_CONFIG`, else `$XDG_CONFIG_HOME/telecoder/config.toml`.
pub fn new_file() -> Result<PathBuf> {
    let env = Environment::of_process()?;
    if let Some(named) = env.filled("TELECODER_CONFIG") {
        return Ok(PathBuf::from(named));
    }
    locate::user_file(&env).ok_or_else(|| {
        Fault::new(Kind::Config, "no place for a configuration is known: HOME is not set")
            .hint("Name one: `telecoder --config FILE init`.")
    })
}

impl Config {
    /// Where sessions that are bound to no chat report to.
    pub fn home_chat(&self) -> Option<ChatRef> {
        let chat_id = self.telegram.as_ref()?.home_chat?;
        Some(ChatRef {
            channel: TELEGRAM.to_owned(),
            chat_id,
            thread_id: None,
        })
    }

    /// Finds, reads and checks the configuration. Every error is `Config` (or `Usage` for a data directory whose socket
    /// path would be over 100 bytes), names file, line and key, and the nearest known key for an unknown one.
    pub fn load(overrides: &Overrides) -> Result<Self> {
        Self::load_in(overrides, &Environment::of_process()?)
    }

    fn load_in(overrides: &Overrides, env: &Environment) -> Result<Self> {
        let mut sources = Sources {
            cwd: env.cwd.clone(),
            ..Sources::default()
        };
        // The precedence: the file, over it the environment, defaults where neither spoke; flags win in `mean`.
        let mut typed = match locate::config_file(overrides, env)? {
            Some(file) => file::read(&file, env, &mut sources)?,
            None => toml::Table::new(),
        };
        env.overlay(&mut typed, &mut sources)?;
        meaning::check_ranges(&typed, &sources)?;
        meaning::add_defaults(&mut typed)?;
        let raw: file::RawConfig = typed
            .try_into()
            .map_err(|e: toml::de::Error| Fault::new(Kind::Config, e.message().to_owned()))?;
        raw.mean(overrides, env, &sources)
    }
}
