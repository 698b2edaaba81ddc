//! Each policy word means what docs/contract.md says, by what the agent does: what it may, what a person is asked about, and what is
//! refused without a question. `notify` or the last message reaches the person under every word. What `ask` means is in every other
//! case: they all run under it.

use std::path::Path;
use std::time::Instant;

use super::stage::{Far, LIMIT, Stage, has_ended};
use super::under_test::Act;
use crate::support::{TestEnv, eventually};
use crate::{homes, programs};

/// What became of something that the agent was told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Became {
    Done,
    /// A person was asked, and it was not done before.
    Asked,
    Refused,
}

const SEEN: &str = "what a look shows";

pub fn words(name: &str) {
    let stage = Stage::of(name);
    only_looks(&stage, "locked", Became::Refused);
    only_looks(&stage, "observe", Became::Done);
    keeps_to_its_workspace(&stage);
    may_everything(&stage);
    stage.end();
}

/// `look`: what becomes of a command that only looks.
fn only_looks(stage: &Stage, word: &str, look: Became) {
    begin(stage, word);
    assert_eq!(looking(stage, word), look, "{word}: a looking command");
    assert_eq!(running(stage, word), Became::Refused, "{word}: a command that writes");
    assert_eq!(writing(stage, word), Became::Refused, "{word}: a file");
    finish(stage, word);
}

fn keeps_to_its_workspace(stage: &Stage) {
    begin(stage, "standard");
    assert_eq!(writing(stage, "standard"), Became::Done, "standard: a file");
    assert_eq!(
        reaching_out(stage, "standard"),
        Became::Asked,
        "standard: out of the workspace"
    );
    finish(stage, "standard");
}

fn may_everything(stage: &Stage) {
    begin(stage, "yolo");
    assert_eq!(writing(stage, "yolo"), Became::Done, "yolo: a file");
    assert_eq!(reaching_out(stage, "yolo"), Became::Done, "yolo: out of the workspace");
    finish(stage, "yolo");
}

/// A session of this word's name and policy. Where only looking is allowed it works in a repository whose own settings allow more. What
/// it says first arrives, by `notify` or as its last message, and once.
fn begin(stage: &Stage, word: &str) {
    let said = format!("the word of {word}");
    let notify = format!("telecoder notify '{said}'");
    let prompt = stage.agent.prompt(&[Act::Try(&notify), Act::Say(&said)]);
    let hostile = is_looking(word).then(|| hostile_repository(stage, word)).flatten();
    stage.run_under(word, word, hostile.as_deref(), &prompt);
    stage.quiet(word);
    if stage.agent.is_real() {
        stage.wait_message(word, &said);
    }
    assert_eq!(stage.messages(word).len(), 1, "{:?}", stage.messages(word));
    std::fs::write(stage.work(word).join("seen"), SEEN).expect("a file to look at");
}

fn is_looking(word: &str) -> bool {
    matches!(word, "locked" | "observe")
}

fn hostile_repository(stage: &Stage, word: &str) -> Option<std::path::PathBuf> {
    let trap = stage.env.root().join(format!("trap-{word}"));
    let settings = homes::hostile_settings(stage.agent.name, &trap)?;
    Some(repository_with(stage, word, settings))
}

fn repository_with(stage: &Stage, word: &str, (file, text): (&str, String)) -> std::path::PathBuf {
    let repository = stage.env.git_repo(&format!("hostile-{word}"));
    let file = repository.join(file);
    std::fs::create_dir_all(file.parent().expect("a directory")).expect("a directory");
    std::fs::write(file, text).expect("settings");
    stage.env.git(&repository, &["add", "-A"]).ok();
    stage.env.git(&repository, &["commit", "-q", "-m", "settings"]).ok();
    repository
}

fn finish(stage: &Stage, word: &str) {
    let trap = stage.env.root().join(format!("trap-{word}"));
    assert!(!trap.exists(), "{word}: the repository's own settings ran something");
    stage.env.cmd(&["stop", word]).ok();
}

fn looking(stage: &Stage, word: &str) -> Became {
    let prompt = stage.agent.prompt(&[Act::Try("cat seen"), Act::Say("looked")]);
    became(stage, word, &prompt, || match stage.agent.is_real() {
        true => stage
            .llm
            .exchanges()
            .last()
            .is_some_and(|last| last.results.join("\n").contains(SEEN)),
        false => stage
            .turns(word)
            .last()
            .is_some_and(|turn| turn["finalText"] == "looked"),
    })
}

fn running(stage: &Stage, word: &str) -> Became {
    let marker = stage.work(word).join("ran");
    let prompt = stage.agent.prompt(&[Act::Try("touch ran"), Act::Say("ran")]);
    became(stage, word, &prompt, || marker.exists())
}

fn writing(stage: &Stage, word: &str) -> Became {
    let path = stage.work(word).join("written");
    let prompt = stage.agent.prompt(&[Act::Write(&path), Act::Say("wrote")]);
    became(stage, word, &prompt, || path.exists())
}

fn reaching_out(stage: &Stage, word: &str) -> Became {
    let far = Far::new(stage);
    let command = format!("touch {}", far.path());
    // A person's Yes is what the words between the extremes differ by; where nobody is asked, nobody is called for.
    let act = if word == "yolo" {
        Act::Try(&command)
    } else {
        Act::AskAndRun(&command)
    };
    let prompt = stage.agent.prompt(&[act, Act::Say("reached")]);
    became(stage, word, &prompt, || far.exists())
}

fn became(stage: &Stage, session: &str, prompt: &str, is_done: impl Fn() -> bool) -> Became {
    let turn = stage.send(session, prompt);
    let begun = Instant::now();
    loop {
        let status = stage.env.status(session);
        if status["dialog"]["choices"].as_array().map_or(0, Vec::len) >= 2 {
            assert!(!is_done(), "done before anybody was asked: {}", stage.picture(session));
            stage.deny(session, None).ok();
            stage.quiet(session);
            assert!(!is_done(), "what was denied was done: {}", stage.picture(session));
            return Became::Asked;
        }
        if status["status"] == "idle" && has_ended(&stage.turn(session, &turn["id"])) {
            return if is_done() { Became::Done } else { Became::Refused };
        }
        assert!(
            begun.elapsed() < LIMIT,
            "`{session}` is stuck: {}",
            stage.picture(session)
        );
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// What a person has set in the agent's own settings holds, and `notify` arrives all the same.
pub fn own_settings(name: &str) {
    match name {
        "claude" => own_sandbox(),
        "opencode" => own_denials(),
        "codex" => own_distrust(),
        "gemini" => own_tool_sandbox(),
        // What the others have of that is in their homes in every case, or is told by tests of their launch lines.
        _ => Stage::of(name).end(),
    }
}

/// The agent's own sandbox for commands is on. `notify` gets out of it, and a policy that only looks does not become one that writes
/// because the sandbox would let commands through.
fn own_sandbox() {
    let stage = Stage::prepared("claude", |env| {
        homes::turn_on_claudes_sandbox(&env.home());
        env.set_env("PATH", &programs::path_with_sandbox("claude").to_string_lossy());
    });
    stage.begin("s");
    let prompt = [
        Act::Run("readlink /proc/self/ns/pid"),
        Act::Run("telecoder notify 'said in the sandbox'"),
        Act::Say("x"),
    ];
    stage.ask("s", &stage.agent.prompt(&prompt));
    stage.wait_message("s", "said in the sandbox");
    let results = stage.llm.exchanges().last().expect("a request").results.join("\n");
    let outside = std::fs::read_link("/proc/self/ns/pid").expect("a namespace");
    assert!(results.contains("pid:["), "{results}");
    assert!(
        !results.contains(&*outside.to_string_lossy()),
        "it ran in no sandbox: {results}"
    );
    begin(&stage, "observe");
    assert_eq!(
        running(&stage, "observe"),
        Became::Refused,
        "observe: a command that writes"
    );
    stage.end();
}

/// The agent's own sandbox for tools is on, and no setting of a session opens it for `notify`. The agent asks a person for that and for
/// nothing more, each time; after a Yes the notification arrives, after a No it does not, and the model is told that it failed.
fn own_tool_sandbox() {
    // The sandbox has a `/tmp` of its own, so that nothing of an installation there would be in sight.
    let far = std::env::var_os("AGENT_FAR_TMPDIR").unwrap_or_else(|| "/var/tmp".into());
    let mut env = TestEnv::beneath(Path::new(&far));
    env.copy_binary();
    // As it is for a person: the agent's own temporary files are not in sight of the sandbox either.
    let temporary = tempfile::tempdir().expect("a temporary directory");
    let stage = Stage::set_up("gemini", env, |env| {
        homes::turn_on_geminis_sandbox(&env.home());
        env.set_env("PATH", &programs::path_with_sandbox("gemini").to_string_lossy());
        env.set_env("TMPDIR", &temporary.path().to_string_lossy());
    });
    stage.begin("s");
    let mailbox = stage.work("s").with_file_name("launches/1/mail");
    for (text, is_allowed) in [
        ("said after a Yes", true),
        ("never said", false),
        ("said once more", true),
    ] {
        let notify = format!("telecoder notify '{text}'");
        let turn = stage.send("s", &stage.agent.prompt(&[Act::Run(&notify), Act::Say("x")]));
        let asked = stage.wait_dialog("s");
        let detail = asked["dialog"]["detail"].as_str().expect("what it is about");
        let only = format!("Write: {}\n", mailbox.display());
        assert!(detail.contains(&only), "{detail}");
        let answer = if is_allowed { Stage::approve } else { Stage::deny };
        answer(&stage, "s", None).ok();
        stage.quiet("s");
        let state = stage.turn("s", &turn["id"])["state"].clone();
        let arrived = stage.messages("s").iter().any(|message| message == text);
        assert_eq!(arrived, is_allowed, "{text}: {}", stage.picture("s"));
        assert_eq!(state, "finished", "{text}");
        let last = stage.llm.exchanges().pop().expect("a request");
        let is_told_as_failed = last.results.join("\n").contains("error");
        assert_eq!(is_told_as_failed, !is_allowed, "{text}: {:#?}", last.results);
    }
    stage.end();
}

/// A repository with settings of its own is asked about before anything runs; one that the person does not trust is opened without
/// them, also as a clone, and `notify` works there.
fn own_distrust() {
    let stage = Stage::of("codex");
    let trap = |word: &str| stage.env.root().join(format!("trap-{word}"));
    let repository = |word: &str| repository_with(&stage, word, homes::codex_settings_of_a_repository(&trap(word)));
    let prompt = |word: &str| {
        let notify = format!("telecoder notify 'said in {word}'");
        stage.agent.prompt(&[Act::Run(&notify), Act::Say("x")])
    };
    let marked = repository("marked");
    homes::distrust_in_codex(&stage.env.home(), &marked);
    stage.run_under("marked", "ask", Some(&marked), &prompt("marked"));
    let dialog = stage.wait_dialog("marked")["dialog"].clone();
    assert_eq!(dialog["choices"][0]["label"], "Open restricted", "{dialog:#}");
    stage.approve("marked", None).ok();
    stage.quiet("marked");
    stage.wait_message("marked", "said in marked");
    assert!(
        !trap("marked").exists(),
        "the settings of what is not trusted ran something"
    );

    stage.run_under("asked", "ask", Some(&repository("asked")), &prompt("asked"));
    let dialog = stage.wait_dialog("asked")["dialog"].clone();
    assert_eq!(dialog["kind"], "trust", "{dialog:#}");
    assert!(!trap("asked").exists(), "they ran before anybody was asked");
    stage.approve("asked", None).ok();
    stage.quiet("asked");
    stage.wait_message("asked", "said in asked");
    eventually("what the person allowed runs", || trap("asked").exists().then_some(()));

    stage.run_under("refused", "ask", Some(&repository("refused")), &prompt("refused"));
    stage.wait_dialog("refused");
    stage.deny("refused", None).ok();
    let status = stage.env.status("refused");
    assert_eq!(status["status"], "needs_input", "{status:#}");
    let told = status["reason"]["text"].as_str().unwrap_or_default();
    assert!(told.starts_with("Agent command center"), "{told}");
    assert_eq!(
        status["turn"]["state"], "queued",
        "nothing may be typed there: {status:#}"
    );
    assert!(
        !trap("refused").exists(),
        "the settings of what was refused ran something"
    );
    stage.end();
}

/// Everything is denied but what is named: nobody is asked about the rest.
fn own_denials() {
    let stage = Stage::prepared("opencode", |env| homes::deny_opencode_all_but_looking(&env.home()));
    begin(&stage, "ask");
    assert_eq!(writing(&stage, "ask"), Became::Refused, "a file");
    assert_eq!(running(&stage, "ask"), Became::Refused, "a command that is not named");
    assert_eq!(looking(&stage, "ask"), Became::Asked, "a command that is named");
    stage.end();
}
