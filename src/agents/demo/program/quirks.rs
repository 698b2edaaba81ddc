//! Knobs that imitate the ways of real agents (docs/agents.md has the list). Off unless named by `--quirk` or by
//! `DEMO_AGENT_QUIRKS` (separated by commas).

use std::time::Duration;

use super::script::duration;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::text::nearest;

pub const ENVIRONMENT: &str = "DEMO_AGENT_QUIRKS";

/// Every quirk, with what stands after `=` where something must.
const NAMES: [(&str, bool); 23] = [
    ("slow-start", true),
    ("late-composer", true),
    ("late-session-start", false),
    ("trust-dialog", false),
    ("swallow-enter", true),
    ("backslash-newline", false),
    ("slash-commands", false),
    ("bang-shell", false),
    ("trim-prompt", false),
    ("wrap-paste", false),
    ("accept-when-queued", false),
    ("steer", false),
    ("restore-interrupted", false),
    ("late-restore", true),
    ("late-evidence", true),
    ("late-dialog", true),
    ("late-screen", true),
    ("deaf-dialog", true),
    ("mute-hook", true),
    ("leave-hook", false),
    ("mouse", false),
    ("cancel-exits", false),
    ("deaf-to-term", false),
];

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quirks {
    /// Nothing at all happens for so long.
    pub slow_start: Duration,
    /// The box appears so long after SessionStart; what is typed before is lost (OpenCode).
    pub late_composer: Duration,
    /// SessionStart comes with the first prompt (Codex).
    pub late_session_start: bool,
    /// A dialog at the start whose default is to leave (Claude Code in a new directory).
    pub trust_dialog: bool,
    /// The same dialog over an idle box, so long after the box was first there (Codex).
    pub late_dialog: Option<Duration>,
    /// An answered dialog stays drawn for so long, whatever happens meanwhile (OpenCode on a busy machine).
    pub late_screen: Duration,
    /// What is typed so soon after a dialog opened is lost (Claude Code on a busy machine).
    pub deaf_dialog: Duration,
    /// Enter within this time after a paste is lost (Gemini).
    pub swallow_enter: Duration,
    /// Enter after a backslash makes a line (Claude Code).
    pub backslash_newline: bool,
    /// An unknown `/word` is refused and lost without a hook (Claude Code).
    pub slash_commands: bool,
    /// `!command` runs a command and is no prompt (Claude Code, Codex).
    pub bang_shell: bool,
    /// Blanks round a prompt are cut (Gemini).
    pub trim_prompt: bool,
    /// A long prompt reaches the model in a frame (Claude Code).
    pub wrap_paste: bool,
    /// The hook of a queued prompt comes at once, with the running turn's id (Claude Code).
    pub accept_when_queued: bool,
    /// A prompt that is submitted while a turn runs goes into that turn when its next step begins (Codex).
    pub steer: bool,
    /// An interrupted prompt comes back into the box (Claude Code).
    pub restore_interrupted: bool,
    /// It comes back so long after the empty box was drawn (Claude Code on a busy machine).
    pub late_restore: Duration,
    /// From the transcript's record to the hook of a prompt.
    pub late_evidence: Duration,
    /// Hooks of these events do not come; `all` for none at all.
    pub mute_hooks: Vec<String>,
    /// The hook of a dialog that was answered at the terminal is left waiting.
    pub leave_hook: bool,
    /// Asks the terminal for mouse events, and leaves it so after a crash (Claude Code).
    pub mouse: bool,
    /// One Ctrl-C on an empty box ends the program (Codex).
    pub cancel_exits: bool,
    /// SIGTERM does nothing.
    pub deaf_to_term: bool,
}

impl Quirks {
    /// Reads the flags' words and the environment's.
    pub fn parse(flags: &[String], environment: &str) -> Result<Self> {
        let mut quirks = Self::default();
        let words = flags
            .iter()
            .flat_map(|flag| flag.split(','))
            .chain(environment.split(','));
        for word in words.map(str::trim).filter(|word| !word.is_empty()) {
            quirks.set(word)?;
        }
        Ok(quirks)
    }

    pub fn mutes(&self, event: &str) -> bool {
        self.mute_hooks.iter().any(|muted| muted == event || muted == "all")
    }

    fn set(&mut self, word: &str) -> Result<()> {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        check(name, value)?;
        match name {
            "slow-start" => self.slow_start = parse_duration(word, value)?,
            "late-composer" => self.late_composer = parse_duration(word, value)?,
            "swallow-enter" => self.swallow_enter = parse_duration(word, value)?,
            "late-dialog" => self.late_dialog = Some(parse_duration(word, value)?),
            "late-screen" => self.late_screen = parse_duration(word, value)?,
            "deaf-dialog" => self.deaf_dialog = parse_duration(word, value)?,
            "late-evidence" => self.late_evidence = parse_duration(word, value)?,
            "mute-hook" => self.mute_hooks.push(value.to_owned()),
            "late-session-start" => self.late_session_start = true,
            "trust-dialog" => self.trust_dialog = true,
            "backslash-newline" => self.backslash_newline = true,
            "slash-commands" => self.slash_commands = true,
            "bang-shell" => self.bang_shell = true,
            "trim-prompt" => self.trim_prompt = true,
            "wrap-paste" => self.wrap_paste = true,
            "accept-when-queued" => self.accept_when_queued = true,
            "steer" => self.steer = true,
            "restore-interrupted" => self.restore_interrupted = true,
            "late-restore" => {
                self.restore_interrupted = true;
                self.late_restore = parse_duration(word, value)?;
            }
            "leave-hook" => self.leave_hook = true,
            "mouse" => self.mouse = true,
            "cancel-exits" => self.cancel_exits = true,
            "deaf-to-term" => self.deaf_to_term = true,
            _ => unreachable!("checked against NAMES"),
        }
        Ok(())
    }
}

fn check(name: &str, value: &str) -> Result<()> {
    let names = || NAMES.iter().map(|(name, _)| *name);
    let Some((_, takes_value)) = NAMES.iter().find(|(known, _)| *known == name) else {
        let hint = match nearest(name, names()) {
            Some(nearest) => format!("Did you mean `{nearest}`?"),
            None => format!("Quirks are {}.", names().collect::<Vec<_>>().join(", ")),
        };
        return Err(Fault::new(Kind::Usage, format!("`{name}` is not a quirk")).hint(hint));
    };
    match (takes_value, value.is_empty()) {
        (true, true) => {
            Err(Fault::new(Kind::Usage, format!("the quirk `{name}` needs a value")).hint(format!("{name}=VALUE")))
        }
        (false, false) => Err(Fault::new(Kind::Usage, format!("the quirk `{name}` takes no value"))),
        _ => Ok(()),
    }
}

fn parse_duration(word: &str, value: &str) -> Result<Duration> {
    duration(value).ok_or_else(|| {
        Fault::new(
            Kind::Usage,
            format!("`{value}` in the quirk `{word}` is not a duration"),
        )
        .hint("For example 250ms or 2s.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_environment_come_together() {
        let flags = ["late-composer=1s".to_owned(), "trim-prompt,mouse".to_owned()];
        let quirks = Quirks::parse(&flags, " mute-hook=Stop, mute-hook=Interrupted").unwrap();
        assert_eq!(quirks.late_composer, Duration::from_secs(1));
        assert!(quirks.trim_prompt && quirks.mouse && !quirks.trust_dialog);
        assert!(quirks.mutes("Stop") && quirks.mutes("Interrupted") && !quirks.mutes("SessionStart"));
        assert!(Quirks::parse(&["mute-hook=all".into()], "").unwrap().mutes("Stop"));
        assert_eq!(Quirks::parse(&[], "").unwrap(), Quirks::default());
    }

    #[test]
    fn every_name_can_be_set() {
        for (name, takes_value) in NAMES {
            let word = if takes_value {
                format!("{name}=1s")
            } else {
                name.to_owned()
            };
            assert_ne!(Quirks::parse(&[word], "").unwrap(), Quirks::default(), "{name}");
        }
    }

    #[track_caller]
    fn check_fault(word: &str, message: &str) {
        assert_eq!(Quirks::parse(&[word.into()], "").unwrap_err().message, message);
    }

    #[test]
    fn mistakes_are_told() {
        check_fault("trim-promt", "`trim-promt` is not a quirk");
        check_fault("late-composer", "the quirk `late-composer` needs a value");
        check_fault(
            "late-composer=soon",
            "`soon` in the quirk `late-composer=soon` is not a duration",
        );
        check_fault("mouse=1", "the quirk `mouse` takes no value");
    }
}
