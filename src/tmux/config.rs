//! Our own `tmux.conf`: written at every start, never the person's.

use std::path::Path;

/// A window that nobody looks at has this size; agents draw for it.
pub(super) const COLUMNS: u16 = 200;
pub(super) const ROWS: u16 = 50;

const LINES: &str = "\
# Written by TeleCoder at every start; a change made here is lost.
set -s exit-empty off
set -s exit-unattached off
# A lone Escape goes out at once.
set -s escape-time 10
# An agent's screen is the same whether a person looks or not.
set -s focus-events off
set -s set-clipboard off
# Nothing of a client's environment reaches the windows.
set -g update-environment ''
set -g mouse off
set -g base-index 0
set -g renumber-windows off
set -g destroy-unattached off
set -g detach-on-destroy on
set -g set-titles off
set -g lock-after-time 0
set -g visual-activity off
set -g visual-bell off
set -g visual-silence off
# tmux 3.3a dies when something is pasted into a dead pane that remains.
set -gw remain-on-exit off
set -gw allow-rename off
set -gw automatic-rename off
set -gw pane-base-index 0
set -gw monitor-activity off
set -gw monitor-bell off
set -gw monitor-silence 0
set -gw window-size latest
set -gw aggressive-resize off
set -gw synchronize-panes off
set -g status on
set -g status-interval 60
set -g status-left ' telecoder '
set -g status-left-length 20
set -g status-right ' #{host_short} %H:%M '
set -gw window-status-format ' #{window_index}:#{window_name} '
set -gw window-status-current-format ' #{window_index}:#{window_name} '
set -gw window-status-current-style reverse
";

pub(super) fn text(history_lines: u32) -> String {
    let terminal = terminal(&terminfo_places());
    format!(
        "{LINES}set -g history-limit {history_lines}\nset -g default-size {COLUMNS}x{ROWS}\nset -s default-terminal {terminal}\n"
    )
}

/// tmux's own description where the system has it (Debian: package ncurses-term or ncurses-base), else that of screen.
fn terminal(places: &[std::path::PathBuf]) -> &'static str {
    let there = |place: &std::path::PathBuf| {
        ["t", "74"]
            .iter()
            .any(|dir| place.join(dir).join("tmux-256color").exists())
    };
    if places.iter().any(there) {
        "tmux-256color"
    } else {
        "screen-256color"
    }
}

fn terminfo_places() -> Vec<std::path::PathBuf> {
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".terminfo"));
    let system = [
        "/etc/terminfo",
        "/lib/terminfo",
        "/usr/share/terminfo",
        "/usr/lib/terminfo",
    ];
    home.into_iter().chain(system.iter().map(Into::into)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_terminal_is_one_that_the_system_knows() {
        let dir = tempfile::tempdir().unwrap();
        let places = [dir.path().to_path_buf()];
        assert_eq!(terminal(&places), "screen-256color");
        std::fs::create_dir(dir.path().join("t")).unwrap();
        std::fs::write(dir.path().join("t/tmux-256color"), "").unwrap();
        assert_eq!(terminal(&places), "tmux-256color");
    }
}
