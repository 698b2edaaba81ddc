//! One file (or folder) per agent: launch, readiness, screen, hooks, resume. Nothing about an agent stands elsewhere.
//!
//! An adapter decides and describes; it starts nothing and types nothing.

mod custom;
pub mod demo;
mod registry;
mod secrets;
mod signal;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::domain::Timestamp;
use crate::domain::agent::{AgentSignal, Evidence};
use crate::domain::fault::Result;
use crate::domain::ids::{LaunchNo, SessionId, SessionName};
use crate::domain::launch::LaunchSpec;
use crate::domain::policy::Policy;
use crate::domain::screen::{Screen, ScreenReading};

pub use registry::Registry;

/// What an adapter may know about the launch that it describes.
pub struct LaunchContext<'a> {
    pub session: &'a SessionId,
    pub name: &'a SessionName,
    pub launch: LaunchNo,
    pub policy: Policy,
    pub work_dir: &'a Path,
    /// `sessions/<id>`: an agent may keep its own state in a directory of its name here.
    pub session_dir: &'a Path,
    pub launch_dir: &'a Path,
    /// The constitution for this session's agent, as a file.
    pub agents_md: &'a Path,
    /// `<data>/bin/telecoder`: the stable path that hooks call.
    pub telecoder: &'a Path,
    /// The agent's own session id, for a resume.
    pub resume: Option<&'a str>,
}

/// What an agent's own record says about a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    Taken,
    Absent,
    /// The agent keeps no record that we can read.
    Unknown,
}

pub trait Adapter: Send + Sync {
    fn name(&self) -> &str;
    /// The program, found in PATH. Error `ProgramMissing` with the way to install it.
    fn locate(&self) -> Result<PathBuf>;
    fn evidence(&self) -> Evidence;
    fn launch(&self, context: &LaunchContext<'_>) -> Result<LaunchSpec>;
    /// The native session id that `launch` presets, when the agent lets us choose it.
    fn preset_native_id(&self, session: &SessionId) -> Option<String>;
    fn can_resume(&self) -> bool;
    fn read_screen(&self, screen: &Screen) -> ScreenReading;
    /// Whether the screen tells what the box holds. If not, `read_screen` never says `ComposerHolds`, and Enter follows the paste
    /// after `submit_pause` without a look.
    fn box_is_readable(&self) -> bool {
        true
    }
    /// Whether the box shows `text` (in full, its head and tail, or a placeholder for a long paste).
    fn composer_shows(&self, shown: &str, text: &str) -> bool;
    /// Meaning of a hook letter.
    fn interpret(&self, event: &str, data: &serde_json::Value) -> AgentSignal;
    fn submit_keys(&self) -> Vec<String>;
    /// How long this agent must be left alone between paste and Enter, with the box already showing the text (Gemini swallows
    /// an earlier Enter). Zero for most.
    fn submit_pause(&self) -> Duration;
    fn interrupt_keys(&self) -> Vec<String>;
    /// How long after Enter its evidence may take before the turn is unclear.
    fn evidence_timeout(&self) -> Duration;
    /// Looks into the agent's own transcript for a prompt of this session that was taken at or after `since`: when its typing
    /// began, for the same words may have been taken before.
    fn recorded(&self, session_dir: &Path, native_id: Option<&str>, text: &str, since: Timestamp) -> Recorded;
}
