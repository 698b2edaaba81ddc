//! `telecoder completions SHELL`.

use std::io;

use clap::CommandFactory;
use clap_complete::Shell;

use super::args::Cli;
use super::out;
use crate::domain::fault::Result;

#[derive(Debug, clap::Args)]
pub struct Args {
    shell: Shell,
}

pub fn run(args: &Args) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "telecoder", &mut script);
    out::written(io::Write::write_all(&mut io::stdout().lock(), &script))
}
