//! What was typed -> what it means: ranges, words, paths.

use std::time::Duration;

use tracing_subscriber::EnvFilter;

use super::environment::Environment;
use super::file::{RawAgent, RawConfig, RawGithub, RawTelegram};
use super::keys::{self, AGENTS, KEYS, Shape};
use super::locate::{command_line, data_dir, program, secret_path};
use super::source::Sources;
use super::{
    AfterLoss, AgentConfig, AutoPublish, Config, GithubConfig, Limits, LogConfig, LogFormat, Overrides, PublishConfig,
    Receipts, ReplyMode, TelegramConfig, TmuxConfig, Transcriber, VerifyConfig, WorkspaceConfig,
};
use crate::domain::agent::Evidence;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::policy::Policy;
use crate::domain::work::WorkspaceKind;

/// The kind of an agent that takes everything from the configuration.
const CUSTOM: &str = "custom";
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Fills in what was not typed. Tables of which every key has a default are always there; `telegram` and each agent only where
/// somebody named them.
pub(super) fn add_defaults(table: &mut toml::Table) -> Result<()> {
    for key in KEYS {
        let Some(default) = key.default else { continue };
        let value = literal(default)?;
        match key.table {
            "" => drop(table.entry(key.name).or_insert(value)),
            AGENTS => {
                let agents = table.get_mut(AGENTS).and_then(toml::Value::as_table_mut);
                let agents = agents.into_iter().flat_map(|agents| agents.iter_mut());
                for agent in agents.filter_map(|(_, agent)| agent.as_table_mut()) {
                    agent.entry(key.name).or_insert(value.clone());
                }
            }
            "telegram" if !table.contains_key("telegram") => {}
            inner => {
                let inner = table.entry(inner).or_insert_with(|| toml::Table::new().into());
                if let Some(inner) = inner.as_table_mut() {
                    inner.entry(key.name).or_insert(value);
                }
            }
        }
    }
    Ok(())
}

/// A default of the list of keys, as a value.
pub(super) fn literal(text: &str) -> Result<toml::Value> {
    let table: toml::Table = toml::from_str(&format!("value = {text}"))
        .map_err(|e| Fault::new(Kind::Failure, format!("the default `{text}` is not TOML: {e}")))?;
    let value = table.get("value").cloned();
    value.ok_or_else(|| Fault::new(Kind::Failure, format!("the default `{text}` is nothing")))
}

/// Checks every number against its limits.
pub(super) fn check_ranges(table: &toml::Table, sources: &Sources) -> Result<()> {
    for (name, value) in table {
        match value {
            toml::Value::Integer(number) => check_range("", name, name, *number, sources)?,
            toml::Value::Table(inner) if name != AGENTS => {
                for (key, value) in inner {
                    if let Some(number) = value.as_integer() {
                        check_range(name, key, &format!("{name}.{key}"), number, sources)?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn check_range(table: &str, name: &str, dotted: &str, number: i64, sources: &Sources) -> Result<()> {
    match keys::find(table, name).map(|key| key.shape) {
        Some(Shape::Integer { min, max }) if !(min..=max).contains(&number) => {
            let fault = sources.fault(dotted, format_args!("is {number}; it can be {min} to {max}"));
            Err(fault.hint(format!("Take a number from {min} to {max}, or leave the key out.")))
        }
        _ => Ok(()),
    }
}

impl RawConfig {
    pub(super) fn mean(self, overrides: &Overrides, env: &Environment, sources: &Sources) -> Result<Config> {
        Ok(Config {
            file: sources.file.clone(),
            data_dir: data_dir(overrides, &self.data_dir, env, sources)?,
            default_agent: named("default_agent", self.default_agent, sources)?,
            default_policy: default_policy(&self.default_policy, sources)?,
            max_active_sessions: self.max_active_sessions as usize,
            reply: reply(&self.reply, sources)?,
            after_loss: after_loss(&self.after_loss, sources)?,
            agents: self
                .agents
                .into_iter()
                .map(|(name, agent)| agent.mean(&name, env, sources).map(|agent| (name, agent)))
                .collect::<Result<_>>()?,
            telegram: self.telegram.map(|t| t.mean(env, sources)).transpose()?,
            tmux: TmuxConfig {
                path: program("tmux.path", &self.tmux.path, env, sources)?,
                history_lines: self.tmux.history_lines,
            },
            limits: Limits {
                prompt_bytes: self.limits.prompt_bytes as usize,
                letter_bytes: self.limits.letter_bytes as usize,
                file_bytes: self.limits.file_bytes.into(),
                letters_max: self.limits.letters_max as usize,
                log_bytes: self.limits.log_bytes.into(),
            },
            github: self.github.mean(env, sources)?,
            publish: PublishConfig {
                auto: auto_publish(&self.publish.auto, sources)?,
                author: author(&self.publish.author, sources)?,
                file_bytes: self.publish.file_bytes.into(),
            },
            workspace: WorkspaceConfig {
                kind: workspace_kind(&self.workspace.kind, sources)?,
                setup_timeout: Duration::from_secs(self.workspace.setup_timeout_s.into()),
            },
            verify: VerifyConfig {
                commands: self.verify.commands,
                timeout: Duration::from_secs(self.verify.timeout_s.into()),
                output_bytes: self.verify.output_bytes as usize,
            },
            log: LogConfig {
                level: log_level(self.log.level, sources)?,
                format: log_format(&self.log.format, sources)?,
            },
        })
    }
}

impl RawAgent {
    fn mean(self, name: &str, env: &Environment, sources: &Sources) -> Result<AgentConfig> {
        let key = |key: &str| format!("{AGENTS}.{name}.{key}");
        let kind = self.kind.unwrap_or_else(|| name.into());
        if kind == CUSTOM && self.command.is_none() {
            return Err(sources
                .fault(&format!("{AGENTS}.{name}"), "is a custom agent without `command`")
                .hint(format!("Add `command = \"…\"` to [{AGENTS}.{name}].")));
        }
        let command = self.command.map(|c| command_line(&key("command"), &c, env, sources));
        let env_file = self.env_file.map(|f| secret_path(&key("env_file"), &f, env, sources));
        Ok(AgentConfig {
            kind: named(&key("kind"), kind, sources)?,
            command: command.transpose()?,
            args: self.args,
            env_file: env_file.transpose()?,
            pass_env: variable_names(&key("pass_env"), self.pass_env, sources)?,
            ready: pattern(&key("ready"), self.ready, sources)?,
            evidence: evidence(&key("evidence"), &self.evidence, sources)?,
        })
    }
}

impl RawGithub {
    fn mean(self, env: &Environment, sources: &Sources) -> Result<GithubConfig> {
        let token = self
            .token_file
            .map(|file| secret_path("github.token_file", &file, env, sources));
        Ok(GithubConfig {
            token_file: token.transpose()?,
            api_url: api_url("github.api_url", self.api_url, sources)?,
            poll: Duration::from_secs(self.poll_s.into()),
            follow_prompts_max: self.follow_prompts_max,
            follow_from: self.follow_from,
        })
    }
}

fn auto_publish(word: &str, sources: &Sources) -> Result<AutoPublish> {
    match word {
        "off" => Ok(AutoPublish::Off),
        "push" => Ok(AutoPublish::Push),
        "pr" => Ok(AutoPublish::Pull),
        other => Err(not_one_of("publish.auto", other, &["off", "push", "pr"], sources)),
    }
}

fn workspace_kind(word: &str, sources: &Sources) -> Result<WorkspaceKind> {
    match word {
        "clone" => Ok(WorkspaceKind::Clone),
        "worktree" => Ok(WorkspaceKind::Worktree),
        other => Err(not_one_of("workspace.kind", other, &["clone", "worktree"], sources)),
    }
}

/// `Name <address>`.
fn author(text: &str, sources: &Sources) -> Result<(String, String)> {
    let parts = text.strip_suffix('>').and_then(|text| text.split_once('<'));
    match parts.map(|(name, address)| (name.trim(), address.trim())) {
        Some((name, address)) if !name.is_empty() && !address.is_empty() && !text.contains(['\n', '\0']) => {
            Ok((name.to_owned(), address.to_owned()))
        }
        _ => Err(sources.fault(
            "publish.author",
            format_args!("is `{text}`; it is written `Name <address>`"),
        )),
    }
}

impl RawTelegram {
    fn mean(self, env: &Environment, sources: &Sources) -> Result<TelegramConfig> {
        let Some(token_file) = self.token_file else {
            return Err(sources.fault("telegram", "needs `token_file`").hint(
                "Put the bot's token into a 0600 file and name it: `token_file = \"/path\"`, or `\"cred:NAME\"` for a systemd credential.",
            ));
        };
        if let Some(zero) = self.allow.iter().position(|id| *id == 0) {
            return Err(sources.fault(
                "telegram.allow",
                format_args!("has 0 at place {}, which is nobody's id", zero + 1),
            ));
        }
        Ok(TelegramConfig {
            token_file: secret_path("telegram.token_file", &token_file, env, sources)?,
            api_url: self
                .api_url
                .map(|url| api_url("telegram.api_url", url, sources))
                .transpose()?,
            allow: self.allow,
            home_chat: self.home_chat,
            poll_timeout: Duration::from_secs(self.poll_timeout_s.into()),
            receipts: receipts(self.receipts, sources)?,
            topics: one_of("telegram.topics", &self.topics, ["off", "auto"], sources)?,
            parts_max: self.parts_max as usize,
            rich: one_of("telegram.rich", &self.rich, ["off", "auto"], sources)?,
            drafts: one_of("telegram.drafts", &self.drafts, ["off", "auto"], sources)?,
            stale_after: Duration::from_secs(self.stale_after_s.into()),
            own_approval: one_of(
                "telegram.own_approval",
                &self.own_approval,
                ["refuse", "allow"],
                sources,
            )?,
            transcriber: transcriber(self.transcribe_command, self.transcribe_url, sources)?,
        })
    }
}

/// One of two words; true for the second.
fn one_of(key: &str, word: &str, words: [&str; 2], sources: &Sources) -> Result<bool> {
    match words.iter().position(|known| *known == word) {
        Some(place) => Ok(place == 1),
        None => Err(not_one_of(key, word, &words, sources)),
    }
}

/// The reactions that the Bot API lets a bot set.
const REACTIONS: &str = "❤ 👍 👎 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤‍🔥 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕 😈 😴 😭 🤓 👻 👨‍💻 👀 🎃 🙈 😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷‍♂ 🤷 🤷‍♀ 😡";

fn receipts(words: Vec<String>, sources: &Sources) -> Result<Option<Receipts>> {
    const KEY: &str = "telegram.receipts";
    if words.is_empty() {
        return Ok(None);
    }
    if let Some(word) = words
        .iter()
        .find(|word| !REACTIONS.split(' ').any(|known| known == *word))
    {
        return Err(sources
            .fault(
                KEY,
                format_args!("has `{word}`, which is no reaction that a bot can set"),
            )
            .hint(format!("It can be one of {REACTIONS}")));
    }
    match <[String; 6]>::try_from(words) {
        Ok([stored, typed, accepted, answered, refused, uncertain]) => Ok(Some(Receipts {
            stored,
            typed,
            accepted,
            answered,
            refused,
            uncertain,
        })),
        Err(words) => Err(sources
            .fault(KEY, format_args!("has {} reactions; it takes 6, or none", words.len()))
            .hint("In this order: stored, typed, accepted, answered, refused, uncertain.")),
    }
}

fn transcriber(command: Vec<String>, url: Option<String>, sources: &Sources) -> Result<Option<Transcriber>> {
    match (command.is_empty(), url) {
        (true, None) => Ok(None),
        (false, None) => Ok(Some(Transcriber::Command(command))),
        (true, Some(url)) => match url::Url::parse(&url) {
            Ok(parsed) if matches!(parsed.scheme(), "http" | "https") => Ok(Some(Transcriber::Url(url))),
            _ => Err(sources.fault("telegram.transcribe_url", "is no http address")),
        },
        (false, Some(_)) => Err(sources.fault(
            "telegram.transcribe_url",
            "is set, and `transcribe_command` too; one is enough",
        )),
    }
}

fn named(key: &str, value: String, sources: &Sources) -> Result<String> {
    match value.parse::<crate::domain::ids::SessionName>() {
        Ok(_) => Ok(value),
        Err(_) => Err(sources.fault(key, format_args!("is `{value}`, which cannot be an agent's name"))),
    }
}

fn default_policy(word: &str, sources: &Sources) -> Result<Policy> {
    let words: Vec<&str> = Policy::ALL
        .into_iter()
        .filter(|p| *p != Policy::Yolo)
        .map(Policy::as_str)
        .collect();
    match word.parse() {
        Ok(Policy::Yolo) => Err(sources
            .fault("default_policy", "is `yolo`, which is never a default")
            .hint("Ask for it by name, for one session: `telecoder run --policy yolo …`.")),
        Ok(policy) => Ok(policy),
        Err(_) => Err(not_one_of("default_policy", word, &words, sources)),
    }
}

fn reply(word: &str, sources: &Sources) -> Result<ReplyMode> {
    match word {
        "auto" => Ok(ReplyMode::Auto),
        "notify" => Ok(ReplyMode::Notify),
        "final" => Ok(ReplyMode::Final),
        "both" => Ok(ReplyMode::Both),
        other => Err(not_one_of(
            "reply",
            other,
            &["auto", "notify", "final", "both"],
            sources,
        )),
    }
}

fn after_loss(word: &str, sources: &Sources) -> Result<AfterLoss> {
    match word {
        "tell" => Ok(AfterLoss::Tell),
        "resume" => Ok(AfterLoss::Resume),
        other => Err(not_one_of("after_loss", other, &["tell", "resume"], sources)),
    }
}

fn evidence(key: &str, word: &str, sources: &Sources) -> Result<Evidence> {
    match word {
        "hook" => Ok(Evidence::Hook),
        "transcript" => Ok(Evidence::Transcript),
        "none" => Ok(Evidence::None),
        other => Err(not_one_of(key, other, &["hook", "transcript", "none"], sources)),
    }
}

fn log_format(word: &str, sources: &Sources) -> Result<LogFormat> {
    match word {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        other => Err(not_one_of("log.format", other, &["text", "json"], sources)),
    }
}

/// A lone word is a level: as a directive, a mistyped one would be taken for the name of a target and silence the rest.
fn log_level(level: String, sources: &Sources) -> Result<String> {
    let bare = level.split(',').map(str::trim).find(|d| !d.contains(['=', '[']));
    if let Some(word) = bare.filter(|word| !LEVELS.contains(&word.to_ascii_lowercase().as_str())) {
        return Err(not_one_of("log.level", word, &LEVELS, sources));
    }
    match EnvFilter::builder().parse(&level) {
        Ok(_) => Ok(level),
        Err(error) => Err(sources.fault("log.level", format_args!("is `{level}`: {error}"))),
    }
}

fn not_one_of(key: &str, word: &str, words: &[&str], sources: &Sources) -> Fault {
    sources
        .fault(key, format_args!("is `{word}`; it can be {}", words.join(", ")))
        .hint(keys::advice(word, words))
}

fn variable_names(key: &str, names: Vec<String>, sources: &Sources) -> Result<Vec<String>> {
    let shaped = |name: &str| {
        let mut bytes = name.bytes();
        bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
            && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    match names.iter().find(|name| !shaped(name)) {
        Some(name) => Err(sources
            .fault(key, format_args!("has `{name}`, which is not the name of a variable"))
            .hint("Values do not belong here; put `NAME=value` into the agent's `env_file`.")),
        None => Ok(names),
    }
}

fn pattern(key: &str, text: Option<String>, sources: &Sources) -> Result<Option<String>> {
    if let Some(Err(error)) = text.as_deref().map(regex::Regex::new) {
        let why = error.to_string();
        let last = why.lines().last().unwrap_or("").trim();
        return Err(sources.fault(key, format_args!("is not a regular expression: {last}")));
    }
    Ok(text)
}

/// A token travels in every request, so the way must be encrypted or not leave the machine.
fn api_url(key: &str, text: String, sources: &Sources) -> Result<String> {
    let told = |what: String| sources.fault(key, what);
    let url = url::Url::parse(&text).map_err(|error| told(format!("is not a URL: {error}")))?;
    let loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => {}
        "http" if loopback => {}
        "http" => {
            return Err(told("is plain http to another machine; it would show the token".into())
                .hint("Use https, or http to 127.0.0.1, [::1] or localhost."));
        }
        other => {
            return Err(told(format!(
                "has the scheme `{other}`; it can be https, or http to this machine"
            )));
        }
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(told("may have a host, a port and a path, and nothing else".into()));
    }
    Ok(text.trim_end_matches('/').into())
}
