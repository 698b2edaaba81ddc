//! Edits, repeats, outages, and the bot's own life.

use jiff::Timestamp;

use super::*;

#[test]
fn an_edit_rewords_a_prompt_that_waits_and_asks_about_one_that_does_not() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    let first = rig.say("demo: sleep 3s");
    rig.fake.wait_for_reaction(WAIT_LIMIT, ME, first, "⚡");
    let second = rig.say("the old words");
    rig.fake.wait_until_confirmed(WAIT_LIMIT);
    rig.fake.push_edit(ME, ME, second, "the new words");
    rig.hears("the new words take its place");
    rig.quiet();
    assert_eq!(rig.prompts(), ["demo: sleep 3s", "the new words"]);
    rig.fake.push_edit(ME, ME, first, "demo: notify edited");
    let asked = rig.hears("Is the edit to go to it as a new prompt?");
    assert_eq!(rig.prompts().len(), 2, "nothing runs unasked");
    rig.fake.tap(&asked, ME, "Send it");
    rig.hears("edited");
    rig.in_order();
}

#[test]
fn a_double_tap_is_one_prompt() {
    let rig = Rig::new();
    rig.say("/new alpha");
    rig.say("only once");
    rig.say("only once");
    rig.say("and this");
    let _daemon = rig.serve();
    rig.hears("it was taken once");
    eventually("the rest is taken", || (rig.prompts().len() >= 2).then_some(()));
    rig.quiet();
    assert_eq!(rig.prompts(), ["only once", "and this"]);
    rig.in_order();
}

#[test]
fn a_double_tap_is_one_prompt_when_we_spoke_in_between() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    let date = Timestamp::now().as_second() - 20;
    let say = |text: &str, date: i64| rig.fake.push_message(ME, ME, json!({"text": text, "date": date}));
    say("only once", date);
    rig.hears("New session");
    say("only once", date + 1);
    rig.hears("it was taken once");
    say("only once", date + 9);
    eventually("what was wanted twice is there twice", || {
        (rig.prompts().len() == 2).then_some(())
    });
    rig.quiet();
    assert_eq!(rig.prompts(), ["only once", "only once"]);
    rig.in_order();
}

#[test]
fn keys_that_waited_too_long_are_asked_about() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    rig.say("demo: ask May I delete everything?\ndemo: notify went on");
    rig.hears("May I delete everything?");
    rig.fake.skew_clock(-3600);
    let enter = rig.say("/enter");
    rig.fake.skew_clock(0);
    let asked = rig.fake.wait_for_send(WAIT_LIMIT, |sent| sent.reply_to == Some(enter));
    assert!(asked.text.contains("waited 1 h"), "{}", asked.text);
    assert_eq!(rig.sessions()[0]["status"], "needs_input", "no key was pressed");
    rig.fake.tap(&asked, ME, "Do it");
    rig.hears("Pressed Enter");
    rig.hears("went on");
    rig.in_order();
}

#[test]
fn what_waited_too_long_asks_before_it_runs() {
    let rig = Rig::new();
    rig.fake.skew_clock(-3600);
    rig.say("demo: notify old news");
    rig.say("demo: notify older news");
    rig.fake.skew_clock(0);
    let _daemon = rig.serve();
    let asked = rig
        .fake
        .wait_for_send(WAIT_LIMIT, |sent| sent.text.contains("waited 1 h"));
    eventually("both are asked about", || {
        (rig.fake
            .texts(ME)
            .iter()
            .filter(|text| text.contains("waited 1 h"))
            .count()
            == 2)
            .then_some(())
    });
    assert_eq!(rig.sessions().len(), 0, "nothing runs unasked");
    assert!(!asked.silent, "what waits for a person makes a sound");
    rig.fake.tap(&asked, ME, "Do it");
    rig.hears("old news");
    rig.quiet();
    assert_eq!(rig.prompts(), ["demo: notify old news"]);
    rig.in_order();
}

#[test]
fn a_chat_that_blocked_the_bot_gets_everything_later() {
    let friend = 8;
    let rig = Rig::with_chats(&[ME, friend]);
    let _daemon = rig.serve();
    rig.fake
        .push_text(friend, friend, "demo: sleep 1s\ndemo: notify for you");
    eventually("it works", || {
        rig.sessions().iter().any(|s| s["status"] == "working").then_some(())
    });
    rig.fake.make_unreachable(friend, Some("bot was blocked by the user"));
    rig.hears("The chat 8 cannot be reached");
    rig.quiet();
    rig.fake.make_unreachable(friend, None);
    rig.fake.push_text(friend, friend, "/list");
    rig.fake.wait_for_send(WAIT_LIMIT, |sent| {
        sent.chat_id == friend && sent.text.contains("for you")
    });
    rig.in_order();
}

#[test]
fn another_poller_that_stays_is_told_in_the_chat() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    rig.fake.wait_for_calls(WAIT_LIMIT, "getUpdates", 1);
    rig.fake
        .refuse_polls(Some((409, "Conflict: terminated by other getUpdates request")));
    rig.hears("another program polls with this bot");
    assert_ne!(rig.env.cmd(&["health"]).code, 0);
    rig.fake.refuse_polls(None);
    rig.say("demo: notify heard again");
    rig.hears("heard again");
    rig.in_order();
}

#[test]
fn a_token_that_is_refused_is_told_where_it_can_be_read() {
    let rig = Rig::new();
    rig.fake.refuse_polls(Some((401, "Unauthorized")));
    let _daemon = rig.serve();
    rig.hears("token is not accepted");
    rig.in_order();
}

#[test]
fn a_new_token_in_its_file_is_taken_without_a_restart() {
    let rig = Rig::new();
    let daemon = rig.serve();
    rig.say("/new alpha");
    rig.hears("New session alpha");
    rig.fake.change_token("123456:another-fake-token");
    eventually("that is told where it can be read", || {
        let messages = rig.env.cmd(&["messages"]).ok().stdout;
        messages.contains("token is not accepted").then_some(())
    });
    assert_ne!(rig.env.cmd(&["health"]).code, 0);
    rig.say("demo: notify heard with the new one");
    rig.write_token("123456:another-fake-token");
    rig.hears("heard with the new one");
    rig.hears("token is not accepted");
    rig.env.cmd(&["health"]).ok();
    // Another bot's is none of ours.
    rig.fake.change_token("654321:of-another-bot");
    rig.write_token("654321:of-another-bot");
    eventually("that is said", || {
        let health = rig.env.cmd(&["health"]).stdout;
        health.contains("is another bot's").then_some(())
    });
    assert!(!daemon.log().contains("fake-token") && !daemon.log().contains("of-another-bot"));
    rig.in_order();
}

#[test]
fn a_group_that_moved_goes_on_under_its_new_id() {
    let (old, new) = (-5, -1_005);
    let rig = Rig::with_chats(&[ME, old]);
    rig.fake.add_chat(new);
    let daemon = rig.serve();
    rig.fake.push_text(old, ME, "/new alpha");
    rig.fake.wait_for_send(WAIT_LIMIT, |sent| {
        sent.chat_id == old && sent.text.contains("New session")
    });
    rig.fake.push_message(old, ME, json!({"migrate_to_chat_id": new}));
    rig.fake
        .wait_for_send(WAIT_LIMIT, |sent| sent.chat_id == new && sent.text.contains("new id"));
    rig.fake.push_text(new, ME, "demo: notify from the new place");
    rig.fake.wait_for_send(WAIT_LIMIT, |sent| {
        sent.chat_id == new && sent.text.contains("from the new place")
    });
    assert_eq!(rig.sessions().len(), 1);
    drop(daemon);
    rig.in_order();
}

#[test]
fn health_in_the_chat_counts_completed_polls() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    rig.say("/help");
    rig.hears("/switch NAME");
    rig.fake.wait_until_confirmed(WAIT_LIMIT);
    rig.say("/health");
    rig.hears("last completed poll");
    rig.in_order();
}

#[test]
fn what_waited_in_our_own_queue_asks_before_it_runs() {
    let rig = Rig::new();
    let daemon = rig.serve();
    rig.say("/new alpha");
    rig.hears("New session alpha");
    let busy = rig.say("demo: hang");
    rig.fake.wait_for_reaction(WAIT_LIMIT, ME, busy, "⚡");
    rig.say("demo: notify of yesterday");
    eventually("it waits", || {
        (rig.env.status("alpha")["queuedPrompts"] == 1).then_some(())
    });
    move_last_poll(&rig, 7200);
    let daemon = daemon.restart(&rig.env);
    let asked = rig.hears("I was away for 2 h 0 min, and this waited. Is it still to be done?");
    assert!(asked.text.contains("of yesterday"), "{}", asked.text);
    assert!(!asked.silent, "what waits for a person makes a sound");
    assert_eq!(rig.env.status("alpha")["queuedPrompts"], 0, "nothing runs unasked");
    rig.fake.tap(&asked, ME, "Do it");
    eventually("it waits again", || {
        (rig.env.status("alpha")["queuedPrompts"] == 1).then_some(())
    });
    drop(daemon);
    rig.in_order();
}

/// As if the last poll had been so many seconds earlier.
fn move_last_poll(rig: &Rig, seconds: i64) {
    let back = "UPDATE cursors SET seq = seq - ?1 WHERE reader = 'telegram.last_poll'";
    let moved = || (change(rig, back, [seconds]) == 1).then_some(());
    eventually("the time of the last poll is written down, and moved", moved);
}

/// Changes the database behind the daemon's back. Returns how many rows.
fn change(rig: &Rig, sql: &str, params: impl rusqlite::Params) -> usize {
    let db = rusqlite::Connection::open(rig.env.data().join("telecoder.db")).expect("the database");
    db.busy_timeout(WAIT_LIMIT).expect("a limit");
    db.execute(sql, params).expect("it is written")
}

#[test]
fn an_absence_longer_than_the_server_keeps_messages_is_told() {
    let rig = Rig::new();
    let daemon = rig.serve();
    rig.say("/help");
    rig.hears("/switch NAME");
    move_last_poll(&rig, 90_000);
    drop(daemon);
    let _daemon = rig.serve();
    rig.hears("I was away for 1 d 1 h. Telegram keeps messages for 24 hours: older ones may be lost.");
    rig.say("demo: notify back again");
    rig.hears("back again");
    rig.in_order();
}

#[test]
fn an_absence_of_the_network_alone_is_told_too() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    rig.say("/help");
    rig.hears("/switch NAME");
    rig.fake.refuse_polls(Some((502, "Bad Gateway")));
    move_last_poll(&rig, 90_000);
    let refused = rig.fake.calls_of("getUpdates").len() + 2;
    rig.fake.wait_for_calls(WAIT_LIMIT, "getUpdates", refused);
    rig.fake.refuse_polls(None);
    rig.hears("I was away for 1 d 1 h. Telegram keeps messages for 24 hours: older ones may be lost.");
    rig.in_order();
}

#[test]
fn a_clock_that_was_set_back_holds_nothing_up() {
    let rig = Rig::new();
    let daemon = rig.serve();
    rig.say("/new alpha");
    rig.hears("New session alpha");
    rig.quiet();
    rig.fake.fail("sendMessage", vec![Fault::DropBefore; 4]);
    rig.env.cmd(&["send", "alpha", "demo: notify of the future"]).ok();
    // The fourth pause is the longest; what waits in it was stored under a clock that went a day ahead.
    let waits = "UPDATE parts SET not_before = not_before + 86400000000 WHERE not_before IS NOT NULL AND attempts = 4";
    eventually("it waits", || (change(&rig, waits, []) == 1).then_some(()));
    drop(daemon);
    let _daemon = rig.serve();
    rig.hears("of the future");
    rig.hears("This machine's clock was set back while I was away.");
    rig.in_order();
}

#[test]
fn a_group_that_throws_the_bot_out_is_told_at_home() {
    let group = -5;
    let rig = Rig::with_chats(&[ME, group]);
    let _daemon = rig.serve();
    rig.fake.push_text(group, ME, "/new alpha");
    rig.fake.wait_for_send(WAIT_LIMIT, |sent| sent.chat_id == group);
    let member =
        |status: &str| json!({"status": status, "user": {"id": 123_456, "is_bot": true, "first_name": "Fake"}});
    rig.fake
        .make_unreachable(group, Some("bot was kicked from the supergroup chat"));
    rig.fake.push_update(
        json!({"my_chat_member": {"chat": {"id": group, "type": "supergroup"}, "date": 1,
        "from": {"id": 9, "is_bot": false, "first_name": "Q"}, "old_chat_member": member("member"),
        "new_chat_member": member("kicked")}}),
    );
    rig.hears("The chat -5 cannot be reached");
    // What its sessions say waits, and goes out when the bot is let in again.
    rig.env.cmd(&["send", "alpha", "demo: notify for the group"]).ok();
    rig.quiet();
    rig.fake.make_unreachable(group, None);
    rig.fake.push_text(group, ME, "/list");
    rig.fake.wait_for_send(WAIT_LIMIT, |sent| {
        sent.chat_id == group && sent.text.contains("for the group")
    });
    rig.in_order();
}

#[test]
fn a_group_that_moved_while_we_spoke_gets_what_was_said() {
    let (old, new) = (-5, -1_005);
    let rig = Rig::with_chats(&[ME, old, new]);
    let _daemon = rig.serve();
    rig.fake.push_text(old, ME, "/new alpha");
    rig.fake.wait_for_send(WAIT_LIMIT, |sent| sent.chat_id == old);
    rig.fake.move_chat(old, new);
    rig.env.cmd(&["send", "alpha", "demo: notify where are you?"]).ok();
    rig.fake.wait_for_send(WAIT_LIMIT, |sent| {
        sent.chat_id == new && sent.text.contains("where are you?")
    });
    rig.in_order();
}
