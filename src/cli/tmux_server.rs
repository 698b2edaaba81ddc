//! `telecoder tmux-server`: becomes the tmux server of this installation, in the foreground, for the systemd unit that keeps it
//! apart from the daemon.

use super::attach::become_program;
use super::context::Context;
use crate::config::data_dir::DataDir;
use crate::daemon;
use crate::domain::fault::Result;
use crate::tmux;

pub fn run(cx: &Context) -> Result<()> {
    let config = cx.config()?;
    let dir = DataDir::new(&config.data_dir);
    daemon::private_files();
    daemon::make_private_dir(dir.path())?;
    let options = daemon::tmux_options(&config, &dir, true)?;
    tmux::prepare_dir(&options)?;
    // Started from inside some tmux by hand, it must not take itself for a client of that.
    let mut argv = ["env", "-u", "TMUX", "-u", "TMUX_PANE"].map(String::from).to_vec();
    argv.extend(tmux::server_command(&options));
    become_program(&argv)
}
