//! Everything that touches a launch's directory and its processes: the runner script, the shim, the mailbox, the log writer.
//!
//! Knows no tmux, no SQL and no agent. The programs of this room (`shim`, `log_writer`, writing a letter) run outside the
//! daemon, use no async runtime, and work while the daemon is down.

pub mod check;
mod exit_file;
mod files;
pub mod layout;
pub mod log_writer;
pub mod mailbox;
pub mod process;
pub mod script;
pub mod shim;
pub mod transcribe;
pub mod watch;

pub use exit_file::{is_held, read_exit, read_shim};
pub use layout::LaunchDir;
