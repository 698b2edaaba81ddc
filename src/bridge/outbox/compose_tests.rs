//! What a person reads of each kind of message.

use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::channels::telegram::rich::units;
use crate::domain::Timestamp;
use crate::domain::ids::MessageId;
use crate::domain::message::MessageState;

fn message(kind: MessageKind, text: &str) -> Message {
    Message {
        id: MessageId(1),
        session: None,
        kind,
        text: text.into(),
        done: None,
        choices: vec![],
        files: vec![],
        to: None,
        reply_to: None,
        letter: None,
        dialog: None,
        about: None,
        state: MessageState::Queued,
        reason: None,
        created_at: Timestamp::UNIX_EPOCH,
        sent_at: None,
        read_at: None,
    }
}

fn file(caption: Option<&str>) -> MessageFile {
    MessageFile {
        path: PathBuf::from("/x/report.txt"),
        name: "report.txt".into(),
        size: 3,
        caption: caption.map(str::to_owned),
    }
}

fn texts(message: &Message, name: Option<&str>) -> Vec<String> {
    let name = name.map(|name| name.parse().expect("a name"));
    let said = Said {
        message,
        behind: &[],
        name: name.as_ref(),
        hint: None,
    };
    parts(&said, 1000, false)
        .into_iter()
        .map(|part| match part {
            PartBody::Text { text, .. } => text,
            PartBody::Document { name, content } => format!("[{name}: {content}]"),
            PartBody::File { file } => format!("[{} {:?}]", file.name, file.caption),
            PartBody::Rich { .. } => panic!("rich was not asked for"),
        })
        .collect()
}

#[test]
fn a_message_says_whose_it_is() {
    let reply = message(MessageKind::Reply, "hello **you**");
    assert_eq!(texts(&reply, Some("fix-login")), ["fix-login\nhello you"]);
    assert_eq!(texts(&reply, None), ["hello you"]);
    assert_eq!(texts(&message(MessageKind::Answer, "  "), None), ["(an empty message)"]);
}

#[test]
fn what_was_done_is_labelled() {
    let mut reply = message(MessageKind::Reply, "ready");
    reply.done = Some(Done {
        changed: Some("the parser".into()),
        verified: Some("- tests\n- by hand".into()),
        uncertain: None,
        next: Some("review".into()),
    });
    let expected = "s\nready\n\nChanged: the parser\nVerified:\n• tests\n• by hand\nNext: review";
    assert_eq!(texts(&reply, Some("s")), [expected]);
    reply.done = Some(Done::default());
    assert_eq!(texts(&reply, Some("s")), ["s\nready\n\nDone."]);
    reply.text.clear();
    assert_eq!(texts(&reply, Some("s")), ["s\nDone."]);
}

#[test]
fn a_question_says_how_to_answer() {
    let mut ask = message(MessageKind::Ask, "Which *one*?");
    assert_eq!(
        texts(&ask, Some("s")),
        ["s\nWhich one?\n\nReply to this message to answer."]
    );
    ask.choices = vec!["a_b_c".into(), "d".into()];
    let expected = "s\nWhich one?\n\n1. a_b_c\n2. d\n\nTap, or reply with one of these, or its number.";
    assert_eq!(texts(&ask, Some("s")), [expected]);
}

#[test]
fn files_follow_the_text_and_long_captions_go_with_it() {
    let mut reply = message(MessageKind::Reply, "");
    reply.files = vec![file(Some("short"))];
    assert_eq!(texts(&reply, None), ["[report.txt Some(\"short\")]"]);
    let long = "x".repeat(1100);
    reply.files = vec![file(Some(&long))];
    assert_eq!(
        texts(&reply, Some("s")),
        [format!("s\nreport.txt:\n{long}"), "[report.txt None]".into()]
    );
}

#[test]
fn what_waited_is_said_at_once() {
    let said = ["one", "*two*", "```\nthree"].map(|text| message(MessageKind::Reply, text));
    let together = |parts_max| {
        let name = "s".parse().expect("a name");
        let said = Said {
            message: &said[0],
            behind: &said[1..],
            name: Some(&name),
            hint: None,
        };
        parts(&said, parts_max, false)
    };
    let [PartBody::Text { text, .. }] = &together(5)[..] else {
        panic!("one text");
    };
    assert_eq!(text, "s 3 messages at once\none\ntwo\nthree");
}

#[test]
fn the_file_of_a_long_text_holds_all_that_a_message_says() {
    let mut ask = message(MessageKind::Ask, &"[a link](https://x.example) ".repeat(800));
    ask.choices = vec!["choice ".repeat(30).trim_end().into(), "no".into()];
    ask.files = vec![file(Some(&"c".repeat(1500)))];
    let said = Said {
        message: &ask,
        behind: &[],
        name: None,
        hint: None,
    };
    let [
        PartBody::Text { .. },
        PartBody::Document { content, .. },
        PartBody::File { file },
    ] = &parts(&said, 1, false)[..]
    else {
        panic!("a beginning, the whole, and the file");
    };
    assert!(content.starts_with(&ask.text), "as it was written");
    assert!(content.contains(&format!("1. {}\n2. no", ask.choices[0])), "{content}");
    assert!(
        content.ends_with(&format!("report.txt:\n{}", "c".repeat(1500))),
        "{content}"
    );
    assert_eq!(file.caption, None);
}

#[test]
fn tables_and_long_texts_are_rich_where_that_may_be() {
    let rich = |text: &str| {
        let message = message(MessageKind::Reply, text);
        let said = Said {
            message: &message,
            behind: &[],
            name: None,
            hint: None,
        };
        let made = parts(&said, 5, true);
        match <[PartBody; 1]>::try_from(made) {
            Ok([PartBody::Rich { html, instead }]) => Some((html, instead.len())),
            _ => None,
        }
    };
    assert_eq!(rich("short **text**"), None);
    let table = rich("| a | b |\n|---|---|\n| 1 | 2 |").expect("a table");
    assert!(table.0.starts_with("<table>") && table.1 == 1, "{table:?}");
    let long = rich(&"word ".repeat(2000)).expect("a long text");
    assert_eq!(long.1, 3, "it stands ready as texts too");
    assert_eq!(
        rich(&"word ".repeat(20_000)),
        None,
        "what is too long for both is a file"
    );
}

proptest! {
    #[test]
    fn every_part_fits_with_its_dress(text in "[a-z \n`*👍]{0,9000}") {
        let message = message(MessageKind::Reply, &text);
        let said = Said { message: &message, behind: &[], name: Some(&"s".parse().expect("a name")), hint: None };
        for part in parts(&said, 1000, false) {
            let PartBody::Text { text, entities, .. } = part else { panic!("no files") };
            let units = units(&text);
            prop_assert!(units <= TEXT_UNITS_MAX - 32);
            prop_assert!(entities.iter().all(|e| e.offset + e.length <= units));
            prop_assert!(!text.trim().is_empty());
        }
    }
}
