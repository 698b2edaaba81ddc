//! Many updates under faults: nothing lost, everything in order, repeats only where a fault was ambiguous, and each of those marked.

use std::collections::HashMap;
use std::time::Duration;

use super::*;

/// Updates of the long run.
const UPDATES: u64 = 2000;
const LIMIT: Duration = Duration::from_secs(400);
const PEOPLE: [i64; 4] = [7, 8, 9, 10];
const FORUM: i64 = -100;
/// One prompt in so many is a document, and one is followed by an edit that comes too late.
const DOCUMENT_EVERY: u64 = 10;
const EDIT_EVERY: u64 = 25;

/// A place where somebody writes: a private chat, or a topic of the group.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Where {
    chat: i64,
    thread: Option<i64>,
}

/// One request in ten fails, in every way that there is.
fn arm(fake: &FakeTelegram) {
    let way = |n: u64| match n % 10 {
        0 | 1 => Fault::ServerError,
        2 => Fault::BadGateway,
        3 | 4 => Fault::DropBefore,
        5 | 6 => Fault::DropAfter,
        7 => Fault::Truncated,
        8 => Fault::BadEntities,
        _ => Fault::TooManyRequests { retry_after: 1 },
    };
    for method in ["sendMessage", "editMessageText", "setMessageReaction", "getFile"] {
        let faults = (0..UPDATES).map(|n| (n % 10 == 3).then(|| way(n / 10)));
        fake.fail_some(method, faults);
    }
    let poll_ways = [Fault::Conflict, Fault::BadGateway, Fault::DropAfter];
    let polls = (0..UPDATES as usize).map(|n| (n % 10 == 3).then(|| poll_ways[n % poll_ways.len()].clone()));
    fake.fail_some("getUpdates", polls);
}

fn number(text: &str) -> Option<u64> {
    text.split_once("note ")?.1.split_once(" end")?.0.parse().ok()
}

#[test]
#[ignore = "takes minutes; run it by name with --ignored"]
fn two_thousand_updates_under_faults() {
    let rig = Rig::with_chats(&PEOPLE);
    rig.fake.make_forum(FORUM);
    let mut allow = PEOPLE.to_vec();
    allow.push(FORUM);
    rig.configure(&allow, "standard");
    let _daemon = rig.serve();
    let mut places: Vec<Where> = PEOPLE
        .iter()
        .map(|chat| Where {
            chat: *chat,
            thread: None,
        })
        .collect();
    for n in 1..=6 {
        let chat = json!({"id": FORUM, "type": "supergroup", "is_forum": true});
        rig.fake
            .push_message(FORUM, ME, json!({"text": format!("/new topic{n}"), "chat": chat}));
        let thread = eventually("the topic is there", || {
            let topics = rig.fake.topics(FORUM);
            topics
                .into_iter()
                .find(|(_, topic)| topic.name == format!("topic{n}"))
                .map(|(thread, _)| thread)
        });
        places.push(Where {
            chat: FORUM,
            thread: Some(thread),
        });
    }
    arm(&rig.fake);
    let mut expected: HashMap<Where, Vec<u64>> = HashMap::new();
    let mut pushed = 0;
    let mut n = 0;
    while pushed < UPDATES {
        n += 1;
        let place = places[n as usize % places.len()];
        // The slow group would make the run take an hour: most of what is said there is not answered.
        let answered = place.chat > 0 || n % 8 == 0;
        let note = if answered {
            format!("\ndemo: notify note {n} end")
        } else {
            String::new()
        };
        let text = format!("message {n} here{note}");
        let mut fields = json!({});
        if let Some(thread) = place.thread {
            fields = json!({"message_thread_id": thread, "is_topic_message": true});
        }
        if n % DOCUMENT_EVERY == 0 {
            let id = rig.fake.add_file(&format!("f{n}"), format!("content {n}").as_bytes());
            fields["document"] = json!({"file_id": id, "file_name": "f.txt", "file_size": 9});
            fields["caption"] = json!(text);
        } else {
            fields["text"] = json!(text);
        }
        let from = if place.chat > 0 { place.chat } else { ME };
        let message = rig.fake.push_message(place.chat, from, fields);
        pushed += 1;
        if answered {
            expected.entry(place).or_default().push(n);
        }
        if n % EDIT_EVERY == 0 {
            rig.fake.push_edit(place.chat, from, message, &text);
            pushed += 1;
        }
    }
    let arrived = |place: Where| -> Vec<(u64, bool)> {
        let sent = rig.fake.sent();
        let here = sent
            .iter()
            .filter(|sent| sent.chat_id == place.chat && sent.thread == place.thread);
        here.filter_map(|sent| Some((number(&sent.text)?, sent.text.starts_with('↻'))))
            .collect()
    };
    for (place, numbers) in &expected {
        eventually_within(LIMIT, &format!("{place:?} has all its replies"), || {
            let arrived = arrived(*place);
            numbers
                .iter()
                .all(|n| arrived.iter().any(|(a, _)| a == n))
                .then_some(())
        });
    }
    rig.quiet();
    for (place, numbers) in &expected {
        let mut first: Vec<u64> = vec![];
        for (n, marked) in arrived(*place) {
            if first.contains(&n) {
                assert!(marked, "note {n} came twice in {place:?}, and unmarked");
            } else {
                first.push(n);
            }
        }
        assert_eq!(&first, numbers, "in order in {place:?}");
    }
    let mut taken: Vec<u64> = rig
        .prompts()
        .iter()
        .filter_map(|prompt| prompt.split_once("message ")?.1.split_once(" here")?.0.parse().ok())
        .collect();
    taken.sort_unstable();
    assert_eq!(taken, (1..=n).collect::<Vec<_>>(), "every prompt once");
    rig.in_order();
}

#[test]
fn a_flood_keeps_to_the_limits_and_its_end_is_seen() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    rig.say("demo: sh for i in $(seq 1 300); do telecoder notify \"line $i of the flood\"; done; telecoder notify --done --changed 'the end'");
    eventually_within(Duration::from_secs(120), "the end is seen", || {
        rig.fake
            .texts(ME)
            .iter()
            .any(|text| text.contains("Changed: the end"))
            .then_some(())
    });
    let lines: Vec<u64> = rig
        .fake
        .texts(ME)
        .iter()
        .filter_map(|text| text.split_once("line ")?.1.split_once(" of")?.0.parse().ok())
        .collect();
    assert_eq!(lines, (1..=300).collect::<Vec<_>>());
    rig.in_order();
}
