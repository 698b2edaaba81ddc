//! The programs that run in an agent's window or beside it: `shim`, `log-writer`, `check`, `notify`, `hook`,
//! `demo-agent`.
//!
//! They are told by the first word alone, before the tree of commands is built: a hook runs at every step of an agent and has to
//! cost next to nothing, must never print, and a shim lives as long as its agent.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Command as Parser;

use super::{check, demo_agent, finish, hook, log_writer, notify, shim, usage};
use crate::domain::fault::Result;

/// Runs the program that the first word names; none when it names a command.
pub fn dispatch(args: &[OsString]) -> Option<ExitCode> {
    let (word, rest) = args.get(1..)?.split_first()?;
    let code = match word.to_str()? {
        "hook" => hook::run_plain(rest),
        "shim" => shim::run_plain(rest).unwrap_or_else(|| parsed("telecoder shim", rest, |args| Ok(shim::run(args)))),
        "log-writer" => log_writer::run_plain(rest)
            .unwrap_or_else(|| parsed("telecoder log-writer", rest, |args| Ok(log_writer::run(args)))),
        "demo-agent" => parsed("telecoder demo-agent", rest, |args| {
            demo_agent::run(args).map(ExitCode::from)
        }),
        "check" => parsed("telecoder check", rest, check::run),
        "notify" => parsed("telecoder notify", rest, |args: notify::Alone| {
            notify::run(args.letter, args.json)
        }),
        _ => return None,
    };
    Some(code)
}

/// Parses the words of one program with a parser of its own, and runs it.
fn parsed<A: clap::Args>(name: &'static str, words: &[OsString], run: impl FnOnce(A) -> Result<ExitCode>) -> ExitCode {
    let parser = A::augment_args(Parser::new(name).bin_name(name));
    let words = std::iter::once(OsString::from(name)).chain(words.iter().cloned());
    let json = words.clone().any(|word| word == "--json");
    let args = parser
        .try_get_matches_from(words)
        .and_then(|matches| A::from_arg_matches(&matches));
    match args.map(run) {
        Ok(Ok(code)) => code,
        Ok(Err(fault)) => finish(Err(fault.into()), json),
        Err(error) => usage(&error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_programs_are_taken_before_the_parser() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        for line in [
            "telecoder",
            "telecoder list",
            "telecoder --json notify",
            "telecoder hooks",
        ] {
            assert!(dispatch(&words(line)).is_none(), "{line}");
        }
    }
}
