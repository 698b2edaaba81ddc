//! Our processes as /proc shows them.

use std::collections::BTreeMap;
use std::path::Path;

use crate::rig::Rig;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Daemon,
    Shim,
    LogWriter,
    Tmux,
    Agent,
}

impl Role {
    pub const ALL: [Role; 5] = [Role::Daemon, Role::Shim, Role::LogWriter, Role::Tmux, Role::Agent];

    pub fn word(self) -> &'static str {
        match self {
            Role::Daemon => "daemon",
            Role::Shim => "shims",
            Role::LogWriter => "log writers",
            Role::Tmux => "tmux server and control client",
            Role::Agent => "bundled agents",
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    pub processes: usize,
    /// Time on a processor since its start, in nanoseconds.
    pub cpu_ns: u64,
    /// Page faults of children that ended: grows with each one.
    pub children_faults: u64,
    pub rss_kb: u64,
    /// Each shared page counts in equal parts for those who share it.
    pub pss_kb: u64,
}

/// Every process of the installation, by role. Pids in a second map: a new one is a fork.
pub fn look(rig: &Rig) -> (BTreeMap<Role, Usage>, Vec<u32>) {
    let mut roles = BTreeMap::new();
    let mut pids = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("/proc").flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if let Some(role) = role(rig, pid, &entry.path()) {
            pids.push(pid);
            add(roles.entry(role).or_default(), &entry.path());
        }
    }
    pids.sort_unstable();
    (roles, pids)
}

/// How many processes and threads the whole machine started since it runs.
pub fn forks_of_the_machine() -> u64 {
    let stat = read(Path::new("/proc/stat"));
    let line = stat.lines().find_map(|line| line.strip_prefix("processes "));
    line.and_then(|count| count.parse().ok()).unwrap_or_default()
}

fn role(rig: &Rig, pid: u32, dir: &Path) -> Option<Role> {
    if pid == rig.daemon.pid() {
        return Some(Role::Daemon);
    }
    let line = read(&dir.join("cmdline"));
    let data = rig.env.data().display().to_string();
    if pid == std::process::id() || !line.contains(&data) {
        return None;
    }
    let words: Vec<&str> = line.split('\0').collect();
    match (words[0].rsplit('/').next(), words.get(1).copied()) {
        (_, Some("shim")) => Some(Role::Shim),
        (_, Some("log-writer")) => Some(Role::LogWriter),
        (_, Some("demo-agent")) => Some(Role::Agent),
        (Some(name), _) if name.starts_with("tmux") => Some(Role::Tmux),
        _ => None,
    }
}

fn add(usage: &mut Usage, dir: &Path) {
    usage.processes += 1;
    usage.cpu_ns += cpu_ns(dir);
    let stat = read(&dir.join("stat"));
    // The name may hold anything; what follows its last bracket are numbers. `cminflt` is the 11th of all fields.
    let faults = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(8));
    usage.children_faults += faults.and_then(|faults| faults.parse().ok()).unwrap_or(0);
    let rss = kilobytes(&dir.join("status"), "VmRSS:").unwrap_or(0);
    usage.rss_kb += rss;
    // The daemon's memory is closed to everybody but root; all of its RSS is counted then.
    usage.pss_kb += kilobytes(&dir.join("smaps_rollup"), "Pss:").unwrap_or(rss);
}

fn cpu_ns(dir: &Path) -> u64 {
    let Ok(tasks) = std::fs::read_dir(dir.join("task")) else {
        return 0;
    };
    let of_task = |task: std::fs::DirEntry| -> Option<u64> {
        read(&task.path().join("schedstat")).split(' ').next()?.parse().ok()
    };
    tasks.flatten().filter_map(of_task).sum()
}

fn kilobytes(file: &Path, key: &str) -> Option<u64> {
    let text = read(file);
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}
