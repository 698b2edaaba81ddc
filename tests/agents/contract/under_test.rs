//! One agent as the contract sees it: how it is installed for a test, how it is told what to do, and what it may do to a text.

use std::collections::HashMap;
use std::path::Path;

use serde_json::{Value, json};

use super::conversation::Does;
use crate::llm::FakeLlm;
use crate::support::TestEnv;
use crate::{homes, programs};

/// What a prompt makes the agent do. Each agent is told in the language of whoever scripts it: the bundled one itself, or the model.
#[derive(Debug, Clone)]
pub enum Act<'a> {
    /// Runs a command that its policy does not ask about.
    Run(&'a str),
    /// The same where the agent has commands at all; nothing where it has none.
    Try(&'a str),
    /// Writes a file in its workspace, with its own tool for that where it has one.
    Write(&'a Path),
    /// Runs a command that a person is asked about first.
    AskAndRun(&'a str),
    Say(&'a str),
    /// Works for so many seconds before it answers.
    Work(u32),
    /// Works until it is interrupted.
    Hang,
    /// The provider refuses for so many seconds.
    Limit(u32),
    /// The provider does not take the key.
    RefuseLogin,
}

pub struct AgentUnderTest {
    pub name: &'static str,
    /// The policy under which a command is asked about.
    pub asking_policy: &'static str,
    /// What the agent does to a text on its way to the model, beyond cutting blanks at both ends.
    pub mangle: fn(&str) -> String,
    /// Takes off the frame that the agent puts round a text.
    pub unframe: fn(&str) -> String,
    /// Added to a call of the shell so that the agent asks.
    ask_with: &'static str,
    /// Its tool that writes a file, and what that calls the path.
    writes: Option<(&'static str, &'static str)>,
    /// A prompt that makes it ask a question of its own with choices, where it has a tool for that that works in a session.
    question: Option<fn(Question<'_>) -> String>,
    /// It takes a text while it works, and says so. The bundled one does with a quirk only (`tests/it/steer.rs`).
    pub steers: bool,
    /// A command that runs this agent once more, from beneath itself, where it says `the inner word`.
    pub once: &'static str,
    /// What a person types at the terminal to begin another conversation.
    pub begins_anew: Option<&'static str>,
    /// Some of its own commands, those that change most.
    pub commands: &'static [(&'static str, Does)],
}

/// A question of the agent's own.
pub struct Question<'a> {
    pub text: &'a str,
    pub choices: &'a [&'a str],
    /// Several may be taken.
    pub several: bool,
}

/// The agent of this name.
pub fn named(name: &str) -> AgentUnderTest {
    let plain = AgentUnderTest {
        name: "demo",
        asking_policy: "ask",
        mangle: str::to_owned,
        unframe: str::to_owned,
        ask_with: "",
        writes: None,
        question: Some(|question| {
            let word = if question.several { "pick" } else { "choose" };
            format!("demo: {word} {} | {}", question.text, question.choices.join(" | "))
        }),
        steers: false,
        once: "echo '{\"session_id\": \"inner\", \"source\": \"startup\"}' | telecoder hook SessionStart && \
               echo '{\"session_id\": \"inner\", \"last_assistant_message\": \"the inner word\"}' | telecoder hook Stop",
        begins_anew: None,
        commands: &[],
    };
    let without_questions = AgentUnderTest {
        question: None,
        ..plain
    };
    match name {
        "demo" => plain,
        "claude" => AgentUnderTest {
            name: "claude",
            writes: Some(("Write", "file_path")),
            steers: true,
            once: "claude -p 'llm: say the inner word'",
            begins_anew: Some("/clear"),
            commands: &[
                ("/compact", Does::AskTheModel),
                ("/effort low", Does::Nothing),
                ("/model sonnet", Does::Ask),
                ("/clear", Does::Forget),
            ],
            mangle: |text| {
                let composed = text.replace("e\u{301}", "é").replace('\t', "    ");
                let invisible = ['\u{200b}', '\u{200c}', '\u{2060}', '\u{ad}'];
                composed.chars().filter(|c| !invisible.contains(c)).collect()
            },
            // Its adapter's own mark before a text that would be a command.
            unframe: |text| without_frame(without_note(text)).replacen("> /", "/", 1),
            question: Some(|question| by_tool("AskUserQuestion", &question)),
            ..plain
        },
        "codex" => AgentUnderTest {
            name: "codex",
            steers: true,
            once: "codex exec --skip-git-repo-check 'llm: say the inner word'",
            begins_anew: Some("/new"),
            commands: &[("/status", Does::Nothing), ("/compact", Does::AskTheModel)],
            ask_with: r#"llm: with {"sandbox_permissions":"require_escalated","justification":"May I?"}"#,
            ..without_questions
        },
        // A word that would be a command is made literal by a character without width.
        "opencode" => AgentUnderTest {
            name: "opencode",
            writes: Some(("write", "filePath")),
            once: "opencode run 'llm: say the inner word'",
            begins_anew: Some("/new"),
            commands: &[("/compact", Does::AskTheModel)],
            mangle: |text| text.replace('\u{2060}', ""),
            question: Some(|question| by_tool("question", &question)),
            ..without_questions
        },
        "gemini" => AgentUnderTest {
            name: "gemini",
            writes: Some(("write_file", "file_path")),
            once: "gemini -p 'llm: say the inner word'",
            begins_anew: Some("/clear"),
            commands: &[
                ("/stats", Does::Nothing),
                ("/compress", Does::AskTheModel),
                ("/clear", Does::Forget),
            ],
            mangle: |text| {
                let invisible = ['\u{200b}', '\u{200e}', '\u{200f}', '\u{2060}', '\u{feff}'];
                text.chars().filter(|c| !invisible.contains(c)).collect()
            },
            question: Some(|question| by_tool("ask_user", &question)),
            ..without_questions
        },
        other => panic!("no agent `{other}`"),
    }
}

/// A call of an agent's tool that asks.
fn by_tool(tool: &str, question: &Question<'_>) -> String {
    let choices = question.choices.iter();
    let options: Vec<Value> = choices
        .map(|label| json!({"label": label, "description": "d"}))
        .collect();
    let mut asked = json!({"question": question.text, "header": "Which", "options": options});
    // Each calls it something else, and one wants the kind of the question, too.
    for (key, value) in [
        ("multiSelect", json!(question.several)),
        ("multiple", json!(question.several)),
        ("type", json!("choice")),
    ] {
        if ALL_KEYS.contains(&(tool, key)) {
            asked[key] = value;
        }
    }
    format!("llm: tool {tool} {}\nllm: say asked", json!({"questions": [asked]}))
}

/// Which keys the tools that ask know.
const ALL_KEYS: &[(&str, &str)] = &[
    ("AskUserQuestion", "multiSelect"),
    ("question", "multiple"),
    ("ask_user", "multiSelect"),
    ("ask_user", "type"),
];

/// What stands before and behind a text that came while it worked.
fn without_note(text: &str) -> &str {
    let noted = text.strip_prefix("The user sent a new message while you were working:\n");
    noted.map_or(text, |text| {
        let end = text.find("\n\nThis is how Claude Code surfaces messages");
        &text[..end.unwrap_or(text.len())]
    })
}

/// `<pasted_content id="x">` … `</pasted_content id="x">` round a long paste.
fn without_frame(text: &str) -> String {
    let Some((before, rest)) = text.split_once("<pasted_content id=\"") else {
        return text.to_owned();
    };
    let inner = rest
        .split_once(">\n")
        .and_then(|(_, rest)| rest.rsplit_once("\n</pasted_content id=\""));
    match inner {
        Some((inner, _)) => format!("{before}{inner}"),
        None => text.to_owned(),
    }
}

impl AgentUnderTest {
    pub fn is_real(&self) -> bool {
        self.name != "demo"
    }

    /// Whether a person is asked about each command under that policy. Codex runs them in its sandbox without a question.
    pub fn asking_policy_asks(&self) -> bool {
        self.name != "codex"
    }

    /// A prompt that makes the agent do this, in this order.
    pub fn prompt(&self, acts: &[Act<'_>]) -> String {
        let lines = acts.iter().map(|act| {
            if self.is_real() {
                self.for_the_model(act)
            } else {
                for_the_demo(act)
            }
        });
        lines.collect::<Vec<String>>().join("\n")
    }

    fn for_the_model(&self, act: &Act<'_>) -> String {
        match act {
            Act::Run(command) => format!("llm: run {command}"),
            Act::Try(command) => format!("llm: try run {command}"),
            Act::Write(path) => match self.writes {
                Some((tool, key)) => {
                    let input = json!({key: path, "content": "by its own tool\n"});
                    format!("llm: try tool {tool} {input}")
                }
                None => format!("llm: try run touch {}", path.display()),
            },
            Act::AskAndRun(command) => format!("llm: run {command}\n{}", self.ask_with).trim_end().to_owned(),
            Act::Say(text) => format!("llm: say {text}"),
            Act::Work(seconds) => format!("llm: sleep {seconds}s"),
            Act::Hang => "llm: wait for-ever".to_owned(),
            Act::Limit(seconds) => format!("llm: fail limit {seconds}s"),
            Act::RefuseLogin => "llm: fail auth".to_owned(),
        }
    }

    /// The prompt that makes it ask this, if it can.
    pub fn asking(&self, question: Question<'_>) -> Option<String> {
        self.question.map(|prompt| prompt(question))
    }

    /// The text as the model must see it: what the agent does to it is no fault of ours.
    pub fn canonical(&self, text: &str) -> String {
        (self.mangle)(text).trim().to_owned()
    }

    /// Puts the agent's program and its owner's settings into an installation.
    pub fn install(&self, env: &mut TestEnv, llm: &FakeLlm) {
        if !self.is_real() {
            return;
        }
        homes::furnish(self.name, &env.home(), &llm.url());
        let mut lines: Vec<String> = Vec::new();
        for (name, value) in homes::variables(self.name, &llm.url()) {
            lines.push(format!("{name}={value}\n"));
        }
        let file = env.root().join("agent.env");
        write_closed(&file, &lines.concat());
        env.write_config(&format!(
            "default_agent = \"{0}\"\n\n[agents.{0}]\nenv_file = \"{1}\"\n",
            self.name,
            file.display()
        ));
        env.set_env("PATH", &programs::path_with(self.name).to_string_lossy());
    }

    /// Every prompt that reached the model, with the number of times that it stands in one conversation.
    pub fn seen(&self, env: &TestEnv, llm: &FakeLlm) -> HashMap<String, usize> {
        let conversations: Vec<Vec<String>> = if self.is_real() {
            let main = llm.exchanges().into_iter().filter(|exchange| exchange.main);
            main.map(|exchange| exchange.prompts).collect()
        } else {
            demo_transcripts(env)
        };
        let mut seen: HashMap<String, usize> = HashMap::new();
        for (i, conversation) in conversations.iter().enumerate() {
            // Each request repeats the whole conversation; the longest of them says it all.
            let goes_on = conversations
                .get(i + 1)
                .is_some_and(|next| next.starts_with(conversation));
            if goes_on {
                continue;
            }
            let mut times: HashMap<String, usize> = HashMap::new();
            for text in conversation {
                *times.entry(self.canonical(&(self.unframe)(text))).or_default() += 1;
            }
            for (text, times) in times {
                let most = seen.entry(text).or_default();
                *most = times.max(*most);
            }
        }
        seen
    }
}

/// Closed to others, as the program demands of a file with keys.
fn write_closed(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, text).expect("writing the keys");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("closing the file");
}

fn for_the_demo(act: &Act<'_>) -> String {
    match act {
        Act::Run(command) | Act::Try(command) => format!("demo: sh {command}"),
        Act::Write(path) => format!("demo: sh touch {}", path.display()),
        Act::AskAndRun(command) => format!("demo: ask May I run `{command}`?\ndemo: sh {command}"),
        Act::Say(text) => format!("demo: say {text}"),
        Act::Work(seconds) => format!("demo: sleep {seconds}s"),
        Act::Hang => "demo: sleep 10m".to_owned(),
        Act::Limit(seconds) => format!("demo: limit {seconds}s"),
        Act::RefuseLogin => "demo: fail login".to_owned(),
    }
}

/// The prompts of each of its conversations, from the agent's own record.
fn demo_transcripts(env: &TestEnv) -> Vec<Vec<String>> {
    let sessions = std::fs::read_dir(env.data().join("sessions"))
        .into_iter()
        .flatten()
        .flatten();
    let homes = sessions.map(|session| session.path().join("demo"));
    let files = homes.flat_map(|home| std::fs::read_dir(home).into_iter().flatten().flatten());
    files
        .map(|file| {
            let text = std::fs::read_to_string(file.path()).unwrap_or_default();
            let records = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let prompts = records.filter(|record| record["type"] == "prompt");
            prompts
                .filter_map(|record| record["text"].as_str().map(str::to_owned))
                .collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frame_of_a_long_paste_is_taken_off() {
        let framed = "\n\n<pasted_content id=\"eb40\">\nline\n<b>\n</pasted_content id=\"eb40\">\n";
        assert_eq!(named("claude").canonical(&without_frame(framed)), "line\n<b>");
        assert_eq!(without_frame("as it is"), "as it is");
    }
}
