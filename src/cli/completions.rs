//! `telecoder completions SHELL`.

use std::io;

use clap::CommandFactory;
use clap_complete::Shell;

use super::args::Cli;
use super::out;
use crate::domain::fault::Result;

const EXAMPLES: &str = "Examples:
  telecoder completions bash > ~/.local/share/bash-completion/completions/telecoder
  telecoder completions fish > ~/.config/fish/completions/telecoder.fish
  telecoder completions zsh > DIR/_telecoder      # a directory of your $fpath";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The shell.
    shell: Shell,
}

pub fn run(args: &Args) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "telecoder", &mut script);
    out::written(io::Write::write_all(&mut io::stdout().lock(), &script))
}
