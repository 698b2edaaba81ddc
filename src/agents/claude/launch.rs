//! The command line, the settings file of the launch, and what each policy word becomes.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::place::Home;
use super::{hooks, own_files, transcript};
use crate::agents::LaunchContext;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::SessionId;
use crate::domain::launch::{DECISIONS_DIR, LaunchFile, LaunchSpec};
use crate::domain::policy::Policy;

/// What tools may never do under the two reading policies; a denial goes before whatever the person has allowed.
const WRITES: [&str; 4] = ["Edit", "Write", "MultiEdit", "NotebookEdit"];
const READS: [&str; 3] = ["Read", "Glob", "Grep"];
/// What runs commands, or reaches the network. Claude Code lets a command that only looks through under every mode, so `locked` denies
/// the tools as a whole, and with them `telecoder notify`.
const RUNS: [&str; 4] = ["Bash", "Monitor", "PowerShell", "REPL"];
const WEB: [&str; 2] = ["WebFetch", "WebSearch"];
/// The one command that every policy with commands allows.
const NOTIFY: &str = "Bash(telecoder notify:*)";
const NO_COMMANDS: &str = "In this session you have no commands and can change nothing. `telecoder notify` cannot be run: your last \
    message of each turn is passed on to the person instead.";
/// In the agent's own sandbox a process sees no ancestors outside of it; that it belongs to us is told by the conversation's own id.
const NATIVE_ID_VAR: (&str, &str) = ("TELECODER_NATIVE_ID_VAR", "CLAUDE_CODE_SESSION_ID");
/// Lifts the refusal of `bypassPermissions` for root. It says that the machine is a sandbox, so only the person may say it.
const SANDBOX_WORD: &str = "IS_SANDBOX";

/// A UUID (version 8) made of the session's id: the same for every launch of the session.
pub fn native_id(session: &SessionId) -> String {
    let digest = Sha256::digest(format!("telecoder claude code {session}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

pub fn spec(
    program: Vec<String>,
    secret_env: BTreeMap<String, String>,
    context: &LaunchContext<'_>,
) -> Result<LaunchSpec> {
    let settings = LaunchFile {
        path: own_files("settings.json"),
        content: format!("{:#}\n", settings_of(context)),
    };
    let instructions = instructions(context)?;
    if context.policy == Policy::Yolo {
        refuse_as_root(&secret_env)?;
    }
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let mut program = program.into_iter();
    let mut argv: Vec<String> = program.next().into_iter().collect();
    argv.extend(conversation(context, &secret_env));
    let told = match &instructions {
        Some(file) => context.launch_dir.join(&file.path),
        None => context.agents_md.to_owned(),
    };
    for (flag, value) in [
        ("--permission-mode", permission_mode(context.policy).to_owned()),
        ("--settings", text(&context.launch_dir.join(&settings.path))),
        ("--append-system-prompt-file", text(&told)),
    ] {
        argv.extend([flag.to_owned(), value]);
    }
    if looks_only(context.policy) {
        // The repository's own settings could allow commands, and run some by hooks.
        argv.extend(["--setting-sources".to_owned(), "user".to_owned()]);
    }
    argv.extend(program);
    let (name, value) = NATIVE_ID_VAR;
    Ok(LaunchSpec {
        argv,
        env: BTreeMap::from([(name.to_owned(), value.to_owned())]),
        secret_env,
        files: [Some(settings), instructions].into_iter().flatten().collect(),
    })
}

/// The constitution with what this policy adds to it, as a file of the launch. `None`: the constitution as it is.
fn instructions(context: &LaunchContext<'_>) -> Result<Option<LaunchFile>> {
    if context.policy != Policy::Locked {
        return Ok(None);
    }
    let path = context.agents_md;
    let constitution =
        std::fs::read_to_string(path).map_err(|error| Fault::io(format!("reading {}", path.display()), &error))?;
    Ok(Some(LaunchFile {
        path: own_files("agents.md"),
        content: format!("{}\n\n{NO_COMMANDS}\n", constitution.trim_end()),
    }))
}

fn looks_only(policy: Policy) -> bool {
    matches!(policy, Policy::Locked | Policy::Observe)
}

/// A conversation without a prompt leaves no record, and cannot be resumed: it begins again under its own id.
fn conversation(context: &LaunchContext<'_>, env: &BTreeMap<String, String>) -> Vec<String> {
    let home = Home::find(env);
    let known = |id: &str| {
        let record = home.as_ref().and_then(|home| home.transcript(id));
        record.is_some_and(|record| transcript::holds_a_prompt(&record))
    };
    let id = context
        .resume
        .map_or_else(|| native_id(context.session), ToOwned::to_owned);
    if context.resume.is_some() && known(&id) {
        return vec!["--resume".into(), id];
    }
    let mut words = vec!["--session-id".into(), id];
    if let Some(other) = context.fork_of.filter(|other| known(other)) {
        words.extend(["--resume".into(), other.to_owned(), "--fork-session".into()]);
    }
    words
}

/// A record without a prompt keeps its id from being used: it gets another name, beside the others.
pub fn set_aside_unfinished(home: &Home, id: &str) -> Result<()> {
    let Some(record) = home.transcript(id).filter(|record| !transcript::holds_a_prompt(record)) else {
        return Ok(());
    };
    std::fs::rename(&record, record.with_extension("jsonl.unfinished"))
        .map_err(|error| Fault::io(format!("setting {} aside", record.display()), &error))
}

/// Claude Code finds a conversation only in the directory in which it was begun: the record of the one to fork from is copied to
/// where this session's own will be.
pub fn bring_over(home: &Home, other: &str, work_dir: &Path) -> Result<()> {
    let target = home.project(work_dir);
    let copy = target.join(format!("{other}.jsonl"));
    let Some(record) = home.transcript(other).filter(|_| !copy.exists()) else {
        return Ok(());
    };
    std::fs::create_dir_all(&target)
        .and_then(|()| std::fs::copy(&record, &copy))
        .map(drop)
        .map_err(|error| Fault::io(format!("copying {} to {}", record.display(), copy.display()), &error))
}

/// Behind `dontAsk` nothing is asked: what is not allowed is refused.
fn permission_mode(policy: Policy) -> &'static str {
    match policy {
        Policy::Locked | Policy::Observe => "dontAsk",
        Policy::Ask => "default",
        Policy::Standard => "acceptEdits",
        Policy::Yolo => "bypassPermissions",
    }
}

fn settings_of(context: &LaunchContext<'_>) -> Value {
    let mut allow = vec![NOTIFY];
    let mut deny: Vec<&str> = Vec::new();
    if looks_only(context.policy) {
        allow.extend(READS);
        deny.extend(WRITES);
    }
    if context.policy == Policy::Locked {
        deny.extend(RUNS.into_iter().chain(WEB));
    }
    let mut settings = json!({
        // In vim's normal mode keys are commands. This turns it off for the session alone, whatever the person's own settings say.
        "editorMode": "normal",
        "hooks": hooks::installed(context.telecoder, &context.launch_dir.join(DECISIONS_DIR)),
        "permissions": { "allow": allow, "deny": deny },
        // Only where the person has turned on the agent's own sandbox: the one place that `notify` writes to.
        "sandbox": { "filesystem": { "allowWrite": [context.mailbox.to_string_lossy()] } },
    });
    if looks_only(context.policy) {
        // A person may have it let every command run that its own sandbox holds; that sandbox leaves the workspace open to writing.
        settings["sandbox"]["autoAllowBashIfSandboxed"] = json!(false);
    }
    if context.policy == Policy::Yolo {
        settings["skipDangerousModePermissionPrompt"] = json!(true);
    }
    settings
}

fn refuse_as_root(env: &BTreeMap<String, String>) -> Result<()> {
    if !rustix::process::geteuid().is_root() || env.get(SANDBOX_WORD).is_some_and(|word| word == "1") {
        return Ok(());
    }
    Err(Fault::new(
        Kind::RefusedByState,
        "Claude Code does not run under `yolo` as root",
    )
    .hint(format!(
        "Run the daemon as another user. If this machine is a sandbox, say so: {SANDBOX_WORD}=1 in the agent's env_file."
    )))
}
