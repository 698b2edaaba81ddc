//! Fires hooks: runs `<telecoder> hook EVENT` with the payload on its standard input, and waits for it.

use std::fs::File;
use std::io::{PipeReader, Read, Seek, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::fs::{MemfdFlags, memfd_create};
use serde_json::{Value, json};

use super::process;
use crate::agents::signal;
use crate::domain::text::sha256_hex;

/// A hook that takes longer is ended; the agent goes on.
const HOOK_WAIT_MAX: Duration = Duration::from_secs(10);
/// A prompt whose JSON form is longer goes as a digest: a letter holds 256 KiB.
const PROMPT_JSON_BYTES_MAX: usize = 100 * 1024;
/// How much of such a prompt's begin and end goes along.
const PROMPT_END_CHARS: usize = 200;
/// Other texts of a payload are cut to so many characters (of at most six bytes each in JSON).
const TEXT_CHARS_MAX: usize = 16 * 1024;
/// Names the agent's own session to the commands that it runs, as real agents do.
pub const SESSION_VARIABLE: &str = "DEMO_AGENT_SESSION_ID";

pub struct Hooks {
    /// None: no hooks.
    program: Option<PathBuf>,
    session_id: String,
    /// Where the hook of a permission dialog waits for a decision; none: it does not wait.
    decisions: Option<PathBuf>,
}

/// The hook of a dialog that is open: it ends when somebody decides.
pub struct DecidingHook {
    child: Child,
    output: PipeReader,
}

impl DecidingHook {
    /// Readable when it has printed something, or has ended.
    pub fn readable(&self) -> BorrowedFd<'_> {
        self.output.as_fd()
    }

    /// What it printed, to its end.
    pub fn finish(mut self) -> String {
        let mut text = String::new();
        // What cannot be read is no decision.
        let _ = self.output.read_to_string(&mut text);
        process::end_now(&mut self.child);
        text
    }

    /// Nobody needs its word any more.
    pub fn end(mut self) {
        process::end_now(&mut self.child);
    }
}

impl Hooks {
    pub fn new(program: Option<PathBuf>, session_id: &str, decisions: Option<PathBuf>) -> Self {
        Self {
            program,
            session_id: session_id.to_owned(),
            decisions,
        }
    }

    /// Starts the hook of a dialog, which goes on while the dialog is open. None where hooks do not decide.
    pub fn start_deciding(&self, event: &str, mut payload: Value) -> Result<Option<DecidingHook>, String> {
        let (Some(program), Some(decisions)) = (&self.program, &self.decisions) else {
            return self.fire(event, payload).map(|()| None);
        };
        self.complete(event, &mut payload);
        let started = std::io::pipe().and_then(|(output, writer)| {
            let child = self
                .command(program, event, &payload)?
                .arg("--decisions")
                .arg(decisions)
                .stdout(writer)
                .spawn()?;
            Ok(Some(DecidingHook { child, output }))
        });
        started.map_err(|error| not_run(event, &error))
    }

    fn complete(&self, event: &str, payload: &mut Value) {
        payload["session_id"] = json!(self.session_id);
        payload["hook_event_name"] = json!(event);
    }

    fn command(&self, program: &Path, event: &str, payload: &Value) -> std::io::Result<Command> {
        let mut command = Command::new(program);
        command
            .args(["hook", event])
            .env(SESSION_VARIABLE, &self.session_id)
            // A file in memory, not a pipe: a hook that does not read cannot block us.
            .stdin(in_memory(payload.to_string().as_bytes())?)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Ok(command)
    }

    /// Runs the hook to its end. The error is a sentence for the screen; it changes nothing else.
    pub fn fire(&self, event: &str, mut payload: Value) -> Result<(), String> {
        let Some(program) = &self.program else {
            return Ok(());
        };
        self.complete(event, &mut payload);
        let told = |error: std::io::Error| not_run(event, &error);
        let mut child = self
            .command(program, event, &payload)
            .and_then(|mut command| command.spawn())
            .map_err(told)?;
        match process::wait_at_most(&mut child, HOOK_WAIT_MAX).map_err(told)? {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(format!("hook {event} failed: {status}")),
            None => {
                process::end_now(&mut child);
                Err(format!("hook {event} was ended after {} s", HOOK_WAIT_MAX.as_secs()))
            }
        }
    }
}

fn not_run(event: &str, error: &std::io::Error) -> String {
    format!("hook {event} could not be run: {error}")
}

fn in_memory(bytes: &[u8]) -> std::io::Result<File> {
    let mut file = File::from(memfd_create("hook", MemfdFlags::CLOEXEC)?);
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file)
}

/// The event of an accepted prompt: its exact text, or for a long one its digest.
pub fn prompt_submitted(prompt_id: &str, prompt: &str) -> (&'static str, Value) {
    let mut payload = json!({"prompt_id": prompt_id});
    if json!(prompt).to_string().len() <= PROMPT_JSON_BYTES_MAX {
        payload["prompt"] = json!(prompt);
    } else {
        payload["prompt_sha256"] = json!(sha256_hex(prompt.as_bytes()));
        payload["prompt_bytes"] = json!(prompt.len());
        payload["prompt_head"] = json!(head(prompt, PROMPT_END_CHARS));
        payload["prompt_tail"] = json!(tail(prompt, PROMPT_END_CHARS));
    }
    (signal::USER_PROMPT_SUBMIT, payload)
}

/// A text short enough for a payload.
pub fn short(text: &str) -> &str {
    head(text, TEXT_CHARS_MAX)
}

fn head(text: &str, chars: usize) -> &str {
    text.char_indices().nth(chars).map_or(text, |(end, _)| &text[..end])
}

fn tail(text: &str, chars: usize) -> &str {
    text.char_indices()
        .rev()
        .nth(chars - 1)
        .map_or(text, |(start, _)| &text[start..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::agent::AgentSignal;
    use crate::domain::letter::LETTER_BYTES_MAX;

    #[track_caller]
    fn check_prompt(prompt: &str, by_digest: bool) {
        let (event, payload) = prompt_submitted("p", prompt);
        assert!(payload.to_string().len() < LETTER_BYTES_MAX / 2);
        assert_eq!(payload.get("prompt").is_none(), by_digest);
        let AgentSignal::PromptAccepted { prompt: proof } = signal::interpret(event, &payload) else {
            panic!("no proof in {payload}");
        };
        assert!(proof.matches(prompt));
        assert!(!proof.matches(&format!("{prompt} ")));
    }

    #[test]
    fn every_prompt_is_proven_within_the_letter_limit() {
        check_prompt("fix the login\n\t\"now\" 👩‍👩‍👧", false);
        check_prompt(&"x".repeat(100_000), false);
        check_prompt(&"\n".repeat(100_000), true);
        check_prompt(&"é\u{1}".repeat(1_000_000), true);
    }

    #[test]
    fn ends_are_cut_between_characters() {
        assert_eq!((head("äöü", 2), tail("äöü", 2)), ("äö", "öü"));
        assert_eq!((head("ä", 2), tail("ä", 2)), ("ä", "ä"));
    }

    #[test]
    fn a_hook_that_does_not_read_or_fails_is_only_told() {
        let hooks = |program: &str| Hooks::new(Some(program.into()), "u", None);
        let big = json!({"x": "y".repeat(1 << 20)});
        assert_eq!(hooks("/bin/true").fire("Stop", big), Ok(()));
        let failed = hooks("/bin/false").fire("Stop", json!({})).unwrap_err();
        assert!(failed.starts_with("hook Stop failed: exit status: 1"), "{failed}");
        let missing = hooks("/nonexistent/telecoder").fire("Stop", json!({})).unwrap_err();
        assert!(
            missing.starts_with("hook Stop could not be run: No such file"),
            "{missing}"
        );
        assert_eq!(Hooks::new(None, "u", None).fire("Stop", json!({})), Ok(()));
    }
}
