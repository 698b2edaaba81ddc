//! From a prompt to one pull request, over real git HTTP with a token, whatever is cut short.

use serde_json::Value;

use super::forge::{FakeForge, Fault, TOKEN};
use super::{COMMIT, first_turn, outcome, repo_arg};
use crate::support::{Daemon, TestEnv, eventually};

/// A session whose agent changed something in the forge's repository.
#[track_caller]
fn worked(env: &TestEnv, forge: &FakeForge, name: &str, step: &str) {
    first_turn(env, name, &forge.address(), &[], &format!("demo: sh {step}"));
    outcome(env, name, 1);
}

fn commit(file: &str) -> String {
    format!("echo {file} > {file} && git add -A && {COMMIT} -m 'add {file}'")
}

#[test]
fn a_prompt_ends_in_a_pull_request() {
    let env = TestEnv::new();
    let forge = FakeForge::new(&env);
    let _daemon = env.serve();
    let prompt = format!(
        "demo: sh {}; telecoder notify --done --changed 'adds a, see #7' --verified 'looked at it @somebody' done",
        commit("a")
    );
    first_turn(&env, "s", &forge.address(), &["--verify", "test -f a"], &prompt);
    assert_eq!(outcome(&env, "s", 1)["verdict"], "done");
    let dry = env.cmd(&["publish", "s", "--dry-run"]).ok();
    assert!(
        dry.stdout.contains("add a") && dry.stdout.contains("✓ test -f a"),
        "{dry:#?}"
    );
    assert_eq!(forge.branches().len(), 1, "a dry run sends nothing");
    assert_eq!(forge.state().pulls.len(), 0);
    let published = env.cmd(&["publish", "s", "--json"]).ok().json();
    assert_eq!(
        (&published["opened"], &published["pull"]["number"]),
        (&true.into(), &1.into()),
        "{published:#}"
    );
    let branch = format!("telecoder/{}", env.status("s")["id"].as_str().expect("an id"));
    assert_eq!(
        forge.branches().get(&branch).map(String::as_str),
        published["commit"].as_str()
    );
    let body = forge.state().pulls[0]["body"].as_str().expect("a body").to_owned();
    assert!(
        body.contains("adds a") && body.contains("✓ test -f a (exit code 0"),
        "{body}"
    );
    assert!(
        !body.contains("@somebody") && !body.contains("#7"),
        "an agent calls nobody: {body}"
    );
    let shown = env.cmd(&["status", "s"]).ok().stdout;
    assert!(shown.contains("#1 open"), "{shown}");
    // Once more: nothing new.
    let again = env.cmd(&["publish", "s", "--json"]).ok().json();
    assert_eq!(again["opened"], false);
    // More work updates the same pull request; a title is changed when one is given.
    env.cmd(&["send", "--wait", "s", &format!("demo: sh {}", commit("b"))])
        .ok();
    outcome(&env, "s", 2);
    env.cmd(&["publish", "s", "--title", "Better"]).ok();
    let state = forge.state();
    assert_eq!(state.pulls.len(), 1);
    assert_eq!(state.edits, [serde_json::json!({"title": "Better"})]);
    drop(state);
    assert_eq!(forge.branches().len(), 2);
    // So is where it is to be merged into.
    env.git(&forge.repository(), &["branch", "next", "main"]);
    for _ in 0..2 {
        env.cmd(&["publish", "s", "--base", "next"]).ok();
    }
    assert_eq!(forge.state().edits[1..], [serde_json::json!({"base": "next"})]);
    let blank = env.cmd(&["publish", "s", "--title", " "]).exits(2);
    assert!(blank.stderr.contains("needs a title"), "{blank:#?}");
    no_token_is_left(&env);
}

/// The token stands in its file and nowhere else that is ours.
fn no_token_is_left(env: &TestEnv) {
    let mut dirs = vec![env.data()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).expect("a directory").flatten() {
            let kind = entry.file_type().expect("its kind");
            if kind.is_dir() {
                dirs.push(entry.path());
            } else if kind.is_file() {
                let bytes = std::fs::read(entry.path()).unwrap_or_default();
                let found = bytes.windows(TOKEN.len()).any(|window| window == TOKEN.as_bytes());
                assert!(!found, "the token is in {}", entry.path().display());
            }
        }
    }
}

#[test]
fn what_is_not_committed_goes_out_only_when_asked_for() {
    let env = TestEnv::new();
    let forge = FakeForge::new(&env);
    let _daemon = env.serve();
    worked(&env, &forge, "s", "echo one > one; echo more >> README.md");
    let refused = env.cmd(&["publish", "s"]).exits(4);
    assert!(refused.stderr.contains("--commit"), "{refused:#?}");
    let first = env.cmd(&["publish", "s", "--commit", "--json"]).ok().json();
    assert_eq!(
        (&first["committed"], &first["stat"]["files"]),
        (&true.into(), &2.into()),
        "{first:#}"
    );
    // The agent commits the same itself and adds to it: the branch goes on, and is never forced.
    let step = format!("demo: sh git add -A && {COMMIT} -m mine && echo two > two");
    env.cmd(&["send", "--wait", "s", &step]).ok();
    outcome(&env, "s", 2);
    let second = env.cmd(&["publish", "s", "--commit", "--json"]).ok().json();
    let branch = second["pull"]["branch"].as_str().expect("a branch").to_owned();
    let bare = forge.repository();
    let tree = env.git(&bare, &["ls-tree", "--name-only", &branch]).stdout;
    assert_eq!(tree.split_whitespace().collect::<Vec<_>>(), ["README.md", "one", "two"]);
    env.git(
        &bare,
        &[
            "merge-base",
            "--is-ancestor",
            first["commit"].as_str().expect("a commit"),
            &branch,
        ],
    );
    assert_eq!(forge.state().pulls.len(), 1);
    // What is published stands in nobody's way.
    env.cmd(&["stop", "s"]).ok();
    env.cmd(&["rm", "s"]).ok();
}

#[test]
fn secrets_and_large_files_do_not_go_out() {
    let env = TestEnv::new();
    let forge = FakeForge::new(&env);
    let _daemon = env.serve();
    // In one commit, and taken out by the next: it would go out all the same.
    let key = "ghp_ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let step = format!(
        "echo {key} > key && git add -A && {COMMIT} -m key && git rm -q key && echo x > x && git add -A && {COMMIT} -m gone"
    );
    worked(&env, &forge, "secret", &step);
    let refused = env.cmd(&["publish", "secret"]).exits(4);
    assert!(
        refused.stderr.contains("key: a GitHub token") && !refused.stderr.contains(key),
        "{refused:#?}"
    );
    let dry = env.cmd(&["publish", "secret", "--dry-run", "--allow-findings"]).ok();
    assert!(dry.stdout.contains("⚠ key"), "{dry:#?}");
    worked(&env, &forge, "large", "head -c 6000000 /dev/zero > big");
    let refused = env.cmd(&["publish", "large", "--commit"]).exits(4);
    assert!(refused.stderr.contains("big: 6000000 bytes"), "{refused:#?}");
    assert_eq!(forge.branches().len(), 1);
    env.cmd(&["publish", "large", "--commit", "--allow-findings"]).ok();
}

#[test]
fn each_refusal_of_the_forge_says_what_to_do() {
    let env = TestEnv::new();
    let forge = FakeForge::new(&env);
    let _daemon = env.serve();
    worked(&env, &forge, "s", &commit("a"));
    for (kind, fault, code, words) in [
        ("push", Fault::Status(403), 6, "Contents"),
        ("push", Fault::Status(404), 3, "access"),
        ("POST pulls", Fault::Status(401), 6, "new token"),
        ("POST pulls", Fault::Status(403), 6, "Pull requests"),
        ("POST pulls", Fault::Status(404), 3, "access"),
        ("GET pulls", Fault::RateLimit, 11, "2030-01-01"),
    ] {
        forge.fail(kind, &[fault]);
        let refused = env.cmd(&["publish", "s"]).exits(code);
        assert!(refused.stderr.contains(words), "{kind} {fault:?}: {refused:#?}");
        assert!(!refused.stderr.contains(TOKEN), "{refused:#?}");
    }
    let base = env.cmd(&["publish", "s", "--base", "nowhere"]).exits(4);
    assert!(base.stderr.contains("head or base is invalid"), "{base:#?}");
    env.cmd(&["publish", "s", "--base", "--upload-pack=x"]).exits(2);
    env.cmd(&["publish", "s", "--base", "main"]).ok();
    assert_eq!(forge.state().pulls.len(), 1);
}

#[test]
fn a_connection_that_is_cut_after_the_server_accepted_doubles_nothing() {
    let env = TestEnv::new();
    let forge = FakeForge::new(&env);
    let _daemon = env.serve();
    worked(&env, &forge, "s", &commit("a"));
    forge.fail("push", &[Fault::DropAfter, Fault::DropAfter]);
    forge.fail("POST pulls", &[Fault::DropAfter, Fault::Status(502)]);
    env.cmd(&["publish", "s"]).ok();
    assert_eq!((forge.branches().len(), forge.state().pulls.len()), (2, 1));
    let posts = forge
        .state()
        .calls
        .iter()
        .filter(|call| *call == "POST /repos/owner/site/pulls")
        .count();
    assert_eq!(posts, 1, "what was opened is found and not opened again");
}

#[test]
fn somebody_elses_commits_are_never_overwritten() {
    let env = TestEnv::new();
    let forge = FakeForge::new(&env);
    let _daemon = env.serve();
    first_turn(
        &env,
        "s",
        &forge.address(),
        &["--branch", "topic"],
        &format!("demo: sh {}", commit("a")),
    );
    outcome(&env, "s", 1);
    let seed = env.root().join("seed");
    std::fs::write(seed.join("theirs"), "x").expect("a file");
    env.git(&seed, &["add", "."]);
    env.git(&seed, &["commit", "-q", "-m", "theirs"]);
    env.git(
        &seed,
        &["push", "-q", &forge.repository().display().to_string(), "HEAD:topic"],
    );
    let before = forge.branches();
    let refused = env.cmd(&["publish", "s"]).exits(4);
    assert!(refused.stderr.contains("Nothing is overwritten"), "{refused:#?}");
    assert_eq!(forge.branches(), before);
    let main = env.cmd(&[
        "run",
        "--wait",
        "--name",
        "m",
        "--repo",
        &forge.address(),
        "--branch",
        "main",
        "x",
    ]);
    assert_eq!(main.code, 0, "{main:#?}");
    env.cmd(&["publish", "m"]).exits(6);
}

#[test]
fn a_local_repository_is_published_where_it_came_from() {
    let env = TestEnv::new();
    let forge = FakeForge::new(&env);
    let _daemon = env.serve();
    let repo = env.root().join("seed");
    env.git(&repo, &["remote", "add", "origin", &forge.address()]);
    // The agent turns every address elsewhere, in its own clone and in the person's repository.
    let step = format!(
        "{}; git config url.http://127.0.0.1:1/.insteadOf {url}/; git config remote.origin.pushurl http://127.0.0.1:1/x; \
         git -C {repo} config remote.origin.url http://127.0.0.1:1/evil/x",
        commit("a"),
        url = forge.url,
        repo = repo.display(),
    );
    first_turn(&env, "s", &repo_arg(&repo), &[], &format!("demo: sh {step}"));
    outcome(&env, "s", 1);
    env.cmd(&["publish", "s"]).ok();
    assert_eq!(forge.branches().len(), 2);
    let other = env.root().join("lonely");
    std::fs::rename(env.git_repo("lonely-seed"), &other).expect("a repository");
    first_turn(&env, "l", &repo_arg(&other), &[], &format!("demo: sh {}", commit("a")));
    outcome(&env, "l", 1);
    let refused = env.cmd(&["publish", "l"]).exits(3);
    assert!(refused.stderr.contains("git remote add origin"), "{refused:#?}");
}

#[test]
fn what_ends_well_is_published_by_itself_where_that_is_configured() {
    let env = TestEnv::new();
    let forge = FakeForge::new(&env);
    env.write_config(&forge.config("[publish]\nauto = \"pr\"\n"));
    let _daemon = env.serve();
    worked(&env, &forge, "s", &commit("a"));
    eventually("the pull request is open", || {
        (forge.state().pulls.len() == 1).then_some(())
    });
    eventually("the session knows it", || {
        (env.status("s")["pull"]["number"] == 1).then_some(())
    });
    worked(&env, &forge, "loose", "echo x > x");
    first_turn(
        &env,
        "bad",
        &forge.address(),
        &["--verify", "false"],
        &format!("demo: sh {}", commit("b")),
    );
    outcome(&env, "bad", 1);
    assert_eq!(forge.state().pulls.len(), 1);
}

/// Kill points that a first publication passes, and an update.
const FIRST: [&str; 8] = ["P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8"];
const UPDATE: [&str; 7] = ["P1", "P2", "P3", "P4", "P5", "P7", "P8"];

/// Asks for a publication and does not mind that nobody answers.
fn ask_to_publish(env: &TestEnv, session: &str, commit: bool) {
    use std::io::{Read, Write};
    let body = format!("{{\"commit\":{commit}}}");
    let mut stream = std::os::unix::net::UnixStream::connect(env.api_sock()).expect("the socket");
    let head = format!(
        "POST /v1/sessions/{session}/publish HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.read_to_end(&mut Vec::new());
}

/// The publication dies at each of these hops in turn, is repeated, and ends with one branch and one pull request.
fn dies_and_ends_with_one(env: &TestEnv, forge: &FakeForge, session: &str, hops: &[&str], commit: bool) {
    for hop in hops {
        let mut daemon = Daemon::spawn_with(env, &[("TELECODER_FAILPOINT", hop)]);
        eventually("the daemon answers", || {
            std::os::unix::net::UnixStream::connect(env.api_sock()).ok()
        });
        ask_to_publish(env, session, commit);
        assert!(!daemon.wait().success(), "the daemon passes {hop}");
    }
    let daemon = env.serve();
    let args: &[&str] = if commit {
        &["publish", session, "--commit"]
    } else {
        &["publish", session]
    };
    env.cmd(args).ok();
    let pull = env.status(session)["pull"].clone();
    daemon.kill();
    let branch = pull["branch"].as_str().expect("a branch").to_owned();
    let state = forge.state();
    let pulls: Vec<&Value> = state
        .pulls
        .iter()
        .filter(|pull| pull["head"]["ref"] == branch.as_str())
        .collect();
    assert_eq!(pulls.len(), 1, "killed at {hops:?}: {pulls:?}");
    drop(state);
    assert_eq!(
        forge.branches().get(&branch).map(String::as_str),
        pull["commit"].as_str(),
        "killed at {hops:?}"
    );
}

/// Six kills for each session: two in its first publication, two in each of two updates.
fn crashes(sessions: std::ops::Range<usize>) -> usize {
    let env = TestEnv::new();
    let forge = FakeForge::new(&env);
    let mut kills = 0;
    for number in sessions.clone() {
        let name = format!("s{number}");
        let daemon = env.serve();
        worked(&env, &forge, &name, &commit("a"));
        daemon.kill();
        let later = FIRST[(number + 3).min(FIRST.len() - 1)..]
            .first()
            .copied()
            .unwrap_or("P8");
        // Behind P7 the pull request is known, and is not opened again.
        let second = if number % FIRST.len() >= 6 { "P8" } else { later };
        dies_and_ends_with_one(&env, &forge, &name, &[FIRST[number % FIRST.len()], second], false);
        for round in 0..2 {
            let daemon = env.serve();
            env.cmd(&["send", "--wait", &name, &format!("demo: sh echo {round} > more")])
                .ok();
            outcome(&env, &name, 2 + round);
            daemon.kill();
            let first = UPDATE[(number + round) % UPDATE.len()];
            let second = UPDATE[((number + round) % UPDATE.len() + 1).max(4).min(UPDATE.len() - 1)];
            dies_and_ends_with_one(&env, &forge, &name, &[first, second], true);
        }
        kills += 6;
        let daemon = env.serve();
        env.cmd(&["stop", &name]).ok();
        daemon.kill();
    }
    assert_eq!(forge.state().pulls.len(), sessions.len());
    assert_eq!(forge.branches().len(), sessions.len() + 1);
    kills
}

#[test]
fn eighteen_crashes_of_publications() {
    assert_eq!(crashes(0..3), 18);
}

#[test]
fn eighteen_more_crashes_of_publications() {
    assert_eq!(crashes(3..6), 18);
}

#[test]
fn and_eighteen_more() {
    assert_eq!(crashes(6..9), 18);
}
