//! Fires hooks: runs `<telecoder> hook EVENT` with the payload on its standard input, and waits for it.

use std::fs::File;
use std::io::{Seek, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
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
}

impl Hooks {
    pub fn new(program: Option<PathBuf>, session_id: &str) -> Self {
        Self {
            program,
            session_id: session_id.to_owned(),
        }
    }

    /// Runs the hook to its end. The error is a sentence for the screen; it changes nothing else.
    pub fn fire(&self, event: &str, mut payload: Value) -> Result<(), String> {
        let Some(program) = &self.program else {
            return Ok(());
        };
        payload["session_id"] = json!(self.session_id);
        payload["hook_event_name"] = json!(event);
        let told = |error: std::io::Error| format!("hook {event} could not be run: {error}");
        // A file in memory, not a pipe: a hook that does not read cannot block us.
        let input = in_memory(payload.to_string().as_bytes()).map_err(told)?;
        let mut child = Command::new(program)
            .args(["hook", event])
            .env(SESSION_VARIABLE, &self.session_id)
            .stdin(input)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
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
        let hooks = |program: &str| Hooks::new(Some(program.into()), "u");
        let big = json!({"x": "y".repeat(1 << 20)});
        assert_eq!(hooks("/bin/true").fire("Stop", big), Ok(()));
        let failed = hooks("/bin/false").fire("Stop", json!({})).unwrap_err();
        assert!(failed.starts_with("hook Stop failed: exit status: 1"), "{failed}");
        let missing = hooks("/nonexistent/telecoder").fire("Stop", json!({})).unwrap_err();
        assert!(
            missing.starts_with("hook Stop could not be run: No such file"),
            "{missing}"
        );
        assert_eq!(Hooks::new(None, "u").fire("Stop", json!({})), Ok(()));
    }
}
