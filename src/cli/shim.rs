//! `telecoder shim`: the pane process of a launch. Written into `run.sh` by the program itself; nobody types it.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::domain::fault::Fault;
use crate::runner::shim::{Order, Task, run as run_shim};

/// Runs a session's agent in this terminal and records how it ended (used by run.sh).
#[derive(Debug, Clone, clap::Args)]
pub struct ShimArgs {
    /// The launch: `sessions/<id>/launches/<n>`.
    #[arg(long, value_name = "DIR")]
    pub launch_dir: PathBuf,
    /// Record that the agent cannot be started, and why.
    #[arg(long, value_name = "WHY", conflicts_with = "command")]
    pub cannot_start: Option<String>,
    /// The agent's program and its arguments.
    #[arg(last = true, value_name = "PROGRAM", required_unless_present = "cannot_start")]
    pub command: Vec<OsString>,
}

pub fn run(args: ShimArgs) -> ExitCode {
    let task = match args.cannot_start {
        Some(why) => Task::CannotStart(why),
        None => Task::Run(args.command),
    };
    let launch_dir = args.launch_dir;
    carry_out(Order { launch_dir, task })
}

/// The same without a command-line parser: a shim lives as long as its agent, and what the parser allocates would too.
/// `None` when the words are not exactly as `run.sh` writes them; then the parser may explain.
pub fn run_plain(words: &[OsString]) -> Option<ExitCode> {
    let [flag, dir, kind, rest @ ..] = words else {
        return None;
    };
    let task = match (kind.to_str()?, rest) {
        ("--", [_, ..]) => Task::Run(rest.to_vec()),
        ("--cannot-start", [why]) => Task::CannotStart(why.to_string_lossy().into_owned()),
        _ => return None,
    };
    (flag == "--launch-dir").then(|| {
        let launch_dir = dir.into();
        carry_out(Order { launch_dir, task })
    })
}

fn carry_out(order: Order) -> ExitCode {
    match run_shim(order) {
        Ok(code) => ExitCode::from(code),
        Err(fault) => {
            explain(&fault);
            ExitCode::from(fault.kind.exit_code())
        }
    }
}

/// The terminal may be gone; that must not become a panic.
fn explain(fault: &Fault) {
    let mut out = std::io::stderr();
    let _ = writeln!(out, "error: {fault}");
    if let Some(hint) = &fault.hint {
        let _ = writeln!(out, "hint: {hint}");
    }
}
