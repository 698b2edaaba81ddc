//! Every command: its name, who may use it, and what the menu of a chat says about it.

use super::level::Level;
use crate::domain::person::Role;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Start,
    StartYolo,
    New,
    List,
    Switch,
    Status,
    Inbox,
    Logs,
    Screen,
    Key,
    /// One key by its name.
    Press(&'static str),
    Interrupt,
    Steer,
    Stop,
    Resume,
    ResumeLast,
    ResumeYolo,
    Diff,
    Explain,
    /// A command of the agent's own.
    Own,
    Get,
    Level(Level),
    Health,
    People,
    Allow,
    Forbid,
    Help,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub name: &'static str,
    pub verb: Verb,
    pub role: Role,
    about: &'static str,
}

const fn entry(name: &'static str, verb: Verb, role: Role, about: &'static str) -> Entry {
    Entry {
        name,
        verb,
        role,
        about,
    }
}

use Role::{Operator, Owner, Viewer};

pub(super) const TABLE: &[Entry] = &[
    entry("new", Verb::New, Operator, "a new session: /new [repo] [name]"),
    entry("list", Verb::List, Viewer, "all sessions"),
    entry("switch", Verb::Switch, Operator, "talk to another session"),
    entry("status", Verb::Status, Viewer, "what a session does, and why"),
    entry("explain", Verb::Explain, Viewer, "by which sign it has its status"),
    entry("diff", Verb::Diff, Viewer, "what it changed"),
    entry("inbox", Verb::Inbox, Viewer, "what finished, failed or waits"),
    entry("logs", Verb::Logs, Viewer, "what was said last"),
    entry("history", Verb::Logs, Viewer, "the same as /logs"),
    entry("screen", Verb::Screen, Viewer, "the terminal as it is now"),
    entry("get", Verb::Get, Operator, "a file of the workspace"),
    entry("interrupt", Verb::Interrupt, Operator, "stop what the agent is doing"),
    entry(
        "steer",
        Verb::Steer,
        Operator,
        "say something into what runs: /steer TEXT",
    ),
    entry("stop", Verb::Stop, Operator, "end a session"),
    entry("resume", Verb::Resume, Operator, "go on with a session that ended"),
    entry(
        "resume_last",
        Verb::ResumeLast,
        Operator,
        "go on with the last one that ended",
    ),
    entry(
        "resume_yolo",
        Verb::ResumeYolo,
        Owner,
        "go on, and the agent asks nothing more",
    ),
    entry("compact", Verb::Own, Operator, "let the agent sum up its conversation"),
    entry("key", Verb::Key, Operator, "press keys: /key Down Enter"),
    entry("enter", Verb::Press("Enter"), Operator, "press Enter"),
    entry("esc", Verb::Press("Escape"), Operator, "press Escape"),
    entry("up", Verb::Press("Up"), Operator, "press Up"),
    entry("down", Verb::Press("Down"), Operator, "press Down"),
    entry("left", Verb::Press("Left"), Operator, "press Left"),
    entry("right", Verb::Press("Right"), Operator, "press Right"),
    entry("tab", Verb::Press("Tab"), Operator, "press Tab"),
    entry("quiet", Verb::Level(Level::Quiet), Viewer, "no progress here"),
    entry("normal", Verb::Level(Level::Normal), Viewer, "progress of long turns"),
    entry("verbose", Verb::Level(Level::Verbose), Viewer, "progress of every turn"),
    entry("health", Verb::Health, Viewer, "whether all is well"),
    entry("start", Verb::Start, Viewer, "hello; a session: /start NAME"),
    entry(
        "start_yolo",
        Verb::StartYolo,
        Owner,
        "a session whose agent asks nothing",
    ),
    entry("people", Verb::People, Owner, "who may talk to me"),
    entry("allow", Verb::Allow, Owner, "open this group"),
    entry("forbid", Verb::Forbid, Owner, "shut somebody out"),
    entry("help", Verb::Help, Viewer, "what there is"),
];

/// The menu of a role: name and description.
pub(in crate::bridge) fn menu(role: Role) -> Vec<(&'static str, &'static str)> {
    TABLE
        .iter()
        .filter(|entry| entry.role <= role)
        .map(|entry| (entry.name, entry.about))
        .collect()
}
