//! Who may talk to the bot, and what.

use super::*;

const FRIEND: i64 = 8;
const GROUP: i64 = -100;

fn code(rig: &Rig, role: &str) -> String {
    let pairing = rig.env.json(&["pair", "--role", role]);
    assert_eq!(pairing["role"], role);
    pairing["code"].as_str().expect("a code").to_owned()
}

fn refused(rig: &Rig) -> usize {
    let events = rig.env.cmd(&["events", "--json"]).ok().json_lines();
    events.iter().filter(|event| event["type"] == "access.refused").count()
}

#[test]
fn a_code_lets_one_person_in_once() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    rig.fake.wait_for_calls(WAIT_LIMIT, "getMe", 1);
    let pairing = eventually("the link is known", || {
        let pairing = rig.env.json(&["pair"]);
        pairing["link"].is_string().then_some(pairing)
    });
    let code = pairing["code"].as_str().expect("a code");
    assert_eq!(pairing["link"], format!("https://t.me/fake_bot?start={code}"));
    rig.fake.push_text(FRIEND, FRIEND, "/start wrongcode99");
    rig.fake.push_text(FRIEND, FRIEND, "hello?");
    rig.fake.push_text(FRIEND, FRIEND, &format!("/start {code}"));
    let told = rig.fake.wait_for_send(WAIT_LIMIT, |sent| sent.chat_id == FRIEND);
    assert!(told.text.starts_with("You are in, as operator"), "{}", told.text);
    assert_eq!(refused(&rig), 2, "what came before is in the log, and was not answered");
    rig.fake.push_text(FRIEND, FRIEND, "demo: notify for a friend");
    rig.fake.wait_for_send(WAIT_LIMIT, |sent| {
        sent.chat_id == FRIEND && sent.text.contains("for a friend")
    });
    // The code is used up.
    rig.fake.push_text(STRANGER, STRANGER, &format!("/start {code}"));
    rig.fake.wait_until_confirmed(WAIT_LIMIT);
    assert_eq!(refused(&rig), 3);
    assert!(rig.fake.texts(STRANGER).is_empty());
    let people = rig.env.json(&["people"]);
    assert_eq!(
        (&people[0]["id"], &people[0]["role"], &people[0]["name"]),
        (&json!(8), &json!("operator"), &json!("P"))
    );
    rig.in_order();
}

#[test]
fn a_role_is_what_one_may_do() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    rig.say("/new alpha");
    rig.hears("New session alpha");
    rig.fake
        .push_text(FRIEND, FRIEND, &format!("/start {}", code(&rig, "viewer")));
    let hears = |part: &str| {
        rig.fake
            .wait_for_send(WAIT_LIMIT, |sent| sent.chat_id == FRIEND && sent.text.contains(part))
    };
    hears("as viewer");
    rig.fake.push_text(FRIEND, FRIEND, "/list");
    hears("alpha");
    rig.fake.push_text(FRIEND, FRIEND, "do something");
    hears("Your role may not send prompts");
    for command in ["/stop alpha", "/key Enter", "/people", "/start_yolo x", "/start evil"] {
        rig.fake.push_text(FRIEND, FRIEND, command);
        let name = command.split(' ').next().expect("a word");
        hears(&format!("Your role may not use {name}"));
    }
    eventually("both menus are registered", || {
        let commands = rig.fake.commands();
        let of = |chat: i64| {
            commands
                .iter()
                .any(|(scope, _)| scope.contains(&format!("\"chat_id\":{chat}")))
        };
        (of(ME) && of(FRIEND)).then_some(())
    });
    let commands = rig.fake.commands();
    let menu = |chat: i64| {
        let (_, menu) = commands
            .iter()
            .find(|(scope, _)| scope.contains(&format!("\"chat_id\":{chat}")))
            .expect("a menu");
        menu.to_string()
    };
    assert!(menu(ME).contains("\"people\"") && menu(FRIEND).contains("\"list\"") && !menu(FRIEND).contains("\"stop\""));
    rig.env.wait_status("alpha", "idle");
    // To greet and to be told what there is needs no right.
    rig.fake.push_text(FRIEND, FRIEND, "/start");
    hears("Hello.");
    assert_eq!(rig.sessions().len(), 1, "no word of a viewer's makes a session");
    rig.in_order();
}

#[test]
fn a_code_gives_a_higher_role_and_takes_none_away() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    let start = |from: i64, code: &str| rig.fake.push_text(from, from, &format!("/start {code}"));
    let hears = |chat: i64, part: &str| {
        rig.fake
            .wait_for_send(WAIT_LIMIT, |sent| sent.chat_id == chat && sent.text.contains(part))
    };
    start(FRIEND, &code(&rig, "viewer"));
    hears(FRIEND, "You are in, as viewer");
    start(FRIEND, &code(&rig, "operator"));
    hears(FRIEND, "You are in, as operator");
    let role = |rig: &Rig| rig.env.json(&["people"])[0]["role"].clone();
    assert_eq!(role(&rig), "operator");
    // Who tries what they made for somebody else loses nothing, and neither does the other one.
    let viewer = code(&rig, "viewer");
    start(ME, &viewer);
    hears(ME, "You are in already, as owner");
    start(FRIEND, &viewer);
    hears(FRIEND, "You are in already, as operator");
    assert_eq!(role(&rig), "operator");
    start(9, &viewer);
    hears(9, "You are in, as viewer");
    assert_eq!(rig.sessions().len(), 0, "a code is no name of a session");
    rig.in_order();
}

#[test]
fn who_is_shut_out_is_out_at_once() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    rig.fake
        .push_text(FRIEND, FRIEND, &format!("/start {}", code(&rig, "operator")));
    rig.fake.wait_for_send(WAIT_LIMIT, |sent| sent.chat_id == FRIEND);
    let menus = |rig: &Rig| {
        rig.fake
            .commands()
            .iter()
            .filter(|(scope, _)| scope.contains("\"chat_id\":8"))
            .count()
    };
    eventually("the menu is there", || (menus(&rig) == 1).then_some(()));
    let asked = std::time::Instant::now();
    rig.env.cmd(&["people", "remove", "8"]).ok();
    let before = rig.fake.texts(FRIEND).len();
    rig.fake.push_text(FRIEND, FRIEND, "/list");
    rig.fake.wait_until_confirmed(WAIT_LIMIT);
    assert_eq!(refused(&rig), 1, "{:?} after the word", asked.elapsed());
    eventually("the menu is gone", || (menus(&rig) == 0).then_some(()));
    rig.fake
        .push_text(FRIEND, FRIEND, &format!("/start {}", code(&rig, "operator")));
    rig.fake.wait_for_send(WAIT_LIMIT, |sent| {
        sent.chat_id == FRIEND && sent.message_id > 0 && sent.text.contains("You are in")
    });
    rig.say("/people");
    rig.hears("8 operator P");
    rig.say("/forbid 8");
    rig.hears("8 is out.");
    rig.fake.push_text(FRIEND, FRIEND, "anything");
    rig.fake.wait_until_confirmed(WAIT_LIMIT);
    assert_eq!(refused(&rig), 2);
    assert_eq!(rig.fake.texts(FRIEND).len(), before + 1);
    assert_ne!(rig.env.cmd(&["people", "remove", "8"]).code, 0);
    rig.in_order();
}

#[test]
fn a_group_is_closed_until_an_owner_opens_it() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    rig.fake.push_text(GROUP, ME, "/list");
    rig.fake.push_text(GROUP, STRANGER, "/allow");
    rig.fake.wait_until_confirmed(WAIT_LIMIT);
    assert!(rig.fake.texts(GROUP).is_empty());
    rig.fake.push_text(GROUP, ME, "/allow");
    rig.fake.wait_for_send(WAIT_LIMIT, |sent| {
        sent.chat_id == GROUP && sent.text.contains("open now")
    });
    rig.fake.push_text(GROUP, ME, "/list");
    rig.fake.wait_for_send(WAIT_LIMIT, |sent| {
        sent.chat_id == GROUP && sent.text.contains("There are no sessions")
    });
    let menu = || {
        let scope = format!("\"chat_id\":{GROUP}");
        let commands = rig.fake.commands().into_iter().find(|(of, _)| of.contains(&scope));
        commands.map(|(_, menu)| menu.to_string())
    };
    let shown = eventually("the group has a menu", menu);
    assert!(
        shown.contains("\"history\"") && !shown.contains("\"forbid\""),
        "{shown}"
    );
    rig.fake.push_text(GROUP, STRANGER, "/list");
    rig.fake.push_text(GROUP, ME, "/list@other_bot");
    rig.fake.push_text(GROUP, ME, "/forbid");
    rig.hears("-100 is out");
    eventually("the menu is gone", || menu().is_none().then_some(()));
    assert_eq!(
        rig.fake.texts(GROUP).len(),
        2,
        "neither the stranger nor the other bot's command was answered"
    );
    rig.in_order();
}

/// Every call that would show something in a chat.
fn said_to(rig: &Rig, chat: i64) -> usize {
    let calls = rig.fake.calls();
    calls.iter().filter(|call| call.body["chat_id"] == chat).count()
}

#[test]
fn what_agents_say_to_who_is_shut_out_is_said_at_home() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    rig.fake
        .push_text(FRIEND, FRIEND, &format!("/start {}", code(&rig, "operator")));
    rig.fake.wait_for_send(WAIT_LIMIT, |sent| sent.chat_id == FRIEND);
    rig.fake.push_text(FRIEND, FRIEND, "/verbose");
    rig.fake.push_text(FRIEND, FRIEND, "/new asks");
    rig.fake
        .push_text(FRIEND, FRIEND, "demo: ask May I?\ndemo: notify went on");
    rig.fake
        .wait_for_send(WAIT_LIMIT, |sent| sent.chat_id == FRIEND && !sent.buttons().is_empty());
    rig.fake.push_text(FRIEND, FRIEND, "/new works");
    rig.fake.push_text(
        FRIEND,
        FRIEND,
        "demo: sleep 3s\ndemo: notify the secret of the house\ndemo: sleep 1s\ndemo: notify the end",
    );
    eventually("it works", || {
        let works = |session: &Value| session["name"] == "works" && session["status"] == "working";
        rig.sessions().iter().any(works).then_some(())
    });
    rig.env.cmd(&["people", "remove", "8"]).ok();
    // What was on its way at that moment had a second.
    std::thread::sleep(std::time::Duration::from_secs(1));
    let before = said_to(&rig, FRIEND);
    let question = rig.hears("May I?");
    rig.hears("Chat 8 is not allowed any more");
    rig.fake.tap(&question, ME, "Yes");
    rig.hears("went on");
    rig.hears("the secret of the house");
    rig.hears("the end");
    rig.quiet();
    assert_eq!(said_to(&rig, FRIEND), before, "nothing goes there any more");
    // Who is let in again begins anew.
    rig.fake
        .push_text(FRIEND, FRIEND, &format!("/start {}", code(&rig, "operator")));
    rig.fake.push_text(FRIEND, FRIEND, "demo: notify back again");
    rig.fake.wait_for_send(WAIT_LIMIT, |sent| {
        sent.chat_id == FRIEND && sent.text.contains("back again")
    });
    rig.in_order();
}

#[test]
fn a_file_that_was_still_being_fetched_is_no_prompt_of_who_is_out() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    rig.fake
        .push_text(FRIEND, FRIEND, &format!("/start {}", code(&rig, "operator")));
    rig.fake.push_text(FRIEND, FRIEND, "/new alpha");
    rig.fake.wait_for_send(WAIT_LIMIT, |sent| {
        sent.chat_id == FRIEND && sent.text.contains("New session")
    });
    rig.env.wait_status("alpha", "idle");
    rig.fake.add_file("f", b"content");
    rig.fake.fail("getFile", [Fault::Slow { millis: 3000 }]);
    let file = json!({"document": {"file_id": "f", "file_unique_id": "f", "file_name": "f.txt", "file_size": 7}});
    rig.fake.push_message(FRIEND, FRIEND, file);
    rig.fake.wait_for_calls(WAIT_LIMIT, "getFile", 1);
    rig.env.cmd(&["people", "remove", "8"]).ok();
    eventually("it is refused", || (refused(&rig) == 1).then_some(()));
    assert_eq!(rig.env.status("alpha")["queuedPrompts"], 0);
    rig.quiet();
    assert_eq!(rig.prompts(), Vec::<String>::new());
    rig.in_order();
}

#[test]
fn who_is_taken_out_of_the_configuration_hears_nothing_after_the_next_start() {
    let rig = Rig::with_chats(&[ME, FRIEND, GROUP]);
    let daemon = rig.serve();
    for (chat, name) in [(FRIEND, "his"), (GROUP, "theirs")] {
        rig.fake.push_text(chat, chat.max(ME), &format!("/new {name}"));
        rig.fake.wait_for_send(WAIT_LIMIT, |sent| {
            sent.chat_id == chat && sent.text.contains("New session")
        });
    }
    drop(daemon);
    rig.configure(&[ME], "standard");
    let before = (said_to(&rig, FRIEND), said_to(&rig, GROUP));
    let _daemon = rig.serve();
    for name in ["his", "theirs"] {
        rig.env
            .cmd(&["send", name, &format!("demo: notify the secret of {name}")])
            .ok();
        rig.hears(&format!("the secret of {name}"));
    }
    assert_eq!((said_to(&rig, FRIEND), said_to(&rig, GROUP)), before);
    rig.in_order();
}
