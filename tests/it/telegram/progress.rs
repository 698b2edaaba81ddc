//! How a turn goes, in one message that changes.

use super::*;

#[test]
fn a_draft_shows_a_long_turn_and_leaves_nothing_behind() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    rig.say("demo: sleep 2s\ndemo: notify the answer");
    rig.hears("the answer");
    rig.quiet();
    let drafts = rig.fake.drafts(ME);
    assert!(drafts.len() >= 2, "it is shown anew before it fades: {drafts:?}");
    assert!(
        drafts
            .iter()
            .all(|(id, text)| *id == drafts[0].0 && text.contains("works for"))
    );
    let texts = rig.fake.texts(ME);
    assert!(
        !texts
            .iter()
            .any(|text| text.contains("works for") || text.contains("done after"))
    );
    rig.in_order();
}

#[test]
fn who_wants_every_step_gets_a_message_that_stays() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    rig.say("/verbose");
    rig.hears("Verbose:");
    let step = |tool: &str, detail: &str| {
        let words = format!("\\\"tool_name\\\":\\\"{tool}\\\",\\\"detail\\\":\\\"{detail}\\\"");
        format!("demo: sh echo \"{{\\\"session_id\\\":\\\"$(cat go)\\\",{words}}}\" | telecoder hook PreToolUse")
    };
    rig.say(&format!(
        "demo: sh until [ -s go ]; do sleep 0.1; done\n{}\n{}\ndemo: sleep 2s\ndemo: notify the answer",
        step("Read", "src/login.rs"),
        step("Bash", "cargo test")
    ));
    let progress = rig.hears("works for");
    let session = rig.sessions().remove(0);
    let word = |name: &str| session[name].as_str().expect("a word").to_owned();
    // A hook is the session's when it names the session's conversation.
    std::fs::write(Path::new(&word("workDir")).join("go"), word("nativeId")).expect("a file");
    eventually("it shows each step, and says that it is over", || {
        let text = rig.fake.standing(&progress).text;
        (text.contains("done after") && text.ends_with("• Read src/login.rs\n• Bash cargo test")).then_some(())
    });
    assert!(rig.fake.drafts(ME).is_empty());
    rig.in_order();
}

#[test]
fn on_an_older_server_one_message_shows_a_long_turn_without_a_sound() {
    let rig = Rig::new();
    rig.fake.make_old();
    let _daemon = rig.serve();
    rig.say("demo: sleep 2s\ndemo: notify the answer");
    let progress = rig.hears("works for");
    assert!(progress.silent);
    rig.hears("the answer");
    eventually("it says that it is over", || {
        rig.fake.standing(&progress).text.contains("done after").then_some(())
    });
    assert!(rig.fake.standing(&progress).edits >= 1);
    let shown = rig
        .fake
        .sent()
        .iter()
        .filter(|sent| sent.text.contains("done after"))
        .count();
    assert_eq!(shown, 1, "one message for the turn");
    rig.in_order();
}

#[test]
fn a_quiet_chat_hears_answers_only() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    rig.say("/quiet");
    rig.hears("Quiet:");
    rig.say("demo: sleep 2s\ndemo: notify the answer");
    rig.hears("the answer");
    rig.quiet();
    assert!(
        !rig.fake
            .texts(ME)
            .iter()
            .any(|text| text.contains("works for") || text.contains("done after"))
    );
    rig.in_order();
}
