//! Windows: made with their stamp and their log in one command list, listed, closed.

use std::path::Path;

use tmux_interface::{KillWindow, ListPanes, NewWindow as NewTmuxWindow, PipePane, SetOption};

use super::command::{Command, CommandList, escape_format, escape_timed_format};
use super::error::{Repeat, TmuxError};
use super::link::Link;
use super::reply::Reply;
use super::server::{HOME_STAMP, LAST_WINDOW};
use super::{NewWindow, PaneInfo};
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::{LaunchNo, WindowId};
use crate::domain::launch::Placement;

/// The pane's stamps; every guard compares the first.
pub(super) const SESSION_STAMP: &str = "@telecoder_session";
const LAUNCH_STAMP: &str = "@telecoder_launch";

/// Fields of one pane, in the order of `parse_pane`.
const PANE_FIELDS: usize = 7;

impl Link {
    pub async fn new_window(&self, new: &NewWindow<'_>) -> Result<Placement> {
        let doing = format!("opening a window for `{}`", new.name);
        let list = creation(new)?;
        let mut reply = self.run(&list, Repeat::Never).await;
        if matches!(&reply, Ok(reply) if reply.output.is_empty() && session_is_missing(reply)) {
            // A person closed the last window. Nothing was made, so the list may be sent again.
            self.prepare_session()
                .await
                .map_err(|error| error.fault(&doing, Repeat::Safe))?;
            reply = self.run(&list, Repeat::Never).await;
        }
        let reply = reply.map_err(|error| error.fault(&doing, Repeat::Never))?;
        let made = reply.output.lines().next().and_then(parse_made);
        match (reply.error, made) {
            (None, Some(made)) => self.place(made, &doing).await,
            (error, made) => {
                if let Some(made) = made {
                    self.kill_window(&made.window).await?;
                }
                let error = error.unwrap_or_else(|| format!("no ids in `{}`", reply.output.trim()));
                Err(TmuxError::Refused(error).fault(&doing, Repeat::Never))
            }
        }
    }

    /// The ids count only together with the server that gave them.
    async fn place(&self, made: Made, doing: &str) -> Result<Placement> {
        let server = match self.server().filter(|server| server.pid == made.server_pid) {
            Some(server) => server,
            None => {
                self.kill_window(&made.window).await?;
                let message = "another tmux server took the place of the known one";
                return Err(Fault::new(Kind::Failure, message).context(doing));
            }
        };
        Ok(Placement {
            window: made.window,
            pane: made.pane,
            server,
        })
    }

    pub async fn kill_window(&self, window: &WindowId) -> Result<()> {
        let kill = KillWindow::new().target_window(window.as_str());
        let answer = self
            .run(&kill.build().into(), Repeat::Safe)
            .await
            .and_then(Reply::into_output);
        match answer {
            Ok(_) | Err(TmuxError::NoServer(_)) => Ok(()),
            Err(error) if error.is_missing_target() => Ok(()),
            Err(error) => Err(error.fault(&format!("closing window {window}"), Repeat::Safe)),
        }
    }

    pub async fn panes(&self) -> Result<Vec<PaneInfo>> {
        let format = format!(
            "#{{window_id}}|#{{pane_id}}|#{{pane_pid}}|#{{{SESSION_STAMP}}}|#{{{LAUNCH_STAMP}}}|#{{pane_dead}}|#{{{HOME_STAMP}}}"
        );
        let list = ListPanes::new().all().format(format);
        let answer = self
            .run(&list.build().into(), Repeat::Safe)
            .await
            .and_then(Reply::into_output);
        let output = match answer {
            // No tmux session, so no panes.
            Err(error) if error.is_missing_target() => return Ok(Vec::new()),
            answer => answer.map_err(|error| error.fault("listing the panes", Repeat::Safe))?,
        };
        let mut panes: Vec<PaneInfo> = Vec::new();
        for line in output.lines() {
            let Some(pane) = parse_pane(line)? else { continue };
            // A pane is listed once for each tmux session that shows it, so once more for each attached person.
            if panes.iter().all(|known| known.pane != pane.pane) {
                panes.push(pane);
            }
        }
        Ok(panes)
    }
}

struct Made {
    window: WindowId,
    pane: crate::domain::ids::PaneId,
    server_pid: u32,
}

/// Window, stamps and log in one list: tmux reads the pane's first byte only after the whole list.
fn creation(new: &NewWindow<'_>) -> Result<CommandList> {
    let program = utf8(new.program)?;
    let window = NewTmuxWindow::new()
        .detached()
        .after()
        .print()
        .format("#{window_id} #{pane_id} #{pid}")
        .target_window(LAST_WINDOW)
        .window_name(new.name.as_str())
        .start_directory(escape_format(utf8(new.cwd)?))
        .environment(format!("TELECODER_SESSION={}", new.session));
    // A single argument would be a line for the person's shell; several are exec'd as they are. So this is what the kernel
    // makes of a script's `#!/bin/sh`, but for one thing: a script that was just written is never "text file busy" because
    // another thread's child still held it open.
    let window = Command::from(window.build()).args(["/bin/sh", program]);
    let list = CommandList::new(window)
        .then(stamp(SESSION_STAMP, new.session.as_str()))
        .then(stamp(LAUNCH_STAMP, &new.launch.to_string()));
    Ok(match &new.pipe_to {
        None => list,
        Some(argv) => list.then(pipe(argv)?),
    })
}

fn stamp(option: &str, value: &str) -> Command {
    let set = SetOption::new().pane().target_pane(LAST_WINDOW);
    Command::from(set.build()).args([option, value])
}

/// tmux gives the text to `/bin/sh -c` after it has expanded formats and the time in it.
fn pipe(argv: &[String]) -> Result<Command> {
    let line = shlex::try_join(argv.iter().map(String::as_str))
        .map_err(|_| Fault::new(Kind::Usage, "the log writer's command line holds a NUL"))?;
    let pipe = PipePane::new().open().target_pane(LAST_WINDOW);
    // exec: else a shell would sit between tmux and the log writer for the life of the pane.
    Ok(Command::from(pipe.build()).args([escape_timed_format(&format!("exec {line}"))]))
}

fn session_is_missing(reply: &Reply) -> bool {
    reply.error.as_deref().is_some_and(super::error::is_missing_target)
}

fn utf8(path: &Path) -> Result<&str> {
    path.to_str()
        .ok_or_else(|| Fault::new(Kind::Usage, format!("the path {} is not UTF-8", path.display())))
}

fn parse_made(line: &str) -> Option<Made> {
    let mut words = line.split(' ');
    Some(Made {
        window: words.next()?.parse().ok()?,
        pane: words.next()?.parse().ok()?,
        server_pid: words.next()?.parse().ok()?,
    })
}

/// `None` for `home`.
fn parse_pane(line: &str) -> Result<Option<PaneInfo>> {
    let odd = || Fault::new(Kind::Failure, format!("tmux lists a pane as `{line}`"));
    let fields: Vec<&str> = line.split('|').collect();
    if fields.len() != PANE_FIELDS {
        return Err(odd());
    }
    if fields[6] == "1" {
        return Ok(None);
    }
    Ok(Some(PaneInfo {
        window: fields[0].parse()?,
        pane: fields[1].parse()?,
        pid: fields[2].parse().map_err(|_| odd())?,
        session: fields[3].parse().ok(),
        launch: fields[4].parse().ok().map(LaunchNo),
        dead: fields[5] == "1",
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_writer_gets_its_arguments_literally() {
        let argv = ["log".to_owned(), "/a b/#{pid}%H'".to_owned()];
        let line = CommandList::new(pipe(&argv).unwrap()).argv().pop().unwrap();
        assert_eq!(line, r##"exec log "/a b/##{pid}%%H'""##);
    }

    #[test]
    fn panes_are_read_and_home_is_not_ours() {
        let pane = parse_pane("@3|%4|99|abcdefghijkl|2|0|").unwrap().unwrap();
        assert_eq!((pane.window.as_str(), pane.pane.as_str(), pane.pid), ("@3", "%4", 99));
        assert_eq!(
            (pane.session.unwrap().as_str(), pane.launch),
            ("abcdefghijkl", Some(LaunchNo(2)))
        );
        assert!(parse_pane("@3|%4|99||||").unwrap().unwrap().session.is_none());
        assert_eq!(parse_pane("@0|%0|99|||0|1").unwrap(), None);
        assert!(parse_pane("nonsense").is_err());
    }
}
