//! What needs permission: shown as a question, done when approved, not done when denied, and an answer to another question refused.

use super::rounds;
use super::stage::Stage;
use super::under_test::Act;
use crate::support::Output;

/// Exit code of what the state of things refuses.
pub const REFUSED: i32 = 4;

/// Makes the agent ask; returns the marker that the command would make, and the dialog's digest.
fn ask(stage: &Stage, marker: &str) -> (std::path::PathBuf, String) {
    let command = format!("touch {marker}");
    stage.send(
        "s",
        &stage
            .agent
            .prompt(&[Act::AskAndRun(&command), Act::Say(&format!("about {marker}"))]),
    );
    let shown = stage.wait_dialog("s");
    let dialog = &shown["dialog"];
    assert!(
        dialog.to_string().contains(marker),
        "the question does not show the command: {dialog:#}"
    );
    let path = stage.work("s").join(marker);
    assert!(!path.exists(), "`{marker}` was made before anybody was asked");
    (path, dialog["digest"].as_str().expect("a digest").to_owned())
}

pub fn approved(name: &str) {
    let stage = Stage::of(name);
    stage.begin("s");
    for i in 0..rounds(20) {
        let (marker, digest) = ask(&stage, &format!("yes-{i}"));
        stage.approve("s", Some(&digest)).ok();
        stage.wait_file(&marker);
        let turns = stage.quiet("s");
        let last = turns.last().expect("a turn");
        assert_eq!(last["state"], "finished", "round {i}: {last:#}");
    }
    stage.end();
}

pub fn denied(name: &str) {
    let stage = Stage::of(name);
    stage.begin("s");
    for i in 0..rounds(20) {
        let (marker, digest) = ask(&stage, &format!("no-{i}"));
        stage.deny("s", Some(&digest)).ok();
        stage.quiet("s");
        assert!(!marker.exists(), "round {i}: what was denied was done");
    }
    stage.end();
}

pub fn stale(name: &str) {
    let stage = Stage::of(name);
    stage.begin("s");
    let (first, mut old) = ask(&stage, "first");
    stage.approve("s", Some(&old)).ok();
    stage.wait_file(&first);
    stage.quiet("s");
    // An answer to nothing is refused, too.
    stage.approve("s", Some(&old)).exits(REFUSED);
    for i in 0..rounds(20) {
        let (marker, digest) = ask(&stage, &format!("stale-{i}"));
        assert_ne!(digest, old, "two questions have one digest");
        refused(stage.approve("s", Some(&old)));
        let shown = stage.wait_dialog("s");
        assert_eq!(
            shown["dialog"]["digest"],
            digest.as_str(),
            "round {i}: the dialog moved"
        );
        assert!(!marker.exists(), "round {i}: a stale answer was taken");
        stage.deny("s", Some(&digest)).ok();
        stage.quiet("s");
        assert!(!marker.exists(), "round {i}: what was denied was done");
        old = digest;
    }
    stage.end();
}

#[track_caller]
fn refused(output: Output) {
    let output = output.exits(REFUSED);
    assert!(output.stderr.contains("moved on"), "{output:#?}");
}
