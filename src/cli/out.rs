//! Printing. stdout is data, stderr is talk; text of agents loses what would act on the terminal.

use std::io::{self, ErrorKind, IsTerminal, Write};

use serde::Serialize;

use super::terminal_text::plain;
use crate::api::wire::ErrorBody;
use crate::domain::fault::{Fault, Kind, Result};

/// One line (or several) of data.
pub fn line(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    written(writeln!(stdout, "{}", plain(text)).and_then(|()| stdout.flush()))
}

/// One JSON document, readable.
pub fn json(value: &impl Serialize) -> Result<()> {
    print_json(serde_json::to_string_pretty(value))
}

/// One JSON document on one line, for streams.
pub fn json_line(value: &impl Serialize) -> Result<()> {
    print_json(serde_json::to_string(value))
}

fn print_json(text: serde_json::Result<String>) -> Result<()> {
    let text = text.map_err(|e| Fault::new(Kind::Failure, format!("writing JSON: {e}")))?;
    let mut stdout = io::stdout().lock();
    written(writeln!(stdout, "{text}").and_then(|()| stdout.flush()))
}

/// Text whose control sequences are our own (colours).
pub fn styled(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    written(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))
}

/// A word to the person.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{}", plain(text));
}

/// An error: `error: …` and `hint: …`, or the API's JSON.
pub fn error(fault: &Fault, as_json: bool) {
    if as_json {
        let body = ErrorBody { error: fault.clone() };
        let text = serde_json::to_string(&body).unwrap_or_default();
        let _ = writeln!(io::stderr(), "{text}");
        return;
    }
    note(&format!("error: {}", fault.message));
    if let Some(hint) = &fault.hint {
        note(&format!("hint: {hint}"));
    }
}

pub fn stdout_is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Colours are for terminals, and only where nobody asked for none (<https://no-color.org>).
pub fn colours() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    stdout_is_terminal() && !refused && !dumb
}

/// Columns of the terminal at stdout, if it is one.
pub fn columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}

/// A reader that has had enough (`| head`) is no error of ours.
pub fn written(result: io::Result<()>) -> Result<()> {
    match result {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        other => other.map_err(|e| Fault::io("writing to stdout", &e)),
    }
}
