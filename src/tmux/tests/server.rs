//! The server's beginnings: what it is refused for, what it inherits, how it is configured; and the quoting towards it.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tmux_interface::DisplayMessage;

use super::command::{Command, CommandList, escape_format};
use super::*;

#[tokio::test]
async fn what_cannot_work_is_refused_with_a_reason() {
    let dir = short_dir();
    let long = TmuxOptions {
        dir: dir.path().join("x".repeat(100)),
        ..options(&dir)
    };
    let fault = Tmux::connect(long).await.err().unwrap();
    assert_eq!(fault.kind, Kind::Usage);
    assert!(fault.message.contains("100"), "{fault}");

    let no_program = TmuxOptions {
        program: dir.path().join("no-tmux"),
        ..options(&dir)
    };
    assert_eq!(
        Tmux::connect(no_program).await.err().unwrap().kind,
        Kind::ProgramMissing
    );

    let old = dir.path().join("old-tmux");
    std::fs::write(&old, "#!/bin/sh\necho tmux 3.2a\n").unwrap();
    std::fs::set_permissions(&old, std::fs::Permissions::from_mode(0o700)).unwrap();
    let old = TmuxOptions {
        program: old,
        ..options(&dir)
    };
    let fault = Tmux::connect(old).await.err().unwrap();
    assert_eq!(fault.kind, Kind::ProgramMissing);
    assert!(fault.message.contains("3.2a"), "{fault}");

    let not_ours = TmuxOptions {
        may_start_server: false,
        ..options(&dir)
    };
    assert_eq!(Tmux::connect(not_ours).await.err().unwrap().kind, Kind::RefusedByState);
    assert!(!dir.path().join("sock").exists(), "no server was started");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_is_configured_by_us_and_inherits_little() {
    let bed = Bed::new().await;
    for (option, value) in [
        ("-sv exit-empty", "off"),
        ("-sv set-clipboard", "off"),
        ("-sv escape-time", "10"),
        ("-gv update-environment", ""),
        ("-gv mouse", "off"),
        ("-gv history-limit", "2000"),
        ("-gv default-size", "200x50"),
        ("-gwv remain-on-exit", "off"),
        ("-gwv allow-rename", "off"),
        ("-gwv automatic-rename", "off"),
        ("-gwv window-size", "latest"),
    ] {
        let args: Vec<&str> = std::iter::once("show-options").chain(option.split(' ')).collect();
        assert_eq!(bed.raw(&args), value, "{option}");
    }
    assert_eq!(bed.raw(&["show-messages"]).matches("invalid option").count(), 0);
    let environment = bed.raw(&["show-environment", "-g"]);
    for line in environment.lines() {
        let name = line.split('=').next().unwrap();
        let known = [
            "PATH", "HOME", "LANG", "TERM", "SHELL", "USER", "LOGNAME", "TMPDIR", "PWD", "SHLVL", "_",
        ];
        assert!(known.contains(&name) || name.starts_with("LC_"), "{line}");
    }
    let server = bed.tmux.ensure_server().await.unwrap();
    let cwd = std::fs::read_link(format!("/proc/{}/cwd", server.pid)).unwrap();
    assert_eq!(cwd, Path::new("/"));
    let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(bed.path("buffers")), 0o700);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_connect_finds_the_same_server_and_its_windows() {
    let bed = Bed::new().await;
    let ours = session(1);
    let place = bed.reader("r", &ours).await;
    std::fs::write(bed.path("buffers/left-over"), "a prompt").unwrap();
    let next = Tmux::connect(bed.tmux.options().clone()).await.unwrap();
    assert_eq!(bed.paste_files(), 0);
    assert_eq!(next.ensure_server().await, Ok(place.server));
    assert_eq!(next.panes().await.unwrap().len(), 1);
    assert_eq!(
        next.paste(&place.pane, &ours, &sanitise("hello")).await,
        Ok(Guarded::Done)
    );
    bed.gets("r", &bracketed("hello")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_the_server_is_told() {
    let bed = Bed::new().await;
    let server = bed.tmux.ensure_server().await.unwrap();
    let mut events = bed.tmux.events();
    bed.tmux.shutdown_server().await.unwrap();
    assert!(!identity::is_alive(server));
    assert_eq!(next_event(&mut events, PATIENCE).await, TmuxEvent::ServerLost);
    bed.tmux.shutdown_server().await.expect("ending is idempotent");
    assert_eq!(bed.tmux.kill_window(&"@3".parse().unwrap()).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_requests_at_once_get_their_own_answers() {
    let bed = Bed::new().await;
    bed.attached().await;
    let mut asked = tokio::task::JoinSet::new();
    for n in 0..300 {
        let link = bed.tmux.link.clone();
        asked.spawn(async move { (n, link.run(&echo(&format!("n{n}")), Repeat::Safe).await.unwrap().output) });
    }
    while let Some(answer) = asked.join_next().await {
        let (n, output) = answer.unwrap();
        assert_eq!(output, format!("n{n}\n"));
    }
}

/// Whatever is quoted for control mode or for a process comes out of tmux as it went in.
#[test]
fn quoting_survives_tmux() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let bed = runtime.block_on(Bed::new());
    runtime.block_on(bed.attached());
    let process = bed.by_process_only();
    let signs = "[ -~\\n\\t]{0,40}|[;'\"\\\\#{}$%~ -]{0,12}|\\PC{0,20}";
    let mut runner = TestRunner::new(Config {
        cases: 256,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(&signs.prop_map(|text: String| text), |text| {
        let text = text.replace('\0', "");
        // The nested form is what a guarded command uses.
        let expected = format!("{text}\n");
        let plain = runtime.block_on(bed.tmux.link.run(&echo(&text), Repeat::Safe)).unwrap();
        prop_assert_eq!(&plain.output, &expected);
        let nested = runtime
            .block_on(bed.tmux.link.run(&nested(&text), Repeat::Safe))
            .unwrap();
        prop_assert_eq!(&nested.output, &expected);
        let by_process = runtime.block_on(process.run(&echo(&text), Repeat::Safe)).unwrap();
        prop_assert_eq!(&by_process.output, &expected);
        Ok(())
    });
    drop(runtime.enter());
    outcome.unwrap();
}

/// `display-message` expands formats and the time; both are made literal, so that only the quoting is under test.
fn echo(text: &str) -> CommandList {
    let text = escape_format(text).replace('%', "%%");
    Command::from(DisplayMessage::new().print().build()).args([text]).into()
}

fn nested(text: &str) -> CommandList {
    let choose = tmux_interface::IfShell::new().not_execute().build();
    Command::from(choose).args(["1".to_owned(), echo(text).line()]).into()
}
