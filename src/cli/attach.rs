//! `telecoder attach`: this terminal, in the session's window.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use super::context::Context;
use super::out;
use crate::api::client::path;
use crate::api::wire::{Place, Session};
use crate::config::data_dir::DataDir;
use crate::daemon;
use crate::domain::fault::{Fault, Kind, Result};
use crate::tmux;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name, id, or beginning of the id.
    session: String,
    /// Print the command instead of running it.
    #[arg(long)]
    print: bool,
}

pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let config = cx.config()?;
    let dir = DataDir::new(&config.data_dir);
    let session: Session = cx.client()?.get(&path(&["sessions", &args.session])).await?;
    let place = window_of(&session)?;
    let options = daemon::tmux_options(&config, &dir, false)?;
    let inside = inside_server(std::env::var("TMUX").ok().as_deref(), &dir.tmux_sock());
    let mut argv = tmux::attach_command(&options, &place.window_id.parse()?, inside);
    let nested = std::env::var_os("TMUX").is_some() && !inside;
    if nested {
        // tmux refuses to nest by itself; in a server of another socket it is what was asked for.
        argv.splice(0..0, ["env", "-u", "TMUX", "-u", "TMUX_PANE"].map(String::from));
    }
    if cx.json {
        return out::json(&argv);
    }
    if args.print || !out::stdout_is_terminal() {
        return out::line(&quoted(&argv)?);
    }
    become_program(&argv)
}

/// Goes on as another program, in this process; returns only when that fails.
pub fn become_program(argv: &[String]) -> Result<()> {
    let error = Command::new(&argv[0]).args(&argv[1..]).exec();
    Err(Fault::io(format!("running {}", argv[0]), &error))
}

fn window_of(session: &Session) -> Result<&Place> {
    session.tmux.as_ref().ok_or_else(|| {
        let name = &session.name;
        let hint = if session.status.is_ended() {
            format!("Start its agent again with `telecoder resume {name}`, or read `telecoder logs {name}`.")
        } else {
            format!("It is not started yet; `telecoder status {name}` says what it waits for.")
        };
        Fault::new(
            Kind::RefusedByState,
            format!("`{name}` is {} and has no window", session.status),
        )
        .hint(hint)
    })
}

/// Whether `$TMUX` (socket, pid and session, with commas) is of the server at this socket.
fn inside_server(tmux: Option<&str>, socket: &Path) -> bool {
    tmux.and_then(|value| value.rsplitn(3, ',').nth(2))
        .is_some_and(|path| Path::new(path) == socket)
}

fn quoted(argv: &[String]) -> Result<String> {
    shlex::try_join(argv.iter().map(String::as_str))
        .map_err(|e| Fault::new(Kind::Failure, format!("the command cannot be quoted: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_inside_our_server_is_told_by_its_socket() {
        let socket = Path::new("/d,x/tmux/sock");
        assert!(inside_server(Some("/d,x/tmux/sock,123,0"), socket));
        assert!(!inside_server(Some("/tmp/tmux-0/default,123,0"), socket));
        assert!(!inside_server(Some(""), socket));
        assert!(!inside_server(None, socket));
    }

    #[test]
    fn the_printed_command_can_be_pasted_into_a_shell() {
        let argv = ["tmux", "-S", "/a b/sock", "attach", ";", "it's"].map(String::from);
        let shown = quoted(&argv).unwrap();
        assert_eq!(shlex::split(&shown).unwrap(), argv);
    }
}
