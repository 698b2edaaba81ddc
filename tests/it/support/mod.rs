//! The harness: one installation of its own per test, with its own HOME, data directory, tmux server and environment. Nothing of it
//! is left when the test ends, and the end checks that.

#![expect(dead_code, reason = "each file of tests uses its part of the harness")]

mod cleanup;
mod daemon;
mod env;
mod http;
mod output;
mod snapshot;
mod wait;

pub use cleanup::of_session;
pub use daemon::{Daemon, signal};
pub use env::TestEnv;
pub use http::Http;
pub use output::Output;
pub use snapshot::{holders, snapshot};
pub use wait::*;
