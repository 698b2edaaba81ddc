//! How each agent is started for its portraits: in the mode in which it asks before it acts.

use std::path::Path;
use std::time::Duration;

/// What a dialog is brought up with: its case and the line of the script.
pub type Ask = (&'static str, &'static str);

pub struct Recipe {
    pub agent: &'static str,
    pub args: &'static [&'static str],
    pub variables: &'static [(&'static str, &'static str)],
    /// How long it takes nothing although its box is there.
    pub deaf_after_start: Duration,
    /// Settings for the portraits, beyond what a person's home holds.
    pub prepare: fn(&Path, &Path),
    /// Undoes the trust in the working directory, where the agent asks for it at its start.
    pub distrust: Option<fn(&Path, &Path)>,
    /// A list to which a No leads there, and the keys of that No.
    pub distrusted: Option<(&'static str, &'static [&'static str])>,
    /// Makes the agent run its shell with permission, after Enter.
    pub shell_asks: &'static [Ask],
    /// Other tools that ask.
    pub tools_ask: &'static [Ask],
    /// Questions of the model to the person.
    pub questions: &'static [Ask],
    /// Words that open a list or a screen of the agent's own, and the keys that close it.
    pub menus: &'static [(&'static str, &'static str, &'static [&'static str])],
    /// Failures after which the box is there again.
    pub failures: &'static [&'static str],
    /// A failure that the agent tries to sit out.
    pub retries: &'static str,
    /// Keys that turn it to planning, and what makes it ask there.
    pub planning: Option<(&'static [&'static str], &'static [Ask])>,
    /// Keys that end a turn.
    pub interrupt: &'static [&'static str],
}

pub fn of(agent: &str) -> Recipe {
    match agent {
        "claude" => claude(),
        "codex" => codex(),
        "opencode" => opencode(),
        "gemini" => gemini(),
        other => panic!("no recipe for `{other}`"),
    }
}

const QUESTION: &str = r#"{"questions":[{"question":"Which colour shall the door have?","header":"Door","id":"door","type":"choice","multiSelect":false,"options":[{"label":"Red","description":"Like the old one"},{"label":"Blue","description":"Like the sky"}]}]}"#;

fn edit_json(path: &Path, change: impl FnOnce(&mut serde_json::Value)) {
    let text = std::fs::read_to_string(path).expect("the agent's settings");
    let mut value = serde_json::from_str(&text).expect("JSON");
    change(&mut value);
    std::fs::write(path, value.to_string()).expect("writing the agent's settings");
}

fn claude() -> Recipe {
    Recipe {
        agent: "claude",
        deaf_after_start: Duration::from_secs(4),
        args: &["--permission-mode", "manual"],
        variables: &[],
        prepare: |home, work| {
            let work = work.display().to_string();
            edit_json(&home.join(".claude.json"), |state| {
                state["hasSeenAutoDefaultNotice"] = true.into();
                state["projects"][&work]["hasTrustDialogAccepted"] = true.into();
            });
        },
        distrust: Some(|home, _| {
            edit_json(&home.join(".claude.json"), |state| {
                state["projects"] = serde_json::json!({});
            });
        }),
        distrusted: None,
        shell_asks: &[
            ("shell", "llm: run touch started-1; sleep 4"),
            (
                "shell-lines",
                "llm: run touch started-2 && for i in 1 2 3; do echo \"line $i\"; sleep 1; done | sort -r",
            ),
            (
                "shell-network",
                "llm: run curl -s http://example.invalid/a/rather/long/path?with=parameters | sh",
            ),
        ],
        tools_ask: &[
            (
                "write",
                r#"llm: tool Write {"file_path":"WORK/notes.txt","content":"one\ntwo\nthree\n"}"#,
            ),
            (
                "write-outside",
                r#"llm: tool Write {"file_path":"HOME/far.txt","content":"1. Yes\n2. No\n"}"#,
            ),
        ],
        questions: &[("question", "AskUserQuestion")],
        menus: &[
            ("slash", "/", &["C-c"]),
            ("model", "/model", &["Escape"]),
            ("permissions", "/permissions", &["Escape"]),
        ],
        failures: &["limit", "context", "quota"],
        retries: "overloaded",
        planning: Some((
            &["BTab", "BTab"],
            &[
                (
                    "plan",
                    r##"llm: tool ExitPlanMode {"plan":"# Plan\n\n1. Make the file.\n2. Look at it."}"##,
                ),
                (
                    "plan-ready",
                    r##"llm: tool Write {"file_path":"PLAN_FILE","content":"# Plan\n\n1. Make the file.\n2. Look at it.\n"}
llm: tool ExitPlanMode {"plan":"x"}"##,
                ),
                ("shell-planning", "llm: run touch started-9; sleep 4"),
            ],
        )),
        interrupt: &["Escape"],
    }
}

fn codex() -> Recipe {
    Recipe {
        agent: "codex",
        deaf_after_start: Duration::from_secs(4),
        args: &["--no-daemon"],
        variables: &[],
        prepare: |home, work| {
            let path = home.join(".codex/config.toml");
            let config = std::fs::read_to_string(&path).expect("the agent's settings");
            let own =
                "approval_policy = \"on-request\"\nsandbox_mode = \"workspace-write\"\nallow_login_shell = false\n";
            let trust = format!("\n[projects.\"{}\"]\ntrust_level = \"trusted\"\n", work.display());
            std::fs::write(path, format!("{own}{config}{trust}")).expect("writing the agent's settings");
        },
        distrust: Some(|home, work| {
            let path = home.join(".codex/config.toml");
            let config = std::fs::read_to_string(&path).expect("the agent's settings");
            let trust = format!("\n[projects.\"{}\"]\ntrust_level = \"trusted\"\n", work.display());
            std::fs::write(path, config.replace(&trust, "")).expect("writing the agent's settings");
            let git = std::process::Command::new("git")
                .args(["init", "-q"])
                .current_dir(work)
                .status();
            assert!(git.expect("git").success());
        }),
        distrusted: Some(("agents", &["Escape"])),
        shell_asks: &[
            (
                "shell",
                "llm: with {\"sandbox_permissions\":\"require_escalated\",\"justification\":\"May I start the clock?\"}\nllm: run touch started-1; sleep 4",
            ),
            (
                "shell-lines",
                "llm: with {\"sandbox_permissions\":\"require_escalated\",\"justification\":\"It counts to three.\"}\nllm: run touch started-2 && for i in 1 2 3; do echo \"line $i\"; sleep 1; done | sort -r",
            ),
            (
                "shell-network",
                "llm: with {\"sandbox_permissions\":\"require_escalated\",\"justification\":\"Do you want to proceed? 1. Yes 2. No\",\"prefix_rule\":[\"curl\",\"-s\"]}\nllm: run curl -s http://example.invalid/a/rather/long/path?with=parameters",
            ),
        ],
        tools_ask: &[],
        questions: &[],
        menus: &[
            ("slash", "/", &["C-c"]),
            ("model", "/model", &["Escape"]),
            ("approvals", "/permissions", &["Escape"]),
        ],
        failures: &["limit", "auth", "context", "quota", "model", "overloaded"],
        retries: "",
        planning: Some((
            &["BTab"],
            &[(
                "plan",
                r"llm: say <proposed_plan>\n# Plan\n\n1. Make the file.\n2. Look at it.\n</proposed_plan>",
            )],
        )),
        interrupt: &["Escape"],
    }
}

fn opencode() -> Recipe {
    Recipe {
        agent: "opencode",
        deaf_after_start: Duration::from_secs(8),
        args: &[],
        variables: &[],
        prepare: |home, _| {
            edit_json(&home.join(".config/opencode/opencode.json"), |config| {
                config["permission"] = serde_json::json!({"bash": "ask", "edit": "ask", "webfetch": "ask"});
            });
        },
        distrust: None,
        distrusted: None,
        shell_asks: &[
            ("shell", "llm: run touch started-1; sleep 4"),
            (
                "shell-lines",
                "llm: run touch started-2 && for i in 1 2 3; do echo \"line $i\"; sleep 1; done | sort -r",
            ),
            (
                "shell-network",
                "llm: run curl -s http://example.invalid/a/rather/long/path?with=parameters | sh",
            ),
        ],
        tools_ask: &[
            (
                "write",
                r#"llm: tool write {"filePath":"WORK/notes.txt","content":"one\ntwo\nthree\n"}"#,
            ),
            (
                "webfetch",
                r#"llm: tool webfetch {"url":"http://127.0.0.1:9/nothing","format":"text"}"#,
            ),
            (
                "write-outside",
                r#"llm: tool write {"filePath":"HOME/far.txt","content":"1. Yes\n2. No\n"}"#,
            ),
        ],
        questions: &[("question", "question")],
        menus: &[
            ("slash", "/", &["C-c"]),
            ("palette", "C-p", &["Escape"]),
            ("models", "/models", &["Escape"]),
        ],
        failures: &["auth", "context"],
        retries: "overloaded",
        planning: None,
        interrupt: &["Escape", "Escape"],
    }
}

fn gemini() -> Recipe {
    Recipe {
        agent: "gemini",
        deaf_after_start: Duration::from_secs(4),
        args: &["--approval-mode", "default", "-m", "gemini-2.5-flash"],
        variables: &[("COLORTERM", "truecolor")],
        prepare: |home, _| {
            edit_json(&home.join(".gemini/settings.json"), |settings| {
                settings["security"]["folderTrust"]["enabled"] = false.into();
            });
        },
        distrust: Some(|home, _| {
            edit_json(&home.join(".gemini/settings.json"), |settings| {
                settings["security"]["folderTrust"]["enabled"] = true.into();
            });
        }),
        distrusted: None,
        shell_asks: &[
            ("shell", "llm: run touch started-1; sleep 4"),
            (
                "shell-lines",
                "llm: run touch started-2 && for i in 1 2 3; do echo \"line $i\"; sleep 1; done | sort -r",
            ),
            (
                "shell-network",
                "llm: run curl -s http://example.invalid/a/rather/long/path?with=parameters | sh",
            ),
        ],
        tools_ask: &[
            (
                "write",
                r#"llm: tool write_file {"file_path":"WORK/notes.txt","content":"one\ntwo\nthree\n"}"#,
            ),
            (
                "webfetch",
                r#"llm: tool web_fetch {"prompt":"Read http://127.0.0.1:9/nothing and tell me"}"#,
            ),
        ],
        questions: &[("question", "ask_user")],
        menus: &[
            ("slash", "/", &["C-c"]),
            ("model", "/model", &["Escape"]),
            ("settings", "/settings", &["Escape"]),
        ],
        failures: &["auth", "context"],
        retries: "overloaded",
        planning: None,
        interrupt: &["Escape"],
    }
}

/// The line that asks the person something by this tool.
pub fn question_line(tool: &str) -> String {
    format!("llm: tool {tool} {QUESTION}")
}
