//! `script/bench`: how fast, beside what the machine itself allows.
//!
//! Each figure is taken beside its floor in the same run, sample by sample: a slow disk or a busy neighbour slows both, and the
//! ratio stays. One installation of its own (data directory, tmux server, fake Bot API on the loopback); nothing is left.
//! Ends with 1 only when something could not be measured: a figure over its target is shown, not punished, because a
//! busy machine is no defect. docs/speed.md explains the figures.

#![expect(clippy::print_stdout, reason = "what a bench finds is printed")]

#[path = "../../tests/it/fakes/mod.rs"]
mod fakes;
#[expect(unused_imports, reason = "the bench uses its part of the tests' harness")]
#[path = "../../tests/it/support/mod.rs"]
mod support;

mod api;
mod floor;
mod idle;
mod list;
mod notify;
mod procs;
mod prompt;
mod report;
mod rig;
mod stats;
mod tap;

use report::Report;
use rig::Rig;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, socket] = args.as_slice()
        && flag == tap::FLAG
    {
        return tap::read_terminal(std::path::Path::new(socket));
    }
    // cargo itself adds `--bench`.
    let wanted: Vec<&str> = args
        .iter()
        .map(String::as_str)
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    let wants = |part: &str| wanted.is_empty() || wanted.contains(&part);
    let rig = Rig::start();
    let mut report = Report::begin(&rig);
    if wants("prompt") {
        prompt::measure(&rig, &mut report);
    }
    if wants("notify") {
        notify::measure(&rig, &mut report);
    }
    if wants("list") || wants("idle") {
        rig.fill_up();
    }
    if wants("list") {
        list::measure(&rig, &mut report);
    }
    if wants("idle") {
        idle::measure(&rig, &mut report);
    }
    report.end();
    let violations = rig.fake.violations();
    assert!(
        violations.is_empty(),
        "requests that Telegram would refuse: {violations:?}"
    );
}
