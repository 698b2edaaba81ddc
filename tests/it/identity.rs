//! Who says something: letters that do not lead to their launch, and hostile files in a mailbox.

use std::path::PathBuf;

use serde_json::Value;

use crate::support::{TestEnv, eventually};

fn mailbox(env: &TestEnv, session: &str) -> PathBuf {
    let id = env.status(session)["id"].as_str().expect("an id").to_owned();
    env.data().join("sessions").join(id).join("launches/1/mail")
}

fn quarantined(env: &TestEnv) -> Vec<Value> {
    let events = env.cmd(&["events", "--json"]).ok().json_lines();
    events
        .into_iter()
        .filter(|event| event["type"] == "letter.quarantined")
        .collect()
}

/// Waits until so many letters were put aside; none of them was delivered, and the person was told of each.
#[track_caller]
fn are_held(env: &TestEnv, session: &str, count: usize) {
    eventually(&format!("{count} letters are put aside"), || {
        (quarantined(env).len() >= count).then_some(())
    });
    assert_eq!(quarantined(env).len(), count, "{:#?}", quarantined(env));
    let messages = env.json(&["messages"]);
    let messages = messages.as_array().expect("a list");
    let text = |message: &Value| message["text"].as_str().unwrap_or_default().to_owned();
    assert!(
        !messages.iter().any(|message| text(message).contains("forged")),
        "{messages:#?}"
    );
    let told = messages
        .iter()
        .filter(|message| text(message).contains("put aside"))
        .count();
    assert_eq!(told, count, "{messages:#?}");
    env.cmd(&["send", session, "--wait", "demo: notify still well"]).ok();
    env.wait_log(session, "still well");
    let left = std::fs::read_dir(mailbox(env, session).join("new"))
        .expect("the mailbox")
        .count();
    assert_eq!(left, 0, "what was put aside is not looked at again");
}

/// A letter that no `telecoder notify` would write.
fn write_by_hand(env: &TestEnv, victim: &str, claims: &str, n: usize) {
    write_one_by_hand(env, victim, claims, n, "notify");
}

fn write_one_by_hand(env: &TestEnv, victim: &str, claims: &str, n: usize, kind: &str) {
    let id = format!("0190f5a0-0000-7000-8000-00000000010{n}");
    let letter = serde_json::json!({
        "v": 1, "id": id, "kind": kind, "event": "Stop", "at": "2026-01-02T03:04:05Z", "session": claims, "launch": 1, "text": "forged",
        "origin": {"pid": std::process::id(), "start": 1, "ancestors": [], "byMount": true},
    });
    let new = mailbox(env, victim).join("new");
    let hidden = new.with_file_name("tmp").join(&id);
    std::fs::write(&hidden, letter.to_string()).expect("a letter");
    std::fs::rename(hidden, new.join(format!("{id}.json"))).expect("a letter");
}

#[test]
fn a_letter_from_outside_the_launch_is_held_and_reported() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    let copy = env.root().join("its-env");
    env.cmd(&[
        "run",
        "--wait",
        "--name",
        "s",
        &format!("demo: sh env > {}", copy.display()),
    ])
    .ok();
    let text = std::fs::read_to_string(&copy).expect("the agent's environment");
    let variables: Vec<(&str, &str)> = text.lines().filter_map(|line| line.split_once('=')).collect();
    let mut command = env.telecoder(&["notify", "forged"]);
    command.env_clear().envs(variables);
    // It says so itself, and whoever writes the letter by hand is not heard either.
    let refused = env.finish(command, &["notify", "forged"], None).exits(6);
    assert!(refused.stderr.contains("Nothing was sent"), "{refused:#?}");
    let id = env.status("s")["id"].as_str().expect("an id").to_owned();
    write_by_hand(&env, "s", &id, 1);
    are_held(&env, "s", 1);
}

/// A launch may say that its agent's sandbox hides who writes; then one that was opened for the mailbox speaks for its writer.
#[test]
fn a_mailbox_that_is_mounted_speaks_where_the_launch_says_so_and_for_no_hook() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    env.cmd(&["run", "--wait", "--name", "s", "hello"]).ok();
    let id = env.status("s")["id"].as_str().expect("an id").to_owned();
    write_by_hand(&env, "s", &id, 1);
    are_held(&env, "s", 1);
    let record = mailbox(&env, "s").with_file_name("ctl").join("shim.json");
    let text = std::fs::read_to_string(&record).expect("the shim's record");
    let mut shim: Value = serde_json::from_str(&text).expect("JSON");
    assert!(shim.get("mountCounts").is_none(), "{shim}");
    shim["mountCounts"] = true.into();
    std::fs::write(&record, shim.to_string()).expect("a record");
    write_one_by_hand(&env, "s", &id, 2, "hook");
    are_held(&env, "s", 2);
    write_by_hand(&env, "s", &id, 3);
    eventually("the message", || {
        env.cmd(&["messages"]).ok().stdout.contains("forged").then_some(())
    });
    assert_eq!(quarantined(&env).len(), 2, "{:#?}", quarantined(&env));
}

#[test]
fn a_letter_from_another_sessions_agent_is_held_and_reported() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    env.cmd(&["run", "--wait", "--name", "victim", "hello"]).ok();
    env.cmd(&["run", "--wait", "--name", "other", "hello"]).ok();
    let mail = mailbox(&env, "victim");
    let id = env.status("victim")["id"].as_str().expect("an id").to_owned();
    // With its own words about itself, and with the victim's.
    let other = env.status("other")["id"].as_str().expect("an id").to_owned();
    for (n, (claim, session)) in [
        (String::new(), &other),
        (format!("TELECODER_SESSION={id} TELECODER_LAUNCH=1 "), &id),
    ]
    .into_iter()
    .enumerate()
    {
        let forge = format!(
            "demo: sh {claim}TELECODER_MAILBOX={} telecoder notify forged; echo code $?",
            mail.display()
        );
        env.cmd(&["send", "other", "--wait", &forge]).ok();
        env.wait_screen("other", "code 6");
        write_by_hand(&env, "victim", session, n);
    }
    are_held(&env, "victim", 2);
}

#[test]
fn hostile_files_are_put_aside_and_the_agent_goes_on() {
    let env = TestEnv::new();
    let _daemon = env.serve();
    env.cmd(&["run", "--wait", "--name", "s", "hello"]).ok();
    let new = mailbox(&env, "s").join("new");
    let name = |n: u32| new.join(format!("0190f5a0-0000-7000-8000-00000000000{n}.json"));
    std::os::unix::fs::symlink("/etc/passwd", name(1)).expect("a link");
    rustix::fs::mkfifoat(rustix::fs::CWD, name(2), rustix::fs::Mode::RUSR).expect("a pipe");
    std::fs::write(name(3), vec![b' '; 300 * 1024]).expect("a huge file");
    std::fs::write(new.join("forged.json"), "{}").expect("a forged name");
    std::fs::write(name(4), "{\"v\":1,\"text\":\"forged\"}").expect("no letter");
    std::fs::create_dir(name(5)).expect("a directory");
    // The next thing that happens in the mailbox, or this very change, makes the daemon look.
    are_held(&env, "s", 6);
}
