//! Where a session's work begins: base, branch, pull request, in place, by name of the forge; and words that are none of it.

use super::forge::FakeForge;
use super::{COMMIT, first_turn, outcome, repo_arg};
use crate::support::{TestEnv, snapshot};

#[test]
fn a_session_begins_where_it_was_told() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let repo = env.git_repo("repo");
    env.git(&repo, &["checkout", "-q", "-b", "topic"]);
    std::fs::write(repo.join("topic.txt"), "x").expect("a file");
    env.git(&repo, &["add", "."]);
    env.git(&repo, &["commit", "-q", "-m", "topic"]);
    env.git(&repo, &["tag", "v1"]);
    let id = env.git(&repo, &["rev-parse", "HEAD"]).stdout.trim().to_owned();
    env.git(&repo, &["checkout", "-q", "main"]);
    let repo = repo_arg(&repo);
    let run = |name: &str, extra: &[&str]| {
        let args = ["run", "--wait", "--name", name, "--repo", &repo];
        let args: Vec<&str> = args
            .iter()
            .chain(extra)
            .copied()
            .chain(["demo: sh echo x > x"])
            .collect();
        env.cmd(&args).ok();
        env.status(name)
    };
    let has_topic = |session: &serde_json::Value| {
        std::path::Path::new(session["workDir"].as_str().expect("a path"))
            .join("topic.txt")
            .exists()
    };
    assert!(!has_topic(&run("plain", &[])));
    for (name, base) in [("branch", "topic"), ("tag", "v1"), ("commit", id.as_str())] {
        let session = run(name, &["--base", base]);
        assert!(has_topic(&session), "{base}");
        let outcome = outcome(&env, name, 1);
        assert_eq!(
            outcome["measured"]["total"]["files"], 1,
            "measured from its base: {outcome:#}"
        );
    }
    let named = run("named", &["--branch", "mine/one"]);
    assert_eq!(named["branch"], "mine/one");
    let head =
        std::fs::read_to_string(std::path::Path::new(named["workDir"].as_str().expect("a path")).join(".git/HEAD"));
    assert_eq!(head.expect("a head").trim(), "ref: refs/heads/mine/one");
    assert!(
        has_topic(&run("goes-on", &["--branch", "topic"])),
        "a branch of the source is gone on with"
    );
    let lost = env
        .cmd(&[
            "run", "--wait", "--name", "lost", "--repo", &repo, "--base", "nowhere", "x",
        ])
        .exits(20);
    assert!(lost.stderr.contains("no branch, tag or commit `nowhere`"), "{lost:#?}");
}

#[test]
fn in_place_is_the_checkout_itself_and_only_when_asked_for() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let path = env.git_repo("repo");
    let repo = repo_arg(&path);
    let before = snapshot(&path, &[]);
    first_turn(&env, "clone", &repo, &[], "demo: sh echo x > x");
    assert_eq!(
        snapshot(&path, &[]),
        before,
        "a session of its own writes nothing there"
    );
    first_turn(&env, "here", &repo, &["--in-place"], "demo: sh echo here > here");
    assert_eq!(std::fs::read_to_string(path.join("here")).expect("written"), "here\n");
    assert_eq!(outcome(&env, "here", 1)["measured"]["turn"]["files"], 1);
    let second = env
        .cmd(&["run", "--name", "two", "--repo", &repo, "--in-place", "x"])
        .exits(4);
    assert!(second.stderr.contains("here works in"), "{second:#?}");
    env.cmd(&["stop", "here"]).ok();
    env.cmd(&["rm", "here"]).ok();
    assert!(path.join("here").exists(), "nobody's checkout is removed");
    env.cmd(&[
        "run",
        "--name",
        "x",
        "--repo",
        &repo,
        "--in-place",
        "--base",
        "main",
        "x",
    ])
    .exits(2);
}

#[test]
fn a_name_of_the_forge_and_a_pull_request_are_worked_on() {
    let env = TestEnv::new();
    let forge = FakeForge::new(&env);
    let _daemon = env.serve();
    let step = format!("demo: sh echo a > a && git add -A && {COMMIT} -m a");
    first_turn(&env, "first", "owner/site", &[], &step);
    outcome(&env, "first", 1);
    env.cmd(&["publish", "first"]).ok();
    let branch = env.status("first")["branch"].as_str().expect("a branch").to_owned();
    env.git(
        &forge.repository(),
        &["update-ref", "refs/pull/1/head", &format!("refs/heads/{branch}")],
    );
    let step = format!("demo: sh test -f a && echo b > b && git add -A && {COMMIT} -m b");
    first_turn(&env, "second", "owner/site", &["--pr", "1"], &step);
    assert_eq!(outcome(&env, "second", 1)["measured"]["total"]["files"], 1);
    assert_eq!(env.status("second")["branch"], branch.as_str());
    let published = env.cmd(&["publish", "second", "--json"]).ok().json();
    assert_eq!(
        (&published["pull"]["number"], &published["opened"]),
        (&1.into(), &false.into()),
        "{published:#}"
    );
    assert_eq!(forge.state().pulls.len(), 1);
    assert_eq!(forge.branches().len(), 2);
}
