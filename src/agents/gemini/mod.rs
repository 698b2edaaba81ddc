//! Gemini CLI. Each session has a home of its own (`sessions/<id>/gemini`): the person's settings with our hooks added, and links to the
//! person's login. Nothing of `~/.gemini` is written.

mod asked;
mod home;
mod kept;
mod policy;
mod question;
mod signals;
mod text;
mod transcript;
mod trust;
mod usage;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::program::{self, Program};
use super::screens::Rules;
use super::{Adapter, LaunchContext, Recorded, Setup};
use crate::domain::Timestamp;
use crate::domain::agent::{
    AgentCommand, AgentPlace, AgentSignal, Conversation, Detection, Evidence, Interrupt, Login, Prepared,
};
use crate::domain::dialog::{AnswerStep, Dialog, DialogAnswer};
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::SessionId;
use crate::domain::launch::{BY_MOUNT, LaunchFile, LaunchSpec, ORIGIN_VAR};
use crate::domain::outcome::Usage;
use crate::domain::policy::Policy;
use crate::domain::screen::{Explained, Screen, ScreenReading};

/// The newest version that everything here was proven with, and the oldest.
const MINIMUM: &str = "0.61.0";
const INSTALL: &str = "npm install -g @google/gemini-cli";
const RULES: &str = include_str!("screens.toml");
/// It loses an Enter that comes less than 0.1 s after a paste; on a busy machine it needs longer to take the paste in.
const SUBMIT_PAUSE: Duration = Duration::from_millis(500);
/// Its hooks are processes that it starts one after the other, with a shell each.
const EVIDENCE_TIMEOUT: Duration = Duration::from_secs(20);
/// It fires a hook when a turn is cancelled by Escape, and none when a tool is refused. Where the screen says that the turn was cut
/// short, the hook gets so long: one that came after the next prompt would end that.
const CUT_SHORT_TIME: Duration = Duration::from_secs(2);
/// Variables that stand for a login.
const KEYS: &[&str] = &["GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_APPLICATION_CREDENTIALS"];
const POLICY_FILE: &str = "policy.toml";

const COMMANDS: &[AgentCommand] = &[
    command("/compress", false, "replace the conversation by a summary"),
    command("/clear", false, "forget the conversation and clear the screen"),
    command("/model", true, "choose the model"),
    command("/chat", true, "save, list or resume a checkpoint of the conversation"),
    command("/memory", true, "show, add to or reload what it was told to remember"),
    command("/stats", true, "what was used"),
    command("/tools", false, "the tools that it has"),
    command("/mcp", true, "the MCP servers that it knows"),
    command("/restore", true, "put files back as they were before a tool ran"),
];

const fn command(word: &'static str, takes_text: bool, what: &'static str) -> AgentCommand {
    AgentCommand { word, takes_text, what }
}

pub struct GeminiAgent {
    program: Program,
    rules: Rules,
    asked: asked::Asked,
}

impl GeminiAgent {
    pub fn new(setup: &Setup<'_>) -> Result<Self> {
        Ok(Self {
            program: Program::new(setup, "gemini", INSTALL)?,
            rules: Rules::load(RULES, "gemini", setup.screens)?,
            asked: asked::Asked::default(),
        })
    }

    /// The person's own settings, with which the session's are made.
    fn login(&self) -> Login {
        let kept = home::user_dir().is_some_and(|dir| dir.join("oauth_creds.json").exists());
        match kept || self.program.is_given(KEYS) {
            true => Login::Present,
            // The system's keychain may hold one; it is not asked.
            false => Login::Unknown,
        }
    }
}

impl Adapter for GeminiAgent {
    fn name(&self) -> &str {
        self.program.name()
    }

    fn locate(&self) -> Result<PathBuf> {
        self.program.locate()
    }

    fn detect(&self) -> Result<Detection> {
        let path = self.locate()?;
        let version = packaged_version(&path).or_else(|| program::version(&path));
        Ok(Detection {
            version,
            path,
            login: self.login(),
            minimum: Some(MINIMUM.to_owned()),
        })
    }

    fn evidence(&self) -> Evidence {
        Evidence::Hook
    }

    fn pre_seed(&self, context: &LaunchContext<'_>) -> Result<()> {
        policy::check_workspace(context)?;
        trust::check(context)?;
        if let Some(parent) = context.fork_of {
            transcript::copy_for_fork(context, parent)?;
        }
        if context.resume.is_some() || context.fork_of.is_some() {
            kept::renew(context)?;
        }
        home::prepare(context, &policy_file(context), self.program.is_given(KEYS))
    }

    fn launch(&self, context: &LaunchContext<'_>) -> Result<LaunchSpec> {
        let mut argv = self.program.argv()?;
        // Trust for this launch only: without it the program runs no hooks. The person's list of trusted folders is not touched.
        argv.push("--skip-trust".into());
        argv.extend(["--approval-mode".into(), approval_mode(context.policy).into()]);
        match (context.resume, context.fork_of) {
            (Some(id), _) => argv.extend(["--resume".into(), id.into()]),
            (None, Some(_)) => argv.extend(["--resume".into(), native_id(context.session)]),
            (None, None) => argv.extend(["--session-id".into(), native_id(context.session)]),
        }
        let home = home::root(context.session_dir);
        let env = BTreeMap::from([
            ("GEMINI_CLI_HOME".to_owned(), home.to_string_lossy().into_owned()),
            ("COLORTERM".to_owned(), "truecolor".to_owned()),
            (ORIGIN_VAR.to_owned(), BY_MOUNT.to_owned()),
        ]);
        Ok(LaunchSpec {
            argv,
            env,
            secret_env: self.program.secret_env()?,
            files: vec![LaunchFile {
                path: POLICY_FILE.into(),
                content: policy::rules(context.policy),
            }],
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

    fn conversations(&self, place: &AgentPlace<'_>) -> Vec<Conversation> {
        transcript::conversations(place)
    }

    fn explain(&self, screen: &Screen) -> Explained {
        let screen = text::without_ghosts(screen);
        let holds = question::holds_words(&screen);
        let plain = text::unframed(screen);
        let mut explained = self.rules.read(&plain);
        if let ScreenReading::Dialog(dialog) = explained.reading {
            explained.reading = ScreenReading::Dialog(question::whole(dialog, &plain, holds, &self.asked));
        }
        explained
    }

    fn was_interrupted(&self, screen: &Screen) -> bool {
        self.rules
            .was_interrupted(&text::unframed(text::without_ghosts(screen)))
    }

    fn cut_short_time(&self) -> Duration {
        CUT_SHORT_TIME
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

    fn interpret(&self, event: &str, data: &Value, _at: Timestamp) -> AgentSignal {
        self.asked.note(event, data);
        signals::interpret(event, data)
    }

    fn turn_of(&self, data: &Value) -> Option<String> {
        signals::turn_of(data)
    }

    /// While it waits for a hook its box is empty, and what is pasted then may be lost.
    fn end_hook_limit(&self) -> Duration {
        home::HOOK_TIMEOUT + Duration::from_secs(2)
    }

    fn submit_pause(&self) -> Duration {
        SUBMIT_PAUSE
    }

    fn interrupt(&self) -> Interrupt {
        Interrupt {
            keys: vec!["Escape".into()],
            returns_text_to_box: true,
            // Ctrl-C ends the program only when the box is empty and it comes twice; Ctrl-U clears one line.
            clear_keys: vec!["C-c".into()],
        }
    }

    fn answer_steps(&self, dialog: &Dialog, answer: &DialogAnswer) -> Option<Vec<AnswerStep>> {
        question::steps(dialog, answer).or_else(|| self.answer_keys(dialog, answer).map(AnswerStep::keys))
    }

    fn confirm_keys(&self, dialog: &Dialog) -> Option<Vec<String>> {
        question::confirm_keys(dialog)
    }

    fn evidence_timeout(&self) -> Duration {
        EVIDENCE_TIMEOUT
    }

    fn recorded(&self, place: &AgentPlace<'_>, text: &str, since: Timestamp) -> Recorded {
        transcript::recorded(place, text, since)
    }

    fn final_text(&self, place: &AgentPlace<'_>, since: Timestamp) -> Option<String> {
        transcript::final_text(place, since)
    }

    fn usage(&self, place: &AgentPlace<'_>, since: Timestamp) -> Option<Usage> {
        usage::since(place, since)
    }
}

fn policy_file(context: &LaunchContext<'_>) -> PathBuf {
    context.launch_dir.join(POLICY_FILE)
}

/// A UUID (version 8) made of the session's id: the same for every launch of the session.
fn native_id(session: &SessionId) -> String {
    let digest = crate::domain::text::sha256_hex(format!("telecoder gemini {session}").as_bytes());
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digest.as_bytes().chunks(2)) {
        let pair = std::str::from_utf8(pair).unwrap_or("0");
        *byte = u8::from_str_radix(pair, 16).unwrap_or(0);
    }
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

/// Our policy word in the agent's own words; the rules of `policy.toml` do the rest.
fn approval_mode(policy: Policy) -> &'static str {
    match policy {
        Policy::Locked | Policy::Observe | Policy::Ask => "default",
        Policy::Standard => "auto_edit",
        Policy::Yolo => "yolo",
    }
}

/// The program is a script in its npm package: the package says its version without a start of three seconds.
fn packaged_version(program: &Path) -> Option<String> {
    let script = program.canonicalize().ok()?;
    let package = script.ancestors().skip(1).take(3).find_map(|dir| {
        let text = std::fs::read_to_string(dir.join("package.json")).ok()?;
        serde_json::from_str::<Value>(&text).ok()
    })?;
    Some(package.get("version")?.as_str()?.to_owned())
}

fn unreadable(path: &Path, error: &std::io::Error) -> Fault {
    Fault::new(Kind::Storage, format!("{}: {error}", path.display()))
}
