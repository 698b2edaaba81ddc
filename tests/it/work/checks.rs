//! Checks run in a window of their own, under the policy, with a limit; failing ones go back to the agent.

use super::{first_turn, outcome, repo_arg};
use crate::support::{Daemon, TestEnv, eventually};

#[test]
fn checks_decide_by_their_exit_code() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let repo = repo_arg(&env.git_repo("repo"));
    let claims = "demo: sh echo x > x && telecoder notify --done --changed x --verified 'all tests pass' done";
    first_turn(
        &env,
        "s",
        &repo,
        &["--verify", "echo first; false", "--verify", "test -f x"],
        claims,
    );
    let seen = outcome(&env, "s", 1);
    assert_eq!(
        (&seen["verdict"], &seen["failure"]),
        (&"failed".into(), &"checks_failed".into()),
        "{seen:#}"
    );
    assert_eq!(seen["checks"][0]["code"], 1);
    assert_eq!(seen["checks"][0]["output"], "first");
    assert_eq!(seen["checks"][1]["code"], 0);
    assert_eq!(seen["flags"][0]["code"], "claims_pass", "{seen:#}");
    assert_eq!(
        seen["flags"][0]["text"],
        "says \"all tests pass\"; `echo first; false` ended with exit code 1"
    );
    env.wait_status("s", "idle");
    // Asked for by hand, with another command.
    let passed = env.cmd(&["verify", "s", "--cmd", "true", "--json"]).ok().json();
    assert_eq!(
        (&passed["verdict"], &passed["checks"][0]["code"]),
        (&"done".into(), &0.into())
    );
    let failed = env.cmd(&["verify", "s"]).exits(1);
    assert!(
        failed.stdout.contains("✗ echo first; false (exit code 1"),
        "{failed:#?}"
    );
    let windows = env.tmux(&["list-windows", "-F", "#{window_name}"]).ok().stdout;
    assert!(!windows.contains("check"), "{windows}");
}

#[test]
fn failing_checks_go_back_to_the_agent_until_they_pass() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let repo = repo_arg(&env.git_repo("repo"));
    // The check itself counts its rounds: it passes for the third time.
    let count = env.root().join("count");
    let check = format!("echo round >> {0}; test $(wc -l < {0}) -ge 3", count.display());
    env.cmd(&[
        "run",
        "--name",
        "s",
        "--repo",
        &repo,
        "--verify",
        &check,
        "--until-green",
        "5",
        "demo: sh echo x > x",
    ])
    .ok();
    let seen = outcome(&env, "s", 3);
    assert_eq!(seen["verdict"], "done", "{seen:#}");
    env.wait_status("s", "idle");
    let log = env.cmd(&["logs", "s"]).ok().stdout;
    assert!(
        log.contains("(round 1 of 5)") && log.contains("(round 2 of 5)") && !log.contains("(round 3 of 5)"),
        "{log}"
    );
}

#[test]
fn a_check_that_takes_too_long_is_ended_with_its_tree() {
    let env = TestEnv::new();
    env.write_config("default_agent = \"demo\"\n[verify]\ntimeout_s = 1\n");
    let _daemon = env.serve();
    let repo = repo_arg(&env.git_repo("repo"));
    let pid = env.root().join("pid");
    let check = format!(
        "(trap '' TERM HUP; setsid sleep 300) & echo $! > {}; sleep 300",
        pid.display()
    );
    first_turn(&env, "s", &repo, &["--verify", &check], "demo: sh echo x > x");
    let seen = outcome(&env, "s", 1);
    assert_eq!(seen["failure"], "checks_timed_out", "{seen:#}");
    assert_eq!(seen["checks"][0]["timedOut"], true);
    let pid = std::fs::read_to_string(pid).expect("its pid");
    eventually("its child is gone", || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        (stat.is_empty() || stat.contains(") Z ")).then_some(())
    });
}

#[test]
fn a_policy_that_runs_nothing_runs_no_checks() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let repo = env.git_repo("repo");
    std::fs::write(repo.join("Makefile"), "all:\n\ntest:\n\ttrue\n").expect("a file");
    env.git(&repo, &["add", "."]);
    env.git(&repo, &["commit", "-q", "-m", "make"]);
    let repo = repo_arg(&repo);
    let run = |name: &str, policy: &str, extra: &[&str]| {
        let args = ["run", "--wait", "--name", name, "--repo", &repo, "--policy", policy];
        let args: Vec<&str> = args
            .iter()
            .chain(extra)
            .copied()
            .chain(["demo: sh echo x > x"])
            .collect();
        env.cmd(&args).ok();
        outcome(&env, name, 1)
    };
    let observed = run("observed", "observe", &["--verify", "true"]);
    assert_eq!(observed["checks"], serde_json::json!([]));
    let asked = run("asked", "ask", &[]);
    assert_eq!(
        asked["notChecked"]["could"],
        serde_json::json!(["make test"]),
        "{asked:#}"
    );
    let standard = run("standard", "standard", &[]);
    assert_eq!(standard["checks"][0]["command"], "make test", "{standard:#}");
    assert_eq!(standard["checks"][0]["code"], 0, "{standard:#}");
}

#[test]
fn a_repositorys_own_checks_run_once_they_were_read() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let repo = env.git_repo("repo");
    std::fs::write(repo.join(".telecoder.toml"), "verify = [\"test -f README.md\"]\n").expect("a file");
    env.git(&repo, &["add", "."]);
    env.git(&repo, &["commit", "-q", "-m", "checks"]);
    let repo = repo_arg(&repo);
    first_turn(&env, "s", &repo, &[], "demo: sh echo x > x");
    let first = outcome(&env, "s", 1);
    assert_eq!(first["checks"], serde_json::json!([]), "{first:#}");
    let read = env.cmd(&["trust", "s"]).ok();
    assert!(
        read.stdout.contains("test -f README.md") && read.stderr.contains("--yes"),
        "{read:#?}"
    );
    env.cmd(&["trust", "s", "--yes"]).ok();
    // What the agent makes of the file does not count.
    env.cmd(&[
        "send",
        "--wait",
        "s",
        "demo: sh echo 'verify = [\"touch /tmp/never\"]' > .telecoder.toml",
    ])
    .ok();
    let second = outcome(&env, "s", 2);
    assert_eq!(second["checks"][0]["command"], "test -f README.md", "{second:#}");
}

#[test]
fn a_check_speaks_for_its_session_and_no_person() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let repo = repo_arg(&env.git_repo("repo"));
    let telecoder = format!("{} --data-dir {}", TestEnv::binary().display(), env.data().display());
    let check = format!("{telecoder} rm s --force; {telecoder} inbox ack --all");
    first_turn(&env, "s", &repo, &["--verify", &check], "demo: sh echo x > x");
    let seen = outcome(&env, "s", 1);
    assert_eq!(seen["checks"][0]["code"], 6, "{seen:#}");
    assert!(
        seen["checks"][0]["output"]
            .as_str()
            .expect("output")
            .contains("may not"),
        "{seen:#}"
    );
}

#[test]
fn checks_go_on_over_a_crash() {
    for hop in ["V1", "V2", "V3"] {
        let env = TestEnv::new();
        let repo = repo_arg(&env.git_repo("repo"));
        let mut daemon = Daemon::spawn_with(&env, &[("TELECODER_FAILPOINT", hop)]);
        eventually("the daemon answers", || {
            std::os::unix::net::UnixStream::connect(env.api_sock()).ok()
        });
        let ran = env.root().join("ran");
        let check = format!("echo once >> {}; sleep 0.5", ran.display());
        env.cmd(&[
            "run",
            "--name",
            "s",
            "--repo",
            &repo,
            "--verify",
            &check,
            "demo: sh echo x > x",
        ])
        .ok();
        assert!(!daemon.wait().success(), "it dies at {hop}");
        let _daemon = env.serve();
        let seen = outcome(&env, "s", 1);
        assert_eq!(seen["checks"][0]["code"], 0, "killed at {hop}: {seen:#}");
        assert_eq!(
            std::fs::read_to_string(&ran).expect("it ran"),
            "once\n",
            "killed at {hop}"
        );
        env.wait_status("s", "idle");
    }
}

#[test]
fn while_checks_run_nobody_takes_the_work_for_checked() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let repo = repo_arg(&env.git_repo("repo"));
    let go = env.root().join("go");
    let check = format!("until test -e {}; do sleep 0.05; done", go.display());
    first_turn(&env, "s", &repo, &["--verify", &check], "demo: sh echo x > x");
    let shown = env.cmd(&["inbox"]).ok();
    assert!(shown.stdout.contains("not checked: the checks still run"), "{shown:#?}");
    for command in ["publish", "verify"] {
        let refused = env.cmd(&[command, "s"]).exits(4);
        assert!(refused.stderr.contains("telecoder inbox show s"), "{refused:#?}");
    }
    std::fs::write(&go, "").expect("a file");
    assert_eq!(outcome(&env, "s", 1)["notChecked"], serde_json::Value::Null);
}
