//! The texts of a launch's files.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::ScriptContext;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::launch::LaunchSpec;
use crate::runner::LaunchDir;

/// `run.sh`: what a person would type, in the order in which they would type it.
pub fn run_sh(dir: &LaunchDir, context: &ScriptContext<'_>, spec: &LaunchSpec) -> Result<Vec<u8>> {
    let ScriptContext { session, name, .. } = context;
    if spec.argv.is_empty() {
        return Err(Fault::new(
            Kind::Config,
            format!("session {name} has no program to run"),
        ));
    }
    let mut script = Script::default();
    let shim = context.bin_dir.join("telecoder");
    script.line(format_args!("#!/bin/sh"));
    script.line(format_args!(
        "# Launch {} of session {name} ({session}).",
        context.launch
    ));
    script.line(format_args!(
        "# Written by telecoder and run in the session's window; it can be run by hand."
    ));
    script.line(format_args!(""));
    script.line(format_args!(
        "# The agent must not find the terminal multiplexer around it."
    ));
    script.line(format_args!("unset TMUX TMUX_PANE"));
    script.line(format_args!(""));
    script.exports("# The agent's plain environment.", &spec.env)?;

    script.line(format_args!(
        "# The agent's keys: a file that only its owner may read. No trace, so no echo."
    ));
    script.line(format_args!("{{ set +x; }} 2>/dev/null"));
    let env_file = dir.env_file();
    script.cannot_start_unless(
        "[ -r ",
        env_file.as_os_str(),
        " ]",
        dir,
        &shim,
        "cannot read the environment file",
    )?;
    script.words(". ", [env_file.as_os_str()])?;
    script.line(format_args!(""));

    script.exports(
        "# Who the agent is for telecoder notify and telecoder hook.",
        &own_env(context),
    )?;
    script.words("export TELECODER_MAILBOX=", [dir.mail().as_os_str()])?;
    script.words("export TELECODER_AGENTS_MD=", [context.agents_md.as_os_str()])?;
    script.words("PATH=", [context.bin_dir.as_os_str()])?;
    script.replace_newline(b"\"${PATH:+:$PATH}\"");
    script.line(format_args!("export PATH"));
    script.line(format_args!(""));

    let work_dir = context.work_dir.as_os_str();
    script.cannot_start_unless("cd -- ", work_dir, "", dir, &shim, "cannot enter the work directory")?;
    script.line(format_args!(
        "# The shim starts the agent, waits for it and records how it ended."
    ));
    let head = [
        shim.as_os_str(),
        OsStr::new("shim"),
        OsStr::new("--launch-dir"),
        dir.path().as_os_str(),
    ];
    let argv = spec.argv.iter().map(OsStr::new);
    script.words("exec ", head.into_iter().chain([OsStr::new("--")]).chain(argv))?;
    Ok(script.0)
}

/// `env`: the secrets, one quoted `export` a line.
pub fn env_file(spec: &LaunchSpec) -> Result<Vec<u8>> {
    let mut file = Script::default();
    file.exports("# Keys for the agent, read by run.sh.", &spec.secret_env)?;
    Ok(file.0)
}

/// `launch.json`: the same for a program that looks at the directory. Names of secrets only.
pub fn launch_json(context: &ScriptContext<'_>, spec: &LaunchSpec) -> Vec<u8> {
    let description = serde_json::json!({
        "v": 1,
        "session": context.session,
        "name": context.name,
        "launch": context.launch,
        "argv": spec.argv,
        "workDir": context.work_dir.to_string_lossy(),
        "env": spec.env,
        "secretEnv": spec.secret_env.keys().collect::<Vec<_>>(),
        "files": spec.files.iter().map(|file| file.path.to_string_lossy()).collect::<Vec<_>>(),
    });
    let mut text = format!("{description:#}").into_bytes();
    text.push(b'\n');
    text
}

fn own_env(context: &ScriptContext<'_>) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("TELECODER_SESSION".into(), context.session.to_string()),
        ("TELECODER_NAME".into(), context.name.to_string()),
        ("TELECODER_LAUNCH".into(), context.launch.to_string()),
    ])
}

/// Shell text that is built line by line. Paths need not be UTF-8, so it is bytes.
#[derive(Default)]
struct Script(Vec<u8>);

impl Script {
    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        self.0.extend_from_slice(text.to_string().as_bytes());
        self.0.push(b'\n');
    }

    /// `prefix` and then the words, each quoted.
    fn words<'a>(&mut self, prefix: &str, words: impl IntoIterator<Item = &'a OsStr>) -> Result<()> {
        self.0.extend_from_slice(prefix.as_bytes());
        for (n, word) in words.into_iter().enumerate() {
            if n > 0 {
                self.0.push(b' ');
            }
            self.quoted(word)?;
        }
        self.0.push(b'\n');
        Ok(())
    }

    fn quoted(&mut self, word: &OsStr) -> Result<()> {
        let quoted = shlex::bytes::try_quote(word.as_bytes()).map_err(|_nul| {
            let shown = word.to_string_lossy().replace('\0', "\\0");
            Fault::new(
                Kind::Config,
                format!("`{shown}` holds a NUL byte, which no program can be given"),
            )
        })?;
        self.0.extend_from_slice(&quoted);
        Ok(())
    }

    fn replace_newline(&mut self, tail: &[u8]) {
        self.0.pop();
        self.0.extend_from_slice(tail);
        self.0.push(b'\n');
    }

    fn exports(&mut self, title: &str, variables: &BTreeMap<String, String>) -> Result<()> {
        self.line(format_args!("{title}"));
        for (name, value) in variables {
            check_variable(name)?;
            self.words(&format!("export {name}="), [OsStr::new(value)])
                .map_err(|_nul| Fault::new(Kind::Config, format!("the value of {name} holds a NUL byte")))?;
        }
        self.line(format_args!(""));
        Ok(())
    }

    /// `<test> || exec shim … --cannot-start WHY`: a launch that fails before its shim would leave no exit record.
    fn cannot_start_unless(
        &mut self,
        before: &str,
        path: &OsStr,
        after: &str,
        dir: &LaunchDir,
        shim: &std::path::Path,
        why: &str,
    ) -> Result<()> {
        self.0.extend_from_slice(before.as_bytes());
        self.quoted(path)?;
        self.0.extend_from_slice(after.as_bytes());
        let why = format!("{why} {}", path.to_string_lossy());
        let words = [
            shim.as_os_str(),
            OsStr::new("shim"),
            OsStr::new("--launch-dir"),
            dir.path().as_os_str(),
            OsStr::new("--cannot-start"),
            OsStr::new(&why),
        ];
        self.words(" || exec ", words)
    }
}

/// A name that a shell takes as a variable. The value is not named in the error: it may be a secret.
fn check_variable(name: &str) -> Result<()> {
    let first_ok = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if first_ok && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Ok(());
    }
    Err(Fault::new(
        Kind::Config,
        format!("`{name}` is not a name of an environment variable"),
    )
    .hint("A name has letters, digits and `_`, and does not begin with a digit."))
}
