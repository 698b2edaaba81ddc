//! What a person does to a session, where each step has a way to go wrong.

use crate::delivery::{transcript, wait_until_quiet};
use crate::support::{TestEnv, eventually_within, snapshot};

#[test]
fn a_repository_is_only_read_and_work_is_not_thrown_away() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let repo = env.git_repo("repo");
    let before = snapshot(&repo, &[]);
    let path = repo.display().to_string();
    env.cmd(&["run", "--wait", "--name", "s", "--repo", &path, "demo: sh echo x > new"])
        .ok();
    env.cmd(&["stop", "s"]).ok();
    let refused = env.cmd(&["rm", "s"]).exits(4);
    assert!(refused.stderr.contains("--force"), "{refused:#?}");
    env.cmd(&["resume", "s"]).ok();
    env.wait_status("s", "idle");
    env.cmd(&["send", "s", "--wait", "demo: sh rm new"]).ok();
    env.cmd(&["stop", "s"]).ok();
    env.cmd(&["rm", "s"]).ok();
    let after = snapshot(&repo, &[]);
    let changed: Vec<_> = before
        .keys()
        .chain(after.keys())
        .filter(|p| before.get(*p) != after.get(*p))
        .collect();
    assert!(changed.is_empty(), "{changed:?}");
}

#[test]
fn a_resume_goes_on_and_sends_nothing_again() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    env.cmd(&["run", "--wait", "--name", "s", "first"]).ok();
    env.cmd(&["stop", "s"]).ok();
    env.cmd(&["resume", "s"]).ok();
    let shown = env.wait_status("s", "idle");
    assert_eq!(shown["launch"], 2);
    env.cmd(&["send", "s", "--wait", "second"]).ok();
    assert_eq!(transcript(&env, &shown), ["first", "second"]);
    let native = |shown: &serde_json::Value| shown["nativeId"].clone();
    assert_eq!(native(&shown), native(&env.status("s")), "one conversation");
}

#[test]
fn prompts_for_a_session_that_starts_wait_in_their_order() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    env.cmd(&["run", "--name", "s", "number 0"]).ok();
    let sent: Vec<String> = (0..4).map(|i| format!("number {i}")).collect();
    for prompt in &sent[1..] {
        env.cmd(&["send", "s", prompt]).ok();
    }
    let session = wait_until_quiet(&env, "s");
    assert_eq!(transcript(&env, &session), sent);
}

#[test]
fn a_limit_holds_prompts_until_it_is_over_or_lifted_by_hand() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    env.cmd(&["run", "--name", "s", "demo: limit 15:00"]).ok();
    let shown = env.wait_status("s", "limited");
    assert!(
        shown["reason"]["text"]
            .as_str()
            .is_some_and(|text| text.contains("15:00")),
        "{shown:#}"
    );
    env.cmd(&["send", "s", "later"]).ok();
    assert_eq!(env.status("s")["queuedPrompts"], 1);
    assert_eq!(env.status("s")["status"], "limited");
    env.cmd(&["interrupt", "s"]).ok();
    let session = wait_until_quiet(&env, "s");
    assert_eq!(transcript(&env, &session), ["demo: limit 15:00", "later"]);

    env.cmd(&["send", "s", "demo: limit 500ms"]).ok();
    env.wait_status("s", "limited");
    env.cmd(&["send", "s", "after it"]).ok();
    let session = wait_until_quiet(&env, "s");
    assert_eq!(transcript(&env, &session).len(), 4);
}

#[test]
fn a_message_with_a_key_is_said_once() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let say =
        "telecoder notify --done 'all is done' --key k --changed a.rs --verified tests --uncertain load --next rest";
    env.cmd(&["run", "--wait", "--name", "s", &format!("demo: sh {say} && {say}")])
        .ok();
    env.cmd(&["send", "s", "--wait", "demo: notify the end"]).ok();
    env.wait_log("s", "the end");
    let messages = env.json(&["messages", "--unread"]);
    let done: Vec<_> = messages
        .as_array()
        .expect("a list")
        .iter()
        .filter(|m| m["text"] == "all is done")
        .collect();
    assert_eq!(done.len(), 1, "{messages:#}");
    let parts = &done[0]["done"];
    assert_eq!(
        (
            &parts["changed"],
            &parts["verified"],
            &parts["uncertain"],
            &parts["next"]
        ),
        (&"a.rs".into(), &"tests".into(), &"load".into(), &"rest".into()),
    );
    assert_eq!(env.json(&["messages", "--unread"]), serde_json::json!([]));
}

/// Resident memory of a process, and the most that it ever was, in MiB.
fn memory(pid: &str) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).expect("a field");
        let kib: u64 = line
            .split_whitespace()
            .nth(1)
            .and_then(|n| n.parse().ok())
            .expect("a number");
        kib / 1024
    };
    (field("VmRSS:"), field("VmHWM:"))
}

fn log_bytes(env: &TestEnv, id: &str) -> u64 {
    let dir = env.data().join("sessions").join(id);
    let size = |name: &str| std::fs::metadata(dir.join(name)).map_or(0, |meta| meta.len());
    size("terminal.log") + size("terminal.log.1")
}

/// How long 20 MB may take to pass through a terminal: a busy machine with tmux 3.8 was seen to need half a minute.
const FLOOD_LIMIT: std::time::Duration = std::time::Duration::from_secs(180);
/// What tmux may take with its history: less than the flood alone.
const TMUX_MIB_MAX: u64 = 20;

#[test]
fn a_flood_stays_in_its_bounds_and_the_others_answer() {
    let env = TestEnv::new();
    env.write_config("default_agent = \"demo\"\n[limits]\nlog_bytes = 1000000\n");
    let _daemon = env.serve();
    env.cmd(&["run", "--wait", "--name", "calm", "hello"]).ok();
    env.cmd(&["run", "--name", "loud", "demo: flood 20MB"]).ok();
    env.wait_status("loud", "working");
    let server = env
        .tmux(&["display-message", "-p", "#{pid}"])
        .ok()
        .stdout
        .trim()
        .to_owned();
    let answered = std::time::Instant::now();
    env.cmd(&["send", "calm", "--wait", "are you there?"]).ok();
    let answered = answered.elapsed();
    assert!(
        answered < std::time::Duration::from_secs(10),
        "the other session took {answered:?}"
    );
    let loud = eventually_within(FLOOD_LIMIT, "the flood is over", || {
        let shown = env.status("loud");
        (shown["turn"]["state"] == "finished").then_some(shown)
    });
    let id = loud["id"].as_str().expect("an id").to_owned();
    let (_, most) = memory(&server);
    assert!(most < TMUX_MIB_MAX, "tmux took {most} MiB");
    assert!(
        log_bytes(&env, &id) <= 1_000_000,
        "the log has {} bytes",
        log_bytes(&env, &id)
    );
    let raw = env.cmd(&["logs", "--raw", "loud"]).ok().stdout;
    assert!(
        raw.contains("flood 00") && raw.len() <= 1_100_000,
        "{} bytes",
        raw.len()
    );
}

#[test]
fn a_start_on_a_screen_that_nobody_knows_needs_a_person() {
    let mut env = TestEnv::new();
    env.set_env("TELECODER_TEST_UNKNOWN_LIMIT_S", "1");
    env.write_config("default_agent = \"demo\"\n[agents.demo]\nargs = [\"--quirk\", \"late-composer=6s\"]\n");
    let _daemon = env.serve();
    env.cmd(&["run", "--name", "s", "hello"]).ok();
    let waits = env.wait_status("s", "needs_input");
    assert_eq!(waits["reason"]["code"], "unknown_screen", "{waits:#}");
    assert_eq!(waits["turn"]["state"], "queued", "nothing is typed into it: {waits:#}");
    let text = waits["reason"]["text"].as_str().expect("a text");
    assert!(
        text.starts_with("after 1 s the agent shows a screen that is not known"),
        "{text}"
    );
}

#[test]
fn a_screen_that_nobody_knows_and_that_stands_still_in_a_turn_needs_a_person() {
    let mut env = TestEnv::new();
    env.set_env("TELECODER_TEST_UNKNOWN_LIMIT_S", "2");
    let _daemon = env.serve();
    env.cmd(&["run", "--name", "s", "demo: cover 9s\ndemo: say seen again"])
        .ok();
    let waits = env.wait_status("s", "needs_input");
    assert_eq!(waits["reason"]["code"], "unknown_screen", "{waits:#}");
    assert_eq!(waits["turn"]["state"], "accepted", "the turn is not ended: {waits:#}");
    // It ends when the agent goes on.
    env.wait_turn("s", "finished");
    env.wait_status("s", "idle");
    let turns = env.http().get("/v1/sessions/s/turns").json();
    assert_eq!(turns[0]["finalText"], "seen again", "{turns:#}");
}
