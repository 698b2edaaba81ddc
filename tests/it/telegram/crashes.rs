//! The daemon dies at a hop, the next one takes over; what a person sees is right all the same.

use super::*;

/// Lets the daemon die once at `hop`, and returns what arrived of one reply.
fn replies_after_a_crash_at(hop: &str) -> Vec<String> {
    let mut rig = Rig::new();
    rig.env.set_env("TELECODER_FAILPOINT", hop);
    let mut daemon = rig.serve();
    rig.say("demo: notify the reply");
    let ended = daemon.wait();
    assert!(!ended.success(), "it died at {hop}");
    rig.env.set_env("TELECODER_FAILPOINT", "");
    let _daemon = rig.serve();
    rig.hears("the reply");
    rig.quiet();
    assert_eq!(
        rig.prompts(),
        ["demo: notify the reply"],
        "one prompt after a crash at {hop}"
    );
    assert_eq!(rig.sessions().len(), 1);
    // What goes out again says so before it does: nothing does any more.
    eventually("every message has its end", || {
        let messages = rig.env.json(&["messages"]);
        let ended = |message: &Value| message["state"] == "sent" || message["state"] == "failed";
        messages.as_array()?.iter().all(ended).then_some(())
    });
    rig.in_order();
    rig.fake
        .texts(ME)
        .into_iter()
        .filter(|text| text.contains("the reply"))
        .collect()
}

#[test]
fn before_and_after_the_inbox_is_committed() {
    for hop in ["I1", "I2"] {
        assert_eq!(replies_after_a_crash_at(hop).len(), 1, "{hop}");
    }
}

#[test]
fn a_tap_is_answered_also_when_the_daemon_died_over_it() {
    let mut rig = Rig::new();
    // The first batch is the prompt, the second one the tap.
    rig.env.set_env("TELECODER_FAILPOINT", "I2:2");
    let mut daemon = rig.serve();
    rig.say("demo: ask May I?\ndemo: notify went on");
    let dialog = rig.hears("May I?");
    let tap = rig.fake.tap(&dialog, ME, "Yes");
    assert!(!daemon.wait().success(), "it died over the tap");
    rig.env.set_env("TELECODER_FAILPOINT", "");
    let _daemon = rig.serve();
    rig.hears("went on");
    let (words, _) = rig.fake.wait_for_tap(WAIT_LIMIT, &tap);
    assert!(!words.is_empty());
    rig.in_order();
}

#[test]
fn around_a_send() {
    // The first part that is sent is the notice of the new session, the second one the reply.
    for hop in ["O4:2", "O8:2"] {
        let replies = replies_after_a_crash_at(hop);
        assert_eq!(replies.len(), 1, "{hop}: {replies:?}");
    }
    let replies = replies_after_a_crash_at("O6:2");
    assert_eq!(replies.len(), 2, "{replies:?}");
    assert!(
        !replies[0].starts_with('↻') && replies[1].starts_with("↻ possibly repeated"),
        "{replies:?}"
    );
}
