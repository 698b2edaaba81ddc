//! Files in and out.

use super::*;

fn document(rig: &Rig, id: &str, content: &[u8]) -> Value {
    rig.fake.add_file(id, content);
    json!({"file_id": id, "file_unique_id": id, "file_name": format!("{id} of me.txt"), "mime_type": "text/plain",
        "file_size": content.len()})
}

/// The paths that a prompt names.
fn places(prompt: &str) -> Vec<std::path::PathBuf> {
    let lines = prompt.lines().filter_map(|line| line.strip_prefix("- "));
    lines.filter_map(|line| Some(line.split_once(" (")?.0.into())).collect()
}

#[test]
fn a_file_goes_into_the_inbox_and_its_place_into_the_prompt() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    let file = document(&rig, "notes", b"line one\nline two\n");
    let sent = rig
        .fake
        .push_message(ME, ME, json!({"document": file, "caption": "read this"}));
    let prompt = eventually("it is a prompt", || rig.prompts().pop());
    assert!(prompt.starts_with("read this\n\nAttached file:\n- "), "{prompt}");
    assert!(prompt.contains("(document, text/plain, 18 bytes)"), "{prompt}");
    let place = &places(&prompt)[0];
    assert!(place.to_string_lossy().contains("/inbox/") && place.ends_with(place.file_name().expect("a name")));
    assert_eq!(std::fs::read(place).expect("it is there"), b"line one\nline two\n");
    rig.fake.wait_for_reaction(WAIT_LIMIT, ME, sent, "👍");
    rig.in_order();
}

#[test]
fn an_album_is_one_prompt() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    for (i, caption) in [(1, Some("compare these")), (2, None), (3, None)] {
        let id = rig
            .fake
            .add_file(&format!("photo{i}"), format!("picture {i}").as_bytes());
        let mut message = json!({"media_group_id": "g", "photo": [{"file_id": "small", "file_size": 1},
            {"file_id": id, "file_size": 9}]});
        if let Some(caption) = caption {
            message["caption"] = json!(caption);
        }
        rig.fake.push_message(ME, ME, message);
    }
    rig.say("and then this");
    eventually("both prompts are taken", || (rig.prompts().len() == 2).then_some(()));
    let prompts = rig.prompts();
    assert!(
        prompts[0].starts_with("compare these\n\nAttached files:\n"),
        "{prompts:?}"
    );
    let contents: Vec<Vec<u8>> = places(&prompts[0])
        .iter()
        .map(|p| std::fs::read(p).expect("there"))
        .collect();
    assert_eq!(
        contents,
        [b"picture 1".to_vec(), b"picture 2".to_vec(), b"picture 3".to_vec()]
    );
    assert_eq!(prompts[1], "and then this");
    rig.in_order();
}

#[test]
fn an_album_that_waited_too_long_is_one_question_and_one_prompt() {
    let rig = Rig::new();
    rig.fake.skew_clock(-3600);
    for i in 1..=3 {
        let id = rig.fake.add_file(&format!("photo{i}"), b"picture");
        let mut message = json!({"media_group_id": "g", "photo": [{"file_id": id, "file_size": 7}]});
        if i == 1 {
            message["caption"] = json!("compare these");
        }
        rig.fake.push_message(ME, ME, message);
    }
    rig.say("and then this");
    rig.fake.skew_clock(0);
    let _daemon = rig.serve();
    let asked = rig.hears("waited 1 h");
    // The text behind it is asked about when all of the album was.
    eventually("the text is asked about, too", || {
        let asked = rig.fake.texts(ME);
        (asked.iter().filter(|text| text.contains("waited 1 h")).count() == 2).then_some(())
    });
    assert_eq!(rig.sessions().len(), 0, "nothing runs unasked");
    rig.fake.tap(&asked, ME, "Do it");
    let prompt = eventually("it is a prompt", || rig.prompts().pop());
    assert!(prompt.starts_with("compare these\n\nAttached files:\n"), "{prompt}");
    assert_eq!(places(&prompt).len(), 3, "{prompt}");
    rig.quiet();
    assert_eq!(rig.prompts().len(), 1);
    assert_eq!(
        rig.fake.texts(ME).iter().filter(|text| text.contains("waited")).count(),
        2
    );
    rig.in_order();
}

#[test]
fn another_caption_keeps_the_file_of_a_prompt_that_waits() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    let busy = rig.say("demo: sleep 4s");
    rig.fake.wait_for_reaction(WAIT_LIMIT, ME, busy, "⚡");
    let file = document(&rig, "notes", b"line one\n");
    let sent = rig
        .fake
        .push_message(ME, ME, json!({"document": file, "caption": "read this"}));
    let text = rig.say("the words");
    eventually("both wait", || (rig.sessions()[0]["queuedPrompts"] == 2).then_some(()));
    let edit = |id: i64, fields: Value| {
        let mut message = json!({"message_id": id, "date": 0, "chat": {"id": ME, "type": "private"},
            "from": {"id": ME, "is_bot": false, "first_name": "P"}});
        let all = message.as_object_mut().expect("an object");
        all.extend(fields.as_object().expect("fields").clone());
        rig.fake.push_update(json!({"edited_message": message}));
    };
    edit(sent, json!({"document": file, "caption": "read that"}));
    rig.hears("the new words take its place");
    // A prompt that waits becomes no command, which would be typed to the agent as it is.
    edit(text, json!({"text": "/stop"}));
    rig.hears("An edit makes no command of a prompt");
    eventually("both are taken", || (rig.prompts().len() == 3).then_some(()));
    let prompts = rig.prompts();
    assert!(prompts[1].starts_with("read that\n\nAttached file:\n- "), "{prompts:?}");
    assert_eq!(
        std::fs::read(&places(&prompts[1])[0]).expect("it is there"),
        b"line one\n"
    );
    assert_eq!(prompts[2], "the words");
    rig.in_order();
}

#[test]
fn a_refused_file_can_be_sent_again() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    rig.say("demo: ask May I?\ndemo: notify went on");
    let dialog = rig.hears("May I?");
    let file = document(&rig, "notes", b"line one\n");
    let refused = rig
        .fake
        .push_message(ME, ME, json!({"document": file, "caption": "read this"}));
    let told = rig
        .fake
        .wait_for_send(WAIT_LIMIT, |sent| sent.reply_to == Some(refused));
    assert_eq!(told.buttons(), ["Send again", "Leave it"], "{told:?}");
    rig.fake.tap(&dialog, ME, "Yes");
    rig.hears("went on");
    rig.quiet();
    rig.fake.tap(&told, ME, "Send again");
    let prompt = eventually("it is taken", || rig.prompts().get(1).cloned());
    assert!(prompt.starts_with("read this\n\nAttached file:\n- "), "{prompt}");
    assert!(places(&prompt)[0].exists());
    rig.in_order();
}

#[test]
fn speech_becomes_text_where_something_can_do_it() {
    let rig = Rig::new();
    let tool = r#"transcribe_command = ["sh", "-c", "test -f \"$0\" && echo fix the login test"]"#;
    rig.configure_with(&[ME], "standard", tool, "");
    let _daemon = rig.serve();
    rig.fake.add_file("v", b"OggS");
    rig.fake.push_message(
        ME,
        ME,
        json!({"voice": {"file_id": "v", "duration": 2, "mime_type": "audio/ogg", "file_size": 4}}),
    );
    let prompt = eventually("it is a prompt", || rig.prompts().pop());
    assert!(
        prompt.starts_with("fix the login test\n\nAttached file:\n- "),
        "{prompt}"
    );
    assert!(prompt.contains("(voice, audio/ogg, 4 bytes)"), "{prompt}");
    rig.in_order();
}

#[test]
fn a_round_video_is_a_file_with_its_kind() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    rig.fake.add_file("round", b"mp4 of me");
    let note = json!({"file_id": "round", "file_unique_id": "round", "length": 240, "duration": 3, "file_size": 9});
    let sent = rig.fake.push_message(ME, ME, json!({"video_note": note}));
    let prompt = eventually("it is a prompt", || rig.prompts().pop());
    assert!(prompt.contains("(video note, video/mp4, 9 bytes)"), "{prompt}");
    let place = &places(&prompt)[0];
    assert!(place.to_string_lossy().contains("/inbox/") && place.extension().is_some_and(|end| end == "mp4"));
    assert_eq!(std::fs::read(place).expect("it is there"), b"mp4 of me");
    rig.fake.wait_for_reaction(WAIT_LIMIT, ME, sent, "👍");
    rig.in_order();
}

#[test]
fn what_is_forwarded_is_taken_like_what_is_written() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    let from = |fields: Value| {
        let mut message = json!({"forward_origin": {"type": "hidden_user", "sender_user_name": "Q", "date": 1}});
        if let (Some(message), Value::Object(fields)) = (message.as_object_mut(), fields) {
            message.extend(fields);
        }
        message
    };
    rig.fake
        .push_message(ME, ME, from(json!({"text": "the words of another"})));
    eventually("it is a prompt", || (rig.prompts().len() == 1).then_some(()));
    assert_eq!(rig.prompts(), ["the words of another"]);
    let file = document(&rig, "theirs", b"a file of another");
    rig.fake
        .push_message(ME, ME, from(json!({"document": file, "caption": "look"})));
    eventually("it is a prompt", || (rig.prompts().len() == 2).then_some(()));
    let prompt = rig.prompts().remove(1);
    assert!(prompt.starts_with("look\n\nAttached file:\n- "), "{prompt}");
    assert_eq!(
        std::fs::read(&places(&prompt)[0]).expect("it is there"),
        b"a file of another"
    );
    rig.in_order();
}

#[test]
fn speech_becomes_text_by_an_http_endpoint() {
    let server = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/transcribe", server.local_addr().expect("bound"));
    let serving = std::thread::spawn(move || {
        let bodies: Vec<String> = ["200 OK", "500 Internal Server Error"]
            .into_iter()
            .map(|status| answer_one(&server, status, r#"{"text": " fix the login test "}"#))
            .collect();
        bodies
    });
    let rig = Rig::new();
    rig.configure_with(&[ME], "standard", &format!("transcribe_url = {url:?}"), "");
    let _daemon = rig.serve();
    let voice = |id: &str| json!({"voice": {"file_id": id, "duration": 2, "mime_type": "audio/ogg", "file_size": 4}});
    rig.fake.add_file("v", b"OggS");
    rig.fake.push_message(ME, ME, voice("v"));
    let prompt = eventually("it is a prompt", || rig.prompts().pop());
    assert!(
        prompt.starts_with("fix the login test\n\nAttached file:\n- "),
        "{prompt}"
    );
    // Speech that nobody could read is a file all the same.
    rig.fake.push_message(ME, ME, voice("v"));
    eventually("it is a prompt", || (rig.prompts().len() == 2).then_some(()));
    let prompts = rig.prompts();
    assert!(
        prompts[1].contains("(voice, audio/ogg, 4 bytes)") && !prompts[1].contains("login"),
        "{prompts:?}"
    );
    let bodies = serving.join().expect("it ends");
    assert!(
        bodies[0].contains("name=\"file\"") && bodies[0].contains("OggS"),
        "{}",
        bodies[0]
    );
    rig.in_order();
}

/// Takes one request and answers it; returns its body.
fn answer_one(server: &std::net::TcpListener, status: &str, answer: &str) -> String {
    use std::io::{Read, Write};
    let (mut stream, _) = server.accept().expect("a client");
    stream.set_read_timeout(Some(WAIT_LIMIT)).expect("a limit");
    let mut request = Vec::new();
    // The last line of a form ends it.
    while !request.ends_with(b"--\r\n") && !request.ends_with(b"0\r\n\r\n") {
        let mut piece = [0; 4096];
        match stream.read(&mut piece).expect("the request") {
            0 => break,
            n => request.extend_from_slice(&piece[..n]),
        }
    }
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n",
        answer.len()
    );
    stream.write_all(head.as_bytes()).expect("an answer");
    stream.write_all(answer.as_bytes()).expect("an answer");
    String::from_utf8_lossy(&request).into_owned()
}

#[test]
fn what_is_too_long_is_explained_and_trouble_passes() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    let mut big = document(&rig, "big", b"x");
    big["file_size"] = json!(30_000_000);
    rig.fake.push_message(ME, ME, json!({"document": big}));
    rig.hears("30000000 bytes; Telegram hands bots at most 20971520");
    rig.fake.fail(
        "getFile",
        [Fault::ServerError, Fault::TooManyRequests { retry_after: 1 }],
    );
    let file = document(&rig, "late", b"late");
    rig.fake.push_message(ME, ME, json!({"document": file}));
    let prompt = eventually("it is a prompt", || rig.prompts().pop());
    assert_eq!(std::fs::read(&places(&prompt)[0]).expect("there"), b"late");
    rig.in_order();
}

#[test]
fn get_hands_out_what_lies_in_the_workspace_and_nothing_else() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    let secret = rig.env.root().join("secret");
    std::fs::write(&secret, "of somebody else").expect("a file");
    rig.say(&format!("demo: sh mkdir docs; echo plan > docs/plan.md; ln -s /etc/passwd leak; ln -s .. up; ln {secret} hard; printf '\\211PNG1' > shot.png; telecoder notify made", secret = secret.display()));
    rig.hears("made");
    rig.say("/get docs/plan.md");
    let file = rig.fake.wait_for_send(WAIT_LIMIT, |sent| sent.document.is_some());
    assert_eq!(file.document, Some(("plan.md".into(), b"plan\n".to_vec())));
    rig.say("/get shot.png");
    let photo = rig.fake.wait_for_send(WAIT_LIMIT, |sent| sent.photo);
    assert_eq!(photo.document, Some(("shot.png".into(), b"\x89PNG1".to_vec())));
    for (path, why) in [
        ("leak", "is a symbolic link"),
        ("hard", "a hard link"),
        ("up/sessions", "is a symbolic link"),
        ("../../../token", "leads out"),
        ("/etc/passwd", "outside of the workspace"),
        ("nothing", "there is no file"),
    ] {
        let before = rig.fake.sent().len();
        rig.say(&format!("/get {path}"));
        let told = rig.hears_after(before, "");
        assert!(told.document.is_none(), "{path}");
        assert!(told.text.to_lowercase().contains(why), "{path}: {}", told.text);
    }
    rig.in_order();
}

#[test]
fn a_long_answer_is_a_file_with_its_beginning() {
    let rig = Rig::new();
    rig.configure_with(&[ME], "standard", "parts_max = 3", "");
    let _daemon = rig.serve();
    rig.say("demo: sh seq 1 6000 > all.txt; telecoder notify - < all.txt");
    let file = rig.fake.wait_for_send(WAIT_LIMIT, |sent| sent.document.is_some());
    let (name, content) = file.document.expect("a file");
    assert!(name.ends_with(".md"), "{name}");
    let expected: String = (1..=6000).map(|n| format!("{n}\n")).collect();
    assert_eq!(
        String::from_utf8(content).expect("text").trim_end(),
        expected.trim_end()
    );
    let head = rig.hears("is in the file");
    assert!(head.text.contains("\n1\n2\n3\n"), "{}", head.text);
    rig.in_order();
}

#[test]
fn a_long_answer_loses_neither_its_captions_nor_its_choices() {
    let rig = Rig::new();
    rig.configure_with(&[ME], "standard", "parts_max = 2", "");
    let _daemon = rig.serve();
    let caption = "c".repeat(1500);
    rig.say(&format!(
        "demo: sh seq 1 3000 > all.txt; echo x > x.txt; telecoder notify --file x.txt --caption {caption} - < all.txt"
    ));
    let whole = |part: &str| {
        let is_whole = |sent: &Sent| {
            let (name, content) = sent.document.as_ref()?;
            let content = String::from_utf8_lossy(content).into_owned();
            (name.ends_with(".md") && content.contains(part)).then_some(content)
        };
        eventually("the whole is a file", || rig.fake.sent().iter().find_map(is_whole))
    };
    assert!(whole(&caption).contains("2999\n3000"));
    let choice = format!("long {}", "choice ".repeat(30).trim_end());
    rig.say(&format!(
        "demo: sh telecoder notify --ask --choices '{choice},no' \"$(seq 1 3000)\""
    ));
    assert!(whole(&choice).contains("2999\n3000"));
    rig.in_order();
}

#[test]
fn a_file_comes_out_of_a_checkout_that_is_worked_in() {
    let rig = Rig::new();
    let repo = rig.env.git_repo("repo");
    std::fs::write(repo.join("notes.md"), "in place").expect("a file");
    let _daemon = rig.serve();
    let repo = repo.to_string_lossy();
    rig.env
        .cmd(&[
            "run",
            "--name",
            "here",
            "--repo",
            &repo,
            "--in-place",
            "demo: notify it is me",
        ])
        .ok();
    let said = rig.hears("it is me");
    rig.fake.push_reply(ME, ME, "/get notes.md", said.message_id);
    let file = rig.fake.wait_for_send(WAIT_LIMIT, |sent| sent.document.is_some());
    assert_eq!(file.document, Some(("notes.md".into(), b"in place".to_vec())));
    rig.fake.push_reply(ME, ME, "/get ../token", said.message_id);
    rig.hears("leads out");
    rig.in_order();
}

fn refused(words: &str) -> Fault {
    Fault::Refused {
        code: 400,
        words: format!("Bad Request: not enough rights to send {words} to the chat"),
    }
}

#[test]
fn a_chat_that_forbids_pictures_gets_them_as_files() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    rig.fake.fail("sendPhoto", [refused("photos")]);
    rig.say("demo: sh printf '\\211PNG1' > x.png; telecoder notify --file x.png");
    let file = rig.fake.wait_for_send(WAIT_LIMIT, |sent| sent.document.is_some());
    assert!(!file.photo, "{file:?}");
    assert_eq!(file.document, Some(("x.png".into(), b"\x89PNG1".to_vec())));
    rig.in_order();
}

#[test]
fn a_chat_that_forbids_files_hears_so_and_gets_the_rest() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    rig.fake.fail("sendPhoto", [refused("photos")]);
    rig.fake.fail("sendDocument", [refused("documents")]);
    rig.say(
        "demo: sh printf '\\211PNG1' > x.png; echo two > two.txt; telecoder notify --file x.png --file two.txt 'see these'; \
         telecoder notify 'and this'",
    );
    let told = rig.hears("x.png was not sent: Bad Request: not enough rights to send documents");
    let second = rig.fake.wait_for_send(WAIT_LIMIT, |sent| sent.document.is_some());
    assert_eq!(second.document, Some(("two.txt".into(), b"two\n".to_vec())));
    let after = rig.hears("and this");
    assert!(told.message_id < second.message_id && second.message_id < after.message_id);
    let texts = rig.fake.texts(ME);
    assert!(
        !texts.iter().any(|text| text.contains("cannot be reached")),
        "{texts:?}"
    );
    let messages = rig.env.json(&["messages"]);
    let failed: Vec<&Value> = messages
        .as_array()
        .into_iter()
        .flatten()
        .filter(|message| message["state"] == "failed")
        .collect();
    assert_eq!(failed.len(), 1, "what did not arrive whole is no success: {messages:#}");
    assert!(failed[0]["reason"].to_string().contains("not enough rights"));
    rig.in_order();
}
