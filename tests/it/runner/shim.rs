//! The shim while its agent lives, and how the agent's own end is recorded.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use telecoder::domain::exit::ExitCause;
use telecoder::runner::is_held;

use super::launch::{Launch, read};

#[test]
fn the_exit_code_is_recorded_and_returned() {
    let mut launch = Launch::of_shell("echo ready; read line; exit 3");
    launch.start();
    launch.pty.until("ready");
    assert_eq!(is_held(&launch.dir), Ok(true));
    launch.pty.type_in("go\n");
    let exit = launch.exit();
    assert_eq!((exit.code, exit.signal, exit.cause), (Some(3), None, ExitCause::Exit));
    assert!(exit.started_at < exit.ended_at);
    assert_eq!(launch.code(), Some(3));
    assert_eq!(is_held(&launch.dir), Ok(false));
}

#[test]
fn a_signal_is_recorded_and_the_code_says_which() {
    let mut launch = Launch::of_shell("kill -9 $$");
    launch.start();
    let exit = launch.exit();
    assert_eq!((exit.code, exit.signal, exit.cause), (None, Some(9), ExitCause::Signal));
    assert_eq!(launch.code(), Some(137));
}

#[track_caller]
fn cannot_start(mut launch: Launch, detail: &str) {
    launch.start();
    let exit = launch.exit();
    assert_eq!(
        (exit.code, exit.signal, exit.cause),
        (None, None, ExitCause::ExecFailed)
    );
    let got = exit
        .detail
        .expect("a reason")
        .replace(&launch.root.path().display().to_string(), "ROOT");
    assert!(got.starts_with(detail), "{got}");
    launch.pty.until("the agent could not be started");
    assert_eq!(launch.code(), Some(127));
}

#[test]
fn a_program_that_cannot_be_started_is_recorded_with_the_reason() {
    cannot_start(
        Launch::of(&["no-such-agent"]),
        "No such file or directory: `no-such-agent` is not in PATH (ROOT/bin:",
    );
    cannot_start(
        Launch::of(&["/no/such/agent"]),
        "No such file or directory: /no/such/agent",
    );
    cannot_start(Launch::of(&["/usr"]), "Is a directory: /usr");
    let file = |text: &str, mode| {
        let launch = Launch::of(&["agent"]);
        let agent = launch.path("bin/agent");
        std::fs::write(&agent, text).expect("write");
        std::fs::set_permissions(&agent, std::fs::Permissions::from_mode(mode)).expect("chmod");
        launch
    };
    cannot_start(
        file("#!/bin/sh\n", 0o644),
        "Permission denied: ROOT/bin/agent is not executable",
    );
    cannot_start(
        file("#!/no/such/shell -x\n", 0o755),
        "No such file or directory: /no/such/shell, the interpreter of ROOT/bin/agent",
    );
    let launch = Launch::of_shell("true");
    std::fs::remove_dir(launch.path("work")).expect("rmdir");
    cannot_start(launch, "cannot enter the work directory ROOT/work");
    let launch = Launch::of_shell("true");
    std::fs::remove_file(launch.dir.env_file()).expect("rm");
    cannot_start(launch, "cannot read the environment file ROOT/launches/1/env");
}

#[test]
fn the_agent_gets_its_environment_and_its_own_foreground_group() {
    let script = "read pid comm state ppid pgrp session tty foreground rest < /proc/$$/stat
        echo \"group=$pgrp foreground=$foreground me=$$\" > $ROOT/seen
        echo \"$TELECODER_SESSION $TELECODER_LAUNCH $TELECODER_NAME ${TMUX-none} $SECRET $PWD\" >> $ROOT/seen
        cat /proc/self/status > $ROOT/status; ls -l /proc/$$/fd > $ROOT/fds";
    let mut launch = Launch::of_shell(script);
    launch.start();
    assert_eq!(launch.exit().code, Some(0));
    let seen = read(&launch.path("seen"));
    let (first, second) = seen.split_once('\n').expect("two lines");
    let me = first.rsplit('=').next().expect("a number");
    assert_eq!(first, format!("group={me} foreground={me} me={me}"));
    let expected = format!(
        "{} 1 test none s3 'cret {}\n",
        launch.session,
        launch.path("work").display()
    );
    assert_eq!(second, expected);
    // The lock above all: an agent that held it would keep the launch from ever being free.
    let held = read(&launch.path("fds"));
    assert!(!held.contains("/launches/") && !held.contains("/dev/tty"), "{held}");
}

#[test]
fn the_agent_starts_with_default_signals_whatever_was_ignored_before() {
    let mut launch = Launch::of(&["/bin/cat", "/proc/self/status"]);
    let wrapper = launch.path("deaf.sh");
    let run_sh = launch.dir.run_sh();
    let text = format!(
        "#!/bin/sh\ntrap '' HUP INT QUIT TERM USR1 CHLD TSTP TTOU\nexec '{}'\n",
        run_sh.display()
    );
    std::fs::write(&wrapper, text).expect("write");
    std::fs::set_permissions(&wrapper, std::fs::Permissions::from_mode(0o755)).expect("chmod");
    let mut run = launch.pty.spawn(&wrapper);
    let seen = launch.pty.until("SigCgt").to_owned();
    let mask = |name: &str| {
        let line = seen.lines().find_map(|line| line.strip_prefix(name)).expect(name);
        u64::from_str_radix(line.trim(), 16).expect("a mask")
    };
    // 32 and 33 belong to the C library, which refuses to change them.
    let resettable = !(0b11 << 31);
    assert_eq!((mask("SigIgn:") & resettable, mask("SigBlk:")), (0, 0));
    assert_eq!(launch.exit().code, Some(0));
    run.wait().expect("wait");
}

#[test]
fn ctrl_z_does_not_strand_the_agent() {
    let mut launch = Launch::of_shell("echo ready; read line; echo got-$line");
    launch.start();
    launch.pty.until("ready");
    launch.pty.type_in("\u{1a}");
    launch.pty.until("^Z");
    launch.pty.type_in("hello\n");
    launch.pty.until("got-hello");
    assert_eq!(launch.exit().code, Some(0));
}

#[test]
fn an_agent_that_stops_itself_again_and_again_does_not_make_us_spin() {
    let mut launch = Launch::of_shell("while :; do echo round; kill -STOP $$; done");
    launch.start();
    launch.pty.until("round\r\nround");
    let rounds = launch.pty.watch(Duration::from_millis(2500)).matches("round").count();
    assert!((3..=6).contains(&rounds), "{rounds}");
    assert!(telecoder::runner::process::ask_shim_to_stop(launch.shim()));
    assert_eq!(launch.exit().cause, ExitCause::Stopped);
}

#[test]
fn a_new_window_size_reaches_the_agent() {
    let mut launch = Launch::of_shell("trap 'stty size; exit 0' WINCH; echo ready; sleep 60 & wait");
    launch.start();
    launch.pty.until("ready");
    launch.pty.resize(93, 41);
    launch.pty.until("41 93");
    assert_eq!(launch.exit().code, Some(0));
}

#[test]
fn keys_that_interrupt_reach_the_agent_only() {
    let mut launch = Launch::of_shell("trap 'echo interrupted' INT; echo ready; read line || read line; exit 5");
    launch.start();
    launch.pty.until("ready");
    launch.pty.type_in("\u{3}");
    launch.pty.until("interrupted");
    launch.pty.type_in("x\n");
    assert_eq!(launch.exit().code, Some(5));
    assert_eq!(launch.code(), Some(5));
}

#[test]
fn a_launch_is_run_by_one_shim_at_a_time() {
    let mut launch = Launch::of_shell("echo ready; read line");
    launch.start();
    launch.pty.until("ready");
    // The agent may speak before its shim has written who runs it.
    let holder = format!("is already run by process {}", launch.shim().pid);
    let second = std::process::Command::new(launch.dir.run_sh()).output().expect("runs");
    assert_eq!(second.status.code(), Some(75));
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains(&holder), "{said}");
    launch.pty.type_in("\n");
    assert_eq!(launch.exit().code, Some(0));
}

#[test]
fn without_a_terminal_the_agent_runs_all_the_same() {
    let launch = Launch::of_shell("echo out; exit 4");
    let run = std::process::Command::new("setsid")
        .arg("--wait")
        .arg(launch.dir.run_sh())
        .output()
        .expect("runs");
    assert_eq!((run.status.code(), run.stdout), (Some(4), b"out\n".to_vec()));
    assert_eq!(launch.exit().code, Some(4));
}

#[test]
fn the_terminal_is_given_back_as_it_was() {
    let mut launch = Launch::of_shell("printf '\\033[?1049h\\033[?1000h\\033[?25lhi'; stty raw -echo; kill -9 $$");
    let before = launch.pty.mode();
    launch.start();
    launch.exit();
    assert_eq!(launch.code(), Some(137));
    assert_eq!(launch.pty.mode(), before);
    let seen = launch.pty.until("\u{1b}[?25h");
    let (picture, reset) = seen.split_once("hi").expect("the agent's picture");
    assert!(picture.contains("\u{1b}[?1049h"));
    assert!(
        reset.contains("\u{1b}[?1049l") && reset.contains("\u{1b}[?1000;1002;1003;1004;1006l"),
        "{reset:?}"
    );
}
