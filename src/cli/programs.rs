//! The programs that run in an agent's window or beside it: `shim`, `log-writer`, `notify`, `hook`, `demo-agent`.
//!
//! They are told by the first word alone, before the tree of commands is built: a hook runs at every step of an agent and has to
//! cost next to nothing.

use std::ffi::OsString;
use std::process::ExitCode;

/// Runs the program that the first word names; none when it names a command.
pub fn dispatch(args: &[OsString]) -> Option<ExitCode> {
    let _word = args.get(1)?.to_str()?;
    None
}
