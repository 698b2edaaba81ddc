//! Windows: what runs in them, what they are marked with, how their end is told.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_window_runs_its_program_and_bears_its_stamp() {
    let bed = Bed::new().await;
    let ours = session(1);
    let script = r#"echo "pid=$$ args=$# session=$TELECODER_SESSION tmux=$TERM cwd=$(pwd)"; read x"#;
    let place = bed.window("fix-login", &ours, script).await;
    let shown = format!("args=0 session={ours} tmux=");
    bed.shows(&place.pane, &shown).await;
    let panes = bed.tmux.panes().await.unwrap();
    assert_eq!(panes.len(), 1, "{panes:?}");
    let pane = &panes[0];
    assert_eq!((&pane.window, &pane.pane), (&place.window, &place.pane));
    assert_eq!(
        (pane.session.as_ref(), pane.launch, pane.dead),
        (Some(&ours), Some(LaunchNo(1)), false)
    );
    // The program itself is the pane's process: no shell is left between.
    bed.shows(&place.pane, &format!("pid={} ", pane.pid)).await;
    bed.shows(&place.pane, &format!("cwd={}", bed.dir.path().display()))
        .await;
    let name = bed.raw(&[
        "display-message",
        "-p",
        "-t",
        place.window.as_str(),
        "#{window_name} #{window_width}x#{window_height}",
    ]);
    assert_eq!(name, "fix-login 200x50");
    let current = bed.raw(&["display-message", "-p", "-t", "=telecoder:", "#{window_name}"]);
    assert_eq!(current, "home", "a new window must not come to the front");
    assert_eq!(place.server, bed.tmux.ensure_server().await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_has_the_first_byte_and_odd_paths_stay_literal() {
    let bed = Bed::new().await;
    let ours = session(1);
    let odd = bed.path("a b=c#{pid}#[x]##%H'$HOME;");
    std::fs::create_dir(&odd).unwrap();
    let program = odd.join("run;.sh");
    std::fs::write(&program, "#!/bin/sh\necho first; pwd; echo last; read x\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    let log = odd.join("log;");
    let sink = bed.script("sink", "exec cat > \"$1\"").display().to_string();
    let pipe_to = vec!["/bin/sh".into(), sink, log.display().to_string()];
    let name: SessionName = "odd".parse().unwrap();
    for link in [bed.tmux.link.clone(), Arc::new(bed.by_process_only())] {
        link.adopt(bed.tmux.ensure_server().await.unwrap());
        let new = NewWindow {
            name: &name,
            session: &ours,
            launch: LaunchNo(2),
            program: &program,
            cwd: &odd,
            pipe_to: Some(pipe_to.clone()),
        };
        let place = link.new_window(&new).await.unwrap();
        let logged = || std::fs::read_to_string(&log).unwrap_or_default();
        until("the last line in the log", || logged().contains("last")).await;
        assert_eq!(logged(), format!("first\r\n{}\r\nlast\r\n", odd.display()));
        bed.tmux.kill_window(&place.window).await.unwrap();
        std::fs::remove_file(&log).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_misses_nothing_of_quick_windows() {
    let bed = Bed::new().await;
    let ours = session(1);
    let program = bed.script("quick", "echo born; read x");
    let sink = bed.script("sink", "exec cat > \"$1\"").display().to_string();
    for n in 0..20 {
        let log = bed.path(&format!("log{n}"));
        let pipe_to = vec!["/bin/sh".into(), sink.clone(), log.display().to_string()];
        bed.window_of("quick", &ours, &program, Some(pipe_to)).await.unwrap();
        until("the log", || std::fs::read(&log).is_ok_and(|log| log == b"born\r\n")).await;
    }
    assert_eq!(bed.tmux.panes().await.unwrap().len(), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_window_that_cannot_be_stamped_is_closed_again() {
    let bed = Bed::new().await;
    let ours = session(1);
    // A command of the person's own in place of ours: the stamp fails after the window was made.
    bed.raw(&["set-option", "-s", "command-alias[100]", "set-option=no-such-command"]);
    let program = bed.script("w", "read x");
    let refused = bed.window_of("w", &ours, &program, None).await.unwrap_err();
    assert_eq!(refused.kind, Kind::Failure, "{refused}");
    assert_eq!(bed.tmux.panes().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_ends_of_a_window_are_told_once() {
    let bed = Bed::new().await;
    bed.attached().await;
    let mut events = bed.tmux.events();
    let ours = session(1);
    let by_exit = bed.window("a", &ours, "read x").await;
    let by_kill = bed.window("b", &ours, "read x").await;
    let stays = bed.window("c", &ours, "read x").await;
    bed.tmux.keys(&by_exit.pane, &ours, &["Enter".into()]).await.unwrap();
    let event = next_event(&mut events, PATIENCE).await;
    assert_eq!(event, TmuxEvent::WindowClosed(by_exit.window));
    bed.tmux.kill_window(&by_kill.window).await.unwrap();
    let event = next_event(&mut events, PATIENCE).await;
    assert_eq!(event, TmuxEvent::WindowClosed(by_kill.window.clone()));
    bed.tmux
        .kill_window(&by_kill.window)
        .await
        .expect("closing is idempotent");
    let panes = bed.tmux.panes().await.unwrap();
    assert_eq!(
        panes.iter().map(|pane| &pane.window).collect::<Vec<_>>(),
        [&stays.window]
    );
    assert!(events.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_screen_is_what_a_person_would_see() {
    let bed = Bed::new().await;
    let ours = session(1);
    let script = r"printf 'top 日本語 👍\n%%end 1 2 3\n%%window-close @0\n\n> '; read x; seq 1 300; read x";
    let place = bed.window("w", &ours, script).await;
    bed.shows(&place.pane, ">").await;
    let screen = bed.tmux.screen(&place.pane).await.unwrap();
    assert_eq!(screen.rows.len(), 50);
    assert_eq!(
        screen.rows[..5],
        ["top 日本語 👍", "%end 1 2 3", "%window-close @0", "", ">"]
    );
    assert_eq!((screen.cursor, screen.in_mode, screen.dead), ((2, 4), false, false));
    let by_process = bed.by_process_only().screen(&place.pane).await.unwrap();
    assert_eq!(by_process, screen);

    bed.tmux.keys(&place.pane, &ours, &["Enter".into()]).await.unwrap();
    bed.shows(&place.pane, "\n300").await;
    let history = bed.tmux.history(&place.pane, 100).await.unwrap();
    assert_eq!(history.lines().count(), 100);
    assert!(history.starts_with("201\n") && history.ends_with("300"), "{history}");
    let gone = "%999".parse().unwrap();
    assert_eq!(bed.tmux.screen(&gone).await.unwrap_err().kind, Kind::NotFound);
    assert_eq!(bed.tmux.history(&gone, 5).await.unwrap_err().kind, Kind::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closed_home_and_closed_session_come_back() {
    let bed = Bed::new().await;
    bed.attached().await;
    let ours = session(1);
    let place = bed.window("w", &ours, "read x").await;
    let homes = || {
        bed.raw(&["list-windows", "-a", "-F", "#{window_name}"])
            .matches("home")
            .count()
    };
    bed.raw(&["kill-window", "-t", "=telecoder:home"]);
    until("a new home", || homes() == 1).await;

    bed.raw(&["kill-session", "-t", "=telecoder"]);
    until("a new session", || homes() == 1).await;
    let other = bed.window("v", &ours, "read x").await;
    assert_ne!(other.window, place.window);
    assert_eq!(other.server, place.server, "the server had no reason to end");

    // Also where nobody watches: a link without its keeper.
    let link = bed.by_process_only();
    link.adopt(place.server);
    bed.raw(&["kill-session", "-t", "=telecoder"]);
    let gone = bed.by_process_only();
    assert_eq!(gone.screen(&other.pane).await.unwrap_err().kind, Kind::NotFound);
    assert_eq!(
        gone.paste(&other.pane, &ours, &sanitise("x")).await,
        Ok(Guarded::Mismatch)
    );
    assert_eq!(
        gone.keys(&other.pane, &ours, &["a".into()]).await,
        Ok(Guarded::Mismatch)
    );
    assert_eq!(gone.kill_window(&other.window).await, Ok(()));
    assert_eq!(gone.panes().await, Ok(vec![]));
    let program = bed.script("u", "read x");
    let name: SessionName = "u".parse().unwrap();
    let new = NewWindow {
        name: &name,
        session: &ours,
        launch: LaunchNo(1),
        program: &program,
        cwd: bed.dir.path(),
        pipe_to: None,
    };
    let again = link.new_window(&new).await.unwrap();
    assert!(
        bed.tmux
            .panes()
            .await
            .unwrap()
            .iter()
            .any(|pane| pane.window == again.window)
    );
}
