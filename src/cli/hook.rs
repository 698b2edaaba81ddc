//! `telecoder hook EVENT`: an agent's own hooks call it; the payload comes on standard input and goes into a letter.
//!
//! It always exits 0 and prints nothing, whatever happens: an agent may read an exit code of 2 as "block this" and its output
//! as an instruction. The one exception is asked for by name: with `--decisions` it prints what a person decided. A letter that cannot be written is lost in silence, which the daemon survives (the screen and the
//! transcript are its second sources).

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::{Map, Value};

use crate::domain::launch::DECISION_WAIT_S;
use crate::domain::letter::{LETTER_BYTES_MAX, LetterKind};
use crate::runner::mailbox::{Draft, Durability, own_mailbox, own_native_id, wait_for_answer, write_letter};

/// A payload may hold a whole model request; more than this is not looked at.
const INPUT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// An agent that does not close our input must not hang in its own hook.
const INPUT_WAIT_MAX: Duration = Duration::from_secs(5);
/// What a payload may take of a letter; the rest is for the envelope.
const DATA_BYTES_MAX: usize = LETTER_BYTES_MAX - 16 * 1024;
/// A text that is too long keeps its beginning, this many bytes.
const TEXT_KEPT_BYTES: usize = 16 * 1024;
/// A field below this size says what happened and is never cut.
const SMALL_BYTES: usize = 1024;
/// Names the fields that were cut, inside the payload.
const CUT: &str = "telecoderCut";

/// Pass an event of the agent's own hooks on (used by the agents' settings). Always exits 0.
#[derive(Debug, Clone, clap::Args)]
pub struct HookArgs {
    /// The agent's own name of the event.
    pub event: String,
    /// The payload, for agents that give it as an argument; otherwise it is read from standard input.
    pub payload: Option<String>,
    /// Write it so that it survives a power cut: for evidence, the end of a turn, a question.
    #[arg(long)]
    pub sync: bool,
    /// Wait for a person's decision in this directory, and print it: for the hook of a dialog, where the agent takes it.
    #[arg(long, value_name = "DIR")]
    pub decisions: Option<PathBuf>,
}

pub fn run(args: HookArgs) -> ExitCode {
    // Silence also where a bug of ours would talk.
    std::panic::set_hook(Box::new(|_| {}));
    let _ = std::panic::catch_unwind(|| pass_on(args));
    ExitCode::SUCCESS
}

/// The same without a command-line parser, which would print and exit 2 for a word that it does not know.
pub fn run_plain(words: &[OsString]) -> ExitCode {
    let (mut sync, mut decisions, mut rest) = (false, None, Vec::new());
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.to_str() {
            Some("--sync") => sync = true,
            Some("--decisions") => decisions = words.next().map(PathBuf::from),
            _ => rest.push(word.to_string_lossy().into_owned()),
        }
    }
    let mut rest = rest.into_iter();
    match rest.next() {
        Some(event) => run(HookArgs {
            event,
            payload: rest.next(),
            sync,
            decisions,
        }),
        None => ExitCode::SUCCESS,
    }
}

fn pass_on(args: HookArgs) {
    // Read first: an agent that writes into a closed pipe may take that for a failure of its hook.
    let payload = args.payload.map_or_else(read_stdin, String::into_bytes);
    let draft = Draft {
        event: Some(args.event),
        data: Some(fitted(&payload, DATA_BYTES_MAX)),
        native_id: own_native_id(),
        ..Draft::new(LetterKind::Hook)
    };
    let durability = if args.sync {
        Durability::Synced
    } else {
        Durability::Renamed
    };
    let written = own_mailbox().and_then(|mail| write_letter(&mail, draft, durability));
    if let (Ok(letter), Some(dir)) = (written, args.decisions)
        && let Ok(answer) = wait_for_answer(&dir, &letter, Some(Duration::from_secs(DECISION_WAIT_S)))
    {
        print_decision(&answer.text);
    }
}

/// An empty text means that nothing is to be said any more; one that is no JSON object is no decision.
fn print_decision(text: &str) {
    if serde_json::from_str::<Map<String, Value>>(text).is_ok() {
        // An agent that does not listen any more shows its dialog, and is answered there.
        let _ = writeln!(std::io::stdout(), "{text}");
    }
}

/// Standard input to its end, within both limits. A terminal is not read: somebody tries the command by hand.
fn read_stdin() -> Vec<u8> {
    let mut payload = Vec::new();
    let mut stdin = std::io::stdin().lock();
    if rustix::termios::isatty(&stdin) {
        return payload;
    }
    let deadline = Instant::now() + INPUT_WAIT_MAX;
    let mut buffer = [0; 16 * 1024];
    while is_readable(&stdin, deadline) {
        match stdin.read(&mut buffer) {
            Ok(0) => break,
            // Beyond the limit it is drained only.
            Ok(got) if payload.len() <= INPUT_BYTES_MAX => payload.extend_from_slice(&buffer[..got]),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    payload
}

fn is_readable(stdin: &impl rustix::fd::AsFd, deadline: Instant) -> bool {
    let left = deadline.saturating_duration_since(Instant::now());
    let timeout = Timespec::try_from(left).ok();
    let mut polled = [PollFd::new(stdin, PollFlags::IN)];
    matches!(poll(&mut polled, timeout.as_ref()), Ok(ready) if ready > 0)
}

/// The payload as JSON of at most `max` bytes. Too long: what is no text is dropped first (requests, tool results), then
/// long texts keep their beginning; the small fields, which say what happened, always stay.
fn fitted(payload: &[u8], max: usize) -> Value {
    match serde_json::from_slice(payload) {
        Ok(value) if size_of(&value) <= max => value,
        Ok(Value::Object(fields)) => Value::Object(cut(fields, max)),
        // Not JSON, too long, or a huge value that is no object: its beginning, and that it is one.
        Ok(_) | Err(_) if payload.is_empty() => Value::Null,
        Ok(_) | Err(_) => {
            let text = String::from_utf8_lossy(&payload[..payload.len().min(TEXT_KEPT_BYTES)]);
            serde_json::json!({ "text": beginning(&text), CUT: ["payload"] })
        }
    }
}

fn cut(mut fields: Map<String, Value>, max: usize) -> Map<String, Value> {
    let mut largest: Vec<(bool, usize, String)> = fields
        .iter()
        .map(|(name, value)| (!value.is_string(), size_of(value), name.clone()))
        .filter(|(_, size, _)| *size > SMALL_BYTES)
        .collect();
    largest.sort_unstable_by(|a, b| b.cmp(a));
    let mut total = size_of(&fields);
    let mut names = Vec::new();
    for (_, size, name) in largest {
        if total <= max {
            break;
        }
        let kept = match &fields[&name] {
            Value::String(text) => Value::String(beginning(text).to_owned()),
            _ => Value::Null,
        };
        total = total - size + size_of(&kept) + name.len() + 8;
        names.push(Value::String(name.clone()));
        fields.insert(name, kept);
    }
    if total > max {
        // A great many small fields: no agent's payload looks like that.
        fields = Map::new();
        names = vec![Value::String("payload".into())];
    }
    fields.insert(CUT.into(), Value::Array(names));
    fields
}

fn beginning(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_KEPT_BYTES.min(text.len()))]
}

fn size_of(value: &impl serde::Serialize) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |text| text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = DATA_BYTES_MAX;

    #[test]
    fn a_payload_that_fits_stays_as_it_is() {
        let payload = br#"{"prompt":"do it","tool_input":{"command":"ls"}}"#;
        assert_eq!(
            fitted(payload, MAX),
            serde_json::from_slice::<Value>(payload).expect("json")
        );
        assert_eq!(fitted(b"", MAX), Value::Null);
    }

    #[test]
    fn a_huge_request_goes_and_the_exact_prompt_stays() {
        let prompt = "p".repeat(200_000);
        let payload = serde_json::json!({"prompt": prompt, "llm_request": vec!["x"; 300_000], "session_id": "s"});
        let data = fitted(&serde_json::to_vec(&payload).expect("json"), MAX);
        assert_eq!(
            (&data["prompt"], &data["session_id"]),
            (&payload["prompt"], &payload["session_id"])
        );
        assert_eq!(
            (&data["llm_request"], &data[CUT]),
            (&Value::Null, &serde_json::json!(["llm_request"]))
        );
    }

    #[test]
    fn a_long_text_keeps_its_beginning_within_the_limit() {
        let payload = serde_json::json!({"last_assistant_message": "\u{1}é".repeat(400_000), "id": 7});
        let data = fitted(&serde_json::to_vec(&payload).expect("json"), MAX);
        assert!(size_of(&data) <= MAX);
        assert!(
            data["last_assistant_message"]
                .as_str()
                .is_some_and(|text| text.len() > 10_000)
        );
        assert_eq!(data["id"], 7);
    }

    #[test]
    fn any_bytes_become_a_payload_within_the_limit() {
        let many: Map<String, Value> = (0..90_000).map(|n| (format!("field{n}"), Value::Null)).collect();
        let many = serde_json::to_vec(&many).expect("json");
        let list = serde_json::to_vec(&vec![0; 400_000]).expect("json");
        let deep = vec![b'['; 500_000];
        for payload in [&b"not json \xff"[..], &many, &list, &deep] {
            assert!(size_of(&fitted(payload, MAX)) <= MAX + 100);
        }
    }
}
