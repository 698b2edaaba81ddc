//! Parse, run, turn the result into an exit code.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use telecoder::cli::{hook, log_writer, notify, shim};

#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Notify(notify::NotifyArgs),
    Shim(shim::ShimArgs),
    LogWriter(log_writer::LogWriterArgs),
}

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    // Before any parser: a hook must never print; a shim and a log writer live long and should stay small.
    let plain = match words.split_first() {
        Some((name, rest)) if name == "hook" => Some(hook::run_plain(rest)),
        Some((name, rest)) if name == "shim" => shim::run_plain(rest),
        Some((name, rest)) if name == "log-writer" => log_writer::run_plain(rest),
        _ => None,
    };
    plain.unwrap_or_else(|| run(Cli::parse().command))
}

fn run(command: Command) -> ExitCode {
    let done = match command {
        Command::Notify(args) => notify::run(args),
        Command::Shim(args) => Ok(shim::run(args)),
        Command::LogWriter(args) => Ok(log_writer::run(args)),
    };
    done.unwrap_or_else(|fault| {
        let mut out = std::io::stderr();
        let _ = writeln!(out, "error: {fault}");
        if let Some(hint) = &fault.hint {
            let _ = writeln!(out, "hint: {hint}");
        }
        ExitCode::from(fault.kind.exit_code())
    })
}
