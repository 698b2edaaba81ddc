//! The state of a prompt on the person's own message, and what can be done where it is unclear.

use super::*;

const SET: [&str; 6] = ["👀", "✍", "⚡", "👍", "👎", "🤔"];

#[test]
fn one_reaction_follows_the_prompt() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    let prompt = rig.say("demo: sleep 1s\ndemo: notify done with it");
    for state in ["⚡", "👍"] {
        rig.fake.wait_for_reaction(WAIT_LIMIT, ME, prompt, state);
    }
    let reactions = rig.fake.reactions(ME, prompt);
    let places: Vec<usize> = reactions
        .iter()
        .map(|set| SET.iter().position(|known| known == set).expect("of the set"))
        .collect();
    assert!(places.is_sorted(), "{reactions:?}");
    assert_eq!(reactions.last().map(String::as_str), Some("👍"));
    rig.in_order();
}

#[test]
fn the_set_is_the_persons_choice_and_none_means_none() {
    let rig = Rig::new();
    rig.configure_with(
        &[ME],
        "standard",
        r#"receipts = ["🙏", "✍", "🔥", "🎉", "💔", "🤷"]"#,
        "",
    );
    let daemon = rig.serve();
    let prompt = rig.say("one");
    rig.fake.wait_for_reaction(WAIT_LIMIT, ME, prompt, "🎉");
    drop(daemon);
    rig.configure_with(&[ME], "standard", "receipts = []", "");
    let _daemon = rig.serve();
    let prompt = rig.say("demo: notify two");
    rig.hears("two");
    rig.quiet();
    assert!(rig.fake.reactions(ME, prompt).is_empty());
    rig.in_order();
}

#[test]
fn where_no_reactions_are_taken_a_short_reply_changes() {
    let rig = Rig::new();
    rig.fake.switch_reactions_off();
    let _daemon = rig.serve();
    let prompt = rig.say("demo: sleep 1s");
    let reply = rig.fake.wait_for_send(WAIT_LIMIT, |sent| {
        sent.reply_to == Some(prompt)
            && ["Stored.", "Typed.", "Taken by the agent.", "Answered."].contains(&sent.text.as_str())
    });
    assert!(reply.silent, "a receipt makes no sound");
    eventually("it says that it was answered", || {
        (rig.fake.standing(&reply).text == "Answered.").then_some(())
    });
    rig.in_order();
}

#[test]
fn an_uncertain_prompt_can_be_submitted_with_a_tap() {
    let rig = Rig::new();
    rig.configure_with(
        &[ME],
        "standard",
        "",
        "[agents.demo]\nargs = [\"--quirk\", \"swallow-enter=4s\"]",
    );
    let _daemon = rig.serve();
    let prompt = rig.say("demo: notify it came through");
    rig.fake.wait_for_reaction(WAIT_LIMIT, ME, prompt, "🤔");
    let told = rig
        .fake
        .wait_for_send(WAIT_LIMIT, |sent| sent.text.contains("uncertain"));
    assert_eq!(told.reply_to, Some(prompt));
    assert_eq!(told.buttons(), ["Submit", "Clear", "Send again"]);
    let tap = rig.fake.tap(&told, ME, "Submit");
    rig.fake.wait_for_tap(WAIT_LIMIT, &tap);
    rig.hears("it came through");
    rig.fake.wait_for_reaction(WAIT_LIMIT, ME, prompt, "👍");
    eventually("the message says what was decided", || {
        let standing = rig.fake.standing(&told);
        (standing.buttons().is_empty() && standing.text.ends_with("✔ submitted, P")).then_some(())
    });
    assert_eq!(rig.prompts(), ["demo: notify it came through"]);
    rig.in_order();
}

#[test]
fn an_uncertain_prompt_can_be_cleared_and_sent_again() {
    let rig = Rig::new();
    rig.configure_with(
        &[ME],
        "standard",
        "",
        "[agents.demo]\nargs = [\"--quirk\", \"swallow-enter=4s\"]",
    );
    let _daemon = rig.serve();
    rig.say("demo: notify after all");
    let told = rig
        .fake
        .wait_for_send(WAIT_LIMIT, |sent| sent.text.contains("uncertain"));
    let tap = rig.fake.tap(&told, ME, "Clear");
    assert_eq!(rig.fake.wait_for_tap(WAIT_LIMIT, &tap).0, "Cleared.");
    let again = rig.fake.tap(&told, ME, "Submit");
    let (words, _) = rig.fake.wait_for_tap(WAIT_LIMIT, &again);
    assert_eq!(words, "It was decided before, by P.");
    assert_eq!(rig.prompts(), Vec::<String>::new());
    let kept = rig.hears("Cleared: the agent's box is empty");
    assert_eq!(kept.buttons(), ["Send again", "Leave it"]);
    rig.fake.tap(&kept, ME, "Send again");
    // This agent swallows the key under every text.
    let again = rig.fake.wait_for_send(WAIT_LIMIT, |sent| {
        sent.text.contains("uncertain") && sent.message_id > kept.message_id
    });
    rig.fake.tap(&again, ME, "Submit");
    rig.fake
        .wait_for_send(WAIT_LIMIT, |sent| sent.text.ends_with("\nafter all"));
    assert_eq!(rig.prompts(), ["demo: notify after all"]);
    rig.in_order();
}

#[test]
fn a_refused_prompt_is_kept_under_a_button() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    rig.say("demo: ask May I?\ndemo: notify went on");
    let dialog = rig.hears("May I?");
    let refused = rig.say("demo: notify the second");
    let told = rig
        .fake
        .wait_for_send(WAIT_LIMIT, |sent| sent.reply_to == Some(refused));
    assert_eq!(told.buttons(), ["Send again", "Leave it"]);
    rig.fake.tap(&dialog, ME, "Yes");
    rig.hears("went on");
    rig.quiet();
    let tap = rig.fake.tap(&told, ME, "Send again");
    assert_eq!(rig.fake.wait_for_tap(WAIT_LIMIT, &tap).0, "Sent.");
    rig.hears("the second");
    rig.in_order();
}
