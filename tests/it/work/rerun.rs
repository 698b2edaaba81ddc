//! Once more, the family, and what goes when it is finished.

use super::forge::FakeForge;
use super::{COMMIT, first_turn, outcome, repo_arg};
use crate::support::{TestEnv, eventually};

#[test]
fn a_rerun_is_a_session_that_knows_where_it_comes_from() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let repo = repo_arg(&env.git_repo("repo"));
    env.cmd(&["run", "--name", "busy", "demo: sleep 1m"]).ok();
    env.wait_turn("busy", "accepted");
    env.cmd(&["rerun", "busy"]).exits(4);
    first_turn(&env, "s", &repo, &["--verify", "true"], "demo: sh echo x > x");
    outcome(&env, "s", 1);
    let again = env.cmd(&["rerun", "s", "--json"]).ok().json();
    let name = again["name"].as_str().expect("a name").to_owned();
    let seen = outcome(&env, &name, 1);
    assert_eq!(seen["prompt"], "demo: sh echo x > x");
    assert_eq!(seen["checks"][0]["command"], "true", "{seen:#}");
    let other = env
        .cmd(&[
            "rerun",
            "s",
            "--prompt",
            "demo: sh echo y > y",
            "--policy",
            "standard",
            "--json",
        ])
        .ok()
        .json();
    assert_eq!(other["policy"], "standard");
    let family = env.json(&["lineage", &name]);
    let short: Vec<(u64, bool)> = family
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (one["attempt"].as_u64().expect("a number"), one["rerunOf"].is_null()))
        .collect();
    assert_eq!(short, [(1, true), (2, false), (3, false)], "{family:#}");
    let table = env.cmd(&["lineage", "s"]).ok().stdout;
    assert!(table.contains("RUN") && table.contains(&name), "{table}");
}

#[test]
fn gc_takes_what_is_published_or_clean_and_nothing_else() {
    let env = TestEnv::new();
    let _forge = FakeForge::new(&env);
    let _daemon = env.serve();
    let commit = |file: &str| format!("demo: sh echo {file} > {file} && git add -A && {COMMIT} -m {file}");
    for (name, prompt) in [
        ("published", commit("a")),
        ("loose", "demo: sh echo l > l".to_owned()),
        ("clean", "demo: say hello".to_owned()),
        ("lost", commit("b")),
        ("running", commit("c")),
    ] {
        first_turn(&env, name, "owner/site", &[], &prompt);
        outcome(&env, name, 1);
    }
    env.cmd(&["publish", "published"]).ok();
    env.cmd(&["publish", "loose", "--commit"]).ok();
    for name in ["published", "loose", "clean", "lost"] {
        env.cmd(&["stop", name]).ok();
    }
    let young = env.json(&["gc"]);
    assert!(
        young["sessions"]
            .as_array()
            .expect("a list")
            .iter()
            .all(|item| item["stays"].is_string()),
        "{young:#}"
    );
    let gone = |report: &serde_json::Value| -> Vec<String> {
        let list = report["sessions"].as_array().expect("a list").iter();
        let mut names: Vec<String> = list
            .filter(|item| item["stays"].is_null())
            .map(|item| item["name"].as_str().expect("a name").to_owned())
            .collect();
        names.sort();
        names
    };
    let dry = env.json(&["gc", "--older-than", "0", "--dry-run"]);
    assert_eq!(gone(&dry), ["clean", "loose", "published"], "{dry:#}");
    let enough = env.json(&["gc", "--older-than", "0", "--max-disk", "100G"]);
    assert_eq!(gone(&enough), Vec::<String>::new());
    let report = env.json(&["gc", "--older-than", "0"]);
    assert_eq!(gone(&report), ["clean", "loose", "published"], "{report:#}");
    let left = env.json(&["list", "--all"]);
    let names: Vec<&str> = left
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|session| session["name"].as_str())
        .collect();
    assert_eq!(names, ["lost", "running"], "what is nowhere else stays");
    // With the last borrower the mirror goes.
    for name in ["lost", "running"] {
        env.cmd(&["stop", name]).ok();
        env.cmd(&["rm", "--force", name]).ok();
    }
    let report = env.json(&["gc", "--older-than", "0"]);
    assert_eq!(report["mirrors"].as_array().map(Vec::len), Some(1), "{report:#}");
    eventually("no mirror is left", || {
        let entries = std::fs::read_dir(env.data().join("mirrors"))
            .expect("a directory")
            .flatten();
        let left = entries
            .filter(|entry| entry.path().extension().is_some_and(|e| e == "git"))
            .count();
        (left == 0).then_some(())
    });
}
