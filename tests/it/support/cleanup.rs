//! The end of an installation: everything that it started is ended, and what does not end fails the test.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;

use super::TestEnv;
use super::daemon::signal;
use super::env::MARK;

/// Ends that were already begun (a shim that writes its record) get this time before what is left is killed.
const GRACE: Duration = Duration::from_secs(2);
/// How long processes may take to go when they are killed. One look reads all of /proc, and takes long where many tests run.
const END_LIMIT: Duration = Duration::from_secs(30);

pub fn end_everything(env: &TestEnv) {
    // The daemon first: it would report, and might restart, what we take away from it.
    if let Some(pid) = env.daemon_pid()
        && is_ours(pid, env)
    {
        signal(pid, Signal::KILL);
    }
    if env.tmux_sock().exists() {
        let _ = env
            .program("tmux")
            .arg("-S")
            .arg(env.tmux_sock())
            .arg("kill-server")
            .stderr(Stdio::null())
            .status();
    }
    let begun = std::time::Instant::now();
    let left = until_empty(|| {
        let pids = marked(env);
        if begun.elapsed() > GRACE {
            pids.iter().for_each(|pid| signal(*pid, Signal::KILL));
        }
        pids
    });
    if !left.is_empty() && !std::thread::panicking() {
        panic!("processes of the test are left and cannot be killed: {left:?}");
    }
}

/// Looks until nothing is left or the limit passes; returns what is left.
fn until_empty(mut look: impl FnMut() -> Vec<u32>) -> Vec<u32> {
    let begun = std::time::Instant::now();
    loop {
        let left = look();
        if left.is_empty() || begun.elapsed() > END_LIMIT {
            return left;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Live processes that carry this installation's mark.
pub fn marked(env: &TestEnv) -> Vec<u32> {
    live_processes().filter(|pid| is_ours(*pid, env)).collect()
}

/// Live processes of one session: its agent, and whatever descends from it or was started about it.
pub fn of_session(id: &str) -> Vec<u32> {
    let mark = format!("TELECODER_SESSION={id}");
    live_processes()
        .filter(|pid| environ(*pid).any(|variable| variable == mark.as_bytes()) || commandline_names(*pid, id))
        .collect()
}

/// All but this one and the zombies.
fn live_processes() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").expect("reading /proc");
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid != std::process::id() && !is_zombie(*pid))
}

fn is_zombie(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        stat.rsplit(')')
            .next()
            .is_some_and(|rest| rest.trim_start().starts_with('Z'))
    })
}

fn environ(pid: u32) -> impl Iterator<Item = Vec<u8>> {
    let bytes = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let variables: Vec<Vec<u8>> = bytes.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect();
    variables.into_iter()
}

fn is_ours(pid: u32, env: &TestEnv) -> bool {
    let mark = format!("{MARK}={}", env.mark());
    let data = env.data().display().to_string();
    let is_marked = environ(pid).any(|variable| {
        variable == mark.as_bytes()
            || (variable.starts_with(b"TELECODER_MAILBOX=") && contains(&variable, data.as_bytes()))
    });
    // The daemon's and the tmux server's environments are scrubbed; they are told by the directory on their command lines.
    !is_zombie(pid) && (is_marked || commandline_names(pid, &data))
}

fn commandline_names(pid: u32, data: &str) -> bool {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    contains(&line, data.as_bytes())
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
