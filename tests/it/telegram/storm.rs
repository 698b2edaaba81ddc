//! Many messages, taps, edits and documents under faults: nothing lost, everything in order, repeats only where a fault was ambiguous,
//! and each of those marked. A shorter run stands in the default suite; `script/soak` runs the whole, and one in real time.

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::time::{Duration, Instant};

use super::*;

const PEOPLE: [i64; 4] = [7, 8, 9, 10];
const FORUM: i64 = -100;
const TOPICS: usize = 6;
/// One prompt in so many is a document, one is followed by an edit that comes too late, and one leads to a question.
const DOCUMENT_EVERY: u64 = 10;
const EDIT_EVERY: u64 = 25;
const ASK_EVERY: u64 = 15;
/// What is said in the group is answered one time in so many: its limit is low, and a run shall end.
const GROUP_ANSWERED_EVERY: u64 = 8;
/// Lines of a flood.
const FLOOD: usize = 2000;
/// Between two messages of the run in real time: the group's limit is 20 in a minute.
const REAL_PAUSE: Duration = Duration::from_secs(1);

/// A place where somebody writes: a private chat, or a topic of the group.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Where {
    chat: i64,
    thread: Option<i64>,
}

struct Storm {
    rig: Rig,
    _daemon: Daemon,
    places: Vec<Where>,
    /// The notes that are to arrive in each place, in order.
    expected: HashMap<Where, Vec<u64>>,
    /// Prompts, and updates of all kinds.
    prompts: u64,
    updates: u64,
    tapped: HashSet<(i64, i64)>,
}

impl Storm {
    /// Four private chats, and a group with six topics, each with a session.
    fn new(pace: u32) -> Self {
        let rig = Rig::paced(&PEOPLE, pace);
        rig.fake.make_forum(FORUM);
        let mut allow = PEOPLE.to_vec();
        allow.push(FORUM);
        rig.configure(&allow, "standard");
        let daemon = rig.serve();
        let mut places: Vec<Where> = PEOPLE
            .iter()
            .map(|chat| Where {
                chat: *chat,
                thread: None,
            })
            .collect();
        for n in 1..=TOPICS {
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
        Self {
            rig,
            _daemon: daemon,
            places,
            expected: HashMap::new(),
            prompts: 0,
            updates: 0,
            tapped: HashSet::new(),
        }
    }

    /// One request in ten fails, in every way that there is.
    fn arm(&self, requests: u64) {
        let way = |n: u64| match n % 10 {
            0 | 1 => Fault::ServerError,
            2 => Fault::BadGateway,
            3 | 4 => Fault::DropBefore,
            5 | 6 => Fault::DropAfter,
            7 => Fault::Truncated,
            8 => Fault::BadEntities,
            _ => Fault::TooManyRequests { retry_after: 1 },
        };
        for method in [
            "sendMessage",
            "sendMessageDraft",
            "editMessageText",
            "setMessageReaction",
            "getFile",
        ] {
            let faults = (0..requests).map(|n| (n % 10 == 3).then(|| way(n / 10)));
            self.rig.fake.fail_some(method, faults);
        }
        let poll_ways = [Fault::Conflict, Fault::BadGateway, Fault::DropAfter];
        let polls = (0..requests).map(|n| (n % 10 == 3).then(|| poll_ways[n as usize % poll_ways.len()].clone()));
        self.rig.fake.fail_some("getUpdates", polls);
    }

    /// The next prompt, in the next place.
    fn prompt(&mut self) {
        self.prompts += 1;
        let n = self.prompts;
        let place = self.places[n as usize % self.places.len()];
        let answered = place.chat > 0 || n.is_multiple_of(GROUP_ANSWERED_EVERY);
        let note = match (answered, place.chat > 0 && n.is_multiple_of(ASK_EVERY)) {
            (false, _) => String::new(),
            (true, false) => format!("\ndemo: notify note {n} end"),
            (true, true) => {
                format!(
                    "\ndemo: sh telecoder notify \"note {n} end $(telecoder notify --ask --choices red,blue 'Which, {n}?')\""
                )
            }
        };
        let text = format!("message {n} here{note}");
        let mut fields = json!({});
        if let Some(thread) = place.thread {
            fields = json!({"message_thread_id": thread, "is_topic_message": true});
        }
        if n.is_multiple_of(DOCUMENT_EVERY) {
            let id = self
                .rig
                .fake
                .add_file(&format!("f{n}"), format!("content {n}").as_bytes());
            fields["document"] = json!({"file_id": id, "file_name": "f.txt", "file_size": 9});
            fields["caption"] = json!(text);
        } else {
            fields["text"] = json!(text);
        }
        let from = if place.chat > 0 { place.chat } else { ME };
        let message = self.rig.fake.push_message(place.chat, from, fields);
        self.updates += 1;
        if answered {
            self.expected.entry(place).or_default().push(n);
        }
        if n.is_multiple_of(EDIT_EVERY) {
            self.rig.fake.push_edit(place.chat, from, message, &text);
            self.updates += 1;
        }
    }

    /// Answers every question that stands open with a tap.
    fn tap(&mut self) {
        for sent in self.rig.fake.sent() {
            let is_question = sent.text.contains("Which, ") && sent.buttons().contains(&"blue".to_owned());
            if is_question && self.tapped.insert((sent.chat_id, sent.message_id)) {
                self.rig.fake.tap(&sent, sent.chat_id, "blue");
                self.updates += 1;
            }
        }
    }

    /// What arrived in a place: the notes' numbers, and whether each was marked as a possible repeat.
    fn arrived(&self, place: Where) -> Vec<(u64, bool)> {
        let sent = self.rig.fake.sent();
        let here = sent
            .iter()
            .filter(|sent| sent.chat_id == place.chat && sent.thread == place.thread);
        // What waited is said at once: a message may hold several notes.
        here.flat_map(|sent| {
            let marked = sent.text.starts_with('↻');
            numbers(&sent.text).into_iter().map(move |n| (n, marked))
        })
        .collect()
    }

    /// Waits until everything has arrived, and looks at all of it.
    fn settle(mut self, limit: Duration) {
        eventually_within(limit, "every reply has arrived", || {
            self.tap();
            let is_there = |(place, numbers): (&Where, &Vec<u64>)| {
                let arrived: HashSet<u64> = self.arrived(*place).into_iter().map(|(n, _)| n).collect();
                numbers.iter().all(|n| arrived.contains(n))
            };
            self.expected.iter().all(is_there).then_some(())
        });
        self.rig.quiet();
        for (place, numbers) in &self.expected {
            let mut first: Vec<u64> = vec![];
            for (n, marked) in self.arrived(*place) {
                if first.contains(&n) {
                    assert!(marked, "note {n} came twice in {place:?}, and unmarked");
                } else {
                    first.push(n);
                }
            }
            assert_eq!(&first, numbers, "in order in {place:?}");
        }
        let prompts = self.rig.prompts();
        let mut taken: Vec<u64> = prompts
            .iter()
            .filter_map(|prompt| prompt.split_once("message ")?.1.split_once(" here")?.0.parse().ok())
            .collect();
        taken.sort_unstable();
        assert_eq!(taken, (1..=self.prompts).collect::<Vec<_>>(), "every prompt once");
        assert!(!self.tapped.is_empty());
        self.rig.in_order();
        report(&format!(
            "{} updates, {} prompts, {} taps: nothing lost",
            self.updates,
            self.prompts,
            self.tapped.len()
        ));
    }
}

/// A figure of a run, for whoever watches it.
fn report(figure: &str) {
    // Nobody may be listening.
    let _ = writeln!(std::io::stderr(), "{figure}");
}

fn numbers(text: &str) -> Vec<u64> {
    let rest = text.split("note ").skip(1);
    rest.filter_map(|rest| rest.split_once(" end")?.0.parse().ok())
        .collect()
}

fn storm_of(updates: u64, limit: Duration) {
    let mut storm = Storm::new(PACE);
    storm.arm(updates);
    while storm.updates < updates {
        storm.prompt();
    }
    storm.settle(limit);
}

#[test]
fn three_hundred_updates_under_faults() {
    storm_of(300, Duration::from_secs(180));
}

#[test]
#[ignore = "takes minutes: script/soak"]
fn soak_of_two_thousand_updates_under_faults() {
    storm_of(2000, Duration::from_secs(580));
}

/// With the server's limits as they are, for as many minutes as `SOAK_MINUTES` says.
#[test]
#[ignore = "takes minutes: script/soak"]
fn soak_in_real_time() {
    let minutes = std::env::var("SOAK_MINUTES")
        .ok()
        .and_then(|minutes| minutes.parse().ok());
    let end = Instant::now() + Duration::from_secs(60 * minutes.unwrap_or(20));
    let mut storm = Storm::new(1);
    storm.arm(100_000);
    while Instant::now() < end {
        storm.prompt();
        storm.tap();
        std::thread::sleep(REAL_PAUSE);
    }
    storm.settle(Duration::from_secs(300));
}

/// Two thousand lines in ten seconds, and an end.
fn flood(rig: &Rig) {
    // Twenty writers side by side: a program for each line is slower than the flood.
    rig.say(
        "demo: sh for w in $(seq 20); do (for i in $(seq 100); do telecoder notify \"line $w.$i of the flood\"; done) & done; wait; \
         telecoder notify --done --changed 'the end'",
    );
}

/// How long it was said, and how long after the last word the end was seen.
fn flood_is_seen(rig: &Rig, limit: Duration) -> (Duration, Duration) {
    let begun = Instant::now();
    eventually_within(Duration::from_secs(300), "all is said", || {
        let said = rig.env.http().get("/v1/messages?limit=10000").json();
        let said = said.as_array().map_or(0, Vec::len);
        (said > FLOOD).then_some(())
    });
    let said = begun.elapsed();
    eventually_within(limit, "the end is seen", || {
        let texts = rig.fake.texts(ME);
        texts.iter().any(|text| text.contains("Changed: the end")).then_some(())
    });
    let seen = begun.elapsed() - said;
    let all: String = rig
        .fake
        .sent()
        .iter()
        .map(|sent| {
            let file = sent.document.as_ref();
            let file = file.map(|(_, content)| String::from_utf8_lossy(content).into_owned());
            format!("{}\n{}\n", sent.text, file.unwrap_or_default())
        })
        .collect();
    let mut found: HashMap<u32, Vec<u32>> = HashMap::new();
    let lines = all
        .split("line ")
        .filter_map(|rest| rest.split_once(" of the flood")?.0.split_once('.'));
    for (writer, line) in lines {
        let of_writer = found.entry(writer.parse().expect("a number")).or_default();
        let line = line.parse().expect("a number");
        // A file holds its first lines twice: in the message and in itself.
        if !of_writer.contains(&line) {
            of_writer.push(line);
        }
    }
    assert_eq!(found.len(), 20);
    for lines in found.values() {
        assert_eq!(*lines, (1..=100).collect::<Vec<_>>(), "each writer's lines in order");
    }
    rig.in_order();
    (said, seen)
}

/// A flood with the server's limits so many times as fast as they are.
fn flood_at(pace: u32) {
    let rig = Rig::paced(&[ME], pace);
    let _daemon = rig.serve();
    flood(&rig);
    let (said, seen) = flood_is_seen(&rig, Duration::from_secs(60));
    report(&format!(
        "said in {said:?}, seen {seen:?} later, in {} messages",
        rig.fake.sent().len()
    ));
}

#[test]
fn a_flood_keeps_to_the_limits_and_its_end_is_seen() {
    // Ten times as fast as the world: slower than it is said.
    flood_at(10);
}

#[test]
#[ignore = "takes minutes: script/soak"]
fn soak_of_a_flood_in_real_time() {
    flood_at(1);
}
