//! How a session runs the bundled agent.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::wire::{Record, transcript_path};
use super::{conversations, reading};
use crate::agents::{Adapter, LaunchContext, Recorded, Setup, secrets, signal};
use crate::config::AgentConfig;
use crate::domain::Timestamp;
use crate::domain::agent::{AgentCommand, AgentPlace, AgentSignal, Conversation, Evidence, Interrupt, Steering};
use crate::domain::dialog::{AnswerStep, Dialog, DialogAnswer, DialogKind, Meaning};
use crate::domain::fault::{Fault, Result};
use crate::domain::ids::SessionId;
use crate::domain::launch::{DECISIONS_DIR, LaunchSpec};
use crate::domain::outcome::Usage;
use crate::domain::policy::Policy;
use crate::domain::screen::{Explained, Screen};

/// From Enter to the hook's letter. The agent fires it within milliseconds; a busy machine may take longer to start `telecoder`.
const EVIDENCE_TIMEOUT: Duration = Duration::from_secs(5);
/// What the agent knows of commands, with the quirk of that name.
const COMMANDS: &[AgentCommand] = &[AgentCommand {
    word: "/model",
    takes_text: true,
    what: "says so, and does nothing",
}];
/// The agent's directory beneath the session's.
const HOME: &str = "demo";

/// The bundled agent under one name of the registry.
pub struct DemoAgent {
    name: String,
    /// `[agents.NAME]` with this kind, if it is configured: further arguments (quirks) and variables.
    config: Option<AgentConfig>,
}

impl DemoAgent {
    pub fn new(setup: &Setup<'_>) -> Self {
        Self {
            name: setup.name.to_owned(),
            config: setup.config.cloned(),
        }
    }
}

impl Adapter for DemoAgent {
    fn name(&self) -> &str {
        &self.name
    }

    fn locate(&self) -> Result<PathBuf> {
        std::env::current_exe().map_err(|e| Fault::io("finding telecoder's own program", &e))
    }

    fn evidence(&self) -> Evidence {
        Evidence::Hook
    }

    fn launch(&self, context: &LaunchContext<'_>) -> Result<LaunchSpec> {
        let telecoder = context.telecoder.to_string_lossy().into_owned();
        let home = context.session_dir.join(HOME);
        let own = native_id(context.session);
        // One that begins from another has its record already.
        let begun = context.fork_of.is_some() && transcript_path(&home, &own).exists();
        let (id_flag, id) = match context.resume {
            Some(id) => ("--resume", id.to_owned()),
            None if begun => ("--resume", own),
            None => ("--session-id", own),
        };
        let mut argv = vec![telecoder.clone(), "demo-agent".into(), id_flag.into(), id];
        for (flag, value) in [
            ("--home", home.to_string_lossy().into_owned()),
            ("--hooks", telecoder),
            (
                "--decisions",
                context.launch_dir.join(DECISIONS_DIR).to_string_lossy().into_owned(),
            ),
            ("--constitution", context.agents_md.to_string_lossy().into_owned()),
            ("--permission-mode", permission_mode(context.policy).into()),
        ] {
            argv.extend([flag.to_owned(), value]);
        }
        let mut secret_env = BTreeMap::new();
        if let Some(config) = &self.config {
            argv.extend(config.args.iter().cloned());
            secret_env = secrets::secret_env(&self.name, config, &secrets::from_environment)?;
        }
        Ok(LaunchSpec {
            argv,
            env: BTreeMap::new(),
            secret_env,
            files: Vec::new(),
        })
    }

    fn preset_native_id(&self, session: &SessionId) -> Option<String> {
        Some(native_id(session))
    }

    fn can_resume(&self) -> bool {
        true
    }

    fn can_fork(&self) -> bool {
        true
    }

    fn usage(&self, place: &AgentPlace<'_>, since: Timestamp) -> Option<Usage> {
        counted(&transcript_path(&place.session_dir.join(HOME), place.native_id?), since)
    }

    fn pre_seed(&self, context: &LaunchContext<'_>) -> Result<()> {
        let (Some(other), Some(sessions)) = (context.fork_of, context.session_dir.parent()) else {
            return Ok(());
        };
        let home = context.session_dir.join(HOME);
        conversations::bring_over(&home, sessions, other, &native_id(context.session))
    }

    fn conversations(&self, place: &AgentPlace<'_>) -> Vec<Conversation> {
        conversations::list(&place.session_dir.join(HOME))
    }

    fn explain(&self, screen: &Screen) -> Explained {
        Explained {
            reading: reading::read(screen),
            rule: None,
        }
    }

    /// As its quirks say: without one a text that is typed while it works begins a turn of its own, and nobody steers.
    fn steering(&self) -> Option<Steering> {
        let args = self.config.iter().flat_map(|config| &config.args);
        args.flat_map(|word| word.split(',')).find_map(|quirk| match quirk {
            "steer" => Some(Steering::IntoTurn),
            "accept-when-queued" => Some(Steering::OwnQueue),
            _ => None,
        })
    }

    /// One, where its quirk says that it knows commands at all.
    fn commands(&self) -> &[AgentCommand] {
        let args = self.config.iter().flat_map(|config| &config.args);
        match args
            .flat_map(|word| word.split(','))
            .any(|quirk| quirk == "slash-commands")
        {
            true => COMMANDS,
            false => &[],
        }
    }

    fn loses_early_keys(&self) -> bool {
        let mut args = self.config.iter().flat_map(|config| &config.args);
        args.any(|words| words.split(',').any(|quirk| quirk.starts_with("deaf-dialog=")))
    }

    fn composer_shows(&self, shown: &str, text: &str) -> bool {
        reading::shows(shown, text)
    }

    fn interpret(&self, event: &str, data: &Value, _at: Timestamp) -> AgentSignal {
        signal::interpret(event, data)
    }

    fn interrupt(&self) -> Interrupt {
        Interrupt {
            keys: vec!["Escape".into()],
            returns_text_to_box: true,
            clear_keys: vec!["C-u".into()],
        }
    }

    /// A number chooses or ticks, the last row takes a text, and Enter sends it off.
    fn answer_steps(&self, dialog: &Dialog, answer: &DialogAnswer) -> Option<Vec<AnswerStep>> {
        let (choices, text) = match answer {
            DialogAnswer::Text(text) => (Vec::new(), Some(text.clone())),
            DialogAnswer::Several { choices, text } => (choices.clone(), text.clone()),
            DialogAnswer::Deny if dialog.kind == DialogKind::Question => {
                return Some(vec![AnswerStep::Key("Escape".into())]);
            }
            _ => {
                let mut keys = leave_own_row(dialog);
                keys.extend(self.answer_keys(dialog, answer)?);
                return Some(AnswerStep::keys(keys));
            }
        };
        let own = dialog.choices.iter().position(|choice| choice.own_words)?;
        let mut keys = leave_own_row(dialog);
        let boxes = dialog
            .choices
            .iter()
            .enumerate()
            .filter(|(at, _)| dialog.multi && *at != own);
        let wrong = boxes.filter(|(at, choice)| choice.checked != choices.contains(&(at + 1)));
        keys.extend(wrong.map(|(_, choice)| choice.key.clone()));
        let mut steps = AnswerStep::keys(keys);
        if let Some(text) = text {
            steps.extend([AnswerStep::Key(dialog.choices[own].key.clone()), AnswerStep::Text(text)]);
        }
        steps.push(AnswerStep::Key("Enter".into()));
        Some(steps)
    }

    fn decision(&self, dialog: &Dialog, answer: &DialogAnswer) -> Option<String> {
        let choice = &dialog.choices[dialog.chosen(answer)?];
        dialog.asker.as_ref()?;
        match choice.meaning? {
            Meaning::Allow => Some(signal::decision(true)),
            Meaning::Deny => Some(signal::decision(false)),
            Meaning::AllowAlways => None,
        }
    }

    fn evidence_timeout(&self) -> Duration {
        EVIDENCE_TIMEOUT
    }

    fn recorded(&self, place: &AgentPlace<'_>, text: &str, since: Timestamp) -> Recorded {
        let Some(native_id) = place.native_id else {
            return Recorded::Unknown;
        };
        let path = transcript_path(&place.session_dir.join(HOME), native_id);
        look_up(&path, text, since).unwrap_or(Recorded::Unknown)
    }
}

/// What the transcript counts since then.
fn counted(path: &Path, since: Timestamp) -> Option<Usage> {
    let reader = BufReader::new(File::open(path).ok()?);
    let mut price: Option<f64> = None;
    let mut requests = Vec::new();
    for line in reader.split(b'\n') {
        if let Ok(Record::Usage {
            input,
            output,
            cost,
            at,
        }) = serde_json::from_slice(&line.ok()?)
            && at >= since
        {
            requests.push((input, output));
            price = cost.map_or(price, |cost| Some(price.unwrap_or(0.0) + cost));
        }
    }
    Some(Usage {
        cost_usd: price,
        ..Usage::of_tokens(requests)?
    })
}

fn leave_own_row(dialog: &Dialog) -> Vec<String> {
    dialog.is_in_own_words().then(|| "Up".to_owned()).into_iter().collect()
}

/// A UUID (version 8) made of the session's id: the same for every launch of the session.
fn native_id(session: &SessionId) -> String {
    let digest = Sha256::digest(format!("telecoder demo agent {session}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

/// Our policy word in the agent's own words.
fn permission_mode(policy: Policy) -> &'static str {
    match policy {
        Policy::Locked => "refuse",
        Policy::Observe => "read-only",
        Policy::Ask => "ask",
        Policy::Standard => "edits",
        Policy::Yolo => "bypass",
    }
}

/// What the transcript says. `Absent` allows the prompt to be typed again, so it is said only when nothing speaks against it: a
/// prompt that holds our text and more (glued to what a person had typed), one that waits in the agent's own queue (it may
/// still be run, or die with the agent) and a torn last line are `Unknown`.
fn look_up(path: &Path, text: &str, since: Timestamp) -> std::io::Result<Recorded> {
    let mut reader = BufReader::new(File::open(path)?);
    let mut line = Vec::new();
    let mut verdict = Recorded::Absent;
    while reader.read_until(b'\n', &mut line)? > 0 {
        match serde_json::from_slice(&line) {
            Ok(Record::Prompt { text: taken, at, .. }) if at >= since && taken == text => return Ok(Recorded::Taken),
            Ok(Record::Prompt { text: other, at, .. } | Record::Queued { text: other, at })
                if at >= since && other.contains(text.trim()) =>
            {
                verdict = Recorded::Unknown;
            }
            Ok(_) => {}
            Err(_) => verdict = Recorded::Unknown,
        }
        line.clear();
    }
    Ok(verdict)
}

#[cfg(test)]
mod tests;
