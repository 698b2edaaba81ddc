//! Questions and approvals as buttons: bound, used once, told under the message.

use std::time::Duration;

use super::*;

const ASK: &str = "demo: sh telecoder notify \"got $(telecoder notify --ask --choices red,blue 'Which colour?')\"";

#[test]
fn a_question_is_answered_by_a_tap_once() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    rig.say(ASK);
    let question = rig.hears("Which colour?");
    assert_eq!(question.buttons(), ["red", "blue"]);
    assert!(!question.silent, "a question makes a sound");
    let tap = rig.fake.tap(&question, ME, "blue");
    let (words, took) = rig.fake.wait_for_tap(WAIT_LIMIT, &tap);
    assert_eq!(words, "Blue.");
    assert!(took < Duration::from_secs(3), "{took:?}");
    rig.hears("got blue");
    eventually("the message says what was decided", || {
        let standing = rig.fake.standing(&question);
        (standing.buttons().is_empty() && standing.text.ends_with("✔ blue, P")).then_some(())
    });
    let late = rig.fake.tap(&question, ME, "red");
    assert_eq!(
        rig.fake.wait_for_tap(WAIT_LIMIT, &late).0,
        "It was decided before, by P."
    );
    assert_eq!(rig.prompts().len(), 1);
    rig.in_order();
}

#[test]
fn a_question_that_was_answered_elsewhere_loses_its_buttons() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    rig.say(ASK);
    let question = rig.hears("Which colour?");
    let session = rig.sessions()[0]["name"].as_str().expect("a name").to_owned();
    rig.env.cmd(&["answer", &session, "red"]).ok();
    eventually("the message says so", || {
        let standing = rig.fake.standing(&question);
        (standing.buttons().is_empty() && standing.text.ends_with("✔ red, command line")).then_some(())
    });
    let stale = rig.fake.tap(&question, ME, "blue");
    let (words, _) = rig.fake.wait_for_tap(WAIT_LIMIT, &stale);
    assert!(words.contains("answered before"), "{words}");
    rig.in_order();
}

#[test]
fn a_dialog_is_approved_by_a_tap() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    rig.say("demo: ask May I delete everything?\ndemo: notify went on");
    let dialog = rig.hears("May I delete everything?");
    assert_eq!(dialog.buttons(), ["Yes", "No"]);
    let tap = rig.fake.tap(&dialog, ME, "Yes");
    let (_, took) = rig.fake.wait_for_tap(WAIT_LIMIT, &tap);
    assert!(took < Duration::from_secs(3), "{took:?}");
    rig.hears("went on");
    eventually("the message says what was decided and by whom", || {
        let standing = rig.fake.standing(&dialog);
        (standing.buttons().is_empty() && standing.text.ends_with("✔ Yes, P")).then_some(())
    });
    rig.in_order();
}

#[test]
fn a_tap_on_a_dialog_that_moved_on_presses_nothing() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    rig.say("demo: ask First?\ndemo: ask Second?\ndemo: notify the end");
    let first = rig.hears("First?");
    rig.say("/key 1");
    rig.fake.wait_for_send(WAIT_LIMIT, |sent| {
        sent.text.contains("Second?") && !sent.buttons().is_empty()
    });
    let stale = rig.fake.tap(&first, ME, "Yes");
    let (words, _) = rig.fake.wait_for_tap(WAIT_LIMIT, &stale);
    assert!(words.contains("moved on"), "{words}");
    eventually("the first has no buttons any more", || {
        let standing = rig.fake.standing(&first);
        (standing.buttons().is_empty() && standing.text.ends_with("✖ it moved on")).then_some(())
    });
    let stale = rig.fake.tap(&first, ME, "Yes");
    assert_eq!(rig.fake.wait_for_tap(WAIT_LIMIT, &stale).0, "It moved on.");
    // On a slow machine the question may be told twice, once from the hook and once from the screen; the last one counts.
    let second = eventually("the second question waits with its buttons", || {
        let standing = rig.fake.sent().into_iter().rev().map(|sent| rig.fake.standing(&sent));
        let mut open = standing.filter(|sent| sent.text.contains("Second?") && sent.buttons() == ["Yes", "No"]);
        open.next()
    });
    rig.fake.tap(&second, ME, "Yes");
    rig.hears("the end");
    rig.in_order();
}

#[test]
fn only_those_who_may_decide_and_everybody_is_answered() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    let code = rig.env.json(&["pair", "--role", "viewer"])["code"]
        .as_str()
        .expect("a code")
        .to_owned();
    rig.fake.push_text(8, 8, &format!("/start {code}"));
    rig.fake.wait_for_send(WAIT_LIMIT, |sent| sent.chat_id == 8);
    rig.say(ASK);
    let question = rig.hears("Which colour?");
    // Whoever gets hold of a button's id: it works in its own chat only, for those who may.
    let mut elsewhere = question.clone();
    elsewhere.chat_id = 8;
    let viewer = rig.fake.tap(&elsewhere, 8, "red");
    assert!(rig.fake.wait_for_tap(WAIT_LIMIT, &viewer).0.contains("not decide"));
    elsewhere.chat_id = STRANGER;
    let stranger = rig.fake.tap(&elsewhere, STRANGER, "red");
    assert_eq!(rig.fake.wait_for_tap(WAIT_LIMIT, &stranger).0, "");
    let unknown = rig.fake.tap_with(&question, ME, "no-such-button");
    assert!(rig.fake.wait_for_tap(WAIT_LIMIT, &unknown).0.contains("not known"));
    rig.fake.tap(&question, ME, "red");
    rig.hears("got red");
    rig.in_order();
}

#[test]
fn who_asked_may_be_forbidden_to_approve() {
    let rig = Rig::new();
    rig.configure_with(&[ME], "standard", "own_approval = \"refuse\"", "");
    let _daemon = rig.serve();
    rig.say("demo: ask May I?\ndemo: notify went on");
    let dialog = rig.hears("May I?");
    let own = rig.fake.tap(&dialog, ME, "Yes");
    let (words, _) = rig.fake.wait_for_tap(WAIT_LIMIT, &own);
    assert!(words.contains("Somebody else has to approve"), "{words}");
    assert_eq!(rig.fake.standing(&dialog).buttons(), ["Yes", "No"]);
    // Nor by the keys of the terminal.
    rig.say("/key 1");
    rig.hears("Somebody else has to answer this");
    // Refusing is always allowed.
    let no = rig.fake.tap(&dialog, ME, "No");
    rig.fake.wait_for_tap(WAIT_LIMIT, &no);
    eventually("the message says what was decided", || {
        rig.fake.standing(&dialog).text.ends_with("✔ No, P").then_some(())
    });
    rig.in_order();
}

#[test]
fn who_asked_is_known_also_when_a_tap_sent_the_prompt() {
    let rig = Rig::new();
    let repo = rig.env.git_repo("repo").display().to_string();
    rig.configure_with(&[ME], "standard", "own_approval = \"refuse\"", "");
    let _daemon = rig.serve();
    let refuses_me = |question: &str| {
        let dialog = rig.fake.wait_for_send(WAIT_LIMIT, |sent| {
            sent.text.contains(question) && sent.buttons() == ["Yes", "No"]
        });
        let own = rig.fake.tap(&dialog, ME, "Yes");
        let (words, _) = rig.fake.wait_for_tap(WAIT_LIMIT, &own);
        assert!(words.contains("Somebody else has to approve"), "{question}: {words}");
        dialog
    };
    // Refused because a dialog was open, and sent again with a tap.
    rig.say("demo: ask The first?");
    let first = refuses_me("The first?");
    let refused = rig.say("demo: ask The second?\ndemo: notify went on");
    let told = rig
        .fake
        .wait_for_send(WAIT_LIMIT, |sent| sent.reply_to == Some(refused));
    rig.fake.tap(&first, ME, "No");
    rig.quiet();
    rig.fake.tap(&told, ME, "Send again");
    refuses_me("The second?");
    // Of the command line, so that anybody may approve it; its repetition is the tapper's.
    let prompt = "demo: ask The third?\ndemo: notify the third went on";
    rig.env.cmd(&["run", "--name", "third", "--repo", &repo, prompt]).ok();
    let third = rig.fake.wait_for_send(WAIT_LIMIT, |sent| {
        sent.text.contains("The third?") && sent.buttons() == ["Yes", "No"]
    });
    rig.fake.tap(&third, ME, "Yes");
    rig.hears("the third went on");
    eventually("what came of it is in the inbox", || {
        let entries = rig.env.json(&["inbox"]);
        let third = |entry: &Value| entry["name"] == "third" && entry["kind"] != "waits";
        entries.as_array()?.iter().any(third).then_some(())
    });
    rig.say("/inbox");
    let card = rig.fake.wait_for_send(WAIT_LIMIT, |sent| {
        sent.text.contains("third") && sent.buttons().iter().any(|button| button == "Rerun")
    });
    let before = rig.fake.sent().len();
    rig.fake.tap(&card, ME, "Rerun");
    let fourth = eventually("it is asked again", || {
        let mut later = rig.fake.sent().into_iter().skip(before);
        later.find(|sent| sent.text.contains("The third?") && sent.buttons() == ["Yes", "No"])
    });
    let own = rig.fake.tap(&fourth, ME, "Yes");
    let (words, _) = rig.fake.wait_for_tap(WAIT_LIMIT, &own);
    assert!(words.contains("Somebody else has to approve"), "{words}");
    rig.in_order();
}

#[test]
fn somebody_else_may_approve_what_its_requester_may_not() {
    let friend = 8;
    let group = -100;
    let rig = Rig::with_chats(&[ME, friend, group]);
    rig.configure_with(&[ME, friend, group], "standard", "own_approval = \"refuse\"", "");
    let _daemon = rig.serve();
    rig.fake.push_text(group, ME, "demo: ask May I?\ndemo: notify went on");
    let dialog = rig
        .fake
        .wait_for_send(WAIT_LIMIT, |sent| sent.chat_id == group && !sent.buttons().is_empty());
    let own = rig.fake.tap(&dialog, ME, "Yes");
    assert!(rig.fake.wait_for_tap(WAIT_LIMIT, &own).0.contains("Somebody else"));
    rig.fake.tap(&dialog, friend, "Yes");
    rig.fake.wait_for_send(WAIT_LIMIT, |sent| {
        sent.chat_id == group && sent.text.contains("went on")
    });
    rig.in_order();
}

#[test]
fn a_late_tap_is_done_when_its_answer_can_not_be_shown_any_more() {
    let rig = Rig::new();
    let daemon = rig.serve();
    rig.say(ASK);
    let question = rig.hears("Which colour?");
    // A daemon that ends before it knows that it was sent sends it again, marked.
    eventually("it is known to be sent", || {
        let messages = rig.env.json(&["messages"]);
        let messages = messages.as_array()?;
        messages.iter().all(|message| message["state"] == "sent").then_some(())
    });
    drop(daemon);
    let tap = rig.fake.tap(&question, ME, "blue");
    rig.fake.forget_taps();
    let _daemon = rig.serve();
    rig.hears("got blue");
    eventually("the message says what was decided", || {
        rig.fake.standing(&question).text.ends_with("✔ blue, P").then_some(())
    });
    assert!(
        rig.fake
            .calls_of("answerCallbackQuery")
            .iter()
            .any(|call| call.body["callback_query_id"] == tap)
    );
    rig.in_order();
}

#[test]
fn a_tap_whose_deed_takes_long_is_answered_in_time() {
    let rig = Rig::new();
    let hook = rig.env.root().join("slow");
    std::fs::write(&hook, "#!/bin/sh\nsleep 5\necho said\n").expect("a program");
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).expect("its mode");
    rig.configure_with(
        &[ME],
        "standard",
        &format!("transcribe_command = [{:?}]", hook.display().to_string()),
        "",
    );
    rig.fake.skew_clock(-3600);
    rig.fake.add_file("v", b"OggS");
    rig.fake.push_message(
        ME,
        ME,
        json!({"voice": {"file_id": "v", "duration": 2, "file_size": 4}}),
    );
    rig.fake.skew_clock(0);
    let _daemon = rig.serve();
    let asked = rig.hears("waited 1 h");
    let tap = rig.fake.tap(&asked, ME, "Do it");
    let (_, took) = rig.fake.wait_for_tap(WAIT_LIMIT, &tap);
    assert!(took < Duration::from_secs(3), "{took:?}");
    let prompt = eventually("it is done", || rig.prompts().pop());
    assert!(prompt.starts_with("said"), "{prompt}");
    rig.in_order();
}

#[test]
fn several_choices_are_ticked_and_sent_together() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    rig.say("demo: pick which? | red | green | blue");
    let question = rig.hears("which?");
    assert_eq!(question.buttons()[..3], ["☐ red", "☐ green", "☐ blue"]);
    let tap = |button: &str| {
        let standing = rig.fake.standing(&question);
        let tap = rig.fake.tap(&standing, ME, button);
        rig.fake.wait_for_tap(WAIT_LIMIT, &tap).0
    };
    assert_eq!(tap("Send"), "Nothing is ticked yet.");
    let stands = |labels: [&str; 3]| {
        eventually(&format!("the buttons are {labels:?}"), || {
            let buttons = rig.fake.standing(&question).buttons();
            (buttons.get(..3)? == labels).then_some(())
        });
    };
    for (button, after) in [
        ("☐ red", ["☑ red", "☐ green", "☐ blue"]),
        ("☐ green", ["☑ red", "☑ green", "☐ blue"]),
        ("☐ blue", ["☑ red", "☑ green", "☑ blue"]),
        ("☑ green", ["☑ red", "☐ green", "☑ blue"]),
    ] {
        tap(button);
        stands(after);
    }
    assert_eq!(tap("Send"), "Red, blue.");
    rig.hears("you said red, blue");
    eventually("the message says what was decided and by whom", || {
        let standing = rig.fake.standing(&question);
        (standing.buttons().is_empty() && standing.text.ends_with("✔ red, blue, P")).then_some(())
    });
    rig.in_order();
}

#[test]
fn a_question_takes_words_of_ones_own_as_a_reply() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    rig.say("demo: choose which? | red | dark blue");
    let question = rig.hears("which?");
    assert_eq!(
        question.buttons(),
        ["red", "dark blue"],
        "the row for words is no button"
    );
    assert!(question.text.contains("reply in your own words"), "{}", question.text);
    rig.fake.push_reply(ME, ME, "something greenish", question.message_id);
    rig.hears("Answered: something greenish");
    rig.hears("you said something greenish");
    eventually("the message has no buttons any more", || {
        rig.fake.standing(&question).buttons().is_empty().then_some(())
    });
    // A reply that comes too late is no prompt by itself.
    rig.fake.push_reply(ME, ME, "demo: notify no, red", question.message_id);
    let late = rig.hears("not open any more");
    assert_eq!(rig.prompts().len(), 1);
    rig.fake.tap(&late, ME, "Send as a prompt");
    rig.hears("no, red");
    // A number, or the words of a choice, is that choice.
    rig.say("demo: choose and now? | red | dark blue");
    let question = rig.hears("and now?");
    rig.fake.push_reply(ME, ME, "2", question.message_id);
    rig.hears("you said dark blue");
    eventually("the message says what was decided and by whom", || {
        let standing = rig.fake.standing(&question);
        (standing.buttons().is_empty() && standing.text.ends_with("✔ dark blue, P")).then_some(())
    });
    let stale = rig.fake.tap(&question, ME, "red");
    assert_eq!(
        rig.fake.wait_for_tap(WAIT_LIMIT, &stale).0,
        "It was decided before, by P."
    );
    rig.in_order();
}

#[test]
fn an_answer_that_was_no_tap_is_told_under_the_message() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    let ends = |question: &Sent, words: &str| {
        eventually(&format!("the message ends with {words:?}"), || {
            let standing = rig.fake.standing(question);
            (standing.buttons().is_empty() && standing.text.ends_with(words)).then_some(())
        });
    };
    rig.say("demo: ask May I?\ndemo: notify went on");
    let dialog = rig.hears("May I?");
    let session = rig.sessions()[0]["name"].as_str().expect("a name").to_owned();
    rig.env.cmd(&["approve", &session]).ok();
    rig.hears("went on");
    ends(&dialog, "✔ Yes, command line");
    rig.quiet();
    rig.say(ASK);
    let question = rig.hears("Which colour?");
    rig.fake.push_reply(ME, ME, "2", question.message_id);
    ends(&question, "✔ blue, P");
    rig.in_order();
}

#[test]
fn a_question_that_comes_back_at_once_changes_its_message() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    rig.say("demo: ask May I?\ndemo: ask May I?\ndemo: notify went on");
    let question = rig.hears("May I?");
    let session = rig.sessions()[0]["name"].as_str().expect("a name").to_owned();
    // Answered at the terminal, by nobody that we know of; and there it is again.
    rig.env.cmd(&["keys", &session, "1"]).ok();
    let open = eventually("it stands open with its buttons", || {
        let asked: Vec<Sent> = rig
            .fake
            .sent()
            .into_iter()
            .filter(|sent| sent.text.contains("May I?"))
            .collect();
        let back = asked.len() > 1 || rig.fake.standing(&question).edits > 0;
        let last = asked.last().map(|sent| rig.fake.standing(sent))?;
        (back && last.buttons() == ["Yes", "No"]).then_some(last)
    });
    // A slow machine may have taken longer than a question is the same one.
    if question.at.elapsed() < Duration::from_secs(3) {
        assert_eq!(open.message_id, question.message_id, "one message for it");
    }
    rig.fake.tap(&open, ME, "Yes");
    rig.hears("went on");
    rig.in_order();
}
