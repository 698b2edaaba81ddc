//! The command line: one file per command, and the only room that prints.
//!
//! stdout is data, stderr is talk. Each command is a client of the daemon's API; the programs that run inside an agent's window
//! (`programs`) need no daemon and are dispatched before anything else is built.

mod answer;
mod args;
mod attach;
mod check;
mod command;
mod completions;
mod config;
mod context;
mod demo_agent;
mod dialog;
mod diff;
mod events;
mod explain;
mod fork;
mod gc;
mod health;
mod history;
pub mod hook;
mod inbox;
mod init;
mod interrupt;
mod keys;
mod list;
pub mod log_writer;
mod logs;
mod messages;
pub mod notify;
mod out;
mod pair;
mod programs;
mod publish;
mod rerun;
mod resume;
mod rm;
mod run;
mod screen;
mod send;
mod serve;
pub mod shim;
mod start_daemon;
mod status;
mod stop;
mod table;
mod terminal_text;
mod tmux_server;
mod trust;
mod verify;
mod wait;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;

use crate::domain::fault::{Fault, Kind};

use args::{Cli, Command};
use context::Context;

/// Runs what the arguments say.
pub fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    if let Some(code) = programs::dispatch(&args) {
        return code;
    }
    if args.len() == 2 && (args[1] == "--version" || args[1] == "-V") {
        return finish(
            out::line(concat!("telecoder ", env!("CARGO_PKG_VERSION"))).map_err(Into::into),
            false,
        );
    }
    match Cli::try_parse_from(args) {
        Ok(cli) => {
            let json = cli.json;
            finish(run_command(cli), json)
        }
        Err(error) => usage(&error),
    }
}

fn run_command(cli: Cli) -> anyhow::Result<()> {
    let cx = Context::new(cli.config, cli.data_dir, cli.json);
    let done = match cli.command {
        Command::Run(args) => cx.block_on(run::run(&cx, args)),
        Command::Send(args) => cx.block_on(send::run(&cx, args)),
        Command::List(args) => cx.block_on(list::run(&cx, args)),
        Command::Status(args) => cx.block_on(status::run(&cx, args)),
        Command::Logs(args) => cx.block_on(logs::run(&cx, args)),
        Command::Screen(args) => cx.block_on(screen::run(&cx, args)),
        Command::Keys(args) => cx.block_on(keys::run(&cx, args)),
        Command::Attach(args) => cx.block_on(attach::run(&cx, args)),
        Command::Interrupt(args) => cx.block_on(interrupt::run(&cx, args)),
        Command::Stop(args) => cx.block_on(stop::run(&cx, args)),
        Command::Resume(args) => cx.block_on(resume::run(&cx, args)),
        Command::Rm(args) => cx.block_on(rm::run(&cx, args)),
        Command::Events(args) => cx.block_on(events::run(&cx, args)),
        Command::Messages(args) => cx.block_on(messages::run(&cx, args)),
        Command::Answer(args) => cx.block_on(answer::run(&cx, args)),
        Command::Inbox(args) => cx.block_on(inbox::run(&cx, args)),
        Command::Diff(args) => cx.block_on(diff::run(&cx, args)),
        Command::Publish(args) => cx.block_on(publish::run(&cx, args)),
        Command::Rerun(args) => cx.block_on(rerun::run(&cx, args)),
        Command::Lineage(args) => cx.block_on(rerun::lineage(&cx, args)),
        Command::Gc(args) => cx.block_on(gc::run(&cx, args)),
        Command::Verify(args) => cx.block_on(verify::run(&cx, args)),
        Command::Trust(args) => cx.block_on(trust::run(&cx, args)),
        Command::Init(args) => cx.block_on(init::run(&cx, args)),
        Command::Pair(args) => cx.block_on(pair::run(&cx, args)),
        Command::People(args) => cx.block_on(pair::people(&cx, args)),
        Command::Approve(args) => cx.block_on(dialog::approve(&cx, args)),
        Command::Deny(args) => cx.block_on(dialog::deny(&cx, args)),
        Command::OfAgent(args) => cx.block_on(command::run(&cx, args)),
        Command::Explain(args) => cx.block_on(explain::run(&cx, args)),
        Command::History(args) => cx.block_on(history::run(&cx, args)),
        Command::Fork(args) => cx.block_on(fork::run(&cx, args)),
        Command::Health => cx.block_on(health::run(&cx)),
        Command::Config(args) => config::run(&cx, &args),
        Command::Completions(args) => completions::run(&args),
        Command::Serve(args) => return serve::run(&cx, &args).context("the daemon cannot run"),
        Command::TmuxServer => return tmux_server::run(&cx).context("the tmux server cannot run"),
        Command::Notify(args) => notify::run(args, cx.json).map(|_| ()),
    };
    Ok(done?)
}

/// Says what went wrong, with the chain of what was being done; a [`Fault`] in it has the kind, and so the exit code, and the hint.
fn finish(result: anyhow::Result<()>, json: bool) -> ExitCode {
    let Err(error) = result else {
        return ExitCode::SUCCESS;
    };
    let fault = Fault {
        message: format!("{error:#}"),
        ..match error.downcast_ref::<Fault>() {
            Some(fault) => fault.clone(),
            None => Fault::new(Kind::Failure, ""),
        }
    };
    out::error(&fault, json);
    ExitCode::from(fault.kind.exit_code())
}

/// clap's own words; help and version are no errors and go to stdout.
fn usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    ExitCode::from(if error.use_stderr() { 2 } else { 0 })
}
