//! Bad input: one clear sentence, a hint, the exit code of docs/contract.md, and nothing changed; in words and through `--json`.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::support::{Output, TestEnv, eventually, snapshot};

/// The lock and the log name who tried; what a running daemon writes by itself is compared by its events.
const MAY_CHANGE: [&str; 7] = [
    "lock",
    "daemon.log",
    "serve.log",
    "telecoder.db",
    "telecoder.db-wal",
    "telecoder.db-shm",
    // The agent's screen, written behind it by a program of its own.
    "terminal.log",
];
/// An unprivileged user, for what root may do anyway.
const NOBODY: u32 = 65534;

struct Case<'a> {
    args: &'a [&'a str],
    code: i32,
    kind: &'a str,
    /// What the message must name.
    says: &'a str,
    /// What the hint must name.
    hint: &'a str,
}

const fn case<'a>(args: &'a [&'a str], code: i32, kind: &'a str, says: &'a str, hint: &'a str) -> Case<'a> {
    Case {
        args,
        code,
        kind,
        says,
        hint,
    }
}

/// Runs a case in both forms.
#[track_caller]
fn check(env: &TestEnv, case: &Case<'_>) {
    check_with(env, case, |command| command, &MAY_CHANGE);
}

#[track_caller]
fn check_with(env: &TestEnv, case: &Case<'_>, change: impl Fn(Command) -> Command, may_change: &[&str]) {
    for json in [false, true] {
        let args: Vec<&str> = case.args.iter().copied().chain(json.then_some("--json")).collect();
        let before = snapshot(env.root(), may_change);
        let output = env.finish(change(env.telecoder(&args)), &args, None);
        same(&before, &snapshot(env.root(), may_change), &output);
        judge(case, output, json);
    }
}

#[track_caller]
fn same<T: PartialEq>(
    before: &std::collections::BTreeMap<std::path::PathBuf, T>,
    after: &std::collections::BTreeMap<std::path::PathBuf, T>,
    output: &Output,
) {
    let all = before.keys().chain(after.keys());
    let changed: Vec<_> = all.filter(|path| before.get(*path) != after.get(*path)).collect();
    assert!(changed.is_empty(), "{changed:?} changed: {output:#?}");
}

#[track_caller]
fn judge(case: &Case<'_>, output: Output, json: bool) {
    let output = output.exits(case.code);
    assert_eq!(output.stdout, "", "{output:#?}");
    let (message, hint) = match json {
        true => {
            let error = output.json_error();
            assert_eq!(error["kind"], case.kind, "{output:#?}");
            let text = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
            (text("message"), text("hint"))
        }
        false => {
            let errors: Vec<&str> = output
                .stderr
                .lines()
                .filter_map(|l| l.strip_prefix("error: "))
                .collect();
            let hints: Vec<&str> = output.stderr.lines().filter_map(|l| l.strip_prefix("hint: ")).collect();
            assert_eq!(
                (errors.len(), hints.len()),
                (1, 1),
                "one sentence and one hint: {output:#?}"
            );
            (errors[0].to_owned(), hints[0].to_owned())
        }
    };
    assert!(message.contains(case.says), "{:?} is not in: {output:#?}", case.says);
    assert!(
        !hint.is_empty() && hint.contains(case.hint),
        "{:?} is not in: {output:#?}",
        case.hint
    );
}

#[test]
fn what_a_running_daemon_refuses() {
    let env = TestEnv::new();
    let daemon = env.serve();
    env.cmd(&["run", "--wait", "--name", "taken", "hello"]).ok();
    let no_repo = env.root().join("home").display().to_string();
    let pid = format!("process {}", daemon.pid());
    let long_name = "x".repeat(41);
    let (in_no_repo, named_long) = (["run", "--repo", &no_repo, "hi"], ["run", "--name", &long_name, "hi"]);
    let cases = [
        case(&["run", "--agent", "nope", "hi"], 3, "not_found", "`nope`", "demo"),
        case(&in_no_repo, 3, "not_found", &no_repo, "git init"),
        case(
            &["run", "--repo", "/nonexistent", "hi"],
            3,
            "not_found",
            "/nonexistent",
            "--repo .",
        ),
        case(
            &["run", "--name", "taken", "hi"],
            4,
            "refused_by_state",
            "`taken`",
            "telecoder send taken",
        ),
        case(&["run", "--name", "Not This", "hi"], 2, "usage", "`Not This`", "a-z"),
        case(&named_long, 2, "usage", &long_name, "40"),
        case(
            &["run", "--policy", "nope", "hi"],
            2,
            "usage",
            "`nope`",
            "locked, observe, ask",
        ),
        case(&["run", ""], 2, "usage", "empty", "telecoder run"),
        case(&["send", "taken", " \n "], 2, "usage", "empty", "telecoder"),
        case(&["send", "takn", "hi"], 3, "not_found", "`takn`", "taken"),
        case(&["status", "zz"], 3, "not_found", "`zz`", "telecoder list"),
        case(
            &["interrupt", "taken"],
            4,
            "refused_by_state",
            "taken",
            "telecoder send",
        ),
        case(&["resume", "taken"], 4, "refused_by_state", "taken", "telecoder send"),
        case(
            &["answer", "taken", "yes"],
            4,
            "refused_by_state",
            "`taken`",
            "telecoder send taken",
        ),
        case(&["list", "--status", "nope"], 2, "usage", "`nope`", "idle"),
        case(&["serve"], 75, "another_daemon", &pid, "telecoder health"),
    ];
    // The outcome of its turn comes a moment after the turn.
    let events = eventually("the turn has its outcome", || {
        let events = env.cmd(&["events", "--json"]).ok().stdout;
        events.contains("outcome.created").then_some(events)
    });
    for case in &cases {
        check(&env, case);
    }
    assert_eq!(env.cmd(&["events", "--json"]).ok().stdout, events, "nothing happened");
    assert_eq!(env.json(&["list"]).as_array().map(Vec::len), Some(1));
}

#[test]
fn a_configuration_that_is_wrong() {
    let env = TestEnv::new();
    let configs: [(&[u8], &str, &str); 4] = [
        (
            b"default_agent = \"demo\"\nx = \"\xff\"\n",
            "config.toml:2: not UTF-8",
            "UTF-8",
        ),
        (
            b"default_agnt = \"demo\"\n",
            "unknown key `default_agnt`",
            "`default_agent`",
        ),
        (b"[limits]\nlog_byte = 3\n", "log_byte", "log_bytes"),
        (b"max_active_sessions = 0\n", "max_active_sessions", "1"),
    ];
    for (text, says, hint) in configs {
        std::fs::write(env.config_file(), text).expect("a configuration");
        for args in [&["list"][..], &["serve"]] {
            check(&env, &case(args, 78, "config", says, hint));
        }
        assert!(!env.data().exists());
    }
}

#[test]
fn a_socket_path_that_is_too_long() {
    let mut env = TestEnv::new();
    let long = env.root().join("x".repeat(90)).display().to_string();
    env.set_env("TELECODER_DATA_DIR", &long);
    for args in [&["list"][..], &["serve"]] {
        check(&env, &case(args, 2, "usage", "over the limit of 100", "--data-dir"));
    }
    assert!(!Path::new(&long).exists());
}

#[test]
fn tmux_that_is_missing_or_too_old() {
    let mut env = TestEnv::new();
    let bin = env.root().join("bin");
    std::fs::create_dir(&bin).expect("a directory");
    env.set_env("PATH", &bin.display().to_string());
    for args in [&["list"][..], &["run", "hi"], &["serve"]] {
        check(
            &env,
            &case(args, 9, "program_missing", "tmux was not found", "Install tmux"),
        );
    }
    let tmux = bin.join("tmux");
    std::fs::write(&tmux, "#!/bin/sh\necho tmux 3.1c\n").expect("a program");
    std::fs::set_permissions(&tmux, std::fs::Permissions::from_mode(0o755)).expect("its mode");
    for args in [&["list"][..], &["serve"]] {
        check(
            &env,
            &case(args, 9, "program_missing", "tmux 3.1c is too old", "tmux 3.3"),
        );
    }
    assert!(!env.data().exists());
}

#[test]
fn a_database_of_a_newer_version() {
    let env = TestEnv::new();
    let daemon = env.serve();
    assert!(daemon.stop().success());
    // The user's version number of a SQLite file: 4 bytes at 60.
    let db = env.data().join("telecoder.db");
    let mut bytes = std::fs::read(&db).expect("the database");
    bytes[60..64].copy_from_slice(&99_u32.to_be_bytes());
    std::fs::write(&db, &bytes).expect("the database");
    std::fs::write(env.data().join("agents.md"), "of a newer version").expect("its constitution");
    for args in [&["list"][..], &["serve"]] {
        let except = ["lock", "daemon.log", "serve.log"];
        check_with(
            &env,
            &case(args, 8, "storage", "schema version 99", "newer telecoder"),
            |c| c,
            &except,
        );
    }
}

#[test]
fn a_data_directory_that_is_read_only() {
    let env = TestEnv::new();
    std::fs::create_dir(env.data()).expect("a directory");
    std::fs::set_permissions(env.data(), std::fs::Permissions::from_mode(0o500)).expect("its mode");
    for args in [&["list"][..], &["serve"]] {
        check(&env, &case(args, 8, "storage", "is read-only", "chmod 700"));
    }
}

#[test]
fn a_place_where_no_data_directory_can_be_made() {
    let mut env = TestEnv::new();
    let parent = env.root().join("closed");
    std::fs::create_dir(&parent).expect("a directory");
    let data = parent.join("data").display().to_string();
    env.set_env("TELECODER_DATA_DIR", &data);
    // Root may write everywhere, so the program runs as somebody else, from a place that everybody can reach.
    let is_root = rustix::process::geteuid().is_root();
    let mut own_program = TestEnv::binary().to_owned();
    if is_root {
        own_program = env.copy_binary();
        std::fs::set_permissions(env.root(), std::fs::Permissions::from_mode(0o755)).expect("its mode");
    }
    std::fs::set_permissions(&parent, std::fs::Permissions::from_mode(0o555)).expect("its mode");
    let as_nobody = |command: Command| {
        if !is_root {
            return command;
        }
        let mut other = Command::new(&own_program);
        other
            .args(command.get_args())
            .env_clear()
            .current_dir("/")
            .uid(NOBODY)
            .gid(NOBODY);
        other.envs(command.get_envs().filter_map(|(key, value)| Some((key, value?))));
        other
    };
    for args in [&["list"][..], &["serve"]] {
        check_with(
            &env,
            &case(args, 8, "storage", &data, "--data-dir"),
            as_nobody,
            &["telecoder"],
        );
    }
    // A file where the directory should be.
    std::fs::write(env.root().join("file"), "").expect("a file");
    env.set_env("TELECODER_DATA_DIR", &env.root().join("file").display().to_string());
    for args in [&["list"][..], &["serve"]] {
        check(&env, &case(args, 8, "storage", "/file", "--data-dir"));
    }
}
