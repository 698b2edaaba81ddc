//! What every real agent's adapter asks of its program: where it lies, which version it is, which arguments and keys the
//! configuration adds.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{Setup, secrets};
use crate::config::AgentConfig;
use crate::domain::fault::{Fault, Kind, Result};

/// How long an agent may take to tell its version (the slowest needs 4 s on a busy machine), and the pause between looks.
const VERSION_LIMIT: Duration = Duration::from_secs(15);
const VERSION_PAUSE: Duration = Duration::from_millis(20);
/// More than this of what `--version` prints is not read.
const VERSION_BYTES_MAX: u64 = 4096;

/// An agent's program as `[agents.NAME]` describes it.
pub struct Program {
    name: String,
    program: String,
    /// The rest of `command`, then `args`.
    args: Vec<String>,
    config: Option<AgentConfig>,
    install: &'static str,
}

impl Program {
    /// `usual` is the program's name when the configuration gives no `command`; `install` is the command that installs it.
    ///
    /// Errors: `Config`, naming the key.
    pub fn new(setup: &Setup<'_>, usual: &str, install: &'static str) -> Result<Self> {
        let key = |key: &str| format!("agents.{}.{key}", setup.name);
        let command = setup.config.and_then(|config| config.command.as_deref());
        let wrong = || Fault::new(Kind::Config, format!("{} is not a command line", key("command")));
        let mut words = shlex::split(command.unwrap_or(usual)).ok_or_else(wrong)?.into_iter();
        let program = words.next().filter(|word| !word.is_empty()).ok_or_else(wrong)?;
        let mut args: Vec<String> = words.collect();
        if let Some(config) = setup.config {
            args.extend(config.args.iter().cloned());
            for variable in &config.pass_env {
                secrets::check_name(variable).map_err(|fault| fault.context(key("pass_env")))?;
            }
        }
        Ok(Self {
            name: setup.name.to_owned(),
            program,
            args,
            config: setup.config.cloned(),
            install,
        })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn locate(&self) -> Result<PathBuf> {
        which::which(&self.program).map_err(|_| {
            let message = format!("the program `{}` of agent `{}` was not found", self.program, self.name);
            Fault::new(Kind::ProgramMissing, message).hint(format!(
                "Install it with `{}`, or set agents.{}.command to its full path.",
                self.install, self.name
            ))
        })
    }

    /// The program and the arguments that the configuration adds.
    pub fn argv(&self) -> Result<Vec<String>> {
        let mut argv = vec![self.locate()?.to_string_lossy().into_owned()];
        argv.extend(self.args.iter().cloned());
        Ok(argv)
    }

    pub fn secret_env(&self) -> Result<BTreeMap<String, String>> {
        match &self.config {
            Some(config) => secrets::secret_env(&self.name, config, &secrets::from_environment),
            None => Ok(BTreeMap::new()),
        }
    }

    /// Whether the agent will have one of these variables.
    pub fn is_given(&self, variables: &[&str]) -> bool {
        let keys = self.secret_env().unwrap_or_default();
        variables
            .iter()
            .any(|name| keys.contains_key(*name) || std::env::var_os(name).is_some_and(|value| !value.is_empty()))
    }
}

/// What `PROGRAM --version` says: the first word of its last line that begins with a digit. `None` when it does not say it in time.
pub fn version(program: &Path) -> Option<String> {
    let mut child = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let ended = await_end(&mut child);
    if !ended {
        let _ = child.kill();
        let _ = child.wait();
        return None;
    }
    let mut text = String::new();
    child.stdout?.take(VERSION_BYTES_MAX).read_to_string(&mut text).ok()?;
    in_text(&text)
}

fn await_end(child: &mut Child) -> bool {
    let limit = Instant::now() + VERSION_LIMIT;
    while Instant::now() < limit {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) => std::thread::sleep(VERSION_PAUSE),
            Err(_) => return false,
        }
    }
    false
}

fn in_text(text: &str) -> Option<String> {
    let line = text.lines().rev().find(|line| !line.trim().is_empty())?;
    let is_version = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.');
    line.split_whitespace()
        .map(|word| word.trim_start_matches('v'))
        .find(is_version)
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::agent::Evidence;

    fn config(command: Option<&str>) -> AgentConfig {
        AgentConfig {
            kind: "x".into(),
            command: command.map(str::to_owned),
            args: vec!["--last".into()],
            env_file: None,
            pass_env: vec![],
            ready: None,
            evidence: Evidence::None,
        }
    }

    fn program(config: Option<&AgentConfig>) -> Result<Program> {
        let setup = Setup {
            name: "mine",
            config,
            screens: None,
        };
        Program::new(&setup, "sh", "get sh")
    }

    #[test]
    fn the_configuration_may_name_the_program_and_add_words() {
        let argv = |config| program(config).unwrap().argv().unwrap();
        assert!(argv(None)[0].ends_with("/sh"));
        assert_eq!(argv(None).len(), 1);
        let own = config(Some("sh -x 'a b'"));
        assert_eq!(argv(Some(&own))[1..], ["-x", "a b", "--last"]);
        let missing = program(Some(&config(Some("no-such-program")))).unwrap();
        let fault = missing.locate().unwrap_err();
        assert_eq!(fault.kind, Kind::ProgramMissing);
        assert!(fault.hint.unwrap().contains("get sh"));
        assert!(program(Some(&config(Some("'open")))).is_err());
    }

    #[test]
    fn versions_are_found_in_what_is_printed() {
        assert_eq!(in_text("0.61.0\n").as_deref(), Some("0.61.0"));
        assert_eq!(in_text("some-cli v1.2.3\n\n").as_deref(), Some("1.2.3"));
        assert_eq!(in_text("2.1.3 (Some Code)").as_deref(), Some("2.1.3"));
        assert_eq!(in_text("no number"), None);
        assert_eq!(version(Path::new("/nonexistent")), None);
    }
}
