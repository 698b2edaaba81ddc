//! The texts of a launch's files.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
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
    script.lines(&[
        "#!/bin/sh",
        &format!("# Launch {} of session {name} ({session}).", context.launch),
        "# Written by telecoder and run in the session's window; it can be run by hand.",
        "",
    ]);
    let shim = context.bin_dir.join("telecoder");
    let head = [OsStr::new("shim"), OsStr::new("--launch-dir"), dir.path().as_os_str()];
    let head = || [shim.as_os_str()].into_iter().chain(head);
    script.lines(&[
        "# What fails before the shim runs is recorded all the same.",
        "cannot_start() {",
    ]);
    script.words("    exec ", head().chain([OsStr::new("--cannot-start")]))?;
    script.append(" \"$1\"");
    script.lines(&[
        "}",
        "",
        "# The agent must not find the terminal multiplexer around it.",
        "unset TMUX TMUX_PANE",
        "",
        "# The daemon's own mask is 077; in a work directory that would show as changed modes.",
        "umask 022",
        "",
    ]);
    script.exports("# The agent's plain environment.", &spec.env)?;
    read_secrets(&mut script, dir)?;
    say_who(&mut script, dir, context)?;

    script.words("cd -- ", [context.work_dir.as_os_str()])?;
    script.append(" || ");
    script.cannot_start("cannot enter the work directory", context.work_dir.as_os_str())?;
    script.lines(&[
        "",
        "# The shim starts the agent, waits for it and records how it ended.",
    ]);
    let argv = spec.argv.iter().map(OsStr::new);
    script.words("exec ", head().chain([OsStr::new("--")]).chain(argv))?;
    Ok(script.0)
}

fn read_secrets(script: &mut Script, dir: &LaunchDir) -> Result<()> {
    let file = dir.env_file();
    script.lines(&["# The agent's keys: a file that only its owner may read. No trace, so no echo."]);
    script.lines(&["{ set +x; } 2>/dev/null"]);
    script.words("[ -r ", [file.as_os_str()])?;
    script.append(" ] || ");
    script.cannot_start("cannot read the environment file", file.as_os_str())?;
    script.words(". ", [file.as_os_str()])?;
    script.lines(&[""]);
    Ok(())
}

/// After the agent's own variables, so that none of them can pose as ours.
fn say_who(script: &mut Script, dir: &LaunchDir, context: &ScriptContext<'_>) -> Result<()> {
    script.lines(&["# Who the agent is, for telecoder notify and telecoder hook."]);
    let (session, name, launch) = (context.session, context.name, context.launch);
    script.lines(&[
        &format!("export TELECODER_SESSION={session}"),
        &format!("export TELECODER_NAME={name}"),
        &format!("export TELECODER_LAUNCH={launch}"),
    ]);
    script.words("export TELECODER_MAILBOX=", [dir.mail().as_os_str()])?;
    script.words("export TELECODER_AGENTS_MD=", [context.agents_md.as_os_str()])?;
    script.words("export PATH=", [context.bin_dir.as_os_str()])?;
    script.append("\"${PATH:+:$PATH}\"");
    script.lines(&[""]);
    Ok(())
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

/// Shell text that is built line by line. Paths need not be UTF-8, so it is bytes.
#[derive(Default)]
struct Script(Vec<u8>);

impl Script {
    fn lines(&mut self, lines: &[&str]) {
        for line in lines {
            self.0.extend_from_slice(line.as_bytes());
            self.0.push(b'\n');
        }
    }

    /// Goes on with the last line.
    fn append(&mut self, tail: &str) {
        self.0.pop();
        self.0.extend_from_slice(tail.as_bytes());
        self.0.push(b'\n');
    }

    fn cannot_start(&mut self, why: &str, path: &OsStr) -> Result<()> {
        self.0.pop();
        let mut reason = OsString::from(format!("{why} "));
        reason.push(path);
        self.words("cannot_start ", [reason.as_os_str()])
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

    fn exports(&mut self, title: &str, variables: &BTreeMap<String, String>) -> Result<()> {
        if variables.is_empty() {
            return Ok(());
        }
        self.lines(&[title]);
        for (name, value) in variables {
            check_variable(name)?;
            self.words(&format!("export {name}="), [OsStr::new(value)])
                .map_err(|_nul| Fault::new(Kind::Config, format!("the value of {name} holds a NUL byte")))?;
        }
        self.lines(&[""]);
        Ok(())
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
