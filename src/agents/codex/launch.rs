//! The command line of one launch: policy, mailbox, trust, hooks, instructions. Nothing of the person's own files is changed.

use std::path::Path;

use super::{home, hooks};
use crate::agents::LaunchContext;
use crate::domain::fault::{Fault, Result};
use crate::domain::policy::Policy;

/// Name of the permission profile under `observe`.
const OBSERVER: &str = "telecoder-observe";
/// Where a folder brings settings of its own, which may run programs before anybody asked for anything.
const FOLDER_SETTINGS: &str = ".codex";

const NO_COMMITS: &str = "In this session the sandbox keeps `.git` read-only: `git commit` fails. Do not ask to get round it. Leave your \
    work uncommitted in the working tree; uncommitted work counts as work here.";
const LOOK_ONLY: &str =
    "In this session you may only look: nothing but the mailbox of `telecoder notify` can be written.";
const NO_COMMANDS: &str = "In this session you have no commands and can change nothing. `telecoder notify` cannot be run: your last \
    message of each turn is passed on to the person instead.";

/// Everything that follows the program and the arguments that the configuration adds. `own` are the person's own settings.
pub fn arguments(context: &LaunchContext<'_>, own: &toml::Table) -> Result<Vec<String>> {
    let mut arguments: Vec<String> = match (context.resume, context.fork_of) {
        (Some(id), _) => vec!["resume".into(), id.to_owned()],
        (None, Some(id)) => vec!["fork".into(), id.to_owned()],
        (None, None) => Vec::new(),
    };
    // Without this flag a shared background server runs the tools: outside of our window, with the environment of whichever session
    // started it, so that a `notify` would speak for another session.
    arguments.push("--no-daemon".into());
    arguments.extend(permissions(context));
    for setting in settings(context, own)? {
        arguments.extend(["-c".to_owned(), setting]);
    }
    Ok(arguments)
}

/// Our policy word in Codex's own words. What is written outside of what they name is refused by its sandbox.
fn permissions(context: &LaunchContext<'_>) -> Vec<String> {
    let mailbox = context.mailbox.to_string_lossy();
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    match context.policy {
        // Codex reads files by commands only, so without commands it sees what the prompt holds and nothing else.
        Policy::Locked => words(&[
            "-a",
            "never",
            "-s",
            "read-only",
            "-c",
            "features.shell_tool=false",
            "-c",
            "features.unified_exec=false",
        ]),
        // The read-only mode knows no further places; a profile of its own does.
        Policy::Observe => {
            let places = format!(
                "permissions.{OBSERVER}={{filesystem={{\":root\"=\"read\",{}=\"write\"}}}}",
                quoted(&mailbox)
            );
            let profile = format!("default_permissions={}", quoted(OBSERVER));
            words(&["-a", "never", "-c", &profile, "-c", &places])
        }
        Policy::Ask | Policy::Standard => words(&["-a", "on-request", "-s", "workspace-write", "--add-dir", &mailbox]),
        Policy::Yolo => words(&["-a", "never", "-s", "danger-full-access"]),
    }
}

fn settings(context: &LaunchContext<'_>, own: &toml::Table) -> Result<Vec<String>> {
    let mut settings = vec![
        "check_for_update_on_startup=false".to_owned(),
        // A login shell reads /etc/profile, which sets another PATH.
        "allow_login_shell=false".to_owned(),
        // In vim's normal mode keys are commands, and Escape does not interrupt at once.
        "tui.vim_mode_default=false".to_owned(),
        // A fork works in its own workspace; without this Codex asks whose directory it is to be.
        r#"tui.resume_cwd="current""#.to_owned(),
        // The row below the box by which the screen rules know it.
        r#"tui.status_line=["model-with-reasoning","current-dir"]"#.to_owned(),
        format!(
            "developer_instructions={}",
            quoted(&instructions(context, home::instructions(own))?)
        ),
    ];
    settings.extend(trust(context, own));
    settings.extend(environment(context));
    settings.extend(hooks::overrides(&context.telecoder.to_string_lossy()));
    Ok(settings)
}

/// A repository is trusted for this launch, or Codex would ask before anything else. One that brings settings of its own is not: the
/// person decides in Codex's own dialog whether those may run. And what the person does not trust stays so, in a clone of it, too.
fn trust(context: &LaunchContext<'_>, own: &toml::Table) -> Option<String> {
    let work_dir = context.work_dir;
    let real = work_dir.canonicalize().unwrap_or_else(|_| work_dir.to_owned());
    let mut places = context.repository.into_iter().chain([&*real]);
    let level = if places.any(|place| home::distrusts(own, place)) {
        "untrusted"
    } else if brings_settings(work_dir) {
        return None;
    } else {
        "trusted"
    };
    let real = quoted(&real.to_string_lossy());
    Some(format!("projects={{{real}={{trust_level=\"{level}\"}}}}"))
}

/// An empty directory brings none: Codex's sandbox leaves one when it is killed (0.169), and the session is to go on by itself then.
fn brings_settings(work_dir: &Path) -> bool {
    let path = work_dir.join(FOLDER_SETTINGS);
    let Ok(meta) = path.symlink_metadata() else {
        return false;
    };
    let is_empty = || std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    // What a link leads to may be filled after this look.
    !(meta.is_dir() && is_empty())
}

/// What `notify` needs, also where the person's settings let few variables through to commands.
fn environment(context: &LaunchContext<'_>) -> Vec<String> {
    let launch = context.launch.to_string();
    let agents_md = context.agents_md.to_string_lossy();
    let mailbox = context.mailbox.to_string_lossy();
    let variables = [
        ("TELECODER_SESSION", context.session.as_str()),
        ("TELECODER_NAME", context.name.as_str()),
        ("TELECODER_LAUNCH", &launch),
        ("TELECODER_MAILBOX", &mailbox),
        ("TELECODER_AGENTS_MD", &agents_md),
        (NATIVE_ID_VAR.0, NATIVE_ID_VAR.1),
    ];
    let setting = |(name, value): (&str, &str)| format!("shell_environment_policy.set.{name}={}", quoted(value));
    variables.into_iter().map(setting).collect()
}

/// In the sandbox a process sees no ancestors outside of it; that it belongs to us is told by the conversation's own id.
pub const NATIVE_ID_VAR: (&str, &str) = ("TELECODER_NATIVE_ID_VAR", "CODEX_THREAD_ID");

/// The person's own instructions, then ours.
fn instructions(context: &LaunchContext<'_>, own: Option<&str>) -> Result<String> {
    let path = context.agents_md;
    let constitution =
        std::fs::read_to_string(path).map_err(|error| Fault::io(format!("reading {}", path.display()), &error))?;
    let further = match context.policy {
        Policy::Locked => Some(NO_COMMANDS),
        Policy::Observe => Some(LOOK_ONLY),
        Policy::Ask | Policy::Standard => Some(NO_COMMITS),
        Policy::Yolo => None,
    };
    let parts = own.into_iter().chain([constitution.as_str()]).chain(further);
    Ok(parts.map(str::trim).collect::<Vec<_>>().join("\n\n"))
}

/// A TOML string on one line. Every JSON string is one, but for DEL.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests;
