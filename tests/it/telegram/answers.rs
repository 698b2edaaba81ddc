//! Long and rich answers: tables, long texts, and what becomes of them on servers that know less.

use super::*;

const TABLE: &str = "demo: sh printf 'The sessions:\\n\\n| Session | What it does now | Since |\\n|---|---|---|\\n| fix-login | waits for <you> & asks | 10:00 |\\n' | telecoder notify -";

#[test]
fn a_table_is_a_table_where_the_server_has_them() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    rig.say(TABLE);
    let table = rig.hears("fix-login waits for <you> & asks 10:00");
    let html = table.html.expect("a rich message");
    assert!(
        html.contains("<tr><th>Session</th><th>What it does now</th><th>Since</th></tr>"),
        "{html}"
    );
    assert!(!table.silent, "an answer makes a sound");
    // A reply to it goes to its session.
    rig.fake.push_reply(ME, ME, "and now?", table.message_id);
    eventually("it is a prompt", || {
        rig.prompts().contains(&"and now?".to_owned()).then_some(())
    });
    rig.in_order();
}

#[test]
fn a_table_can_be_read_on_a_phone_where_the_server_has_none() {
    let rig = Rig::new();
    rig.fake.make_old();
    let _daemon = rig.serve();
    rig.say(TABLE);
    let cards = rig.hears("Session: fix-login\nWhat it does now: waits for <you> & asks\nSince: 10:00");
    assert_eq!(cards.html, None);
    // The same words so soon would be a double tap.
    rig.say(&format!("{TABLE}\ndemo: sleep 10ms"));
    rig.quiet();
    eventually("both are there", || {
        let texts = rig.fake.texts(ME);
        (texts.iter().filter(|text| text.contains("Since: 10:00")).count() == 2).then_some(())
    });
    assert_eq!(
        rig.fake.calls_of("sendRichMessage").len(),
        1,
        "an old server is asked once"
    );
    rig.in_order();
}

#[test]
fn a_long_answer_is_one_rich_message_and_parts_where_it_is_refused() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    let long = "demo: sh seq 1 1500 > some.txt; telecoder notify - < some.txt";
    rig.say(long);
    let whole = rig.hears("\n1500");
    let expected: Vec<String> = (1..=1500).map(|n| n.to_string()).collect();
    assert!(
        whole.html.is_some() && whole.text.ends_with(&expected.join("\n")),
        "{}",
        whole.text
    );
    // A refusal is definite: the same comes as parts, once, unmarked, with the file behind them.
    rig.fake.fail("sendRichMessage", [Fault::BadEntities]);
    rig.say("demo: sh seq 1 1500 > some.txt; telecoder notify --file some.txt - < some.txt");
    let last = rig.hears("(2/2)");
    let file = rig.fake.wait_for_send(WAIT_LIMIT, |sent| sent.document.is_some());
    assert!(file.message_id > last.message_id);
    assert!(!rig.fake.texts(ME).iter().any(|text| text.contains('↻')));
    // What may have arrived comes again, marked, and as parts if it is refused then.
    rig.fake
        .fail("sendRichMessage", [Fault::ServerError, Fault::BadEntities]);
    rig.say("demo: sh seq 2 1600 > some.txt; telecoder notify - < some.txt");
    let marked = rig.hears("↻ possibly repeated\n(1/2)");
    assert!(marked.html.is_none());
    rig.hears("1600");
    rig.in_order();
}

#[test]
fn rich_messages_can_be_switched_off() {
    let rig = Rig::new();
    rig.configure_with(&[ME], "standard", "rich = \"off\"", "");
    let _daemon = rig.serve();
    rig.say(TABLE);
    rig.hears("Session: fix-login");
    assert!(rig.fake.calls_of("sendRichMessage").is_empty());
    rig.in_order();
}
