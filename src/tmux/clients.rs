//! Clients of earlier daemons: what they had sent is done or never will be once they are gone.

use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

use tmux_interface::ListClients;

use super::control::Control;
use super::error::Repeat;
use super::identity;
use super::link::Link;
use super::reply::Reply;
use crate::domain::fault::{Fault, Kind, Result};

/// A control client ends by itself when the daemon that held its pipe is gone.
const WAIT_MAX: Duration = Duration::from_secs(2);
/// From then on a client is taken for stuck. We hold the data directory's lock, so none of them has a daemon.
const LEAVE_ALONE: Duration = Duration::from_millis(500);
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

impl Link {
    pub async fn wait_for_old_clients(&self) -> Result<()> {
        let begun = Instant::now();
        let gone = async {
            loop {
                let others = self.other_clients().await?;
                if others.is_empty() {
                    return Ok(());
                }
                if begun.elapsed() > LEAVE_ALONE {
                    others.into_iter().for_each(|pid| self.end_client(pid));
                }
                tokio::time::sleep(LOOK_INTERVAL).await;
            }
        };
        tokio::time::timeout(WAIT_MAX, gone).await.unwrap_or_else(|_| {
            let message = "a control client of an earlier daemon is still attached to tmux";
            Err(Fault::new(Kind::Timeout, message).hint("End the other daemon: `telecoder doctor` names it."))
        })
    }

    /// tmux 3.5a sometimes keeps a control client whose pipes are both closed (seen under load). Its end throws away what tmux
    /// has not read of it, and harms no window. Only a tmux on our own socket is ended.
    fn end_client(&self, pid: u32) {
        let Some(client) = identity::process(pid) else { return };
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let socket = self.exec.socket().as_os_str().as_bytes();
        if line.split(|byte| *byte == 0).any(|word| word == socket) && identity::end_client(client) {
            tracing::warn!(
                pid,
                "a control client of an earlier daemon did not end by itself; it was ended"
            );
        }
    }

    /// Processes of clients that are like our own. A person's own control client (iTerm2) has other flags.
    async fn other_clients(&self) -> Result<Vec<u32>> {
        let list = ListClients::new().format("#{client_pid} #{client_flags}");
        let answer = self
            .run(&list.build().into(), Repeat::Safe)
            .await
            .and_then(Reply::into_output);
        let output = answer.map_err(|error| error.fault("listing the tmux clients", Repeat::Safe))?;
        let own = self.control().as_ref().map(Control::pid);
        Ok(old_clients(&output, own))
    }
}

fn old_clients(output: &str, own: Option<u32>) -> Vec<u32> {
    let lines = output.lines().filter_map(|line| line.split_once(' '));
    let like_ours = lines.filter(|(_, flags)| {
        ["control-mode", "no-output", "ignore-size"]
            .iter()
            .all(|flag| flags.split(',').any(|other| other == *flag))
    });
    like_ours
        .filter_map(|(pid, _)| pid.parse().ok())
        .filter(|pid| Some(*pid) != own)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_clients_like_ours_count() {
        let output = "10 attached,control-mode,ignore-size,no-output,UTF-8\n\
11 attached,focused,UTF-8\n\
12 attached,control-mode,UTF-8\n\
13 attached,control-mode,ignore-size,no-output,UTF-8\n";
        assert_eq!(old_clients(output, Some(10)), [13]);
        assert_eq!(old_clients(output, None), [10, 13]);
        assert!(old_clients("", Some(1)).is_empty());
    }
}
