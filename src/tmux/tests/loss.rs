//! The server dies, the control client dies, the socket is deleted.

use rustix::process::{Pid, Signal, kill_process};

use super::*;

/// The contract says within about a second; pidfd and end-of-file are there at once.
const TOLD_WITHIN: Duration = Duration::from_secs(1);

fn kill(pid: u32) {
    kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), Signal::KILL).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_is_told_once_and_comes_back() {
    let bed = Bed::new().await;
    bed.attached().await;
    let mut events = bed.tmux.events();
    let ours = session(1);
    let place = bed.reader("r", &ours).await;
    kill(place.server.pid);
    assert_eq!(next_event(&mut events, TOLD_WITHIN).await, TmuxEvent::ServerLost);
    let refused = bed.paste(&place, &ours, "x").await.unwrap_err();
    assert_eq!(refused.kind, Kind::RefusedByState, "{refused}");
    assert_eq!(bed.paste_files(), 0);

    let server = bed.tmux.ensure_server().await.unwrap();
    assert_ne!(server, place.server);
    assert_eq!(
        next_event(&mut events, TOLD_WITHIN).await,
        TmuxEvent::ServerBack(server)
    );
    assert_eq!(bed.tmux.ensure_server().await, Ok(server));
    // The old ids mean nothing in the new server, and no stamp is there to be mistaken.
    assert_eq!(bed.paste(&place, &ours, "x").await, Ok(Guarded::Mismatch));
    bed.attached().await;
    let fresh = bed.reader("s", &ours).await;
    assert_eq!(bed.paste(&fresh, &ours, "again").await, Ok(Guarded::Done));
    bed.gets("s", &bracketed("again")).await;
    assert!(events.try_recv().is_err(), "one loss, one return");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_on_their_way_get_an_answer_when_the_server_dies() {
    let bed = Bed::new().await;
    bed.attached().await;
    let ours = session(1);
    let place = bed.reader("r", &ours).await;
    // A stopped server takes the calls and answers none.
    let pid = Pid::from_raw(place.server.pid.try_into().unwrap()).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (tmux, pane, ours) = (bed.tmux.clone(), place.pane.clone(), ours.clone());
        calls.spawn(async move { tmux.paste(&pane, &ours, &sanitise("x")).await });
    }
    until("the calls' files", || bed.paste_files() == 8).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    kill(place.server.pid);
    while let Some(answer) = calls.join_next().await {
        let fault = answer.unwrap().unwrap_err();
        assert_eq!(fault.kind, Kind::Uncertain, "{fault}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_someone_else_starts_is_found() {
    let bed = Bed::new().await;
    let mut events = bed.tmux.events();
    let lost = bed.tmux.ensure_server().await.unwrap();
    kill(lost.pid);
    assert_eq!(next_event(&mut events, TOLD_WITHIN).await, TmuxEvent::ServerLost);
    // A child that the server forked just before its death may still hold the socket; `tmux -D` would take that for a server.
    let is_deaf = || std::os::unix::net::UnixStream::connect(bed.path("sock")).is_err();
    until("the end of the old socket", is_deaf).await;
    let command = server_command(bed.tmux.options());
    let mut unit = std::process::Command::new(&command[0])
        .args(&command[1..])
        .spawn()
        .unwrap();
    let TmuxEvent::ServerBack(server) = next_event(&mut events, PATIENCE).await else {
        panic!("the server is not back");
    };
    // Where tmux is a wrapper script it execs, so the number is the same.
    assert_eq!(server.pid, unit.id());
    bed.window("w", &session(1), "read x").await;
    bed.tmux.shutdown_server().await.unwrap();
    unit.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_control_client_is_no_event_and_comes_back() {
    let bed = Bed::new().await;
    bed.attached().await;
    let mut events = bed.tmux.events();
    let ours = session(1);
    let place = bed.reader("r", &ours).await;
    let mut expected = Vec::new();
    for n in 0..3 {
        let client = bed.tmux.link.control().expect("a control client").pid();
        kill(client);
        let text = format!("while the client is away {n}");
        // At the very moment of its death the answer may be lost, never the truth about it.
        match bed.paste(&place, &ours, &text).await {
            Ok(Guarded::Done) => {
                expected.extend(bracketed(&text));
                bed.gets("r", &expected).await;
            }
            Err(fault) if fault.kind == Kind::Uncertain => expected = bed.got("r"),
            other => panic!("{other:?}"),
        }
        let other_client = || bed.tmux.link.control().is_some_and(|control| control.pid() != client);
        until("another control client", other_client).await;
    }
    assert!(events.try_recv().is_err());
    bed.tmux.wait_for_old_clients().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_socket_is_made_again() {
    let bed = Bed::new().await;
    bed.attached().await;
    let mut events = bed.tmux.events();
    let server = bed.tmux.ensure_server().await.unwrap();
    std::fs::remove_file(bed.path("sock")).unwrap();
    assert_eq!(bed.tmux.ensure_server().await, Ok(server));
    assert!(bed.path("sock").exists());

    // The next daemon finds the server by its process.
    std::fs::remove_file(bed.path("sock")).unwrap();
    let next = Tmux::connect(bed.tmux.options().clone()).await.unwrap();
    assert_eq!(next.ensure_server().await, Ok(server));
    assert!(events.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_client_is_waited_for() {
    let bed = Bed::new().await;
    bed.attached().await;
    bed.tmux.wait_for_old_clients().await.expect("nobody else is there");
    let old = Tmux::connect(bed.tmux.options().clone()).await.unwrap();
    assert!(old.link.control().is_some());
    // One that goes in time is left alone; one that is stuck is ended, and the server with its windows is not.
    let wait = bed.tmux.wait_for_old_clients();
    let leave = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        drop(old);
    };
    let (waited, ()) = tokio::join!(wait, leave);
    waited.unwrap();
    let server = bed.tmux.ensure_server().await.unwrap();
    let stuck = Tmux::connect(bed.tmux.options().clone()).await.unwrap();
    let pid = stuck
        .link
        .control()
        .as_ref()
        .map(|control| control.pid())
        .expect("a control client");
    kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), Signal::STOP).unwrap();
    bed.tmux.wait_for_old_clients().await.expect("it is ended");
    assert_eq!(bed.tmux.ensure_server().await, Ok(server));
}
