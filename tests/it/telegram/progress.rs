//! How a turn goes, in one message that changes.

use super::*;

#[test]
fn one_message_shows_a_long_turn_without_a_sound() {
    let rig = Rig::new();
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
