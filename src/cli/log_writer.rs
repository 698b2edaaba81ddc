//! `telecoder log-writer`: fed by tmux's `pipe-pane`; nobody types it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::runner::log_writer;

/// Keeps the last bytes of standard input in a capped file (used by tmux for terminal.log).
#[derive(Debug, Clone, clap::Args)]
pub struct LogWriterArgs {
    #[arg(long, value_name = "FILE")]
    pub file: PathBuf,
    /// Limit for both segments together, in bytes.
    #[arg(long, value_name = "BYTES")]
    pub max_bytes: u64,
}

/// Ends with the input; what cannot be kept is dropped, so there is nothing to fail with.
pub fn run(args: LogWriterArgs) -> ExitCode {
    log_writer::run(std::io::stdin().lock(), &args.file, args.max_bytes);
    ExitCode::SUCCESS
}

/// The same without a command-line parser, for a program that lives as long as its pane. `None` when the words are not
/// exactly `--file F --max-bytes N`; then the parser may explain.
pub fn run_plain(words: &[OsString]) -> Option<ExitCode> {
    match words {
        [first, file, second, max_bytes] if first == "--file" && second == "--max-bytes" => {
            let (file, max_bytes) = (file.into(), max_bytes.to_str()?.parse().ok()?);
            Some(run(LogWriterArgs { file, max_bytes }))
        }
        _ => None,
    }
}
