//! The daemon's life: lock, places, signals, autostart.

use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixDatagram;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::{Daemon, TestEnv, eventually, signal};

/// How long the service manager may have to wait for a word.
const TOLD_LIMIT: Duration = Duration::from_secs(30);

#[test]
fn everything_it_makes_is_private() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    for (path, mode) in [
        ("", 0o700),
        ("api.sock", 0o600),
        ("telecoder.db", 0o600),
        ("lock", 0o600),
        ("agents.md", 0o600),
        ("tmux", 0o700),
        ("sessions", 0o700),
    ] {
        let path = env.data().join(path);
        let meta = std::fs::metadata(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(meta.mode() & 0o777, mode, "{}", path.display());
    }
    let link = std::fs::read_link(env.data().join("bin/telecoder")).expect("the stable path");
    assert_eq!(link, TestEnv::binary());
}

#[test]
fn the_second_daemon_exits_75_and_names_the_first() {
    let env = TestEnv::new();
    let daemon = env.serve();
    let second = env.cmd(&["serve"]).exits(75);
    assert!(
        second.stderr.contains(&format!("process {}", daemon.pid())),
        "{second:#?}"
    );
}

#[test]
fn of_many_that_start_at_once_one_runs() {
    let env = TestEnv::new();
    let mut daemons: Vec<Daemon> = (0..5).map(|_| Daemon::spawn(&env, &[])).collect();
    eventually("one answers", || (env.cmd(&["health"]).code == 0).then_some(()));
    let winner = env.daemon_pid().expect("the lock names it");
    for daemon in daemons.iter_mut().filter(|daemon| daemon.pid() != winner) {
        assert_eq!(daemon.wait().code(), Some(75));
    }
}

#[test]
fn sigterm_ends_it_in_order_and_a_crash_leaves_no_lock() {
    let env = TestEnv::new();
    let daemon = env.serve();
    assert_eq!(daemon.stop().code(), Some(0));
    assert!(!env.api_sock().exists(), "the socket is gone");
    let daemon = env.serve().restart(&env);
    assert_eq!(env.daemon_pid(), Some(daemon.pid()));
}

/// A shell in a container or under a service inherits its `NOTIFY_SOCKET`; systemd is not our parent for that.
#[test]
fn a_notify_socket_that_is_not_ours_is_left_alone() {
    let mut env = TestEnv::new();
    let path = env.root().join("notify.sock");
    let manager = UnixDatagram::bind(&path).expect("a socket");
    manager.set_nonblocking(true).expect("no waiting");
    env.set_env("NOTIFY_SOCKET", path.to_str().expect("UTF-8"));
    env.set_env("WATCHDOG_USEC", "1000000");
    let daemon = env.serve();
    env.cmd(&["run", "--wait", "--name", "s", "hello"]).ok();
    assert_eq!(daemon.stop().code(), Some(0));
    let told = manager.recv(&mut [0; 512]).map_err(|error| error.kind());
    assert_eq!(
        told,
        Err(ErrorKind::WouldBlock),
        "somebody else's manager was told something"
    );
}

/// As systemd starts it: it says that it is ready, and the tmux server belongs to a unit of its own.
#[test]
fn under_systemd_the_daemon_starts_no_tmux_server() {
    let mut env = TestEnv::new();
    let path = env.root().join("notify.sock");
    let manager = UnixDatagram::bind(&path).expect("a socket");
    manager.set_read_timeout(Some(TOLD_LIMIT)).expect("a limit");
    env.set_env("NOTIFY_SOCKET", path.to_str().expect("UTF-8"));
    let started = |word: &str| {
        let script = format!("SYSTEMD_EXEC_PID=$$ exec '{}' {word}", TestEnv::binary().display());
        let mut command = env.program("sh");
        command
            .args(["-c", &script])
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command.spawn().expect("it starts")
    };
    let alone = started("serve").wait_with_output().expect("its end");
    let said = String::from_utf8_lossy(&alone.stderr);
    assert!(
        !alone.status.success() && said.contains("Start the tmux unit"),
        "{said}"
    );

    let mut tmux = started("tmux-server");
    eventually("the tmux server", || env.tmux_sock().exists().then_some(()));
    let mut daemon = started("serve");
    let told = eventually("READY=1", || {
        let mut text = [0; 512];
        let length = manager.recv(&mut text).expect("a message of the daemon's");
        let text = String::from_utf8_lossy(&text[..length]).into_owned();
        text.contains("READY=1").then_some(text)
    });
    assert!(told.contains("STATUS=ready"), "{told}");
    signal(daemon.id(), Signal::TERM);
    assert!(daemon.wait().expect("its end").success());
    env.tmux(&["kill-server"]);
    tmux.wait().expect("its end");
}

#[test]
fn a_directory_that_others_can_write_is_refused() {
    let env = TestEnv::new();
    std::fs::create_dir(env.data()).expect("a directory");
    std::fs::set_permissions(env.data(), std::fs::Permissions::from_mode(0o777)).expect("its mode");
    let refused = env.cmd(&["serve"]).exits(6);
    assert!(refused.stderr.contains("chmod 700"), "{refused:#?}");
}

#[test]
fn a_command_starts_the_daemon_that_it_needs() {
    let env = TestEnv::new();
    let listed = env.cmd(&["list", "--json"]).ok();
    assert_eq!(listed.json(), serde_json::json!([]));
    let pid = env.daemon_pid().expect("a daemon runs");
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it lives on");
    let session = stat
        .rsplit(')')
        .next()
        .and_then(|rest| rest.split_whitespace().nth(3).map(str::to_owned));
    assert_eq!(session, Some(pid.to_string()), "it has a session of its own");
    let health = env.json(&["health"]);
    assert_eq!((&health["ok"], &health["pid"]), (&true.into(), &pid.into()));
}

#[test]
fn two_commands_that_need_a_daemon_at_once_get_one() {
    let env = TestEnv::new();
    let commands: Vec<_> = (0..4)
        .map(|_| {
            env.telecoder(&["list"])
                .stderr(Stdio::null())
                .spawn()
                .expect("a command")
        })
        .collect();
    for mut command in commands {
        assert_eq!(command.wait().expect("its end").code(), Some(0));
    }
}

#[test]
fn no_daemon_is_started_from_inside_a_session() {
    let mut env = TestEnv::new();
    env.set_env("TELECODER_SESSION", "abcdefghij23");
    let refused = env.cmd(&["list", "--json"]).exits(5);
    assert_eq!(refused.json_error()["kind"], "daemon_unreachable");
    assert!(!env.data().join("lock").exists());
}

#[test]
fn health_never_starts_one() {
    let env = TestEnv::new();
    env.cmd(&["health"]).exits(5);
    assert!(!env.data().exists());
}

#[test]
fn a_daemon_that_cannot_start_is_explained_by_its_own_words() {
    let env = TestEnv::new();
    env.write_config("default_agent = \"demo\"\n[tmux]\npath = \"/nonexistent/tmux\"\n");
    let refused = env.cmd(&["list"]).exits(9);
    assert!(refused.stderr.contains("tmux was not found"), "{refused:#?}");
}

#[test]
fn its_memory_is_small() {
    let env = TestEnv::new();
    let daemon = env.serve();
    env.cmd(&["list"]).ok();
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid())).expect("its status");
    let line = status.lines().find(|line| line.starts_with("VmRSS")).expect("VmRSS");
    let kib: u64 = line
        .split_whitespace()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .expect("a number");
    // The goal is 25 MiB for the release build; an unoptimised one maps more code.
    assert!(kib < 40 * 1024, "{line}");
}

#[test]
fn the_tmux_server_of_its_own_unit_is_the_one_that_the_daemon_uses() {
    let env = TestEnv::new();
    let mut server = env.telecoder(&["tmux-server"]).spawn().expect("the server");
    eventually("its socket is there", || env.tmux_sock().exists().then_some(()));
    let daemon = env.serve();
    env.cmd(&["run", "--wait", "--agent", "demo", "--name", "s", "hello"])
        .ok();
    let pid = env.tmux(&["display-message", "-p", "#{pid}"]).ok().stdout;
    assert_eq!(pid.trim(), server.id().to_string());
    daemon.stop();
    assert!(
        server.try_wait().expect("looking at it").is_none(),
        "it outlives the daemon"
    );
    env.tmux(&["kill-server"]).ok();
    server.wait().expect("its end");
}
