//! `telecoder check`: the program of a window in which a session's work is verified. Written into `run.sh`; nobody types it.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::domain::fault::Result;
use crate::runner::check;

/// Runs the checks of a launch directory (used by run.sh).
#[derive(Debug, Clone, clap::Args)]
pub struct CheckArgs {
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
}

pub fn run(args: CheckArgs) -> Result<ExitCode> {
    check::run(&args.dir).map(ExitCode::from)
}
