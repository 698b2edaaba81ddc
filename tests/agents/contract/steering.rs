//! A word into the turn that runs: by the agents that say themselves that they took it; refused, with the way out, by the others.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::permissions::REFUSED;
use super::stage::Stage;
use super::under_test::Act;
use crate::support::{Output, eventually_within};

pub fn steered(name: &str) {
    let stage = Stage::of(name);
    stage.begin("s");
    if stage.agent.steers {
        goes_into_the_running_turn(&stage);
        survives_an_interrupt(&stage, Work::OfTheModel);
        survives_an_interrupt(&stage, Work::OfATool);
    } else {
        is_refused(&stage);
    }
    stage.llm.release("for-ever");
    stage.end();
}

fn steer(stage: &Stage, text: &str) -> Output {
    stage
        .env
        .cmd_with_stdin(&["send", "s", "--steer", "--json", "-"], text.as_bytes())
}

fn said(stage: &Stage, word: &str) -> String {
    stage.agent.prompt(&[Act::Say(word)])
}

/// A prompt whose tool runs, with a person's permission, until the file is there.
fn until(stage: &Stage, file: &Path) -> String {
    let command = format!(
        "touch {0}-begun; while [ ! -e {0} ]; do sleep 0.1; done",
        file.display()
    );
    stage.agent.prompt(&[Act::AskAndRun(&command), Act::Say("main")])
}

/// Sends such a prompt; returns the turn when its dialog is open.
fn ask(stage: &Stage, file: &Path) -> Value {
    let main = stage.send("s", &until(stage, file));
    stage.wait_dialog("s");
    main
}

fn file(stage: &Stage, name: &str) -> PathBuf {
    stage.work("s").join(name)
}

fn goes_into_the_running_turn(stage: &Stage) {
    let go = file(stage, "go");
    let (main, word) = (ask(stage, &go), said(stage, "steered"));
    steer(stage, &word).exits(REFUSED);
    stage.approve("s", None).ok();
    stage.wait_file(&file(stage, "go-begun"));
    let sent = steer(stage, &word).ok().json();
    assert_eq!(sent["steered"], true, "{sent:#}");
    let handed_over = eventually_within(super::stage::LIMIT, "it is handed over", || {
        let turn = stage.turn("s", &sent["id"]);
        ["typed", "accepted"]
            .iter()
            .any(|state| turn["state"] == *state)
            .then_some(turn)
    });
    assert_eq!(
        stage.turn("s", &main["id"])["state"],
        "accepted",
        "what runs goes on: {handed_over:#}"
    );
    std::fs::write(&go, "").expect("a file");
    stage.quiet("s");
    let turn = stage.turn("s", &sent["id"]);
    assert_eq!(
        (&turn["state"], turn["acceptedAt"].is_string()),
        (&"finished".into(), true),
        "{turn:#}\n{}",
        stage.picture("s")
    );
    assert_eq!(stage.times_seen(&word), 1, "{}", stage.picture("s"));
    assert_eq!(stage.turn("s", &main["id"])["state"], "finished");
}

/// What an agent does when it is interrupted.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Work {
    OfTheModel,
    OfATool,
}

/// The agent may go on with it, or give it up; it is told which, and the next prompt is not glued to it.
fn survives_an_interrupt(stage: &Stage, work: Work) {
    let main = match work {
        Work::OfTheModel => {
            let main = stage.send("s", &format!("{}\nsteered", stage.agent.prompt(&[Act::Hang])));
            stage.wait_status("s", "working");
            main
        }
        Work::OfATool => {
            let main = ask(stage, &file(stage, "never"));
            stage.approve("s", None).ok();
            stage.wait_file(&file(stage, "never-begun"));
            main
        }
    };
    let word = said(stage, &format!("steered before an interrupt {work:?}"));
    let sent = steer(stage, &word).ok().json();
    eventually_within(super::stage::LIMIT, "it is handed over", || {
        let turn = stage.turn("s", &sent["id"]);
        ["typed", "accepted"]
            .iter()
            .any(|state| turn["state"] == *state)
            .then_some(())
    });
    stage.env.cmd(&["interrupt", "s"]).ok();
    stage.quiet("s");
    let (main, turn) = (stage.turn("s", &main["id"]), stage.turn("s", &sent["id"]));
    let picture = || format!("{work:?}: {main:#}\n{turn:#}\n{}", stage.picture("s"));
    assert_eq!(main["state"], "interrupted", "{}", picture());
    let seen = stage.times_seen(&word);
    match turn["state"].as_str().expect("a state") {
        "finished" => assert_eq!(seen, 1, "{}", picture()),
        "interrupted" | "uncertain" => assert!(seen <= 1, "{}", picture()),
        _ => panic!("{}", picture()),
    }
    let next = said(stage, &format!("next after {work:?}"));
    stage.ask("s", &next);
    assert_eq!(stage.times_seen(&next), 1, "{}", stage.picture("s"));
}

fn is_refused(stage: &Stage) {
    let go = file(stage, "go");
    ask(stage, &go);
    stage.approve("s", None).ok();
    stage.wait_file(&file(stage, "go-begun"));
    let word = said(stage, "steered");
    let refused = steer(stage, &word).exits(REFUSED);
    assert!(
        refused.stdout.contains("without --steer") || refused.stderr.contains("without --steer"),
        "{refused:?}"
    );
    std::fs::write(&go, "").expect("a file");
    stage.quiet("s");
    assert_eq!(stage.times_seen(&word), 0);
}
