//! An agent that calls the API from inside its window: what it may do, and what it may not.

use std::path::Path;

use crate::support::TestEnv;

/// Runs a shell script inside a demo session; each line's exit code goes to a file of its number. Returns the codes.
#[track_caller]
fn run_inside(env: &TestEnv, session: &str, commands: &[&str]) -> Vec<i32> {
    let out = env.root().join("out");
    std::fs::create_dir_all(&out).expect("a directory");
    let script: String = commands
        .iter()
        .enumerate()
        .map(|(i, command)| {
            let base = out.join(i.to_string());
            format!(
                "{command} >{0}.out 2>{0}.err </dev/null; echo $? >{0}.code\n",
                base.display()
            )
        })
        .collect();
    let path = env.root().join("inside.sh");
    std::fs::write(&path, script).expect("the script");
    env.cmd(&["send", session, "--wait", &format!("demo: sh sh {}", path.display())])
        .ok();
    (0..commands.len())
        .map(|i| code_of(&out.join(format!("{i}.code"))))
        .collect()
}

fn code_of(path: &Path) -> i32 {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.trim().parse().expect("a number")
}

fn said(env: &TestEnv, command: usize) -> String {
    std::fs::read_to_string(env.root().join(format!("out/{command}.err"))).expect("its stderr")
}

#[test]
fn it_may_look_and_start_and_prompt_its_own_children_and_no_more() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    env.cmd(&["run", "--wait", "--name", "parent", "hello"]).ok();
    env.cmd(&["run", "--wait", "--name", "other", "hello"]).ok();
    let codes = run_inside(
        &env,
        "parent",
        &[
            "telecoder list --json",
            "telecoder status other",
            "telecoder run --agent demo --name child --wait 'do it'",
            "telecoder send child --wait 'and more'",
            "telecoder stop child",
            "telecoder send other 'leave it'",
            "telecoder stop other",
            "telecoder keys other Enter",
            "telecoder keys child Enter",
            "telecoder rm child",
            "telecoder rm other --force",
            "telecoder answer other yes",
            "telecoder messages --unread",
        ],
    );
    assert_eq!(codes[..5], [0, 0, 0, 0, 0], "{}", said(&env, 2));
    assert_eq!(codes[5..11], [6; 6], "{}", said(&env, 5));
    // Nothing is asked there, and it may not mark a person's messages as read: both are refused before anything changes.
    assert!(codes[11] != 0, "{}", said(&env, 11));
    let child = env.status("child");
    assert_eq!(child["parentId"], env.status("parent")["id"]);
    assert_eq!(child["status"], "stopped");
    assert_eq!(env.status("other")["status"], "idle");
    let origin = &env.http().get("/v1/sessions/child/turns").json()[0]["origin"];
    assert_eq!(origin, "agent");
    let refused = env.http().get("/v1/events").json();
    let refused = refused.as_array().expect("a list");
    assert!(
        refused.iter().any(|event| event["type"] == "access.refused"),
        "refusals are audited"
    );
}

#[test]
fn a_sub_agent_is_what_its_parent_is() {
    let env = TestEnv::new();
    // `auto` never takes the bundled agent, and nothing else is installed here.
    env.write_config("default_agent = \"auto\"\n");
    let _daemon = env.serve();
    env.cmd(&["run", "--agent", "demo", "--wait", "--name", "parent", "hello"])
        .ok();
    let codes = run_inside(&env, "parent", &["telecoder run --name child --wait 'do it'"]);
    assert_eq!(codes, [0], "{}", said(&env, 0));
    assert_eq!(env.status("child")["agent"], "demo");
}

#[test]
fn it_cannot_widen_its_policy_through_a_child() {
    let env = TestEnv::new();
    env.write_config("default_agent = \"demo\"\ndefault_policy = \"standard\"\n");
    let _daemon = env.serve();
    env.cmd(&["run", "--wait", "--name", "narrow", "--policy", "ask", "hello"])
        .ok();
    let codes = run_inside(
        &env,
        "narrow",
        &[
            "telecoder run --agent demo --name wide --policy yolo hi",
            "telecoder run --agent demo --name wide --policy standard hi",
            "telecoder run --agent demo --name same hi",
        ],
    );
    assert_eq!(codes, [6, 6, 0], "{}", said(&env, 0));
    assert_eq!(env.status("same")["policy"], "ask");
    env.cmd(&["status", "wide"]).exits(3);
}
