//! Many sessions that wait: what they cost while nothing happens.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::procs::{self, Role, Usage};
use crate::report::Report;
use crate::rig::Rig;

/// Long enough to hold every periodic look of the daemon's at least once.
const WINDOW: Duration = Duration::from_secs(40);
/// What was set off by starting the sessions ends meanwhile.
const SETTLE: Duration = Duration::from_secs(5);

pub fn measure(rig: &Rig, report: &mut Report) {
    std::thread::sleep(SETTLE);
    let (before, pids) = procs::look(rig);
    let (began, forks) = (Instant::now(), procs::forks_of_the_machine());
    std::thread::sleep(WINDOW);
    let seconds = began.elapsed().as_secs_f64();
    let forks = procs::forks_of_the_machine() - forks;
    let (after, pids_after) = procs::look(rig);

    let sessions = after.get(&Role::Shim).map_or(0, |shims| shims.processes);
    report.heading(&format!(
        "{sessions} idle sessions over {seconds:.0} s, with Telegram polling"
    ));
    let mut all = Usage::default();
    let mut cpu = BTreeMap::new();
    for role in Role::ALL {
        let (was, is) = (of(&before, role), of(&after, role));
        let percent = (is.cpu_ns - was.cpu_ns) as f64 / 1e7 / seconds;
        cpu.insert(role, percent);
        report.note(&format!(
            "{:<32} {:>4} processes, {percent:.3} % of a core, RSS {:.1} MB, PSS {:.1} MB",
            role.word(),
            is.processes,
            mb(is.rss_kb),
            mb(is.pss_kb),
        ));
        all.pss_kb += is.pss_kb;
    }
    let faults = |roles: &BTreeMap<Role, Usage>| roles.values().map(|usage| usage.children_faults).sum::<u64>();
    let forked = pids_after.iter().filter(|pid| !pids.contains(pid)).count();
    report.note(&format!(
        "the whole machine, ours and others', started {forks} processes and threads meanwhile"
    ));
    report.at_most("processes of ours that are new", forked as f64, 0.0, "");
    let ended = faults(&after) - faults(&before);
    report.at_most(
        "page faults of children that ended (each has some)",
        ended as f64,
        0.0,
        "",
    );
    report.at_most("processor, daemon", cpu[&Role::Daemon], 0.5, "%");
    report.at_most("processor, all (tmux and agents too)", cpu.values().sum(), 0.5, "%");
    report.at_most("RSS of the daemon", mb(of(&after, Role::Daemon).rss_kb), 25.0, "MB");
    let agents = of(&after, Role::Agent).pss_kb;
    let limit = 25.0 + 2.0 * sessions as f64;
    report.at_most(
        "PSS of all without the bundled agents",
        mb(all.pss_kb - agents),
        limit,
        "MB",
    );
    report.at_most("PSS of all", mb(all.pss_kb), limit, "MB");
}

fn of(roles: &BTreeMap<Role, Usage>, role: Role) -> Usage {
    roles.get(&role).copied().unwrap_or_default()
}

/// Megabytes of 1,000,000 bytes.
fn mb(kilobytes: u64) -> f64 {
    kilobytes as f64 * 1024.0 / 1e6
}
