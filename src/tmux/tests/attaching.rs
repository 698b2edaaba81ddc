//! Persons at their terminals: each in a session of their own. `script` (util-linux) gives each a terminal.

use std::process::{Child, Command as Process, Stdio};

use super::*;

/// A terminal that runs `argv`; gone with the value.
struct Terminal(Child);

impl Terminal {
    fn run(argv: &[String]) -> Self {
        let line = shlex::try_join(argv.iter().map(String::as_str)).unwrap();
        let child = Process::new("script")
            .args(["-q", "-c", &line, "/dev/null"])
            .env_remove("TMUX")
            .env_remove("TMUX_PANE")
            .env("TERM", "xterm")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("script of util-linux");
        Self(child)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

/// What each terminal shows: session and window.
fn views(bed: &Bed) -> Vec<(String, String)> {
    let listed = bed.raw(&[
        "list-clients",
        "-F",
        "#{client_control_mode} #{client_session} #{window_name}",
    ]);
    let views = listed
        .lines()
        .filter_map(|line| line.strip_prefix("0 ")?.split_once(' '));
    let mut views: Vec<_> = views
        .map(|(session, window)| (session.to_owned(), window.to_owned()))
        .collect();
    views.sort();
    views
}

fn windows(views: &[(String, String)]) -> Vec<&str> {
    let mut windows: Vec<&str> = views.iter().map(|(_, window)| window.as_str()).collect();
    windows.sort_unstable();
    windows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_persons_look_at_two_windows_and_leave_without_a_trace() {
    let bed = Bed::new().await;
    bed.attached().await;
    let ours = session(1);
    let first = bed.window("one", &ours, "read x").await;
    let second = bed.window("two", &ours, "read x").await;
    let mut events = bed.tmux.events();
    let options = bed.tmux.options();
    let at_first = Terminal::run(&attach_command(options, &first.window, false));
    until("the first person", || windows(&views(&bed)) == ["one"]).await;
    let at_second = Terminal::run(&attach_command(options, &second.window, false));
    until("both persons", || windows(&views(&bed)) == ["one", "two"]).await;

    let seen = views(&bed);
    assert_ne!(seen[0].0, seen[1].0, "each has a session of their own");
    assert!(seen.iter().all(|(session, _)| session != "telecoder"));
    assert_eq!(bed.tmux.panes().await.unwrap().len(), 2, "a pane counts once");
    let third = bed.window("three", &ours, "read x").await;
    assert_eq!(
        bed.tmux
            .panes()
            .await
            .unwrap()
            .iter()
            .filter(|pane| pane.pane == third.pane)
            .count(),
        1
    );

    drop((at_first, at_second));
    until("the sessions' end", || {
        bed.raw(&["list-sessions", "-F", "#{session_name}"]) == "telecoder"
    })
    .await;
    // That their views went is not the end of any window.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(events.try_recv().is_err());
    assert_eq!(bed.tmux.panes().await.unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inside_the_server_only_the_caller_switches() {
    let bed = Bed::new().await;
    let ours = session(1);
    let options = bed.tmux.options();
    // A shell in a window, as a person would have it, that runs the command when it is told to.
    let target = bed.window("target", &ours, "read x").await;
    let switch = shlex::try_join(attach_command(options, &target.window, true).iter().map(String::as_str)).unwrap();
    let shell = bed.window("shell", &ours, &format!("read x\n{switch}\nread x")).await;
    let other = bed.window("other", &ours, "read x").await;
    let _caller = Terminal::run(&attach_command(options, &shell.window, false));
    let _bystander = Terminal::run(&attach_command(options, &other.window, false));
    until("both persons", || windows(&views(&bed)) == ["other", "shell"]).await;
    let before = views(&bed);
    bed.tmux.keys(&shell.pane, &ours, &["Enter".into()]).await.unwrap();
    until("the switch", || windows(&views(&bed)) == ["other", "target"]).await;
    let sessions = |views: &[(String, String)]| views.iter().map(|(session, _)| session.clone()).collect::<Vec<_>>();
    assert_eq!(
        sessions(&before),
        sessions(&views(&bed)),
        "the caller stays in their own session"
    );
}

#[test]
fn the_command_names_socket_and_window() {
    let options = TmuxOptions {
        program: "/usr/bin/tmux".into(),
        dir: "/d".into(),
        history_lines: 1,
        may_start_server: true,
    };
    let line = |inside| attach_command(&options, &"@3".parse().unwrap(), inside).join(" ");
    assert_eq!(
        line(false),
        "/usr/bin/tmux -u -N -S /d/sock -f /d/tmux.conf new-session -t =telecoder ; \
set-option destroy-unattached on ; select-window -t @3"
    );
    assert_eq!(
        line(true),
        "/usr/bin/tmux -u -N -S /d/sock -f /d/tmux.conf switch-client -t :@3"
    );
}
