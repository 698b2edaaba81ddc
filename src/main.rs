//! Parse, run, turn the result into an exit code.

use std::process::ExitCode;

use clap::Parser;
use telecoder::cli::demo_agent;

#[derive(Parser)]
enum Command {
    DemoAgent(demo_agent::Args),
}

#[expect(clippy::print_stderr, reason = "the program's own face")]
fn main() -> ExitCode {
    let Command::DemoAgent(args) = Command::parse();
    match demo_agent::run(args) {
        Ok(code) => ExitCode::from(code),
        Err(fault) => {
            eprintln!("error: {fault}");
            if let Some(hint) = &fault.hint {
                eprintln!("hint: {hint}");
            }
            ExitCode::from(fault.kind.exit_code())
        }
    }
}
