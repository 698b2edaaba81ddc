//! What was measured beside what is claimed; the inbox; the difference.

use super::{COMMIT, first_turn, outcome, repo_arg};
use crate::support::{TestEnv, eventually};

#[test]
fn an_outcome_has_what_was_measured_beside_what_is_claimed() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let repo = repo_arg(&env.git_repo("repo"));
    let prompt = format!(
        "demo: sh printf 'a\\nb\\n' > new.txt && git add -A && {COMMIT} -m 'add new' && echo more >> README.md && echo x > loose\n\
         demo: say **Changed:** new.txt"
    );
    first_turn(&env, "s", &repo, &[], &prompt);
    let seen = outcome(&env, "s", 1);
    assert_eq!(seen["verdict"], "done", "{seen:#}");
    let measured = &seen["measured"];
    assert_eq!(
        (&measured["commits"], &measured["uncommitted"], &measured["untracked"]),
        (&1.into(), &1.into(), &1.into()),
        "{seen:#}"
    );
    assert_eq!(
        measured["turn"],
        serde_json::json!({"files": 3, "added": 4, "removed": 0})
    );
    assert_eq!(measured["subjects"], serde_json::json!(["add new"]));
    assert_eq!(seen["claimed"]["changed"], "new.txt", "{seen:#}");
    assert_eq!(seen["flags"], serde_json::json!([]));
    // The next turn is measured from where this one ended.
    env.cmd(&["send", "--wait", "s", "demo: sh rm loose && echo y > other"])
        .ok();
    let second = outcome(&env, "s", 2);
    assert_eq!(second["measured"]["turn"]["files"], 2, "{second:#}");
    assert_eq!(second["measured"]["total"]["files"], 3, "{second:#}");
    let turn = env.cmd(&["diff", "s", "--stat", "--turn"]).ok().stdout;
    assert!(turn.contains("other") && !turn.contains("new.txt"), "{turn}");
    let whole = env.cmd(&["diff", "s"]).ok().stdout;
    assert!(
        whole.contains("+b\n") && whole.contains("+more") && whole.contains("+++ b/other"),
        "{whole}"
    );
    let first = env
        .cmd(&["diff", "s", "--stat", "--entry", &seen["id"].to_string()])
        .ok()
        .stdout;
    assert!(first.contains("loose") && !first.contains("other"), "{first}");
    let shown = env.cmd(&["status", "s"]).ok().stdout;
    assert!(shown.contains("outcome"), "{shown}");
    let log = env.cmd(&["logs", "s"]).ok().stdout;
    assert!(log.contains("3 files, +4 -0, 1 commit, 1 file not committed"), "{log}");
}

#[test]
fn contradictions_are_flagged() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let repo = repo_arg(&env.git_repo("repo"));
    let claims = "demo: sh telecoder notify --done --changed 'rewrote the login' --verified 'all tests pass' done";
    first_turn(&env, "s", &repo, &[], claims);
    let seen = outcome(&env, "s", 1);
    assert_eq!(seen["flags"][0]["code"], "claims_change", "{seen:#}");
    assert_eq!(seen["claimed"]["verified"], "all tests pass");
    let screen = env.cmd(&["inbox", "show", "s"]).ok().stdout;
    assert!(screen.contains("nothing changed in the workspace"), "{screen}");
}

#[test]
fn the_inbox_shows_what_was_not_seen() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let repo = repo_arg(&env.git_repo("repo"));
    assert_eq!(env.json(&["inbox"]), serde_json::json!([]));
    first_turn(&env, "good", &repo, &[], "demo: sh echo x > x");
    // The newest outcome stands first, and a measurement takes its time.
    outcome(&env, "good", 1);
    env.cmd(&["run", "--wait", "--name", "bad", "demo: exit 3"]).exits(20);
    env.cmd(&["run", "--wait", "--name", "asks", "demo: ask may I?"])
        .exits(21);
    let bad = outcome(&env, "bad", 1);
    assert_eq!(
        (&bad["verdict"], &bad["failure"]),
        (&"failed".into(), &"agent_exit".into()),
        "{bad:#}"
    );
    let kinds = || -> Vec<String> {
        let entries = env.json(&["inbox"]);
        let list = entries.as_array().expect("a list").iter();
        list.map(|entry| {
            format!(
                "{} {}",
                entry["name"].as_str().unwrap_or("?"),
                entry["kind"].as_str().unwrap_or("?")
            )
        })
        .collect()
    };
    assert_eq!(kinds(), ["asks waits", "bad failed", "good done"]);
    let text = env.cmd(&["inbox"]).ok().stdout;
    assert!(text.contains("FAILED") && text.contains("1 file, +1 -0"), "{text}");
    env.cmd(&["inbox", "ack", "bad"]).ok();
    env.cmd(&["keys", "asks", "Enter"]).ok();
    eventually("the dialog is gone", || {
        (kinds() == ["asks done", "good done"]).then_some(())
    });
    env.cmd(&["inbox", "ack", "--all"]).ok();
    assert_eq!(kinds(), Vec::<String>::new());
    assert_eq!(env.json(&["inbox", "--all"]).as_array().map(Vec::len), Some(3));
    env.cmd(&["inbox", "show", "99"]).exits(3);
    env.cmd(&["inbox", "ack"]).exits(2);
    env.cmd(&["diff", "bad"]).exits(3);
}

#[test]
fn an_outcome_survives_a_crash() {
    let env = TestEnv::new();
    let daemon = env.serve();
    let repo = repo_arg(&env.git_repo("repo"));
    env.cmd(&["run", "--name", "s", "--repo", &repo, "demo: sh sleep 1; echo x > x"])
        .ok();
    env.wait_turn("s", "accepted");
    daemon.kill();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    let _daemon = env.serve();
    let seen = outcome(&env, "s", 1);
    assert_eq!(seen["measured"]["turn"]["files"], 1, "{seen:#}");
}

#[test]
fn what_came_of_a_turn_is_there_for_whoever_waited_for_its_end() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let path = env.git_repo("repo");
    for i in 0..500 {
        std::fs::write(path.join(format!("f{i}")), "x").expect("a file");
    }
    env.git(&path, &["add", "."]);
    env.git(&path, &["commit", "-q", "-m", "many"]);
    let repo = repo_arg(&path);
    let run = ["run", "--wait", "--name", "s", "--repo", &repo, "demo: sh echo 0 > f0"];
    env.cmd(&run).ok();
    let shown = env.cmd(&["inbox", "show", "s"]).ok().stdout;
    assert!(shown.contains("1 file, +1 -1"), "{shown}");
    for i in 1..4 {
        env.cmd(&["send", "--wait", "s", &format!("demo: sh echo {i} > f{i}")])
            .ok();
        assert_eq!(env.json(&["inbox"]).as_array().map(Vec::len), Some(i + 1));
        assert!(env.cmd(&["diff", "s"]).ok().stdout.contains(&format!("f{i}")));
    }
}
