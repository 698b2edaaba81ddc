//! What can be typed.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::{
    answer, attach, command, completions, config, dialog, diff, events, explain, fork, gc, history, inbox, init,
    interrupt, keys, list, logs, messages, notify, pair, publish, rerun, resume, rm, run, screen, send, serve, status,
    stop, trust, verify,
};

/// Keeps coding agents at work in tmux windows, reached from Telegram, ssh, this command line and an API.
///
/// A session is named by its name, its id, or the first 3 or more characters of its id. The daemon starts by itself with the
/// first command that needs it.
#[derive(Debug, Parser)]
#[command(name = "telecoder", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    /// Print JSON on stdout, and errors as JSON on stderr.
    #[arg(long, global = true, help_heading = EVERYWHERE, display_order = 100)]
    pub json: bool,
    /// Read this configuration file (`telecoder config path` tells which one is read without it).
    #[arg(long, global = true, value_name = "FILE", help_heading = EVERYWHERE, display_order = 101)]
    pub config: Option<PathBuf>,
    /// Use this data directory, and so its daemon and sessions [default: ~/.telecoder].
    #[arg(long, global = true, value_name = "DIR", help_heading = EVERYWHERE, display_order = 102)]
    pub data_dir: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Command,
}

/// The heading of what each command takes.
const EVERYWHERE: &str = "With every command";

const EXIT_CODES: &str = "Exit codes: 0 done, 1 failure, 2 usage, 3 not found, 4 refused by the state of things, 5 no daemon, \
6 not permitted, 7 time limit, 8 storage, 9 program missing, 11 over a limit, 12 uncertain, 20 session failed, 21 needs input, \
78 configuration.";

// Only the command that was typed builds its arguments: all of them together took most of a short command's time.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// Start a session: an agent in a window of its own, with its first prompt.
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
    /// End a session: the agent and everything that it started.
    Stop(stop::Args),
    /// Start an ended session's agent again, in its conversation.
    Resume(resume::Args),
    /// Remove a session and its workspace.
    Rm(rm::Args),
    /// Show the event log: what happened, in order.
    Events(events::Args),
    /// Show what agents said.
    Messages(messages::Args),
    /// Show what finished, failed or waits since you last looked.
    Inbox(inbox::Args),
    /// Show what a session changed.
    Diff(diff::Args),
    /// Push a session's branch and open its pull request.
    Publish(publish::Args),
    /// Start a session once more, linked to the first.
    Rerun(rerun::Args),
    /// Show what a session was rerun from and into.
    Lineage(rerun::LineageArgs),
    /// Remove sessions that ended and whose work is published, or of which there is none.
    Gc(gc::Args),
    /// Check a session's work now.
    Verify(verify::Args),
    /// Read a repository's `.telecoder.toml`, and allow its commands.
    Trust(trust::Args),
    /// Answer a question of an agent, or the dialog that it shows.
    Answer(answer::Args),
    /// Connect a Telegram bot: asks for its token, finds you, writes the configuration.
    Init(init::Args),
    /// Print a one-time code that lets a person talk to the bot.
    Pair(pair::Args),
    /// List who was let in to talk to the bot, or shut somebody out.
    People(pair::PeopleArgs),
    /// Allow what the agent asks for in the dialog that it shows.
    Approve(dialog::Args),
    /// Refuse what the agent asks for in the dialog that it shows.
    Deny(dialog::Args),
    /// Send a command of the agent's own, like /compact.
    #[command(name = "command")]
    OfAgent(command::Args),
    /// Say why a session has its status, and what a prompt waits for.
    Explain(explain::Args),
    /// Show the conversations that a session's agent could go on with.
    History(history::Args),
    /// Start a session that begins from the conversation of another one.
    Fork(fork::Args),
    /// Show how the daemon is; never starts one.
    Health,
    /// Show which configuration file is read, and what is in force.
    Config(config::Args),
    /// Print the completion script of a shell.
    Completions(completions::Args),
    /// Run the daemon in the foreground, logging to stderr.
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
