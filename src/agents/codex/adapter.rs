//! How a session runs Codex.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::{home, launch, rollout, text, turns, usage};
use crate::agents::program::{self, Program};
use crate::agents::screens::Rules;
use crate::agents::{Adapter, LaunchContext, Recorded, Setup, TurnEnd, by_choice_key, by_mark, secrets, signal};
use crate::domain::Timestamp;
use crate::domain::agent::{
    AgentCommand, AgentPlace, AgentSignal, Conversation, Detection, Evidence, Interrupt, Prepared, PromptProof,
    Steering,
};
use crate::domain::dialog::{Dialog, DialogAnswer, DialogKind};
use crate::domain::fault::Result;
use crate::domain::ids::SessionId;
use crate::domain::launch::{LaunchFile, LaunchSpec};
use crate::domain::outcome::Usage;
use crate::domain::screen::{Explained, Screen};

const USUAL: &str = "codex";
const INSTALL: &str = "npm install -g @openai/codex";
/// The oldest version that the adapter was proven with.
const MINIMUM: &str = "0.169.0";
/// From Enter to the hook's letter: Codex fires it within 0.2 s; a busy machine takes longer to start `telecoder`.
const EVIDENCE_TIMEOUT: Duration = Duration::from_secs(10);
const SCREENS: &str = include_str!("screens.toml");
/// Conversations that `history` lists.
const CONVERSATIONS_MAX: usize = 50;

const COMMANDS: [AgentCommand; 7] = [
    command("/compact", false, "summarise the conversation to make room"),
    command("/model", false, "choose the model; opens a list"),
    command("/status", false, "show model, permissions and limits on the screen"),
    command("/review", true, "review changes; opens a list without words"),
    command("/init", false, "write an AGENTS.md for the repository"),
    command("/plan", true, "plan without changing anything"),
    command("/diff", false, "show the changes on the screen"),
];

const fn command(word: &'static str, takes_text: bool, what: &'static str) -> AgentCommand {
    AgentCommand { word, takes_text, what }
}

/// Codex under one name of the registry.
pub struct CodexAgent {
    program: Program,
    rules: Rules,
}

impl CodexAgent {
    /// Errors: `Config`, naming the key or the rules file.
    pub fn new(setup: &Setup<'_>) -> Result<Self> {
        Ok(Self {
            program: Program::new(setup, USUAL, INSTALL)?,
            rules: Rules::load(SCREENS, USUAL, setup.screens)?,
        })
    }

    /// `CODEX_HOME` of a launch, and the variable where somebody set it.
    fn home(&self) -> (PathBuf, Option<String>) {
        let given = self
            .program
            .secret_env()
            .ok()
            .and_then(|mut env| env.remove(home::VARIABLE));
        let given = given.or_else(|| secrets::from_environment(home::VARIABLE));
        let user_home = secrets::from_environment("HOME").map(PathBuf::from);
        (home::find(given.as_deref(), user_home.as_deref()), given)
    }

    /// What the conversation's last turn proposes to do, where it planned.
    fn plan(&self, id: &str) -> Option<String> {
        let (home, _) = self.home();
        turns::plan(&rollout::read(&rollout::find(&home, id)?).ok()?)
    }

    fn records(&self, place: &AgentPlace<'_>) -> Option<Vec<rollout::Record>> {
        let (home, _) = self.home();
        let path = match place.native_id {
            Some(id) => rollout::find(&home, id)?,
            None => rollout::of_place(&home, place.work_dir).into_iter().next()?.1,
        };
        rollout::read(&path).ok()
    }
}

impl Adapter for CodexAgent {
    fn name(&self) -> &str {
        self.program.name()
    }

    fn locate(&self) -> Result<PathBuf> {
        self.program.locate()
    }

    fn detect(&self) -> Result<Detection> {
        let path = self.locate()?;
        let (home, _) = self.home();
        let has = |name: &str| self.program.is_given(&[name]);
        Ok(Detection {
            version: program::version(&path),
            login: home::login(&home, &home::settings(&home), &has),
            minimum: Some(MINIMUM.to_owned()),
            path,
        })
    }

    fn evidence(&self) -> Evidence {
        Evidence::Hook
    }

    fn launch(&self, context: &LaunchContext<'_>) -> Result<LaunchSpec> {
        let (home, given) = self.home();
        let mut argv = self.program.argv()?;
        argv.extend(launch::arguments(context, &home::settings(&home))?);
        let (name, value) = launch::NATIVE_ID_VAR;
        let mut env = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        if let Some(given) = given {
            env.insert(home::VARIABLE.to_owned(), given);
        }
        let mut files = Vec::new();
        if home.starts_with(std::env::temp_dir()) {
            // Below the directory for temporary files Codex does not put the helpers that its sandbox runs by.
            env.insert(
                "TMPDIR".to_owned(),
                context.launch_dir.join(TEMPORARY).to_string_lossy().into_owned(),
            );
            files.push(LaunchFile {
                path: Path::new(TEMPORARY).join(".keep"),
                content: String::new(),
            });
        }
        Ok(LaunchSpec {
            argv,
            env,
            secret_env: self.program.secret_env()?,
            files,
        })
    }

    fn preset_native_id(&self, _session: &SessionId) -> Option<String> {
        None
    }

    fn can_resume(&self) -> bool {
        true
    }

    fn can_fork(&self) -> bool {
        true
    }

    fn announces_start(&self) -> bool {
        false
    }

    fn announces_every_end(&self) -> bool {
        false
    }

    fn conversations(&self, place: &AgentPlace<'_>) -> Vec<Conversation> {
        let (home, _) = self.home();
        let found = rollout::of_place(&home, place.work_dir)
            .into_iter()
            .take(CONVERSATIONS_MAX);
        found.map(|(meta, path)| conversation(meta.id, &path)).collect()
    }

    fn explain(&self, screen: &Screen) -> Explained {
        self.rules.read(screen)
    }

    fn why_closed(&self, screen: &Screen) -> Option<String> {
        self.rules.why_closed(screen)
    }

    fn steering(&self) -> Option<Steering> {
        Some(Steering::IntoTurn)
    }

    fn shows_box_at_work(&self, screen: &Screen) -> bool {
        self.rules.shows_work(screen).is_some()
    }

    fn rules_version(&self) -> Option<&str> {
        self.rules.version()
    }

    fn composer_shows(&self, shown: &str, text: &str) -> bool {
        text::shows(shown, text)
    }

    fn prepare(&self, text: &str) -> Prepared {
        Prepared {
            text: text::prepare(text),
        }
    }

    fn normalised(&self, text: &str) -> String {
        text::normalised(text)
    }

    fn commands(&self) -> &[AgentCommand] {
        &COMMANDS
    }

    fn interpret(&self, event: &str, data: &Value, _at: Timestamp) -> AgentSignal {
        let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        // A sub-agent of Codex's own speaks of itself.
        let is_sub_agent = data.get("agent_id").is_some_and(|id| !id.is_null());
        match event {
            _ if is_sub_agent => AgentSignal::Nothing,
            signal::USER_PROMPT_SUBMIT if was_cut(data) => AgentSignal::PromptAccepted {
                prompt: PromptProof::Beginning(text(data, "prompt")),
            },
            "PreToolUse" => AgentSignal::Progress {
                tool: text(data, "tool_name"),
                detail: text(data.get("tool_input").unwrap_or(&Value::Null), "command"),
            },
            signal::SESSION_START | signal::USER_PROMPT_SUBMIT | signal::STOP => match signal::interpret(event, data) {
                AgentSignal::TurnEnded { final_text: None } => AgentSignal::TurnEnded {
                    final_text: self.plan(&text(data, "session_id")),
                },
                told => told,
            },
            _ => AgentSignal::Nothing,
        }
    }

    /// One Escape interrupts a turn, and the box stays empty. Ctrl-C in an empty box would end the program.
    fn interrupt(&self) -> Interrupt {
        Interrupt {
            keys: vec!["Escape".into()],
            returns_text_to_box: false,
            clear_keys: vec!["C-u".into()],
        }
    }

    fn answer_keys(&self, dialog: &Dialog, answer: &DialogAnswer) -> Option<Vec<String>> {
        // In a low window the last choices are not drawn, but Escape is always the refusal.
        let refused = *answer == DialogAnswer::Deny && dialog.kind == DialogKind::Permission;
        if refused && dialog.chosen(answer).is_none() {
            return Some(vec!["Escape".into()]);
        }
        // Before the first prompt (folder, hooks, login) one number only moves the mark, and another acts at once.
        match dialog.kind {
            DialogKind::Trust | DialogKind::Other => by_mark(dialog, answer),
            _ => by_choice_key(dialog, answer),
        }
    }

    fn evidence_timeout(&self) -> Duration {
        EVIDENCE_TIMEOUT
    }

    fn recorded(&self, place: &AgentPlace<'_>, text: &str, since: Timestamp) -> Recorded {
        match self.records(place) {
            Some(records) => turns::recorded(&records, text, since),
            None => Recorded::Unknown,
        }
    }

    fn final_text(&self, place: &AgentPlace<'_>, since: Timestamp) -> Option<String> {
        turns::final_text(&self.records(place)?, since)
    }

    fn usage(&self, place: &AgentPlace<'_>, since: Timestamp) -> Option<Usage> {
        usage::since(&rollout::find(&self.home().0, place.native_id?)?, since)
    }

    fn turn_end(&self, place: &AgentPlace<'_>, since: Timestamp) -> TurnEnd {
        let records = self.records(place);
        records.map_or(TurnEnd::Unknown, |records| turns::end(&records, since))
    }
}

/// The launch's own directory for temporary files.
const TEMPORARY: &str = "tmp";

/// Whether `telecoder hook` had to cut the prompt to fit a letter.
fn was_cut(data: &Value) -> bool {
    let cut = data.get("telecoderCut").and_then(Value::as_array);
    cut.is_some_and(|names| names.iter().any(|name| name == "prompt"))
}

fn conversation(native_id: String, path: &Path) -> Conversation {
    let title = rollout::first_prompt(path).unwrap_or_default();
    let records = rollout::read(path).unwrap_or_default();
    Conversation {
        native_id,
        title: title.lines().next().unwrap_or_default().to_owned(),
        last_at: records.iter().rev().find_map(rollout::Record::at),
    }
}

#[cfg(test)]
mod tests;
