//! `telecoder serve`: the daemon, in the foreground.

use super::context::Context;
use crate::daemon::{self, ServeOptions};
use crate::domain::fault::Result;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Leave the terminal and log into `daemon.log` of the data directory: how other commands start the daemon.
    #[arg(long, hide = true)]
    detach: bool,
}

pub fn run(cx: &Context, args: &Args) -> Result<()> {
    daemon::serve(&ServeOptions {
        overrides: cx.overrides.clone(),
        detach: args.detach,
    })
}
