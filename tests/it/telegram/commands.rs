//! The commands of the chat, and what they say when they cannot.

use super::*;

#[test]
fn commands_answer() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    rig.say("/status");
    rig.hears("No session is active");
    rig.say("/new alpha");
    rig.hears("New session alpha");
    rig.env.wait_status("alpha", "idle");
    for (command, answer) in [
        ("/help", "/switch NAME"),
        ("/start", "Hello."),
        ("/list", "→ alpha idle"),
        ("/status", "idle for"),
        ("/status alpha", "demo · policy standard"),
        ("/screen", "demo"),
        ("/explain", "screen: empty"),
        ("/explain alpha", "idle for"),
        ("/diff", "works on no repository"),
        ("/compact", "is not a command that may be sent"),
        ("/resume_yolo", "has not ended"),
        ("/logs", "Nothing was said yet"),
        ("/statsu", "Did you mean /status"),
        ("/status nobody", "nobody"),
        ("/key rm-rf", "is not a key"),
        ("/stop", "stopped"),
        ("/screen alpha", "It has ended"),
        ("/switch alpha", "has ended"),
        ("/resume_yolo alpha", "goes on under the policy yolo"),
        ("/status alpha", "demo · policy yolo"),
    ] {
        let before = rig.fake.sent().len();
        rig.say(command);
        let sent = rig.hears_after(before, answer);
        assert!(sent.reply_to.is_some(), "{command} is replied to");
    }
    assert_eq!(rig.prompts(), Vec::<String>::new(), "no command was typed to the agent");
    rig.in_order();
}

#[test]
fn a_command_of_the_agents_own_is_the_same_word_here() {
    let rig = Rig::new();
    let quirk = "[agents.demo]\nargs = [\"--quirk\", \"slash-commands\"]";
    rig.configure_with(&[ME], "standard", "", quirk);
    let _daemon = rig.serve();
    rig.say("/model large");
    rig.hears("There is no command /model");
    rig.say("/new alpha");
    rig.hears("New session alpha");
    rig.say("/Model@fake_bot  large");
    let screen = || rig.env.cmd(&["screen", "alpha"]).stdout;
    eventually("the agent got it", || {
        screen().contains("The model is large now").then_some(())
    });
    rig.say("/clear");
    let told = rig.hears("There is no command /clear");
    assert!(told.text.contains("The agent `demo` takes /model."), "{}", told.text);
    // An old one may mean something else by now.
    rig.fake.skew_clock(-3600);
    rig.say("/model small");
    rig.fake.skew_clock(0);
    let asked = rig.hears("waited 1 h");
    assert!(!screen().contains("small"));
    rig.fake.tap(&asked, ME, "Do it");
    eventually("the agent got it", || {
        screen().contains("The model is small now").then_some(())
    });
    assert_eq!(rig.prompts(), Vec::<String>::new(), "none of it was a prompt");
    rig.in_order();
}

#[test]
fn what_cannot_be_taken_is_told() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    rig.fake
        .push_message(ME, ME, json!({"location": {"latitude": 1.0, "longitude": 2.0}}));
    rig.hears("A location is nothing that an agent could work with");
    rig.fake
        .push_update(json!({"edited_message": {"message_id": 1, "date": 0, "text": "x",
        "chat": {"id": ME, "type": "private"}, "from": {"id": ME, "is_bot": false}}}));
    rig.hears("the edit changes nothing");
    assert_eq!(rig.sessions().len(), 0);
    rig.in_order();
}

#[test]
fn new_takes_a_repository() {
    let rig = Rig::new();
    let repo = rig.env.git_repo("shop");
    let _daemon = rig.serve();
    rig.say(&format!("/new {} fix-it", repo.display()));
    rig.hears("New session fix-it");
    rig.say("demo: sh cat README.md > seen && telecoder notify \"$(cat seen)\"");
    rig.hears("hello");
    rig.say("/new /nowhere/at/all");
    rig.hears("/nowhere/at/all");
    assert_eq!(rig.sessions().len(), 1);
    rig.in_order();
}

#[test]
fn what_a_session_changed_is_shown_in_the_chat() {
    let rig = Rig::new();
    let repo = rig.env.git_repo("shop");
    let _daemon = rig.serve();
    rig.say(&format!("/new {} fix-it", repo.display()));
    rig.hears("New session fix-it");
    rig.env.wait_status("fix-it", "idle");
    rig.say("/diff");
    rig.hears("Nothing changed");
    rig.say("demo: sh echo more >> README.md && telecoder notify 'one line more'");
    rig.hears("one line more");
    rig.quiet();
    rig.say("/diff fix-it");
    let short = rig.hears("+more");
    assert!(short.text.contains("1 file, +1 -0\nREADME.md +1 -0"), "{}", short.text);
    assert!(
        short
            .entities
            .iter()
            .any(|e| e["type"] == "pre" && e["language"] == "diff")
    );
    rig.say("demo: sh seq 2000 > numbers && telecoder notify 'many lines more'");
    rig.hears("many lines more");
    rig.quiet();
    rig.say("/diff");
    let file = rig.fake.wait_for_send(WAIT_LIMIT, |sent| sent.document.is_some());
    let (name, content) = file.document.expect("a file");
    assert_eq!(name, "fix-it.diff");
    assert!(String::from_utf8_lossy(&content).contains("+2000"), "the whole of it");
    rig.hears("new numbers +2000 -0");
    rig.in_order();
}
