//! What the agent may do, as rules of its own policy engine. The file lies in the launch's directory and counts as the person's own;
//! where two rules match, the higher priority wins, and 999 is the highest.

use std::fmt::Write;

use super::super::LaunchContext;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::policy::Policy;

/// Tools that only look, by the program's own list.
const LOOKING_TOOLS: &[&str] = &[
    "glob",
    "grep_search",
    "list_directory",
    "read_file",
    "read_many_files",
    "google_web_search",
    "get_internal_docs",
    "update_topic",
    "complete_task",
];
/// Commands that only look.
const LOOKING_COMMANDS: &[&str] = &[
    "cat",
    "git diff",
    "git log",
    "git show",
    "git status",
    "grep",
    "head",
    "ls",
    "pwd",
    "stat",
    "tail",
    "wc",
];
/// What makes a looking command write or run something else.
const BEYOND_LOOKING: &[&str] = &[r".*>", r".*`", r".*\\$\\(", r".*<\\(", r".*--output", r".*--ext-diff"];

/// `policy.toml` for this policy word.
pub fn rules(policy: Policy) -> String {
    let mut text = String::from("# Written by telecoder for one launch.\n");
    allow_notify(&mut text, policy);
    match policy {
        Policy::Locked => {
            deny_the_rest(&mut text, policy);
        }
        Policy::Observe => {
            deny_the_rest(&mut text, policy);
            rule(
                &mut text,
                &[
                    ("toolName", quoted("run_shell_command")),
                    ("commandPrefix", list(LOOKING_COMMANDS)),
                    ("decision", quoted("allow")),
                    ("priority", "950".into()),
                ],
            );
        }
        Policy::Ask | Policy::Standard | Policy::Yolo => {}
    }
    text
}

/// Exactly this command, with a here-document, but not with its output in a file.
fn allow_notify(text: &mut String, policy: Policy) {
    rule(
        text,
        &[
            ("toolName", quoted("run_shell_command")),
            ("commandPrefix", quoted("telecoder notify")),
            ("decision", quoted("allow")),
            ("priority", "997".into()),
            ("allowRedirection", "true".into()),
        ],
    );
    let into_a_file = match policy {
        Policy::Locked | Policy::Observe => "deny",
        Policy::Ask | Policy::Standard => "ask_user",
        Policy::Yolo => return,
    };
    rule(
        text,
        &[
            ("toolName", quoted("run_shell_command")),
            ("commandRegex", quoted("telecoder notify.*>")),
            ("decision", quoted(into_a_file)),
            ("priority", "998".into()),
        ],
    );
}

fn deny_the_rest(text: &mut String, policy: Policy) {
    rule(
        text,
        &[
            ("toolName", quoted("*")),
            ("decision", quoted("deny")),
            ("priority", "900".into()),
            (
                "denyMessage",
                quoted(&format!("The policy of this session is `{policy}`: it may only look.")),
            ),
        ],
    );
    rule(
        text,
        &[
            ("toolName", list(LOOKING_TOOLS)),
            ("decision", quoted("allow")),
            ("priority", "950".into()),
        ],
    );
    for beyond in BEYOND_LOOKING {
        rule(
            text,
            &[
                ("toolName", quoted("run_shell_command")),
                ("commandRegex", format!("\"{beyond}\"")),
                ("decision", quoted("deny")),
                ("priority", "960".into()),
            ],
        );
    }
}

fn rule(text: &mut String, fields: &[(&str, String)]) {
    text.push_str("\n[[rule]]\n");
    for (key, value) in fields {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "{key} = {value}");
    }
}

fn quoted(word: &str) -> String {
    format!("\"{word}\"")
}

fn list(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    format!("[{}]", words.join(", "))
}

/// The program trusts the workspace, and so it runs the hooks and MCP servers that the repository's own `.gemini/settings.json`
/// names. Under a policy that forbids commands that would be a way round it.
pub fn check_workspace(context: &LaunchContext<'_>) -> Result<()> {
    if !matches!(context.policy, Policy::Locked | Policy::Observe) {
        return Ok(());
    }
    let path = context.work_dir.join(".gemini").join("settings.json");
    match path.symlink_metadata() {
        Err(_) => Ok(()),
        Ok(_) => Err(Fault::new(
            Kind::NotPermitted,
            format!(
                "the repository has its own .gemini/settings.json, whose commands would run under the policy `{}`",
                context.policy
            ),
        )
        .hint("Read that file. If it is harmless, start the session with --policy ask, or without the file.")),
    }
}
