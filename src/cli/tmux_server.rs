//! `telecoder tmux-server`: becomes the tmux server of this installation, for the systemd unit that keeps it apart from the daemon.

use std::os::unix::process::CommandExt;
use std::process::Command;

use super::context::Context;
use crate::config::data_dir::DataDir;
use crate::daemon;
use crate::domain::fault::{Fault, Result};
use crate::tmux;

pub fn run(cx: &Context) -> Result<()> {
    let config = cx.config()?;
    let dir = DataDir::new(&config.data_dir);
    daemon::private_files();
    daemon::make_private_dir(dir.path())?;
    let options = daemon::tmux_options(&config, &dir, true)?;
    tmux::prepare_dir(&options)?;
    let argv = tmux::server_command(&options);
    let error = Command::new(&argv[0])
        .args(&argv[1..])
        .env_remove("TMUX")
        .env_remove("TMUX_PANE")
        .current_dir("/")
        .exec();
    Err(Fault::io(format!("running {}", argv[0]), &error))
}
