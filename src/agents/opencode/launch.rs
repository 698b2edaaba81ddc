//! Environment, flags and plugin of a launch.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::json;

use super::{home, permissions, stated};
use crate::agents::LaunchContext;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::launch::LaunchFile;
use crate::domain::policy::Policy;

const PLUGIN: &str = include_str!("plugin.js");
const PLUGIN_FILE: &str = "plugin.js";
/// A variable of the person's of this name would take the place of ours, and with it plugin and policy.
const CONFIG_VARIABLE: &str = "OPENCODE_CONFIG_CONTENT";
/// With a plugin the program waits until its package manager is done with the person's configuration directory. Without a network
/// that takes minutes of retries; so it tries once, and not for long. The plugin takes these out of the environment again.
const START_VARIABLES: &[(&str, &str)] = &[("npm_config_fetch_retries", "0"), ("npm_config_fetch_timeout", "10000")];
/// Tools that only look.
const LOOKING_TOOLS: &[&str] = &["read", "glob", "grep", "list", "todowrite", "todoread", "skill"];

/// What the launch adds to the person's configuration.
#[derive(Serialize)]
struct Config<'a> {
    plugin: [String; 1],
    instructions: [&'a Path; 1],
    permission: permissions::Permissions,
}

pub fn flags(context: &LaunchContext<'_>) -> Vec<String> {
    let mut flags: Vec<String> = Vec::new();
    match (context.resume, context.fork_of) {
        (Some(id), _) => flags.extend(["--session".into(), id.into()]),
        (None, Some(parent)) => flags.extend(["--session".into(), parent.into(), "--fork".into()]),
        (None, None) => {}
    }
    if context.policy == Policy::Yolo {
        // Approves what the person's own configuration does not deny.
        flags.push("--auto".into());
    }
    flags
}

/// `OPENCODE_CONFIG_CONTENT` is read after the person's and the repository's own files and adds to them. `given` is what the person gave
/// to the agent.
pub fn environment(context: &LaunchContext<'_>, given: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
    if given.contains_key(CONFIG_VARIABLE) {
        return Err(Fault::new(
            Kind::Config,
            format!("{CONFIG_VARIABLE} is among the variables of the agent, and TeleCoder needs it"),
        )
        .hint("Put that configuration into a file, and its path into OPENCODE_CONFIG."));
    }
    let plugin = context.launch_dir.join(PLUGIN_FILE);
    let path = plugin.to_str().ok_or_else(|| {
        Fault::new(
            Kind::Config,
            format!("{} is no path in UTF-8, which OpenCode needs", plugin.display()),
        )
    })?;
    let theirs = stated::read_all(&stated::files(context.work_dir, given));
    let config = Config {
        plugin: [file_url(path)],
        instructions: [context.agents_md],
        permission: permissions::of(context.policy, &theirs),
    };
    let config = serde_json::to_string(&config)
        .map_err(|error| Fault::new(Kind::Failure, format!("writing OpenCode's configuration: {error}")))?;
    let mut env = BTreeMap::from([
        (CONFIG_VARIABLE.to_owned(), config),
        ("OPENCODE_DISABLE_AUTOUPDATE".to_owned(), "1".to_owned()),
    ]);
    env.extend(
        START_VARIABLES
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    );
    if is_looking_only(context.policy) {
        // The repository's own settings could run commands and allow tools.
        env.insert("OPENCODE_DISABLE_PROJECT_CONFIG".into(), "1".into());
    }
    Ok(env)
}

pub fn plugin(context: &LaunchContext<'_>) -> LaunchFile {
    let looking_only = is_looking_only(context.policy);
    let config = json!({
        "telecoder": context.telecoder,
        "home": home(context.session_dir),
        "policy": context.policy,
        "tools": looking_only.then_some(LOOKING_TOOLS),
        "looks": context.policy == Policy::Observe,
        "startVariables": START_VARIABLES.iter().map(|(name, _)| name).collect::<Vec<_>>(),
    });
    LaunchFile {
        path: PathBuf::from(PLUGIN_FILE),
        content: format!("const CONFIG = {config};\n{PLUGIN}"),
    }
}

fn is_looking_only(policy: Policy) -> bool {
    matches!(policy, Policy::Locked | Policy::Observe)
}

fn file_url(path: &str) -> String {
    let mut url = String::from("file://");
    for byte in path.bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'~' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => url.push(char::from(byte)),
            other => url.push_str(&format!("%{other:02X}")),
        }
    }
    url
}
