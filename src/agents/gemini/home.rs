//! A session's own home of the program, `sessions/<id>/gemini/.gemini`.
//!
//! The program reads hooks only from settings files: the person's, the workspace's, or system files that must belong to root. So the
//! session gets settings of its own, made anew at each launch from the person's with our few added; everything else that the
//! person has there (login, extensions, commands, memory) is linked. Conversations stay with the session.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::signals::HOOKED;
use super::unreadable;
use crate::agents::{LaunchContext, jsonc};
use crate::domain::fault::{Fault, Kind, Result};

/// The program's directory beneath the session's.
pub const DIR: &str = "gemini";
const SETTINGS: &str = "settings.json";
/// The constitution as the program's memory; a name that no repository uses, for the program looks for it there, too.
const MEMORY: &str = "telecoder-agents.md";
/// What the session has of its own.
const OWN: &[&str] = &[SETTINGS, MEMORY, "tmp", "history", "projects.json", "state.json"];
/// Files that a login writes: linked even where they are not there yet, so that a login in a session is one for the person.
const LOGIN: &[&str] = &["oauth_creds.json", "google_accounts.json", "gemini-credentials.json"];
/// How long the program waits for a hook of ours before it ends it, and the letter is lost: a busy disk takes seconds for a sync.
pub const HOOK_TIMEOUT: Duration = Duration::from_secs(30);

/// A resumed conversation is loaded after the program has said that it started, and meanwhile the box, though to be seen, loses what is
/// typed. No signal tells the end of that, so the word of the start is held back for so many seconds.
const RESUME_SETTLE_SECONDS: u32 = 3;

/// What `GEMINI_CLI_HOME` names.
pub fn root(session_dir: &Path) -> PathBuf {
    session_dir.join(DIR)
}

/// The person's own directory.
pub fn user_dir() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let home = set("GEMINI_CLI_HOME").or_else(|| set("HOME"))?;
    Some(Path::new(&home).join(".gemini"))
}

/// Makes the home, or brings it up to date.
pub fn prepare(context: &LaunchContext<'_>, policy: &Path, has_key: bool) -> Result<()> {
    let own = root(context.session_dir).join(".gemini");
    make_dir(&own)?;
    let user = user_dir();
    if let Some(user) = &user {
        link_all(user, &own)?;
    }
    let memory = std::fs::read_to_string(context.agents_md).map_err(|e| unreadable(context.agents_md, &e))?;
    write(&own.join(MEMORY), &memory)?;
    let theirs = match &user {
        Some(user) => settings_of(user)?,
        None => Map::new(),
    };
    let policies = own.join("policies");
    let ours = Ours {
        telecoder: context.telecoder,
        policy,
        policies: policies.is_dir().then_some(policies.as_path()),
        has_key,
        resumes: context.resume.is_some() || context.fork_of.is_some(),
    };
    let settings = Value::Object(ours.added_to(theirs));
    write(&own.join(SETTINGS), &format!("{settings:#}\n"))
}

/// The person's own settings.
pub fn settings_of(user: &Path) -> Result<Map<String, Value>> {
    read_settings(&user.join(SETTINGS))
}

/// Settings that are no JSON would be an error of the program's own; here it is told before the window opens.
fn read_settings(path: &Path) -> Result<Map<String, Value>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Map::new()),
        Err(error) => return Err(unreadable(path, &error)),
    };
    match jsonc::parse(&text) {
        Some(Value::Object(settings)) => Ok(settings),
        _ => Err(
            Fault::new(Kind::Config, format!("{} is not a JSON object", path.display()))
                .hint("Repair the file; the agent would not start with it either."),
        ),
    }
}

fn link_all(user: &Path, own: &Path) -> Result<()> {
    let Ok(entries) = std::fs::read_dir(user) else {
        return Ok(());
    };
    let there = entries.flatten().map(|entry| entry.file_name());
    for name in there.chain(LOGIN.iter().map(|name| (*name).into())) {
        let passing = name.to_str().is_some_and(|name| {
            OWN.contains(&name)
                || name.ends_with(".lock")
                || name.ends_with(".tmp")
                || name.starts_with("projects.json")
        });
        let link = own.join(&name);
        if passing || link.symlink_metadata().is_ok() {
            continue;
        }
        std::os::unix::fs::symlink(user.join(&name), &link).map_err(|error| unreadable(&link, &error))?;
    }
    Ok(())
}

pub(super) fn make_dir(path: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| unreadable(path, &error))
}

/// Written beside and renamed: the program of an earlier launch may still read.
pub(super) fn write(path: &Path, text: &str) -> Result<()> {
    let fresh = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let written = options
        .open(&fresh)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| std::fs::rename(&fresh, path));
    written.map_err(|error| unreadable(path, &error))
}

/// What a session's settings have beside the person's.
pub(super) struct Ours<'a> {
    pub telecoder: &'a Path,
    pub policy: &'a Path,
    /// Where the person's own rules lie; naming ours alone would switch them off.
    pub policies: Option<&'a Path>,
    /// A key of the provider is in the environment.
    pub has_key: bool,
    /// The launch loads a conversation.
    pub resumes: bool,
}

impl Ours<'_> {
    pub fn added_to(&self, mut settings: Map<String, Value>) -> Map<String, Value> {
        self.add_hooks(&mut settings);
        add_memory(table(&mut settings, "context"));
        self.add_policies(&mut settings);
        let general = table(&mut settings, "general");
        // The program must not change under a session that runs, and its own vim mode would take a paste for keys.
        for key in ["enableAutoUpdate", "enableAutoUpdateNotification", "vimMode"] {
            general.insert(key.into(), json!(false));
        }
        // The screen rules know the view that leaves the terminal's history to the terminal.
        table(&mut settings, "ui").insert("useAlternateBuffer".into(), json!(false));
        table(&mut settings, "ide").insert("hasSeenNudge".into(), json!(true));
        let auth = table(table(&mut settings, "security"), "auth");
        if self.has_key && !auth.contains_key("selectedType") {
            auth.insert("selectedType".into(), json!("gemini-api-key"));
        }
        settings
    }

    /// Where a person switched hooks off, theirs stay off.
    fn add_hooks(&self, settings: &mut Map<String, Value>) {
        let config = table(settings, "hooksConfig");
        let were_on = config.get("enabled") != Some(&json!(false));
        config.insert("enabled".into(), json!(true));
        config.entry("notifications").or_insert(json!(false));
        if !were_on {
            settings.remove("hooks");
        }
        let hooks = table(settings, "hooks");
        for (event, synced) in HOOKED {
            let hook = json!({
                "type": "command",
                "name": "telecoder",
                "command": self.command(event, *synced),
                "timeout": HOOK_TIMEOUT.as_millis() as u64,
            });
            match hooks.entry(*event).or_insert_with(|| json!([])) {
                Value::Array(list) => list.push(json!({ "hooks": [hook] })),
                other => *other = json!([{ "hooks": [hook] }]),
            }
        }
    }

    fn command(&self, event: &str, synced: bool) -> String {
        let path = self.telecoder.to_string_lossy();
        // A path of ours holds no NUL byte, the one thing that cannot be quoted.
        let path = shlex::try_quote(&path).unwrap_or_default();
        let command = format!("{path} hook {event}{}", if synced { " --sync" } else { "" });
        if self.resumes && event == "SessionStart" {
            return format!(
                "payload=$(cat); {{ sleep {RESUME_SETTLE_SECONDS}; printf %s \"$payload\" | {command}; }} >/dev/null 2>&1 &"
            );
        }
        command
    }

    fn add_policies(&self, settings: &mut Map<String, Value>) {
        let theirs = settings.get("policyPaths").and_then(Value::as_array).cloned();
        let mut paths = theirs.unwrap_or_else(|| self.policies.map(|path| json!(path)).into_iter().collect());
        paths.push(json!(self.policy));
        settings.insert("policyPaths".into(), Value::Array(paths));
    }
}

fn add_memory(context: &mut Map<String, Value>) {
    let mut names = match context.remove("fileName") {
        Some(Value::Array(names)) => names,
        Some(name @ Value::String(_)) => vec![name],
        _ => vec![json!("GEMINI.md")],
    };
    names.push(json!(MEMORY));
    context.insert("fileName".into(), Value::Array(names));
}

/// The table under this key; what is no table is replaced, as the program itself would ignore it.
fn table<'a>(settings: &'a mut Map<String, Value>, key: &str) -> &'a mut Map<String, Value> {
    let value = settings.entry(key).or_insert_with(|| json!({}));
    if !value.is_object() {
        *value = json!({});
    }
    match value {
        Value::Object(table) => table,
        _ => unreachable!("made an object above"),
    }
}
