//! What can be typed.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::{
    answer, attach, completions, config, events, interrupt, keys, list, logs, messages, notify, resume, rm, run,
    screen, send, serve, status, stop,
};

/// Keeps coding agents at work in tmux windows, reached from Telegram, ssh, this command line and an API.
///
/// Sessions are named by their name, their id, or the beginning of their id.
#[derive(Debug, Parser)]
#[command(name = "telecoder", version, max_term_width = 100)]
pub struct Cli {
    /// Print JSON on stdout, and errors as JSON on stderr.
    #[arg(long, global = true)]
    pub json: bool,
    /// The configuration file.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where everything is kept.
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a session with a prompt.
    Run(run::Args),
    /// Send a prompt to a session.
    Send(send::Args),
    /// List sessions.
    #[command(visible_alias = "ls")]
    List(list::Args),
    /// Show one session.
    #[command(visible_alias = "show")]
    Status(status::Args),
    /// Show prompts, replies and turns of a session, or its terminal's bytes.
    Logs(logs::Args),
    /// Show what the session's terminal shows now.
    Screen(screen::Args),
    /// Press keys in the session's terminal.
    Keys(keys::Args),
    /// Attach this terminal to the session's window.
    Attach(attach::Args),
    /// Interrupt what the agent is doing; the session goes on.
    Interrupt(interrupt::Args),
    /// End the agent and everything it started. What is already ended stays so.
    Stop(stop::Args),
    /// Start an ended session's agent again, in its conversation.
    Resume(resume::Args),
    /// Remove a session and its workspace.
    Rm(rm::Args),
    /// Show what happened.
    Events(events::Args),
    /// Show what agents said.
    Messages(messages::Args),
    /// Answer a question of an agent.
    Answer(answer::Args),
    /// Ask the daemon how it is. Never starts one.
    Health,
    /// Show where the configuration is, and what it means.
    Config(config::Args),
    /// Print a completion script.
    Completions(completions::Args),
    /// Run the daemon.
    Serve(serve::Args),
    /// Run the tmux server of the agents' windows (used by its systemd unit).
    #[command(hide = true)]
    TmuxServer,
    Notify(notify::NotifyArgs),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("telecoder").chain(line.split_whitespace()))
    }

    #[test]
    fn the_tree_of_commands_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn json_and_the_places_may_stand_anywhere() {
        for line in ["--json --data-dir /d list", "list --json --data-dir /d"] {
            let cli = parse(line).unwrap();
            assert!(cli.json);
            assert_eq!(cli.data_dir.unwrap(), PathBuf::from("/d"));
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        for line in [
            "logs s --raw -f",
            "logs s --raw --tail 3",
            "list --all --status idle",
            "keys s",
            "run",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_lone_dash_is_a_prompt_from_stdin() {
        let cli = parse("send s -").unwrap();
        assert!(matches!(cli.command, Command::Send(args) if args.text.as_deref() == Some("-")));
    }
}
