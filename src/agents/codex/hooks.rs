//! Our hooks for one launch, and the word of trust for exactly these.
//!
//! Codex asks a person before it runs a hook that it does not know. `--dangerously-bypass-hook-trust` would answer for every hook,
//! also for those that a cloned repository brings along. So each of ours is trusted by the hash that Codex itself would store: over
//! the JSON of the hook with sorted keys. A version that hashes otherwise asks with its dialog, which the person sees.

use serde_json::{Value, json};

use crate::domain::text::sha256_hex;

/// Codex's own limit for a hook of ours, in seconds: `telecoder hook` needs milliseconds.
const TIMEOUT_S: u32 = 10;

/// The events that are passed on: Codex's name, its key in the store of trust, and whether the letter must survive a power cut.
///
/// `PermissionRequest` is not among them: it comes before the dialog is drawn, without its choices, and also where Codex goes on
/// without a person. The screen says both, and is looked at while Codex works.
const EVENTS: [(&str, &str, bool); 4] = [
    ("SessionStart", "session_start", true),
    ("UserPromptSubmit", "user_prompt_submit", true),
    ("PreToolUse", "pre_tool_use", false),
    ("Stop", "stop", true),
];

/// The values of `-c` that set up the hooks; `telecoder` is the stable path of our program.
pub fn overrides(telecoder: &str) -> Vec<String> {
    let program = shlex::try_quote(telecoder).unwrap_or(telecoder.into());
    let mut overrides = Vec::new();
    let mut trusted = Vec::new();
    for (event, key, sync) in EVENTS {
        let command = format!("{program} hook {event}{}", if sync { " --sync" } else { "" });
        let quoted = super::launch::quoted(&command);
        overrides.push(format!(
            r#"hooks.{event}=[{{hooks=[{{type="command",command={quoted},timeout={TIMEOUT_S}}}]}}]"#
        ));
        trusted.push(format!(
            r#""/<session-flags>/config.toml:{key}:0:0"={{trusted_hash="sha256:{}"}}"#,
            trusted_hash(key, &command)
        ));
    }
    overrides.push(format!("hooks.state={{{}}}", trusted.join(",")));
    overrides
}

fn trusted_hash(key: &str, command: &str) -> String {
    let handler = json!({"type": "command", "command": command, "timeout": TIMEOUT_S, "async": false});
    // serde_json keeps the keys of an object sorted.
    let identity: Value = json!({"event_name": key, "hooks": [handler]});
    sha256_hex(identity.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_one_that_codex_stores() {
        // As Codex 0.169 wrote it into its config.toml after "Trust all" for this hook.
        assert_eq!(
            trusted_hash("stop", "/usr/bin/telecoder hook Stop --sync"),
            "cb585de2741e3e036e4d9552bddad930598d2a760dfb60b0b15aaf43c31858fa"
        );
    }

    #[test]
    fn each_hook_comes_with_its_trust() {
        let overrides = overrides("/d a/bin/telecoder");
        assert_eq!(overrides.len(), EVENTS.len() + 1);
        assert_eq!(
            overrides[1],
            r#"hooks.UserPromptSubmit=[{hooks=[{type="command",command="'/d a/bin/telecoder' hook UserPromptSubmit --sync",timeout=10}]}]"#
        );
        for (_, key, _) in EVENTS {
            assert!(overrides[EVENTS.len()].contains(&format!(":{key}:0:0\"={{trusted_hash=\"sha256:")));
        }
        for text in &overrides {
            text.parse::<toml::Table>().expect("each is one TOML assignment");
        }
    }
}
