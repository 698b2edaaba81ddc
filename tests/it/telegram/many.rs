//! Many messages in several chats: each in its own session, once and in order.

use super::*;

/// Messages of the long test, over three chats.
const MANY: u64 = 200;

const MANY_LIMIT: std::time::Duration = std::time::Duration::from_secs(180);

#[test]
fn two_hundred_messages_in_three_chats_go_their_own_ways_once_and_in_order() {
    let chats = [7, 8, 9];
    let rig = Rig::with_chats(&chats);
    let _daemon = rig.serve();
    let chat_of = |n: u64| chats[n as usize % chats.len()];
    for n in 1..=MANY {
        let text = format!("message {n}\ndemo: notify note {n} end");
        rig.fake.push_text(chat_of(n), chat_of(n), &text);
    }
    let of_chat = |chat: i64| -> Vec<u64> { (1..=MANY).filter(|n| chat_of(*n) == chat).collect() };
    let numbers = |texts: Vec<String>, before: &str, after: &str| -> Vec<u64> {
        let number = |text: &String| text.split_once(before)?.1.split_once(after)?.0.parse().ok();
        texts.iter().filter_map(number).collect()
    };
    for chat in chats {
        let expected = of_chat(chat);
        eventually_within(MANY_LIMIT, &format!("chat {chat} has all its replies"), || {
            (numbers(rig.fake.texts(chat), "note ", " end").len() >= expected.len()).then_some(())
        });
        assert_eq!(
            numbers(rig.fake.texts(chat), "note ", " end"),
            expected,
            "replies in chat {chat}"
        );
    }
    rig.quiet();
    let mut panes: Vec<Vec<u64>> = rig
        .sessions()
        .iter()
        .map(|session| numbers(transcript(&rig.env, session), "message ", "\n"))
        .collect();
    panes.sort();
    let mut expected: Vec<Vec<u64>> = chats.map(of_chat).to_vec();
    expected.sort();
    assert_eq!(panes, expected, "one session for each chat, with its prompts");
    rig.in_order();
}
