//! The script language of prompts: lines of the form `demo: WORD ARGUMENT`. Everything else in a prompt is text.

use std::time::Duration;

use rustix::process::Signal;

#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Runs a shell command in the work directory.
    Shell(String),
    /// A question with choices and a text of one's own; the answer becomes the final text.
    Question {
        question: String,
        choices: Vec<String>,
        several: bool,
    },
    /// Opens a permission dialog. "No" ends the turn.
    Ask(String),
    Sleep(Duration),
    /// Prints so many bytes.
    Flood(u64),
    Exit(i32),
    /// Takes the box off the screen for so long.
    Cover(Duration),
    /// Computes without reading the keyboard or drawing, its screen as if it were idle; at once, or when the turn has ended.
    Freeze {
        time: Duration,
        after_end: bool,
    },
    /// Works for ever and heeds neither Escape nor Ctrl-C.
    Hang,
    /// Shows a usage limit; lifted by Escape, or by itself where the argument is a duration.
    Limit(String),
    /// Gives the turn up with this kind of failure; a limit may name the time after which it is over.
    Fail {
        kind: String,
        after: Option<Duration>,
    },
    /// Sets the final text of the turn.
    Say(String),
    /// Records what a request to a model would have counted: tokens read, tokens written, and its price.
    Usage {
        input: u64,
        output: u64,
        cost: Option<f64>,
    },
    /// Runs `telecoder notify`.
    Notify(String),
    /// Ends by a signal, without putting the terminal in order.
    Crash(Signal),
    /// Stops like Ctrl-Z.
    StopSelf,
    /// Starts a process that leaves our tree and ignores the hang-up.
    SpawnOrphan(String),
    /// A directive that cannot be read, with the reason.
    Bad(String),
}

/// The directives of a prompt, in order. A line whose word is none of ours is text.
pub fn parse(prompt: &str) -> Vec<Step> {
    prompt.lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Step> {
    let rest = line.strip_prefix("demo:")?.trim();
    let (word, argument) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let argument = argument.trim_start();
    let step = match word {
        "sh" => needed(argument).map(Step::Shell),
        "ask" => needed(argument).map(Step::Ask),
        "choose" => question(argument, false),
        "pick" => question(argument, true),
        "say" => needed(argument).map(Step::Say),
        "notify" => needed(argument).map(Step::Notify),
        "limit" => needed(argument).map(Step::Limit),
        "spawn-orphan" => needed(argument).map(Step::SpawnOrphan),
        "sleep" => duration(argument).map(Step::Sleep),
        "flood" => size(argument).map(Step::Flood),
        "exit" => argument.parse().ok().map(Step::Exit),
        "crash" => signal(argument).map(Step::Crash),
        "fail" => failure(argument),
        "usage" => usage(argument),
        "freeze" => freeze(argument, false),
        "freeze-after" => freeze(argument, true),
        "cover" => duration(argument).map(Step::Cover),
        "hang" => Some(Step::Hang),
        "stop-self" => Some(Step::StopSelf),
        _ => return None,
    };
    Some(step.unwrap_or_else(|| Step::Bad(format!("cannot read `{argument}` as the argument of `{word}`"))))
}

/// `which? | red | blue`
fn question(argument: &str, several: bool) -> Option<Step> {
    let mut parts = argument.split('|').map(|part| part.trim().to_owned());
    let question = parts.next().filter(|question| !question.is_empty())?;
    let choices: Vec<String> = parts.filter(|choice| !choice.is_empty()).collect();
    (!choices.is_empty()).then_some(Step::Question {
        question,
        choices,
        several,
    })
}

fn freeze(argument: &str, after_end: bool) -> Option<Step> {
    duration(argument).map(|time| Step::Freeze { time, after_end })
}

/// `login`, `limit 5s`.
fn failure(argument: &str) -> Option<Step> {
    let (kind, after) = argument.split_once(' ').unwrap_or((argument, ""));
    Some(Step::Fail {
        kind: needed(kind)?,
        after: duration(after.trim()),
    })
}

/// `1200 340`, `1200 340 0.02`.
fn usage(argument: &str) -> Option<Step> {
    let mut words = argument.split_whitespace();
    Some(Step::Usage {
        input: words.next()?.parse().ok()?,
        output: words.next()?.parse().ok()?,
        cost: words.next().map(str::parse).transpose().ok()?,
    })
}

fn needed(argument: &str) -> Option<String> {
    (!argument.is_empty()).then(|| argument.to_owned())
}

/// `250ms`, `2s`, `1.5s`, `3m`.
pub fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = split_unit(text)?;
    let seconds = match unit {
        "ms" => number / 1000.0,
        "s" => number,
        "m" => number * 60.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok()
}

/// `100`, `64kB`, `10MB`; decimal thousands.
fn size(text: &str) -> Option<u64> {
    let (number, unit) = split_unit(text)?;
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        _ => return None,
    };
    Some((number * factor) as u64)
}

fn split_unit(text: &str) -> Option<(f64, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    Some((text[..end].parse().ok()?, text[end..].trim()))
}

/// A name with or without `SIG`, or a number.
fn signal(text: &str) -> Option<Signal> {
    let name = text.to_ascii_uppercase();
    match name.strip_prefix("SIG").unwrap_or(&name) {
        "HUP" => Some(Signal::HUP),
        "INT" => Some(Signal::INT),
        "QUIT" => Some(Signal::QUIT),
        "ILL" => Some(Signal::ILL),
        "ABRT" => Some(Signal::ABORT),
        "BUS" => Some(Signal::BUS),
        "FPE" => Some(Signal::FPE),
        "KILL" => Some(Signal::KILL),
        "SEGV" => Some(Signal::SEGV),
        "TERM" => Some(Signal::TERM),
        number => Signal::from_named_raw(number.parse().ok()?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_among_text() {
        let prompt = "Please\ndemo: sh printf 'a b' >> x && git add -A\n demo: exit 1\ndemo: sleep 250ms\r\ndemo:hang\n\
                      demo: flood 10MB\ndemo: exit 3\ndemo: crash sigsegv\ndemo: ask sure?\ndemo: limit 15:00";
        let expected = [
            Step::Shell("printf 'a b' >> x && git add -A".into()),
            Step::Sleep(Duration::from_millis(250)),
            Step::Hang,
            Step::Flood(10_000_000),
            Step::Exit(3),
            Step::Crash(Signal::SEGV),
            Step::Ask("sure?".into()),
            Step::Limit("15:00".into()),
        ];
        assert_eq!(parse(prompt), expected);
    }

    #[test]
    fn everything_else_is_text() {
        assert_eq!(parse("demo: fix the login\nDemo: sh x\n!ls\n/help\n1. Yes\n"), []);
        assert_eq!(parse(""), []);
    }

    #[test]
    fn unreadable_arguments_are_told() {
        let bad = |text: &str, word: &str| Step::Bad(format!("cannot read `{text}` as the argument of `{word}`"));
        assert_eq!(parse("demo: sleep soon"), [bad("soon", "sleep")]);
        assert_eq!(parse("demo: sleep -1s"), [bad("-1s", "sleep")]);
        assert_eq!(parse("demo: flood 3 pages"), [bad("3 pages", "flood")]);
        assert_eq!(parse("demo: exit"), [bad("", "exit")]);
        assert_eq!(parse("demo: sh"), [bad("", "sh")]);
        assert_eq!(parse("demo: crash BOOM"), [bad("BOOM", "crash")]);
    }
}
