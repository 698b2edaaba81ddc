//! The end of a launch that does not end by itself: nothing of it may stay.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use telecoder::domain::exit::ExitCause;
use telecoder::domain::letter::ProcessRef;
use telecoder::runner::process::{ask_shim_to_stop, end_launch_processes, is_alive};

use super::launch::{BINARY, Launch, read, wait_for};

/// Children of every kind that outlives a plain kill: each writes its number.
const BROOD: &str = "
    stay() { echo $$ >> $ROOT/pids; while :; do sleep 1; done; }
    sh -c 'echo $$ >> $ROOT/pids; while :; do sleep 1; done' &
    sh -c 'trap \"\" HUP; echo $$ >> $ROOT/pids; while :; do sleep 1; done' &
    setsid sh -c 'echo $$ >> $ROOT/pids; while :; do sleep 1; done' &
    setsid sh -c 'trap \"\" HUP TERM INT; echo $$ >> $ROOT/pids; while :; do sleep 1; done' &
    (setsid sh -c 'setsid sh -c \"trap : HUP; echo \\$\\$ >> $ROOT/pids; while :; do sleep 1; done\" &' &)
    echo brood-started
";
const BROOD_SIZE: usize = 5;

fn with_brood(then: &str) -> (Launch, Vec<ProcessRef>) {
    let mut launch = Launch::of_shell(&format!("{BROOD}{then}"));
    launch.start();
    launch.pty.until("brood-started");
    let brood = launch.processes("pids", BROOD_SIZE);
    (launch, brood)
}

#[track_caller]
fn none_lives(brood: &[ProcessRef]) {
    let living: Vec<&ProcessRef> = brood.iter().filter(|process| is_alive(**process)).collect();
    assert!(living.is_empty(), "still there: {living:?}");
}

#[test]
fn a_hang_up_ends_the_tree_and_is_recorded() {
    let (mut launch, brood) = with_brood("read line");
    launch.pty.hang_up();
    let exit = launch.exit();
    assert_eq!(exit.cause, ExitCause::TerminalLost);
    assert!(exit.code.is_some() != exit.signal.is_some(), "{exit:?}");
    none_lives(&brood);
    launch.code();
}

#[test]
fn a_stop_is_recorded_and_ends_what_will_not_listen() {
    let (mut launch, brood) = with_brood("trap '' TERM HUP; while :; do sleep 1; done");
    assert!(ask_shim_to_stop(launch.shim()));
    let exit = launch.exit();
    assert_eq!(
        (exit.cause, exit.code, exit.signal),
        (ExitCause::Stopped, None, Some(9))
    );
    none_lives(&brood);
    assert_eq!(launch.code(), Some(137));
}

#[test]
fn an_agent_that_ends_well_when_asked_keeps_its_code() {
    let mut launch = Launch::of_shell("trap 'exit 6' TERM; trap '' HUP; echo ready; sleep 60 & wait");
    launch.start();
    launch.pty.until("ready");
    assert!(ask_shim_to_stop(launch.shim()));
    let exit = launch.exit();
    assert_eq!(
        (exit.cause, exit.code, exit.signal),
        (ExitCause::Stopped, Some(6), None)
    );
}

#[test]
fn what_an_agent_leaves_behind_is_ended_within_two_seconds() {
    let (launch, brood) = with_brood("read line; exit 0");
    let ended = Instant::now();
    launch.pty.type_in("\n");
    let exit = launch.exit();
    assert!(ended.elapsed() < Duration::from_secs(2), "{:?}", ended.elapsed());
    assert_eq!((exit.cause, exit.code), (ExitCause::Exit, Some(0)));
    none_lives(&brood);
}

#[test]
fn a_killed_shim_leaves_nothing_that_cannot_be_found() {
    let (mut launch, brood) = with_brood("trap '' TERM HUP; while :; do sleep 1; done");
    let shim = launch.shim();
    let pid = Pid::from_raw(shim.pid.cast_signed()).expect("a number");
    kill_process(pid, Signal::KILL).expect("killed");
    assert_eq!(launch.code(), None);
    assert!(
        brood.iter().any(|process| is_alive(*process)),
        "the test needs survivors"
    );
    let left = end_launch_processes(launch.session.as_str(), 1, Some(shim), Duration::from_millis(300));
    assert_eq!(left, 0);
    none_lives(&brood);
    assert_eq!(telecoder::runner::read_exit(&launch.dir), Ok(None));
}

#[test]
fn a_shim_that_hangs_is_ended_with_its_launch() {
    let (launch, brood) = with_brood("read line");
    let shim = launch.shim();
    let pid = Pid::from_raw(shim.pid.cast_signed()).expect("a number");
    kill_process(pid, Signal::STOP).expect("stopped");
    let left = end_launch_processes(launch.session.as_str(), 1, Some(shim), Duration::from_millis(300));
    assert_eq!(left, 0);
    none_lives(&brood);
    assert!(!is_alive(shim));
}

#[test]
fn a_flood_of_new_processes_is_ended_too() {
    let script = "spawn() { while :; do (sleep 30 &) ; sleep 0.02; done; }
        trap '' HUP TERM; (trap '' HUP TERM; spawn) & (trap '' HUP TERM; spawn) & echo ready; wait";
    let mut launch = Launch::of_shell(script);
    launch.start();
    launch.pty.until("ready");
    assert!(ask_shim_to_stop(launch.shim()));
    assert_eq!(launch.exit().cause, ExitCause::Stopped);
    // The launch's own end asserts that nothing is left; here nothing may be left already.
    let left = || end_launch_processes(launch.session.as_str(), 1, None, Duration::ZERO);
    launch_is_over(&launch);
    assert_eq!(left(), 0);
}

fn launch_is_over(launch: &Launch) {
    let shim = launch.shim();
    wait_for("the end of the shim", || (!is_alive(shim)).then_some(()));
}

/// A disk that is full when the agent ends: the record's room was taken before.
#[test]
fn a_full_disk_does_not_lose_the_exit_record() {
    let launch = Launch::of_shell("dd if=/dev/zero of=$ROOT/launches/1/ctl/fill bs=1k count=9999 2>/dev/null; exit 3");
    let ctl = launch.dir.ctl();
    let script = format!(
        "mount -t tmpfs -o size=64k tmpfs '{ctl}' || exit 99
        '{run}'; code=$?
        echo x > '{ctl}/more' 2>/dev/null && exit 98
        cat '{ctl}/exit.json'; exit $code",
        ctl = ctl.display(),
        run = launch.dir.run_sh().display(),
    );
    // A mount namespace of its own: the small disk is gone with it.
    let unshare = [
        "--user",
        "--map-root-user",
        "--mount",
        "setsid",
        "--wait",
        "sh",
        "-c",
        &script,
    ];
    let run = Command::new("unshare").args(unshare).output().expect("unshare starts");
    let (code, said) = (run.status.code(), String::from_utf8_lossy(&run.stderr).into_owned());
    if code == Some(99) || said.contains("unshare") {
        // No user namespaces here; the fault cannot be made.
        return;
    }
    assert_eq!(code, Some(3), "{said}");
    let exit: serde_json::Value = serde_json::from_slice(&run.stdout).expect("an exit record");
    assert_eq!((&exit["code"], &exit["cause"]), (&3.into(), &"exit".into()));
}

/// The real thing: a window of tmux, its last picture, and its end.
#[test]
fn in_a_tmux_window_the_last_picture_can_be_taken_and_a_killed_window_is_told() {
    let launch = Launch::of_shell("printf '\\033[?1049h\\033[2J\\033[Hlast-picture'; read line; kill -9 $$");
    let tmux = Tmux::new(&launch);
    let pane = tmux.run(&[
        "new-session",
        "-d",
        "-x",
        "80",
        "-y",
        "24",
        "-P",
        "-F",
        "#{pane_id}",
        &quoted(&launch),
    ]);
    let screen = || tmux.run(&["capture-pane", "-p", "-t", &pane]);
    wait_for("the picture", || screen().contains("last-picture").then_some(()));
    tmux.run(&["new-window", "-d", "cat"]);
    tmux.run(&["send-keys", "-t", &pane, "Enter"]);
    assert_eq!(launch.exit().signal, Some(9));
    assert!(screen().contains("last-picture"), "{}", screen());
    // Taken: the daemon kills the window, and the hold ends at once.
    let shim = launch.shim();
    let killed = Instant::now();
    tmux.run(&["kill-pane", "-t", &pane]);
    wait_for("the end of the shim", || (!is_alive(shim)).then_some(()));
    assert!(killed.elapsed() < Duration::from_secs(1), "{:?}", killed.elapsed());

    let other = Launch::of_shell("echo ready; read line");
    let pane = tmux.run(&["new-window", "-d", "-P", "-F", "#{pane_id}", &quoted(&other)]);
    other.shim();
    tmux.run(&["kill-pane", "-t", &pane]);
    assert_eq!(other.exit().cause, ExitCause::TerminalLost);
}

fn quoted(launch: &Launch) -> String {
    format!("exec '{}'", launch.dir.run_sh().display())
}

/// A server of its own, on a socket in the launch's temporary directory.
struct Tmux {
    socket: std::path::PathBuf,
}

impl Tmux {
    fn new(launch: &Launch) -> Self {
        let socket = launch.path("tmux.sock");
        Self { socket }
    }

    fn run(&self, words: &[&str]) -> String {
        let mut tmux = Command::new("tmux");
        tmux.arg("-S").arg(&self.socket).args(["-f", "/dev/null"]).args(words);
        let out = tmux
            .env_remove("TMUX")
            .env("TERM", "screen")
            .output()
            .expect("tmux starts");
        assert!(
            out.status.success(),
            "{words:?}: {}",
            String::from_utf8_lossy(&out.stderr)
        );
        String::from_utf8_lossy(&out.stdout).trim_end().to_owned()
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = Command::new("tmux")
            .arg("-S")
            .arg(&self.socket)
            .arg("kill-server")
            .output();
    }
}

/// Lives once for each session, so its own memory counts.
#[test]
fn the_shim_stays_small() {
    let mut launch = Launch::of_shell("echo ready; read line");
    launch.start();
    launch.pty.until("ready");
    let shim = launch.shim();
    let rollup = read(format!("/proc/{}/smaps_rollup", shim.pid).as_ref());
    let private: u64 = rollup
        .lines()
        .filter(|line| line.starts_with("Private_Dirty:"))
        .filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok())
        .sum();
    // Relocations of the whole binary are part of it; a debug build has more of them.
    assert!(private < 3 * 1024, "{private} kB");
    let tasks = std::fs::read_dir(format!("/proc/{}/task", shim.pid))
        .expect("tasks")
        .count();
    assert_eq!(tasks, 1, "no threads");
    assert!(std::fs::metadata(BINARY).expect("built").permissions().mode() & 0o111 != 0);
    launch.pty.type_in("\n");
    launch.exit();
}
