//! `telecoder notify`: the agent's mouth. Writes one letter into the mailbox of its launch.
//!
//! Needs no daemon, no network and no database, and reads standard input only when told to with `-`: an agent's tool may
//! leave it open for ever. Exit 0 means that the letter is durable.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::letter::{Done, LETTER_BYTES_MAX, LetterKind};
use crate::runner::mailbox::{Draft, DraftFile, Durability, own_mailbox, own_native_id, wait_for_answer, write_letter};

/// More choices than this are no choice on a phone.
const CHOICES_MAX: usize = 20;
const KEY_BYTES_MAX: usize = 200;

/// Tell the person something, send files, ask, or say that the work is done.
///
/// Works inside a session's window only. Exit code 0 means that the message is stored and will reach the person.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct NotifyArgs {
    /// The message; several words are joined by a blank, `-` alone reads it from standard input.
    #[arg(value_name = "TEXT")]
    pub text: Vec<OsString>,
    /// Send a file (at most 50 MB); may be given several times.
    #[arg(long, value_name = "PATH")]
    pub file: Vec<PathBuf>,
    /// Caption of a file: the first one belongs to the first file, and so on.
    #[arg(long, value_name = "TEXT", requires = "file")]
    pub caption: Vec<String>,
    /// The work that was asked for is finished.
    #[arg(long, conflicts_with = "ask")]
    pub done: bool,
    /// With --done: what was changed.
    #[arg(long, value_name = "TEXT", requires = "done")]
    pub changed: Option<String>,
    /// With --done: what was verified, and how.
    #[arg(long, value_name = "TEXT", requires = "done")]
    pub verified: Option<String>,
    /// With --done: what is uncertain.
    #[arg(long, value_name = "TEXT", requires = "done")]
    pub uncertain: Option<String>,
    /// With --done: what should happen next.
    #[arg(long, value_name = "TEXT", requires = "done")]
    pub next: Option<String>,
    /// Ask the person and wait; the answer is printed.
    #[arg(long)]
    pub ask: bool,
    /// With --ask: answers to choose from, separated by commas.
    #[arg(long, value_name = "A,B,C", value_delimiter = ',', requires = "ask")]
    pub choices: Vec<String>,
    /// With --ask: how long to wait, e.g. 90s, 10m, 2h. Exit code 7 when it passes.
    #[arg(long, value_name = "TIME", requires = "ask", default_value = "10m", value_parser = parse_time)]
    pub timeout: Duration,
    /// Two messages of a session with one key are one message: repeat it without fear.
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
}

/// The same as a program of its own, to which nobody hands the flags that all commands have.
#[derive(Debug, clap::Args)]
pub struct Alone {
    #[command(flatten)]
    pub letter: NotifyArgs,
    /// Print the result as JSON.
    #[arg(long)]
    pub json: bool,
}

const EXAMPLES: &str = "Examples:
  telecoder notify \"the login works again\"
  telecoder notify --file report.pdf --caption \"the figures\"
  telecoder notify --ask \"delete the old table?\" --choices yes,no --timeout 5m
  telecoder notify --done \"fixed\" --changed \"src/login.rs\" --verified \"cargo test\"";

/// Writes the letter, and waits for the answer of an ask.
///
/// Errors: see `runner::mailbox::write_letter` and `wait_for_answer`; `Usage` for what cannot be said.
pub fn run(args: NotifyArgs, json: bool) -> Result<ExitCode> {
    let timeout = args.timeout;
    let draft = draft_of(args)?;
    let is_ask = draft.kind == LetterKind::Ask;
    let mail = own_mailbox()?;
    let id = write_letter(&mail, draft, Durability::Synced)?;
    if !is_ask {
        if json {
            print_line(&serde_json::json!({ "id": id }).to_string());
        }
        return Ok(ExitCode::SUCCESS);
    }
    let answer = wait_for_answer(&mail, &id, Some(timeout))?;
    match json {
        true => print_line(&serde_json::json!({ "id": id, "answer": answer.text }).to_string()),
        false => print_line(&answer.text),
    }
    Ok(ExitCode::SUCCESS)
}

fn draft_of(args: NotifyArgs) -> Result<Draft> {
    let text = text_of(&args.text)?;
    let files = files_of(args.file, args.caption)?;
    let kind = if args.ask { LetterKind::Ask } else { LetterKind::Notify };
    if text.is_none() && (args.ask || (files.is_empty() && !args.done)) {
        return Err(usage("there is nothing to say: the text is empty")
            .hint("Give the text: `telecoder notify \"…\"`, or `telecoder notify -` for standard input."));
    }
    if args.choices.len() > CHOICES_MAX {
        let message = format!(
            "{} choices are too many, the limit is {CHOICES_MAX}",
            args.choices.len()
        );
        return Err(Fault::new(Kind::OverLimit, message));
    }
    if args.choices.iter().any(|choice| choice.trim().is_empty()) {
        return Err(usage("a choice is empty"));
    }
    if args
        .key
        .as_ref()
        .is_some_and(|key| key.is_empty() || key.len() > KEY_BYTES_MAX)
    {
        return Err(usage(format!("a key has 1 to {KEY_BYTES_MAX} bytes")));
    }
    Ok(Draft {
        text,
        files,
        choices: args.choices,
        done: args.done.then_some(Done {
            changed: args.changed,
            verified: args.verified,
            uncertain: args.uncertain,
            next: args.next,
        }),
        expires_in: args.ask.then_some(args.timeout),
        key: args.key,
        native_id: own_native_id(),
        ..Draft::new(kind)
    })
}

/// The text, or `None` when there is none or only blanks.
fn text_of(words: &[OsString]) -> Result<Option<String>> {
    let text = match words {
        [only] if only == "-" => read_stdin()?,
        words => {
            let words: Option<Vec<&str>> = words.iter().map(|word| word.to_str()).collect();
            words.ok_or_else(|| not_utf8("the text"))?.join(" ")
        }
    };
    Ok((!text.trim().is_empty()).then_some(text))
}

fn read_stdin() -> Result<String> {
    let mut text = Vec::new();
    // One byte more than a letter may have is enough to know that it is too long.
    let limit = LETTER_BYTES_MAX as u64 + 1;
    std::io::stdin()
        .take(limit)
        .read_to_end(&mut text)
        .map_err(|error| Fault::io("reading standard input", &error))?;
    if text.len() > LETTER_BYTES_MAX {
        let message = format!("the text on standard input is longer than {LETTER_BYTES_MAX} bytes");
        return Err(
            Fault::new(Kind::OverLimit, message).hint("Send a long text as a file: `telecoder notify --file PATH`.")
        );
    }
    String::from_utf8(text).map_err(|_| not_utf8("the text on standard input"))
}

fn files_of(paths: Vec<PathBuf>, captions: Vec<String>) -> Result<Vec<DraftFile>> {
    if !captions.is_empty() && captions.len() != paths.len() {
        let message = format!("{} captions for {} files", captions.len(), paths.len());
        return Err(usage(message).hint("Give one --caption for each --file, or none; \"\" is a caption of no words."));
    }
    let mut captions = captions.into_iter();
    let with_caption = |path| DraftFile {
        path,
        caption: captions.next().filter(|caption| !caption.is_empty()),
    };
    Ok(paths.into_iter().map(with_caption).collect())
}

/// `90s`, `10m`, `1h30m`, or a number of seconds.
fn parse_time(text: &str) -> std::result::Result<Duration, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    let time: jiff::SignedDuration = text
        .parse()
        .map_err(|_| format!("`{text}` is not a time; say for example 90s, 10m or 2h"))?;
    time.try_into().map_err(|_| format!("`{text}` is not in the future"))
}

fn usage(message: impl Into<String>) -> Fault {
    Fault::new(Kind::Usage, message)
}

fn not_utf8(what: &str) -> Fault {
    usage(format!("{what} is not UTF-8")).hint("Send other bytes as a file: `telecoder notify --file PATH`.")
}

/// A reader that went away has no use for the rest, and the letter is written all the same.
fn print_line(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    fn args(words: &[&str]) -> NotifyArgs {
        NotifyArgs {
            text: words.iter().map(OsString::from).collect(),
            ..NotifyArgs::default()
        }
    }

    #[track_caller]
    fn refused(args: NotifyArgs) -> Kind {
        draft_of(args).map(|_| ()).expect_err("must be refused").kind
    }

    #[test]
    fn words_are_joined_and_nothing_else_is_changed() {
        let draft = draft_of(args(&["a  b", "$(c)", "é\n"])).expect("a draft");
        assert_eq!(draft.text.as_deref(), Some("a  b $(c) é\n"));
    }

    #[test]
    fn nothing_to_say_is_refused_unless_there_is_something_else() {
        assert_eq!(refused(args(&[])), Kind::Usage);
        assert_eq!(refused(args(&[" ", "\n"])), Kind::Usage);
        let done = NotifyArgs {
            done: true,
            ..args(&[])
        };
        assert_eq!(draft_of(done).expect("done needs no text").done, Some(Done::default()));
        let file = NotifyArgs {
            file: vec!["x".into()],
            ..args(&[])
        };
        assert_eq!(draft_of(file).expect("a file needs no text").files.len(), 1);
        let ask = NotifyArgs {
            ask: true,
            file: vec!["x".into()],
            ..args(&[])
        };
        assert_eq!(refused(ask), Kind::Usage);
    }

    #[test]
    fn text_that_is_not_utf8_is_refused_and_never_changed() {
        let odd = NotifyArgs {
            text: vec![OsString::from_vec(vec![b'a', 0xff])],
            ..args(&[])
        };
        assert_eq!(refused(odd), Kind::Usage);
    }

    #[test]
    fn captions_belong_to_files_one_by_one() {
        let pairs = |captions: &[&str]| {
            let captions = captions.iter().map(|c| (*c).to_owned()).collect();
            files_of(vec!["a".into(), "b".into()], captions)
        };
        let files = pairs(&["", "second"]).expect("two for two");
        assert_eq!(
            (files[0].caption.as_deref(), files[1].caption.as_deref()),
            (None, Some("second"))
        );
        assert_eq!(pairs(&["one"]).map(|_| ()).expect_err("ambiguous").kind, Kind::Usage);
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, seconds) in [("90s", 90), ("10m", 600), ("1h30m", 5400), ("5", 5)] {
            assert_eq!(parse_time(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert!(parse_time("soon").is_err());
        assert!(parse_time("-5m").is_err());
    }
}
