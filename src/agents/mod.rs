//! One file (or folder) per agent: launch, readiness, screen, hooks, resume. Nothing about an agent stands elsewhere.
//!
//! An adapter decides and describes; it types nothing, and starts nothing but the agent's own `--version`.

mod claude;
pub mod codex;
mod custom;
pub mod demo;
mod echo;
mod gemini;
mod jsonc;
mod opencode;
mod program;
mod registry;
pub mod screens;
mod secrets;
mod signal;
mod stand_in;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::AgentConfig;
use crate::domain::Timestamp;
use crate::domain::agent::{
    AgentCommand, AgentPlace, AgentSignal, Conversation, Detection, Evidence, Interrupt, Login, Prepared, Steering,
};
use crate::domain::dialog::{AnswerStep, Dialog, DialogAnswer};
use crate::domain::fault::Result;
use crate::domain::ids::{LaunchNo, SessionId, SessionName};
use crate::domain::launch::LaunchSpec;
use crate::domain::outcome::Usage;
use crate::domain::policy::Policy;
use crate::domain::screen::{Explained, Screen, ScreenReading};

pub use registry::Registry;
pub use stand_in::StandIn;

/// For agents whose own limit for a hook is not known.
const END_HOOK_LIMIT: Duration = Duration::from_secs(9);
/// Programs draw a dialog in one go, and a terminal may be looked at in the middle of it.
const DRAW_TIME: Duration = Duration::from_millis(50);

/// What an adapter is made of: the name under which it is known, `[agents.NAME]`, and where rules files of the person's own lie.
pub struct Setup<'a> {
    pub name: &'a str,
    pub config: Option<&'a AgentConfig>,
    /// `<data>/screens`.
    pub screens: Option<&'a Path>,
}

/// What an adapter may know about the launch that it describes.
pub struct LaunchContext<'a> {
    pub session: &'a SessionId,
    pub name: &'a SessionName,
    pub launch: LaunchNo,
    pub policy: Policy,
    pub work_dir: &'a Path,
    /// The local repository that the workspace is a clone of: what the person has said of it holds for the clone.
    pub repository: Option<&'a Path>,
    /// `sessions/<id>`: an agent may keep its own state in a directory of its name here.
    pub session_dir: &'a Path,
    pub launch_dir: &'a Path,
    /// The one directory beside its workspace that the agent must be able to write: `notify` leaves its letters there.
    pub mailbox: &'a Path,
    pub data_dir: &'a Path,
    /// The constitution for this session's agent, as a file.
    pub agents_md: &'a Path,
    /// `<data>/bin/telecoder`: the stable path that hooks call.
    pub telecoder: &'a Path,
    /// The agent's own session id, for a resume.
    pub resume: Option<&'a str>,
    /// The conversation of another session, to begin from; of no use any more once there is one of its own.
    pub fork_of: Option<&'a str>,
}

/// What an agent's own record says about a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    Taken,
    Absent,
    /// The agent keeps no record that we can read.
    Unknown,
}

/// What an agent's own record says of a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TurnEnd {
    /// It has not ended, whatever the screen looks like.
    Runs,
    /// It ended: `TurnEnded`, `TurnInterrupted`, `Limited` or `Failed`.
    Ended(AgentSignal),
    /// No record tells.
    Unknown,
}

pub trait Adapter: Send + Sync {
    fn name(&self) -> &str;
    /// The program, found in PATH. Error `ProgramMissing` with the way to install it.
    fn locate(&self) -> Result<PathBuf>;
    /// Version and login. May start the agent's `--version`, so it takes a moment.
    fn detect(&self) -> Result<Detection> {
        Ok(Detection {
            path: self.locate()?,
            version: None,
            login: Login::Unknown,
            minimum: None,
        })
    }
    fn evidence(&self) -> Evidence;
    fn launch(&self, context: &LaunchContext<'_>) -> Result<LaunchSpec>;
    /// What has to be in the agent's own files so that no question of its first run blocks. Called before each launch; must be
    /// repeatable, keep everything else, and never weaken what the person has set.
    fn pre_seed(&self, _context: &LaunchContext<'_>) -> Result<()> {
        Ok(())
    }
    /// The native session id that `launch` presets, when the agent lets us choose it.
    fn preset_native_id(&self, session: &SessionId) -> Option<String>;
    fn can_resume(&self) -> bool;
    /// Whether a new session can begin from another one's conversation (`LaunchContext::fork_of`).
    fn can_fork(&self) -> bool {
        false
    }
    /// Conversations in this place that could be resumed, newest first.
    fn conversations(&self, _place: &AgentPlace<'_>) -> Vec<Conversation> {
        Vec::new()
    }

    fn read_screen(&self, screen: &Screen) -> ScreenReading {
        self.explain(screen).reading
    }
    /// The reading and the rule that gave it.
    fn explain(&self, screen: &Screen) -> Explained;
    /// Why nothing is typed into a box that is there (a mode of an editor), with the way out.
    fn why_closed(&self, _screen: &Screen) -> Option<String> {
        None
    }
    /// Whether the screen says, in the agent's own words, that a person cut the last turn short. Some agents fire no hook for that.
    fn was_interrupted(&self, _screen: &Screen) -> bool {
        false
    }
    /// How long the screen must say so until it counts. Not at the first look: the screen may be older than the hook.
    fn cut_short_time(&self) -> Duration {
        Duration::from_millis(900)
    }
    /// Whether a prompt would begin a conversation of its own here. A fork is not there yet then: some agents show this page until they
    /// have copied what was said.
    fn shows_start_page(&self, _screen: &Screen) -> bool {
        false
    }
    /// Whether the screen says that the agent works, whatever its box holds. `None`: it cannot be told.
    fn shows_work(&self, _screen: &Screen) -> Option<bool> {
        None
    }
    /// What becomes of a text that is typed while the agent works. `None`: nothing is typed then, because the agent does not take it or
    /// does not say that it did.
    fn steering(&self) -> Option<Steering> {
        None
    }
    /// Whether there is a box for text on the screen of an agent that works. Asked only where it steers and reads as `Busy`.
    fn shows_box_at_work(&self, _screen: &Screen) -> bool {
        true
    }
    /// The newest version of the agent that its screen rules were proven with.
    fn rules_version(&self) -> Option<&str> {
        None
    }
    /// Whether the screen tells what the box holds. If not, `read_screen` never says `ComposerHolds`, and Enter follows the paste
    /// after `submit_pause` without a look.
    fn box_is_readable(&self) -> bool {
        true
    }
    /// Whether the box shows `text` (in full, its head and tail, or a placeholder for a long paste). `text` is a prepared one.
    fn composer_shows(&self, shown: &str, text: &str) -> bool;
    /// The text to paste: what would be a command to the agent gets what makes it literal.
    fn prepare(&self, text: &str) -> Prepared {
        Prepared { text: text.to_owned() }
    }
    /// What the agent itself makes of a text on its way to the model. Evidence is compared after it, on both sides.
    fn normalised(&self, text: &str) -> String {
        text.trim_end().to_owned()
    }
    /// Commands of the agent's own that may be sent as such.
    fn commands(&self) -> &[AgentCommand] {
        &[]
    }

    /// Whether a hook says that the agent runs before its first prompt. If not, its box alone says that it is ready.
    fn announces_start(&self) -> bool {
        true
    }
    /// Whether a hook speaks at every end of a turn, also after an error or an interruption. If not, `turn_end` is asked as soon as
    /// the box of a working agent is empty.
    fn announces_every_end(&self) -> bool {
        true
    }
    /// How long the box of a working agent stays idle, with no record that says more, until the hook that tells the end of the turn
    /// counts as lost: longer than the agent, or what calls the hook for it, waits for one hook.
    fn end_hook_limit(&self) -> Duration {
        END_HOOK_LIMIT
    }
    /// Meaning of a hook letter that was written at `at`.
    fn interpret(&self, event: &str, data: &serde_json::Value, at: Timestamp) -> AgentSignal;
    /// The agent's own id of whoever fired a hook, where the payload names it. One that is not the session's does not speak for it.
    fn speaker(&self, data: &serde_json::Value) -> Option<String> {
        data.get("session_id")?.as_str().map(str::to_owned)
    }
    /// The agent's own id of the turn that a hook speaks of, where the payload has one: the same at its prompt and at its end. By it
    /// a late end of one turn is told from the end of the next.
    fn turn_of(&self, data: &serde_json::Value) -> Option<String> {
        let id = data.get("turn_id").or_else(|| data.get("prompt_id"))?;
        id.as_str().map(str::to_owned)
    }

    fn submit_keys(&self) -> Vec<String> {
        vec!["Enter".into()]
    }
    /// How long this agent must be left alone between paste and Enter, with the box already showing the text (Gemini swallows
    /// an earlier Enter). Zero for most.
    fn submit_pause(&self) -> Duration {
        Duration::ZERO
    }
    fn interrupt(&self) -> Interrupt {
        Interrupt {
            keys: vec!["Escape".into()],
            returns_text_to_box: false,
            clear_keys: Vec::new(),
        }
    }
    /// How long this dialog must stay the same on the screen until it counts as drawn to its end.
    fn draw_time(&self, _dialog: &Dialog) -> Duration {
        DRAW_TIME
    }
    /// Whether it was seen to draw a dialog before it takes keys, and so to lose one.
    fn loses_early_keys(&self) -> bool {
        false
    }
    /// The keys that give this answer, which is one choice, to this dialog. `None`: it cannot be given by keys.
    fn answer_keys(&self, dialog: &Dialog, answer: &DialogAnswer) -> Option<Vec<String>> {
        by_choice_key(dialog, answer)
    }
    /// What is done on the screen to give this answer. An adapter whose agent takes texts, or several choices, says how.
    fn answer_steps(&self, dialog: &Dialog, answer: &DialogAnswer) -> Option<Vec<AnswerStep>> {
        self.answer_keys(dialog, answer).map(AnswerStep::keys)
    }
    /// Whether the dialog on the screen holds this text, which was pasted into it.
    fn answer_shows(&self, screen: &Screen, text: &str) -> bool {
        holds_text(&screen.rows, text)
    }
    /// What the hook that announced this dialog (`Dialog::asker`) is to print so that the agent takes this answer. `None`: the answer is
    /// given on the screen.
    fn decision(&self, _dialog: &Dialog, _answer: &DialogAnswer) -> Option<String> {
        None
    }
    /// The keys that send off what was answered, where this dialog asks nothing but that.
    fn confirm_keys(&self, _dialog: &Dialog) -> Option<Vec<String>> {
        None
    }
    /// How long after Enter its evidence may take before the turn is unclear.
    fn evidence_timeout(&self) -> Duration;
    /// Looks into the agent's own transcript for a prompt of this session that was taken at or after `since`: when its typing
    /// began, for the same words may have been taken before.
    fn recorded(&self, _place: &AgentPlace<'_>, _text: &str, _since: Timestamp) -> Recorded {
        Recorded::Unknown
    }
    /// Whether its transcript says that a prompt which it had in a queue of its own went into the running turn (true) or began one
    /// (false).
    fn went_into_turn(&self, _place: &AgentPlace<'_>, _text: &str, _since: Timestamp) -> Option<bool> {
        None
    }
    /// The agent's last message since then, from its transcript, for turns whose end no hook told.
    fn final_text(&self, _place: &AgentPlace<'_>, _since: Timestamp) -> Option<String> {
        None
    }
    /// Whether the agent's record of an answer comes after the hook that tells of the end.
    fn records_late(&self) -> bool {
        false
    }
    /// What the provider counted since then, where the agent's own record tells it.
    fn usage(&self, _place: &AgentPlace<'_>, _since: Timestamp) -> Option<Usage> {
        None
    }
    /// What the agent's transcript says of the last turn, which was typed at `since`.
    fn turn_end(&self, _place: &AgentPlace<'_>, _since: Timestamp) -> TurnEnd {
        TurnEnd::Unknown
    }
}

/// Whether the rows hold the text, however the terminal wrapped it.
fn holds_text(rows: &[String], text: &str) -> bool {
    squeezed(&rows.join("")).contains(&squeezed(text))
}

/// A text without what a terminal adds, takes, or draws otherwise: blanks, ends of rows, frames, some marks.
fn squeezed(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// The key that stands before the choice, or Down from the selected one to it and Enter.
pub fn by_choice_key(dialog: &Dialog, answer: &DialogAnswer) -> Option<Vec<String>> {
    let at = dialog.chosen(answer)?;
    let key = &dialog.choices[at].key;
    if !key.is_empty() {
        return Some(vec![key.clone()]);
    }
    by_mark(dialog, answer)
}

/// Moves the mark to the choice and takes it.
pub fn by_mark(dialog: &Dialog, answer: &DialogAnswer) -> Option<Vec<String>> {
    let (at, from) = (dialog.chosen(answer)?, dialog.selected?);
    let step = if at >= from { "Down" } else { "Up" };
    let mut keys = vec![step.to_owned(); at.abs_diff(from)];
    keys.push("Enter".into());
    Some(keys)
}
