//! The keys that an agent gets: `env_file` and `pass_env` of its configuration. They go to the launch's 0600 `env` file,
//! never to argv. TeleCoder's own variables are never among them.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::config::AgentConfig;
use crate::domain::fault::{Fault, Kind, Result};

/// Permission bits that let everybody on the machine read or change the file.
const OTHERS: u32 = 0o007;

/// Looks up a variable of the daemon's environment.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The daemon's own environment. What is not UTF-8 counts as not set.
pub fn from_environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Reads the variables of `agent`. A variable of `pass_env` that is not set is left out; where both name one, the file wins.
///
/// Errors: `Config`, naming the file and line, never a value.
pub fn secret_env(agent: &str, config: &AgentConfig, lookup: Lookup<'_>) -> Result<BTreeMap<String, String>> {
    let mut env = BTreeMap::new();
    for name in &config.pass_env {
        check_name(name).map_err(|fault| fault.context(format!("agents.{agent}.pass_env")))?;
        if let Some(value) = lookup(name) {
            env.insert(name.clone(), value);
        }
    }
    if let Some(path) = &config.env_file {
        env.extend(read_file(path).map_err(|fault| fault.context(format!("agents.{agent}.env_file")))?);
    }
    Ok(env)
}

/// Whether a variable may be handed to an agent. Checked when the configuration is read, and again at each launch for the
/// contents of the file.
pub fn check_name(name: &str) -> Result<()> {
    let mut bytes = name.bytes();
    let shape = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !shape {
        return Err(Fault::new(Kind::Config, format!("`{name}` is not a variable name")));
    }
    if name.starts_with("TELECODER_") || name == "TMUX" || name == "TMUX_PANE" {
        return Err(Fault::new(
            Kind::Config,
            format!("`{name}` belongs to telecoder and is not passed on"),
        )
        .hint("Agents get keys of their own; take this name out."));
    }
    Ok(())
}

fn read_file(path: &Path) -> Result<BTreeMap<String, String>> {
    let config = |message: String| Fault::new(Kind::Config, message);
    let shown = path.display();
    let metadata = std::fs::metadata(path).map_err(|e| config(format!("{shown}: {e}")))?;
    if metadata.permissions().mode() & OTHERS != 0 {
        return Err(config(format!("{shown} is open to everybody on this machine"))
            .hint(format!("Close it: chmod 600 {shown}")));
    }
    let text = std::fs::read_to_string(path).map_err(|e| config(format!("{shown}: {e}")))?;
    let mut env = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let parsed = parse_line(line).map_err(|fault| fault.context(format!("{shown}:{}", index + 1)))?;
        env.extend(parsed);
    }
    Ok(env)
}

/// `KEY=VALUE`, with an optional `export` and quotes round the whole value; blank lines and `#` lines say nothing.
fn parse_line(line: &str) -> Result<Option<(String, String)>> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
    let (name, value) = line
        .split_once('=')
        .ok_or_else(|| Fault::new(Kind::Config, "not of the form KEY=VALUE"))?;
    check_name(name)?;
    Ok(Some((name.to_owned(), unquote(value.trim()).to_owned())))
}

fn unquote(value: &str) -> &str {
    ['"', '\'']
        .into_iter()
        .find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::agent::Evidence;

    fn config(env_file: Option<&Path>, pass_env: &[&str]) -> AgentConfig {
        AgentConfig {
            kind: "custom".into(),
            command: None,
            args: vec![],
            env_file: env_file.map(Path::to_owned),
            pass_env: pass_env.iter().map(|&name| name.to_owned()).collect(),
            ready: None,
            evidence: Evidence::None,
        }
    }

    fn written(text: &str, mode: u32) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        std::fs::set_permissions(file.path(), PermissionsExt::from_mode(mode)).unwrap();
        file
    }

    #[test]
    fn file_and_environment_come_together() {
        let file = written("# keys\n\nexport A_KEY=\"x y=z\"\nB='1'\nC=#5 \n", 0o600);
        let lookup = |name: &str| matches!(name, "B" | "D").then(|| format!("daemon's {name}"));
        let env = secret_env("mine", &config(Some(file.path()), &["B", "D", "MISSING"]), &lookup).unwrap();
        let got: Vec<_> = env.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(got, ["A_KEY=x y=z", "B=1", "C=#5", "D=daemon's D"]);
    }

    #[track_caller]
    fn check_fault(config: &AgentConfig, part: &str) {
        let fault = secret_env("mine", config, &|_| None).unwrap_err();
        assert_eq!(fault.kind, Kind::Config);
        assert!(fault.message.contains(part), "{}", fault.message);
        assert!(!fault.message.contains("hush"), "a value in {}", fault.message);
    }

    #[test]
    fn bad_files_are_named_and_values_are_not() {
        let open = written("A=hush\n", 0o644);
        check_fault(&config(Some(open.path()), &[]), "open to everybody");
        let shapeless = written("A=1\nhush\n", 0o600);
        check_fault(&config(Some(shapeless.path()), &[]), ":2: not of the form");
        let ours = written("TELECODER_TOKEN_FILE=hush\n", 0o600);
        check_fault(&config(Some(ours.path()), &[]), ":1: `TELECODER_TOKEN_FILE` belongs");
        check_fault(&config(None, &["TMUX"]), "agents.mine.pass_env: `TMUX` belongs");
        check_fault(&config(Some(Path::new("/nonexistent/env")), &[]), "/nonexistent/env");
    }
}
