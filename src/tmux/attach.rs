//! A person's terminal onto a window.

use tmux_interface::{NewSession, SelectWindow, SetOption, SwitchClient};

use super::TmuxOptions;
use super::command::CommandList;
use super::server::SESSION;
use crate::domain::ids::WindowId;

/// The argument vector, program first.
pub(super) fn command(options: &TmuxOptions, window: &WindowId, inside_this_server: bool) -> Vec<String> {
    let list = if inside_this_server {
        switch(window)
    } else {
        grouped_session(window)
    };
    let path = |path: &std::path::Path| path.display().to_string();
    let head = [
        path(&options.program),
        "-u".into(),
        "-N".into(),
        "-S".into(),
        path(&super::socket(options)),
        "-f".into(),
        path(&super::config_file(options)),
    ];
    head.into_iter().chain(list.argv()).collect()
}

/// A session of its own over the same windows: each person looks where they like, and it goes when they leave.
fn grouped_session(window: &WindowId) -> CommandList {
    CommandList::new(NewSession::new().group_name(SESSION).build())
        .then(SetOption::new().option("destroy-unattached").value("on").build())
        .then(SelectWindow::new().target_window(window.as_str()).build())
}

/// `:@3` is the window in the session that the client has; without the colon it would name a session.
fn switch(window: &WindowId) -> CommandList {
    SwitchClient::new().target_session(format!(":{window}")).build().into()
}
