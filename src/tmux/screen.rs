//! What a pane shows, and what it showed before.

use rustix::fs::{Mode, OFlags};
use tmux_interface::{CapturePane, DisplayMessage};

use super::command::CommandList;
use super::error::{Repeat, TmuxError};
use super::link::Link;
use super::reply::Reply;
use crate::domain::fault::{Fault, Kind, Result};
use crate::domain::ids::PaneId;
use crate::domain::screen::Screen;

/// A longer history is not asked for; tmux stands still while it writes one out (50 000 lines: 0.2 s).
const HISTORY_LINES_MAX: u32 = 50_000;

const FACTS: &str =
    "#{cursor_x} #{cursor_y} #{cursor_flag} #{?pane_in_mode,1,0} #{pane_dead} #{pane_height} #{pane_tty}";

impl Link {
    pub async fn screen(&self, pane: &PaneId) -> Result<Screen> {
        let doing = format!("reading the screen of pane {pane}");
        let facts = DisplayMessage::new().print().target_pane(pane.as_str()).message(FACTS);
        let capture = CapturePane::new()
            .stdout()
            .escape_sequences()
            .target_pane(pane.as_str());
        let list = CommandList::new(facts.build()).then(capture.build());
        let answer = self.run(&list, Repeat::Safe).await.and_then(Reply::into_output);
        let output = answer.map_err(|error| error.fault(&doing, Repeat::Safe))?;
        parse(&output).ok_or_else(|| Fault::new(Kind::Failure, "tmux answered in an unknown form").context(doing))
    }

    pub async fn history(&self, pane: &PaneId, lines: u32) -> Result<String> {
        let lines = lines.min(HISTORY_LINES_MAX);
        let capture = CapturePane::new()
            .stdout()
            .start_line(format!("-{lines}"))
            .target_pane(pane.as_str());
        // By a process: the control client stays free while tmux writes.
        let answer = self
            .exec
            .run(&capture.build().into())
            .await
            .and_then(Reply::into_output);
        let doing = format!("reading the history of pane {pane}");
        let output = answer.map_err(|error: TmuxError| error.fault(&doing, Repeat::Safe))?;
        Ok(last_lines(&output, lines as usize))
    }
}

/// The first line holds the facts, the others are the rows, as many as the pane is high.
fn parse(output: &str) -> Option<Screen> {
    let (facts, rows) = output.split_once('\n')?;
    let mut facts = facts.split(' ');
    let cursor = (facts.next()?.parse().ok()?, facts.next()?.parse().ok()?);
    let cursor_shown = facts.next()? == "1";
    let (in_mode, dead) = (facts.next()? == "1", facts.next()? == "1");
    let height: usize = facts.next()?.parse().ok()?;
    let terminal = facts.next().unwrap_or_default();
    Some(Screen {
        cursor,
        cursor_shown,
        in_mode,
        has_unread_input: !dead && has_unread_input(terminal),
        dead,
        ..Screen::styled(rows, height)
    })
}

/// Whether bytes wait in the terminal for its program. False when that cannot be known.
fn has_unread_input(terminal: &str) -> bool {
    let flags = OFlags::RDONLY | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(terminal) = rustix::fs::open(terminal, flags, Mode::empty()) else {
        return false;
    };
    rustix::io::ioctl_fionread(&terminal).is_ok_and(|bytes| bytes > 0)
}

/// The last `count` lines, without the blank ones below the last text.
fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.trim_end().lines().map(str::trim_end).collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_is_read() {
        let screen = parse("3 1 1 0 0 4 \nab  \n> x\n").unwrap();
        assert_eq!(screen.rows, ["ab", "> x", "", ""]);
        assert_eq!((screen.cursor, screen.in_mode, screen.dead), ((3, 1), false, false));
        assert!(screen.cursor_shown);
        assert!(parse("3 1 0 1 1 1\n\n").unwrap().in_mode);
        assert_eq!(parse("  0  0\n"), None);
    }

    #[test]
    fn the_last_lines_end_with_text() {
        assert_eq!(last_lines("a\nb \nc\n\n\n", 2), "b\nc");
        assert_eq!(last_lines("a\n", 9), "a");
        assert_eq!(last_lines("\n\n", 9), "");
        assert_eq!(last_lines("a\nb", 0), "");
    }
}
