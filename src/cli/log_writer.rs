//! `telecoder log-writer`: fed by tmux's `pipe-pane`; nobody types it.

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
