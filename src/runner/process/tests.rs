//! Processes, by real ones.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::*;

fn child(script: &str) -> Child {
    Command::new("/bin/sh")
        .args(["-c", script])
        // Held open, so that a `read` in the script waits.
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("/bin/sh starts")
}

/// Waits for the line that the script prints when it is set up.
fn ready(child: &mut Child) {
    use std::io::BufRead;
    let out = child.stdout.as_mut().expect("piped");
    let mut line = String::new();
    std::io::BufReader::new(out).read_line(&mut line).expect("a line");
}

#[test]
fn a_process_is_itself_only_until_it_ends() {
    let mut it = child("echo; read x");
    let process = identify(it.id()).expect("lives");
    assert!(is_alive(process));
    assert!(!is_alive(ProcessRef {
        start: process.start + 1,
        ..process
    }));
    it.kill().expect("kill");
    // Dead and not waited for: a zombie is not alive.
    let pidfd = pidfd_open(Pid::from_child(&it), PidfdFlags::empty()).expect("still a zombie");
    let mut polled = [rustix::event::PollFd::new(&pidfd, rustix::event::PollFlags::IN)];
    rustix::event::poll(&mut polled, None).expect("poll");
    assert_eq!(identify(it.id()), None);
    it.wait().expect("wait");
    assert!(!ask_shim_to_stop(process));
}

#[test]
fn our_origin_names_our_parent_and_ends_at_process_1() {
    let origin = own_origin(Some("native".into()));
    assert_eq!(origin.pid, std::process::id());
    assert_eq!(origin.ancestors[0].pid, std::os::unix::process::parent_id());
    assert_eq!(origin.ancestors.last().map(|top| top.pid), Some(1));
}

#[test]
fn a_signal_to_another_start_time_goes_nowhere() {
    let mut it = child("echo; read x");
    let process = identify(it.id()).expect("lives");
    let other = ProcessRef {
        start: process.start + 1,
        ..process
    };
    assert!(!signal(other, Signal::KILL));
    assert!(is_alive(process));
    assert!(signal(process, Signal::KILL));
    it.wait().expect("wait");
}

#[test]
fn the_marker_in_the_environment_finds_what_left_the_family() {
    let session = format!("test{}", std::process::id());
    // A child in a session of its own, deaf to HUP and TERM, whose parent ends at once.
    let script = "setsid /bin/sh -c 'trap \"\" HUP TERM; echo; while :; do sleep 9; done' & echo";
    let mut it = Command::new("/bin/sh")
        .args(["-c", script])
        .env("TELECODER_SESSION", &session)
        .env("TELECODER_LAUNCH", "3")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("/bin/sh starts");
    ready(&mut it);
    it.wait().expect("the parent ends");
    let target = |launch| end_launch_processes(&session, launch, None, Duration::from_millis(200));
    assert_eq!(target(4), 0, "another launch is left alone");
    let marker = format!("TELECODER_SESSION={session}");
    let carriers = || {
        Table::read().select(|pid| {
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment
                .split(|byte| *byte == 0)
                .any(|entry| entry == marker.as_bytes())
        })
    };
    assert!(!carriers().is_empty());
    assert_eq!(target(3), 0);
    assert_eq!(carriers(), []);
}
