//! What is cut short, what dies and what comes back.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use super::permissions::REFUSED;
use super::stage::{Stage, has_ended};
use super::under_test::Act;
use crate::support::{of_session, signal};

/// An interrupt ends the turn; nothing of it is glued to the next prompt.
pub fn interrupt(name: &str) {
    let stage = Stage::of(name);
    stage.begin("s");
    // From at once, before the model is asked, to in the middle of its answer.
    for (i, pause) in [500, 100, 0, 30, 250].into_iter().enumerate() {
        let hang = format!("{}\nround {i}", stage.agent.prompt(&[Act::Hang]));
        let turn = stage.send("s", &hang);
        stage.wait_status("s", "working");
        std::thread::sleep(Duration::from_millis(pause));
        stage.env.cmd(&["interrupt", "s"]).ok();
        stage.quiet("s");
        assert_eq!(
            stage.turn("s", &turn["id"])["state"],
            "interrupted",
            "{}",
            stage.picture("s")
        );
        let next = format!("next after {i}\n{}", stage.agent.prompt(&[Act::Say("went on")]));
        stage.ask("s", &next);
        assert_eq!(
            stage.times_seen(&next),
            1,
            "round {i}: the next prompt is not what was sent"
        );
    }
    stage.llm.release("for-ever");
    stage.end();
}

/// The provider refuses: the person is told so in the agent's own words, prompts wait, and afterwards each goes out once.
pub fn limited(name: &str) {
    let stage = Stage::of(name);
    stage.begin("s");
    let refused = stage.send(
        "s",
        &format!("{}\nthis is refused", stage.agent.prompt(&[Act::Limit(6)])),
    );
    let told = stage.wait_told_of_limit("s", &refused["id"]);
    let told = told.to_lowercase();
    assert!(["limit", "quota"].iter().any(|word| told.contains(word)), "{told}");
    let next = format!("after that\n{}", stage.agent.prompt(&[Act::Say("went on")]));
    if stage.env.status("s")["status"] == "needs_input" {
        // Some agents ask whether to try again. Nothing is typed into that; a person's No ends it.
        stage
            .env
            .cmd_with_stdin(&["send", "s", "-"], next.as_bytes())
            .exits(REFUSED);
        stage.deny("s", None).ok();
    }
    let turn = stage.send("s", &next);
    if stage.env.status("s")["status"] == "limited" && stage.agent.is_real() {
        let state = stage.turn("s", &turn["id"])["state"].clone();
        assert!(state == "queued" || state == "held", "{state}");
        // The provider takes requests again, and a person does not wait for the time that was told.
        std::thread::sleep(Duration::from_secs(7));
        stage.env.cmd(&["interrupt", "s"]).ok();
    }
    stage.quiet("s");
    let told = stage.turn("s", &turn["id"]);
    assert_eq!(told["state"], "finished", "{told:#}\n{}", stage.picture("s"));
    assert_eq!(stage.times_seen(&next), 1);
    stage.end();
}

/// The provider does not take the key: no limit that passes by itself, but something that a person must do.
pub fn login_refused(name: &str) {
    let stage = Stage::of(name);
    stage.begin("s");
    let refused = stage.send(
        "s",
        &format!(
            "{}
this is refused",
            stage.agent.prompt(&[Act::RefuseLogin])
        ),
    );
    let told = stage.wait_status("s", "needs_input");
    assert_eq!(told["reason"]["code"], "login", "{}", stage.picture("s"));
    let turn = stage.turn("s", &refused["id"]);
    assert_eq!(
        (&turn["state"], &turn["reason"]["code"]),
        (&"failed".into(), &"login".into()),
        "{turn:#}"
    );
    // A person who prompts it again has done what was needed.
    let next = format!("after that\n{}", stage.agent.prompt(&[Act::Say("went on")]));
    stage.ask("s", &next);
    assert_eq!(stage.times_seen(&next), 1);
    stage.end();
}

/// How long an agent may take to keep its conversation, where it tells of its conversations at all.
const KEPT_LIMIT: Duration = Duration::from_secs(3);

pub const OLD: &str = "remember the word heliotrope";

pub fn begin_with_memory(stage: &Stage) {
    stage.run("s", &format!("{OLD}\n{}", stage.agent.prompt(&[Act::Say("I shall")])));
    stage.quiet("s");
    // Some write their own record a little after the end of the turn; what is lost with it nobody can remember.
    let begun = std::time::Instant::now();
    let is_kept = || stage.env.cmd(&["history", "s"]).stdout.contains(OLD);
    while !is_kept() && begun.elapsed() < KEPT_LIMIT {
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// After a resume the model sees the old prompt, once, and the new one.
fn remembers(stage: &Stage) {
    let new = format!("which word was it?\n{}", stage.agent.prompt(&[Act::Say("heliotrope")]));
    let turn = stage.send("s", &new);
    stage.quiet("s");
    let told = stage.turn("s", &turn["id"]);
    assert_eq!(told["state"], "finished", "{told:#}\n{}", stage.picture("s"));
    assert_eq!(stage.times_seen(&new), 1);
    if stage.agent.is_real() {
        let exchanges = stage.llm.exchanges();
        let last = exchanges
            .iter()
            .rev()
            .find(|exchange| exchange.main && exchange.prompt.contains("which word was it?"));
        let prompts = &last.expect("the prompt reached the model").prompts;
        let old = prompts.iter().filter(|prompt| prompt.contains(OLD)).count();
        assert_eq!(old, 1, "the conversation is not the old one: {prompts:?}");
    }
}

fn session_id(stage: &Stage) -> String {
    stage.env.status("s")["id"].as_str().expect("an id").to_owned()
}

/// The agent and all of its own processes, but the shim.
fn kill_agent(stage: &Stage) {
    let shim = std::fs::read_to_string(newest_launch(stage).join("ctl/shim.json")).expect("the shim's record");
    let record: Value = serde_json::from_str(&shim).expect("JSON");
    let pid = record["agent"]["pid"]
        .as_u64()
        .unwrap_or_else(|| panic!("no agent in {record:#}"));
    signal(u32::try_from(pid).expect("a process id"), Signal::KILL);
}

fn newest_launch(stage: &Stage) -> std::path::PathBuf {
    let status = stage.env.status("s");
    let launch = status["launch"].as_u64().expect("a launch");
    stage
        .env
        .data()
        .join(format!("sessions/{}/launches/{launch}", session_id(stage)))
}

/// Stopped again while it still loads the conversation that it resumes: nothing of that is lost.
pub fn stopped_early(name: &str) {
    let stage = Stage::of(name);
    begin_with_memory(&stage);
    stage.env.cmd(&["stop", "s"]).ok();
    // From before the program has read anything until it has drawn its box.
    for pause in [300, 900, 2000] {
        stage.env.cmd(&["resume", "s"]).ok();
        wait_running(&stage);
        std::thread::sleep(Duration::from_millis(pause));
        stage.env.cmd(&["stop", "s"]).ok();
    }
    stage.env.cmd(&["resume", "s"]).ok();
    remembers(&stage);
    stage.end();
}

/// Until the newest launch has its agent.
fn wait_running(stage: &Stage) {
    let record = newest_launch(stage).join("ctl/shim.json");
    stage.wait_file(&record);
}

pub fn killed_agent(name: &str) {
    let stage = Stage::of(name);
    begin_with_memory(&stage);
    kill_agent(&stage);
    stage.wait_status("s", "failed");
    stage.env.cmd(&["resume", "s"]).ok();
    remembers(&stage);
    stage.end();
}

pub fn killed_tmux(name: &str) {
    let stage = Stage::of(name);
    begin_with_memory(&stage);
    kill_tmux(&stage);
    come_back(&stage);
    remembers(&stage);
    stage.end();
}

fn kill_tmux(stage: &Stage) {
    let pid = stage.env.tmux(&["display-message", "-p", "#{pid}"]).ok().stdout;
    signal(pid.trim().parse().expect("a process id"), Signal::KILL);
}

/// Resumes the session unless it does so by itself.
fn come_back(stage: &Stage) {
    let begun = std::time::Instant::now();
    let ended = ["failed", "lost", "stopped", "complete"];
    while begun.elapsed() < super::stage::LIMIT {
        let status = stage.env.status("s");
        if ended.iter().any(|word| status["status"] == *word) {
            stage.env.cmd(&["resume", "s"]).ok();
            return;
        }
        if status["launch"].as_u64() > Some(1) {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("the session neither ended nor came back: {}", stage.picture("s"));
}

/// All of it at once, in the middle of a command: what the agent's sandbox leaves behind is no reason to ask before it goes on.
pub fn killed_everything(name: &str) {
    let mut stage = Stage::of(name);
    begin_with_memory(&stage);
    let (cut_short, turn) = begin_a_command(&stage);
    let id = session_id(&stage);
    stage.daemon.take().expect("the daemon").kill();
    kill_tmux(&stage);
    for pid in of_session(&id) {
        signal(pid, Signal::KILL);
    }
    stage.daemon = Some(stage.env.serve());
    come_back(&stage);
    remembers(&stage);
    let told = stage.turn("s", &turn);
    assert!(has_ended(&told) && told["state"] != "finished", "{told:#}");
    assert_eq!(stage.times_seen(&cut_short), 1);
    stage.end();
}

/// Prompts for a command without an end and waits until it runs. The prompt and the turn's id.
fn begin_a_command(stage: &Stage) -> (String, Value) {
    let began = stage.work("s").join("began");
    let prompt = stage
        .agent
        .prompt(&[Act::Run("touch began && sleep 600"), Act::Say("never")]);
    let turn = stage.send("s", &prompt)["id"].clone();
    if stage.agent.is_real() && stage.agent.asking_policy_asks() {
        stage.wait_dialog("s");
        stage.approve("s", None).ok();
    }
    stage.wait_file(&began);
    (prompt, turn)
}
