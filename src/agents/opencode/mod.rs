//! OpenCode. A plugin of ours, named in the launch's environment, tells what happens; nothing of the person's configuration is written.

mod journal;
mod launch;
mod permissions;
mod question;
mod screen;
mod signals;
mod stated;
mod text;

#[cfg(test)]
mod question_tests;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::program::{self, Program};
use super::screens::Rules;
use super::{Adapter, DRAW_TIME, LaunchContext, Recorded, Setup, TurnEnd};
use crate::domain::Timestamp;
use crate::domain::agent::{
    AgentCommand, AgentPlace, AgentSignal, Conversation, Detection, Evidence, Interrupt, Login, Prepared,
};
use crate::domain::dialog::{AnswerStep, Dialog, DialogAnswer};
use crate::domain::fault::Result;
use crate::domain::ids::SessionId;
use crate::domain::launch::LaunchSpec;
use crate::domain::outcome::Usage;
use crate::domain::screen::{Explained, Screen, ScreenReading};

/// The oldest version that the adapter was proven with.
const MINIMUM: &str = "1.18.33";
const INSTALL: &str = "npm install -g opencode-ai";
const RULES: &str = include_str!("screens.toml");
/// The directory beneath the session's where the plugin keeps its journal.
const HOME: &str = "opencode";
/// It takes a pasted text in asynchronously; Enter right after it may come first.
const SUBMIT_PAUSE: Duration = Duration::from_millis(150);
/// From Enter to the plugin's letter. The first prompt of a session waits for the program's own database.
const EVIDENCE_TIMEOUT: Duration = Duration::from_secs(20);
/// The plugin waits 5 s for one letter, and the last step of a turn may have one before it.
const END_HOOK_LIMIT: Duration = Duration::from_secs(12);
/// It draws the question first and what it is about when that has come; of a sub-agent's question it may never come.
const LATE_DETAIL_TIME: Duration = Duration::from_secs(2);
/// Variables that stand for a login with a provider.
const KEYS: &[&str] = &[
    "ANTHROPIC_API_KEY",
    "OPENAI_API_KEY",
    "GOOGLE_GENERATIVE_AI_API_KEY",
    "OPENROUTER_API_KEY",
    "OPENCODE_API_KEY",
];

const COMMANDS: &[AgentCommand] = &[
    command("/compact", "replace the conversation by a summary"),
    command("/undo", "take the last prompt back, and its changes of files"),
    command("/redo", "undo the last undo"),
    command("/init", "write an AGENTS.md for the repository"),
];

const fn command(word: &'static str, what: &'static str) -> AgentCommand {
    AgentCommand {
        word,
        takes_text: false,
        what,
    }
}

pub struct OpenCodeAgent {
    program: Program,
    rules: Rules,
}

impl OpenCodeAgent {
    pub fn new(setup: &Setup<'_>) -> Result<Self> {
        Ok(Self {
            program: Program::new(setup, "opencode", INSTALL)?,
            rules: Rules::load(RULES, "opencode", setup.screens)?,
        })
    }

    fn login(&self) -> Login {
        let kept = data_dir().is_some_and(|dir| {
            let text = std::fs::read_to_string(dir.join("auth.json")).unwrap_or_default();
            serde_json::from_str::<Value>(&text).is_ok_and(|keys| keys.as_object().is_some_and(|keys| !keys.is_empty()))
        });
        match kept || self.program.is_given(KEYS) {
            true => Login::Present,
            // A provider's key may stand in the configuration, and some models need none.
            false => Login::Unknown,
        }
    }
}

impl Adapter for OpenCodeAgent {
    fn name(&self) -> &str {
        self.program.name()
    }

    fn locate(&self) -> Result<PathBuf> {
        self.program.locate()
    }

    fn detect(&self) -> Result<Detection> {
        let path = self.locate()?;
        Ok(Detection {
            version: program::version(&path),
            path,
            login: self.login(),
            minimum: Some(MINIMUM.to_owned()),
        })
    }

    fn evidence(&self) -> Evidence {
        Evidence::Hook
    }

    fn launch(&self, context: &LaunchContext<'_>) -> Result<LaunchSpec> {
        let mut argv = self.program.argv()?;
        argv.extend(launch::flags(context));
        let secret_env = self.program.secret_env()?;
        Ok(LaunchSpec {
            argv,
            env: launch::environment(context, &secret_env)?,
            secret_env,
            files: vec![launch::plugin(context)],
        })
    }

    /// It chooses the id itself, with the first prompt.
    fn preset_native_id(&self, _session: &SessionId) -> Option<String> {
        None
    }

    fn can_resume(&self) -> bool {
        true
    }

    fn can_fork(&self) -> bool {
        true
    }

    fn conversations(&self, place: &AgentPlace<'_>) -> Vec<Conversation> {
        journal::conversations(&home(place.session_dir))
    }

    fn explain(&self, screen: &Screen) -> Explained {
        match screen::window(screen) {
            Some(window) => Explained {
                reading: ScreenReading::Dialog(window),
                rule: Some("window".into()),
            },
            None => self.rules.read(&screen::canonical(screen)),
        }
    }

    fn shows_start_page(&self, screen: &Screen) -> bool {
        screen::is_start_page(screen)
    }

    fn rules_version(&self) -> Option<&str> {
        self.rules.version()
    }

    fn composer_shows(&self, shown: &str, text: &str) -> bool {
        text::shows(shown, text)
    }

    fn prepare(&self, text: &str) -> Prepared {
        Prepared {
            text: text::prepared(text),
        }
    }

    /// It adds a blank to a pasted text of several lines.
    fn normalised(&self, text: &str) -> String {
        text.trim().to_owned()
    }

    fn commands(&self) -> &[AgentCommand] {
        COMMANDS
    }

    fn interpret(&self, event: &str, data: &Value, _at: Timestamp) -> AgentSignal {
        signals::interpret(event, data)
    }

    /// It counts from when the journal says that the turn is over (`turn_end`).
    fn end_hook_limit(&self) -> Duration {
        END_HOOK_LIMIT
    }

    fn submit_pause(&self) -> Duration {
        SUBMIT_PAUSE
    }

    fn interrupt(&self) -> Interrupt {
        Interrupt {
            keys: vec!["Escape".into(), "Escape".into()],
            returns_text_to_box: false,
            // Ctrl-C on an empty box would end the program.
            clear_keys: vec!["C-u".into()],
        }
    }

    fn draw_time(&self, dialog: &Dialog) -> Duration {
        match screen::lacks_detail(dialog) {
            true => LATE_DETAIL_TIME,
            false => DRAW_TIME,
        }
    }

    /// The keys of a choice stand in its row, several with a blank between them.
    fn answer_keys(&self, dialog: &Dialog, answer: &DialogAnswer) -> Option<Vec<String>> {
        let key = &dialog.choices[dialog.chosen(answer)?].key;
        Some(key.split(' ').map(str::to_owned).collect())
    }

    fn answer_steps(&self, dialog: &Dialog, answer: &DialogAnswer) -> Option<Vec<AnswerStep>> {
        match question::is_asked(dialog) {
            true => question::steps(dialog, answer),
            false => self.answer_keys(dialog, answer).map(AnswerStep::keys),
        }
    }

    fn answer_shows(&self, screen: &Screen, text: &str) -> bool {
        question::field_shows(screen, text)
    }

    fn confirm_keys(&self, dialog: &Dialog) -> Option<Vec<String>> {
        question::confirm_keys(dialog)
    }

    fn evidence_timeout(&self) -> Duration {
        EVIDENCE_TIMEOUT
    }

    fn recorded(&self, place: &AgentPlace<'_>, text: &str, since: Timestamp) -> Recorded {
        journal::recorded(&home(place.session_dir), text, since)
    }

    fn final_text(&self, place: &AgentPlace<'_>, since: Timestamp) -> Option<String> {
        journal::final_text(&home(place.session_dir), since)
    }

    fn usage(&self, place: &AgentPlace<'_>, since: Timestamp) -> Option<Usage> {
        journal::usage(&home(place.session_dir), since)
    }

    /// On a busy machine its box may be drawn without a sign of work long before the turn is over.
    fn turn_end(&self, place: &AgentPlace<'_>, since: Timestamp) -> TurnEnd {
        journal::turn_end(&home(place.session_dir), since)
    }
}

fn home(session_dir: &Path) -> PathBuf {
    session_dir.join(HOME)
}

/// A directory of the XDG kind: `$XDG_…_HOME`, else beneath the home.
fn xdg(variable: &str, usual: &str) -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let base = set(variable)
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(set("HOME")?).join(usual)))?;
    Some(base.join("opencode"))
}

fn data_dir() -> Option<PathBuf> {
    xdg("XDG_DATA_HOME", ".local/share")
}
