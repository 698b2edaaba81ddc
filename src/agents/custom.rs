//! `kind = "custom"`: any command line from the config file, with declared readiness and evidence.
//!
//! It knows nothing of the program's screen beyond one regular expression, so it cannot see a dialog or what the box holds:
//! whoever configures it answers for both. docs/agents.md is the manual.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use regex::Regex;
use serde_json::Value;

use super::{Adapter, LaunchContext, Setup, secrets, signal};
use crate::config::AgentConfig;
use crate::domain::Timestamp;
use crate::domain::agent::{AgentSignal, Evidence};
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::SessionId;
use crate::domain::launch::LaunchSpec;
use crate::domain::screen::{Explained, Screen, ScreenReading};

/// How many of the last rows (blank ones not counted) the `ready` expression is held against.
const READY_ROWS: usize = 5;
/// The one pause between paste and Enter that was long enough for every agent measured (docs/agents.md).
const SUBMIT_PAUSE: Duration = Duration::from_millis(500);
const EVIDENCE_TIMEOUT: Duration = Duration::from_secs(10);

pub struct CustomAgent {
    name: String,
    program: String,
    /// The rest of `command`, then `args`.
    args: Vec<String>,
    ready: Option<Regex>,
    config: AgentConfig,
}

impl CustomAgent {
    /// Checks `[agents.NAME]`. Every error is `Config` and names the key.
    pub fn new(setup: &Setup<'_>) -> Result<Self> {
        let name = setup.name;
        let config = setup
            .config
            .ok_or_else(|| Fault::new(Kind::Config, format!("agents.{name}: a custom agent needs a command")))?;
        let key = |key: &str| format!("agents.{name}.{key}");
        let (program, mut args) = split_command(config).map_err(|fault| fault.context(key("command")))?;
        args.extend(config.args.iter().cloned());
        let ready = config.ready.as_deref().map(Regex::new).transpose();
        let ready = ready.map_err(|e| Fault::new(Kind::Config, format!("{}: {e}", key("ready"))))?;
        for variable in &config.pass_env {
            secrets::check_name(variable).map_err(|fault| fault.context(key("pass_env")))?;
        }
        if config.evidence == Evidence::Transcript {
            return Err(Fault::new(
                Kind::Config,
                format!(
                    "{}: a custom agent has no transcript that telecoder can read",
                    key("evidence")
                ),
            )
            .hint("Use \"hook\" if the agent runs `telecoder hook UserPromptSubmit`, else \"none\"."));
        }
        Ok(Self {
            name: name.to_owned(),
            program,
            args,
            ready,
            config: config.clone(),
        })
    }
}

impl Adapter for CustomAgent {
    fn name(&self) -> &str {
        &self.name
    }

    fn locate(&self) -> Result<PathBuf> {
        which::which(&self.program).map_err(|_| {
            Fault::new(
                Kind::ProgramMissing,
                format!("the program `{}` of agent `{}` was not found", self.program, self.name),
            )
            .hint(format!(
                "Install it, or set agents.{}.command to its full path.",
                self.name
            ))
        })
    }

    fn evidence(&self) -> Evidence {
        self.config.evidence
    }

    fn launch(&self, context: &LaunchContext<'_>) -> Result<LaunchSpec> {
        if context.resume.is_some() {
            return Err(Fault::new(
                Kind::RefusedByState,
                format!("agent `{}` cannot resume a conversation", self.name),
            )
            .hint("Start a new session instead."));
        }
        let mut argv = vec![self.locate()?.to_string_lossy().into_owned()];
        argv.extend(self.args.iter().map(|arg| fill_in(arg, context)));
        Ok(LaunchSpec {
            argv,
            env: BTreeMap::new(),
            secret_env: secrets::secret_env(&self.name, &self.config, &secrets::from_environment)?,
            files: Vec::new(),
        })
    }

    fn preset_native_id(&self, _session: &SessionId) -> Option<String> {
        None
    }

    fn can_resume(&self) -> bool {
        false
    }

    fn explain(&self, screen: &Screen) -> Explained {
        let ready = match &self.ready {
            None => true,
            Some(ready) => screen.last_rows(READY_ROWS).into_iter().any(|row| ready.is_match(row)),
        };
        let reading = if ready && !screen.dead {
            ScreenReading::ComposerEmpty
        } else {
            ScreenReading::Unknown
        };
        let rule = self.ready.as_ref().map(|ready| format!("ready = {ready}"));
        Explained { reading, rule }
    }

    fn box_is_readable(&self) -> bool {
        false
    }

    fn composer_shows(&self, _shown: &str, _text: &str) -> bool {
        false
    }

    fn interpret(&self, event: &str, data: &Value, _at: Timestamp) -> AgentSignal {
        match self.config.evidence {
            Evidence::Hook => signal::interpret(event, data),
            Evidence::Transcript | Evidence::None => AgentSignal::Nothing,
        }
    }

    fn submit_pause(&self) -> Duration {
        SUBMIT_PAUSE
    }

    fn evidence_timeout(&self) -> Duration {
        EVIDENCE_TIMEOUT
    }
}

/// `command` may be a whole command line, split as a shell would (no shell runs).
fn split_command(config: &AgentConfig) -> Result<(String, Vec<String>)> {
    let command = config.command.as_deref().unwrap_or("");
    let words =
        shlex::split(command).ok_or_else(|| Fault::new(Kind::Config, format!("`{command}` has an open quote")))?;
    let mut words = words.into_iter();
    match words.next().filter(|program| !program.is_empty()) {
        Some(program) => Ok((program, words.collect())),
        None => {
            Err(Fault::new(Kind::Config, "a custom agent needs a command").hint("For example: command = \"aider\""))
        }
    }
}

/// Puts in `{agents_md}`, `{work_dir}` and `{session}`. Other braces stay: they may be the program's own.
fn fill_in(arg: &str, context: &LaunchContext<'_>) -> String {
    arg.replace("{agents_md}", &context.agents_md.to_string_lossy())
        .replace("{work_dir}", &context.work_dir.to_string_lossy())
        .replace("{session}", context.session.as_str())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::domain::ids::LaunchNo;
    use crate::domain::policy::Policy;

    fn config(command: &str) -> AgentConfig {
        AgentConfig {
            kind: "custom".into(),
            command: Some(command.into()),
            args: vec![],
            env_file: None,
            pass_env: vec![],
            ready: None,
            evidence: Evidence::None,
        }
    }

    fn agent(config: &AgentConfig) -> Result<CustomAgent> {
        CustomAgent::new(&Setup {
            name: "mine",
            config: Some(config),
            screens: None,
        })
    }

    fn launch(config: &AgentConfig, resume: Option<&str>) -> Result<Vec<String>> {
        let context = LaunchContext {
            session: &"abcdefghij23".parse().unwrap(),
            name: &"fix-login".parse().unwrap(),
            launch: LaunchNo(1),
            policy: Policy::Ask,
            work_dir: Path::new("/d/s/work"),
            repository: None,
            session_dir: Path::new("/d/s"),
            launch_dir: Path::new("/d/s/launches/1"),
            mailbox: Path::new("/d/s/launches/1/mail"),
            data_dir: Path::new("/d"),
            agents_md: Path::new("/d/agents.md"),
            telecoder: Path::new("/d/bin/telecoder"),
            resume,
            fork_of: None,
        };
        Ok(agent(config)?.launch(&context)?.argv)
    }

    #[test]
    fn a_command_line_with_places_to_fill_in() {
        let mut config = config("/bin/sh -c 'echo \"$1\"'");
        config.args = vec![
            "--read={agents_md}".into(),
            "{work_dir}".into(),
            "{session} {other}".into(),
        ];
        let argv = launch(&config, None).unwrap();
        let expected = [
            "/bin/sh",
            "-c",
            "echo \"$1\"",
            "--read=/d/agents.md",
            "/d/s/work",
            "abcdefghij23 {other}",
        ];
        assert_eq!(argv, expected);
        assert_eq!(launch(&config, Some("id")).unwrap_err().kind, Kind::RefusedByState);
    }

    #[track_caller]
    fn check_fault(config: &AgentConfig, kind: Kind, part: &str) {
        let fault = launch(config, None).unwrap_err();
        assert_eq!(fault.kind, kind);
        assert!(fault.message.contains(part), "{}", fault.message);
        assert!(
            fault.hint.is_some() || part.contains("ready") || part.contains("quote"),
            "no hint"
        );
    }

    #[test]
    fn mistakes_are_named_with_their_key() {
        check_fault(&config(""), Kind::Config, "agents.mine.command");
        check_fault(&config("'x"), Kind::Config, "open quote");
        check_fault(
            &config("no-such-program-here"),
            Kind::ProgramMissing,
            "`no-such-program-here` of agent `mine`",
        );
        let mut bad = config("sh");
        bad.ready = Some("(".into());
        check_fault(&bad, Kind::Config, "agents.mine.ready");
        let mut bad = config("sh");
        bad.evidence = Evidence::Transcript;
        check_fault(&bad, Kind::Config, "agents.mine.evidence");
        let mut bad = config("sh");
        bad.pass_env = vec!["TELECODER_SESSION".into()];
        check_fault(&bad, Kind::Config, "agents.mine.pass_env");
    }

    #[track_caller]
    fn check_reading(ready: Option<&str>, rows: &[&str], expected: ScreenReading) {
        let mut config = config("sh");
        config.ready = ready.map(str::to_owned);
        let screen = Screen::plain(rows.iter().map(|&row| row.to_owned()).collect());
        assert_eq!(agent(&config).unwrap().read_screen(&screen), expected);
    }

    #[test]
    fn readiness_is_what_the_config_says() {
        check_reading(None, &[], ScreenReading::ComposerEmpty);
        check_reading(Some("^> $|^>$"), &["hello", ">", "", ""], ScreenReading::ComposerEmpty);
        check_reading(Some("^>$"), &["hello", "> x", ""], ScreenReading::Unknown);
        // An old prompt that has scrolled up does not count.
        check_reading(Some("^>$"), &[">", "1", "2", "3", "4", "5"], ScreenReading::Unknown);
    }

    #[test]
    fn hooks_count_only_where_they_were_declared() {
        let mut config = config("sh");
        let interpret = |config: &AgentConfig| {
            agent(config)
                .unwrap()
                .interpret("Stop", &Value::Null, Timestamp::UNIX_EPOCH)
        };
        assert_eq!(interpret(&config), AgentSignal::Nothing);
        config.evidence = Evidence::Hook;
        assert_eq!(interpret(&config), AgentSignal::TurnEnded { final_text: None });
    }
}
