//! Claude Code. Its hooks come by a settings file of the launch, never by the person's own; its conversation has an id of ours.
//! docs/agents.md, "Claude Code", has what was measured with the real program.

mod answer;
mod hooks;
mod launch;
mod limits;
mod place;
mod seed;
mod text;
mod transcript;
mod usage;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::program::{self, Program};
use super::screens::Rules;
use super::{Adapter, LaunchContext, Recorded, Setup, by_choice_key, holds_text};
use crate::domain::Timestamp;
use crate::domain::agent::{
    AgentCommand, AgentPlace, AgentSignal, Conversation, Detection, Evidence, Interrupt, Prepared, Steering,
};
use crate::domain::dialog::{AnswerStep, Dialog, DialogAnswer, DialogKind};
use crate::domain::fault::Result;
use crate::domain::ids::SessionId;
use crate::domain::launch::LaunchSpec;
use crate::domain::outcome::Usage;
use crate::domain::screen::{Explained, Screen};

/// The oldest version that this adapter was proven with.
const MINIMUM: &str = "2.1.329";
/// From Enter to the hook's letter: 0.1 s measured; a machine that swaps takes longer.
const EVIDENCE_TIMEOUT: Duration = Duration::from_secs(10);
const PROGRAM: &str = "claude";
const INSTALL: &str = "npm install -g @anthropic-ai/claude-code";

/// Commands that act on the conversation and show no screen of their own that would swallow what is typed next.
const COMMANDS: &[AgentCommand] = &[
    AgentCommand {
        word: "/compact",
        takes_text: true,
        what: "sum up the conversation so far, and go on with the summary",
    },
    AgentCommand {
        word: "/clear",
        takes_text: false,
        what: "begin a new conversation",
    },
    AgentCommand {
        word: "/model",
        takes_text: true,
        what: "use this model",
    },
    AgentCommand {
        word: "/effort",
        takes_text: true,
        what: "think less or more: low, medium, high",
    },
];

pub struct ClaudeCode {
    program: Program,
    rules: Rules,
}

impl ClaudeCode {
    pub fn new(setup: &Setup<'_>) -> Result<Self> {
        Ok(Self {
            program: Program::new(setup, PROGRAM, INSTALL)?,
            rules: Rules::load(include_str!("screens.toml"), PROGRAM, setup.screens)?,
        })
    }

    fn home(&self) -> Option<place::Home> {
        place::Home::find(&self.program.secret_env().ok()?)
    }
}

impl Adapter for ClaudeCode {
    fn name(&self) -> &str {
        self.program.name()
    }

    fn locate(&self) -> Result<PathBuf> {
        self.program.locate()
    }

    fn detect(&self) -> Result<Detection> {
        let path = self.locate()?;
        let env = self.program.secret_env()?;
        Ok(Detection {
            version: program::version(&path),
            login: place::login(&env),
            minimum: Some(MINIMUM.into()),
            path,
        })
    }

    fn evidence(&self) -> Evidence {
        Evidence::Hook
    }

    fn launch(&self, context: &LaunchContext<'_>) -> Result<LaunchSpec> {
        launch::spec(self.program.argv()?, self.program.secret_env()?, context)
    }

    fn pre_seed(&self, context: &LaunchContext<'_>) -> Result<()> {
        let env = self.program.secret_env()?;
        match place::Home::find(&env) {
            Some(home) => {
                seed::seed(&home, context.work_dir, &env)?;
                context
                    .resume
                    .map_or(Ok(()), |id| launch::set_aside_unfinished(&home, id))?;
                context
                    .fork_of
                    .map_or(Ok(()), |other| launch::bring_over(&home, other, context.work_dir))
            }
            None => Ok(()),
        }
    }

    fn preset_native_id(&self, session: &SessionId) -> Option<String> {
        Some(launch::native_id(session))
    }

    fn can_resume(&self) -> bool {
        true
    }

    fn can_fork(&self) -> bool {
        true
    }

    fn conversations(&self, place: &AgentPlace<'_>) -> Vec<Conversation> {
        self.home()
            .map(|home| transcript::conversations(&home, place.work_dir))
            .unwrap_or_default()
    }

    fn explain(&self, screen: &Screen) -> Explained {
        self.rules.read(screen)
    }

    fn was_interrupted(&self, screen: &Screen) -> bool {
        self.rules.was_interrupted(screen)
    }

    fn shows_work(&self, screen: &Screen) -> Option<bool> {
        self.rules.shows_work(screen)
    }

    fn why_closed(&self, screen: &Screen) -> Option<String> {
        self.rules.why_closed(screen)
    }

    fn steering(&self) -> Option<Steering> {
        Some(Steering::OwnQueue)
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
            text: text::prepared(text),
        }
    }

    fn normalised(&self, text: &str) -> String {
        text::normalised(text)
    }

    fn commands(&self) -> &[AgentCommand] {
        COMMANDS
    }

    fn interpret(&self, event: &str, data: &Value, at: Timestamp) -> AgentSignal {
        hooks::interpret(event, data, at)
    }

    fn interrupt(&self) -> Interrupt {
        Interrupt {
            keys: vec!["Escape".into()],
            returns_text_to_box: true,
            // One empties the box; a second one, on the empty box, would leave.
            clear_keys: vec!["C-c".into()],
        }
    }

    /// On a machine with ten processes for two processors, 2.1.329 did so in 3 of 14 runs.
    fn loses_early_keys(&self) -> bool {
        true
    }

    fn answer_keys(&self, dialog: &Dialog, answer: &DialogAnswer) -> Option<Vec<String>> {
        // A question without a No is refused by leaving it; the trust dialog has its own choice for that.
        by_choice_key(dialog, answer).or_else(|| match answer {
            DialogAnswer::Deny if dialog.kind != DialogKind::Other => Some(vec!["Escape".into()]),
            _ => None,
        })
    }

    fn answer_steps(&self, dialog: &Dialog, answer: &DialogAnswer) -> Option<Vec<AnswerStep>> {
        answer::steps(dialog, answer).or_else(|| self.answer_keys(dialog, answer).map(AnswerStep::keys))
    }

    fn answer_shows(&self, screen: &Screen, text: &str) -> bool {
        answer::begins_with(&screen.rows, text) && holds_text(&screen.rows, text)
    }

    fn decision(&self, dialog: &Dialog, answer: &DialogAnswer) -> Option<String> {
        answer::decision(dialog, answer)
    }

    fn confirm_keys(&self, dialog: &Dialog) -> Option<Vec<String>> {
        answer::confirm_keys(dialog)
    }

    fn evidence_timeout(&self) -> Duration {
        EVIDENCE_TIMEOUT
    }

    fn recorded(&self, place: &AgentPlace<'_>, text: &str, since: Timestamp) -> Recorded {
        match self.transcript(place) {
            Some(path) => transcript::recorded(&path, text, since).unwrap_or(Recorded::Unknown),
            None => Recorded::Unknown,
        }
    }

    fn went_into_turn(&self, place: &AgentPlace<'_>, text: &str, since: Timestamp) -> Option<bool> {
        transcript::went_into_turn(&self.transcript(place)?, text, since)
    }

    fn final_text(&self, place: &AgentPlace<'_>, since: Timestamp) -> Option<String> {
        transcript::final_text(&self.transcript(place)?, since)
    }

    fn records_late(&self) -> bool {
        true
    }

    fn usage(&self, place: &AgentPlace<'_>, since: Timestamp) -> Option<Usage> {
        usage::since(&self.transcript(place)?, since)
    }
}

impl ClaudeCode {
    fn transcript(&self, place: &AgentPlace<'_>) -> Option<PathBuf> {
        let native_id = place.native_id?;
        self.home()?.transcript(native_id)
    }
}

/// Where a launch keeps what it writes for this agent, beneath the launch directory.
fn own_files(name: &str) -> PathBuf {
    Path::new(PROGRAM).join(name)
}

#[cfg(test)]
mod tests;
