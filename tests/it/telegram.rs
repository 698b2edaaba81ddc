//! Telegram end to end: the binary, real sessions of the bundled agent, and a strict fake of the Bot API.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::delivery::transcript;
use crate::fakes::telegram::{FakeTelegram, Fault, Sent, TOKEN};
use crate::support::{Daemon, TestEnv, WAIT_LIMIT, eventually, eventually_within};

mod answers;
mod buttons;
mod commands;
mod crashes;
mod files;
mod inbox;
mod init;
mod life;
mod many;
mod people;
mod progress;
mod receipts;
mod storm;
mod texts;
mod topics;

pub const ME: i64 = 7;
const STRANGER: i64 = 666;
/// How much faster than the world the limits' clock runs.
const PACE: u32 = 50;

/// An installation with a bot.
pub struct Rig {
    pub env: TestEnv,
    pub fake: FakeTelegram,
}

impl Rig {
    pub fn new() -> Self {
        Self::with_chats(&[ME])
    }

    /// An installation that listens to these private chats; the first is home.
    pub fn with_chats(chats: &[i64]) -> Self {
        // The limits of the server and ours run on one clock.
        Self::paced(chats, PACE)
    }

    fn paced(chats: &[i64], scale: u32) -> Self {
        let mut rig = Self {
            env: TestEnv::new(),
            fake: FakeTelegram::start(),
        };
        rig.env.set_env("TELECODER_TEST_PACE", &scale.to_string());
        rig.fake.limit(scale);
        for chat in chats {
            rig.fake.add_chat(*chat);
        }
        rig.configure(chats, "standard");
        rig
    }

    fn configure(&self, allow: &[i64], policy: &str) {
        self.configure_with(allow, policy, "", "");
    }

    /// With more lines of `[telegram]`, and more tables.
    pub fn configure_with(&self, allow: &[i64], policy: &str, telegram: &str, tables: &str) {
        let token_file = self.write_token(TOKEN);
        self.env.write_config(&format!(
            "default_agent = \"demo\"\ndefault_policy = \"{policy}\"\n[telegram]\ntoken_file = {token_file:?}\napi_url = {:?}\n\
             allow = {allow:?}\nhome_chat = {ME}\npoll_timeout_s = 2\n\
             {telegram}\n{tables}\n",
            self.fake.api_url(),
        ));
    }

    /// Returns the token's file.
    fn write_token(&self, token: &str) -> PathBuf {
        let file = self.env.root().join("token");
        std::fs::write(&file, token).expect("the token's file");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("its mode");
        file
    }

    pub fn serve(&self) -> Daemon {
        self.env.serve()
    }

    pub fn say(&self, text: &str) -> i64 {
        self.fake.push_text(ME, ME, text)
    }

    #[track_caller]
    pub fn hears(&self, part: &str) -> Sent {
        self.fake
            .wait_for_send(WAIT_LIMIT, |sent| sent.chat_id == ME && sent.text.contains(part))
    }

    /// The newest message that holds `part`, of those behind the first `skip`.
    #[track_caller]
    fn hears_after(&self, skip: usize, part: &str) -> Sent {
        eventually(&format!("{part:?} is said"), || {
            self.fake
                .sent()
                .into_iter()
                .skip(skip)
                .find(|sent| sent.text.contains(part))
        })
    }

    pub fn sessions(&self) -> Vec<Value> {
        self.env
            .json(&["list", "--all"])
            .as_array()
            .cloned()
            .unwrap_or_default()
    }

    /// Waits until all sessions are idle without waiting prompts.
    pub fn quiet(&self) {
        eventually("every session is idle", || {
            let busy = |s: &Value| {
                // A prompt that is being typed waits no more, and works not yet.
                let typed = matches!(s["turn"]["state"].as_str(), Some("typing" | "typed"));
                s["status"] != "idle" || s["queuedPrompts"] != 0 || typed
            };
            (!self.sessions().iter().any(busy)).then_some(())
        });
    }

    /// The prompts of all sessions as their agents wrote them down.
    pub fn prompts(&self) -> Vec<String> {
        self.sessions()
            .iter()
            .flat_map(|session| transcript(&self.env, session))
            .collect()
    }

    fn in_order(&self) {
        assert_eq!(self.fake.violations(), Vec::<String>::new());
    }
}

#[test]
fn text_becomes_a_prompt_and_notify_an_answer() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    rig.say("demo: notify hello from **inside**");
    let reply = rig.hears("hello from inside");
    let name = rig.sessions()[0]["name"].as_str().expect("a name").to_owned();
    assert_eq!(reply.text, format!("{name}\nhello from inside"));
    assert!(reply.entities.iter().any(|entity| entity["type"] == "bold"));
    rig.say("second prompt");
    rig.fake.wait_until_confirmed(WAIT_LIMIT);
    eventually("both prompts are taken", || (rig.prompts().len() == 2).then_some(()));
    assert_eq!(rig.sessions().len(), 1, "the first text made the only session");
    assert_eq!(rig.prompts(), ["demo: notify hello from **inside**", "second prompt"]);
    rig.in_order();
}

#[test]
fn replies_go_to_their_session_and_the_active_one_survives_a_restart() {
    let rig = Rig::new();
    let daemon = rig.serve();
    rig.say("/new one");
    let first = rig.hears("New session one");
    rig.say("/new two");
    rig.hears("New session two");
    rig.fake.push_reply(ME, ME, "for one", first.message_id);
    rig.say("for two");
    rig.fake.wait_until_confirmed(WAIT_LIMIT);
    let daemon = daemon.restart(&rig.env);
    rig.say("for two again");
    eventually("all prompts are taken", || (rig.prompts().len() == 3).then_some(()));
    assert_eq!(transcript(&rig.env, &rig.env.status("one")), ["for one"]);
    assert_eq!(
        transcript(&rig.env, &rig.env.status("two")),
        ["for two", "for two again"]
    );
    rig.say("/switch one");
    rig.hears("go to one now");
    rig.say("for one again");
    eventually("it is taken", || {
        (transcript(&rig.env, &rig.env.status("one")).len() == 2).then_some(())
    });
    assert_eq!(rig.sessions().len(), 2);
    drop(daemon);
    rig.in_order();
}

#[test]
fn strangers_meet_silence_and_leave_a_trace() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    rig.fake.push_text(STRANGER, STRANGER, "let me in");
    rig.fake.push_text(STRANGER, STRANGER, "/screen");
    rig.fake.push_text(-100, ME, "in a group that is not allowed");
    rig.fake
        .push_update(json!({"edited_message": {"message_id": 5, "date": 0, "text": "x",
        "chat": {"id": STRANGER, "type": "private"}, "from": {"id": STRANGER, "is_bot": false}}}));
    rig.fake
        .push_update(json!({"callback_query": {"id": "1", "data": "x", "from": {"id": STRANGER, "is_bot": false}}}));
    rig.fake.wait_until_confirmed(WAIT_LIMIT);
    let refused = rig.env.cmd(&["events", "--json"]).ok().json_lines();
    let refused: Vec<&Value> = refused
        .iter()
        .filter(|event| event["type"] == "access.refused")
        .collect();
    assert_eq!(refused.len(), 5, "{refused:#?}");
    assert!(
        !format!("{refused:?}").contains("let me in"),
        "no text of a stranger's is kept"
    );
    assert_eq!(rig.sessions().len(), 0);
    assert!(rig.fake.calls_of("sendMessage").is_empty());
    rig.in_order();
}

#[test]
fn an_empty_allowlist_is_nobody() {
    let rig = Rig::new();
    rig.configure(&[], "standard");
    let _daemon = rig.serve();
    rig.say("hello?");
    rig.fake.wait_until_confirmed(WAIT_LIMIT);
    assert_eq!(rig.sessions().len(), 0);
    assert!(rig.fake.calls_of("sendMessage").is_empty());
}

#[test]
fn a_dialog_is_shown_and_text_refused_until_keys_answer_it() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    rig.say("demo: ask May I delete everything?\ndemo: notify went on");
    rig.hears("May I delete everything?");
    let refused = rig.say("yes please");
    let told = rig
        .fake
        .wait_for_send(WAIT_LIMIT, |sent| sent.reply_to == Some(refused));
    assert!(
        told.text.contains("Not sent") && told.text.contains("May I delete everything?"),
        "{told:?}"
    );
    rig.say("/key 1");
    rig.hears("went on");
    assert_eq!(rig.prompts().len(), 1);
    rig.in_order();
}

#[test]
fn a_reply_that_is_faster_than_the_servers_answer_finds_its_session() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    rig.fake.fail("sendMessage", [Fault::Slow { millis: 2000 }]);
    rig.env
        .cmd(&["run", "--name", "cli", "demo: notify from the desk"])
        .ok();
    // Shown already, and its id is not told yet.
    let reply = rig.hears("from the desk");
    rig.fake.push_reply(ME, ME, "a word back", reply.message_id);
    rig.hears("got 11 bytes");
    assert_eq!(transcript(&rig.env, &rig.env.status("cli"))[1], "a word back");
    assert_eq!(rig.sessions().len(), 1);
    rig.in_order();
}

#[test]
fn a_session_of_the_command_line_reports_home() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    rig.env
        .cmd(&["run", "--name", "cli", "demo: notify from the desk"])
        .ok();
    let reply = rig.hears("from the desk");
    rig.fake.push_reply(ME, ME, "a word back", reply.message_id);
    eventually("the reply is its second prompt", || {
        (transcript(&rig.env, &rig.env.status("cli")).get(1)? == "a word back").then_some(())
    });
    assert_eq!(rig.sessions().len(), 1);
    rig.in_order();
}

#[test]
fn a_reply_to_a_question_answers_it() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    rig.say("demo: sh telecoder notify \"got $(telecoder notify --ask --choices red,blue 'Which colour?')\"");
    let question = rig.hears("Which colour?");
    assert!(question.text.contains("1. red\n2. blue"), "{question:?}");
    rig.fake.push_reply(ME, ME, "2", question.message_id);
    rig.hears("Answered: blue");
    rig.hears("got blue");
    assert_eq!(rig.prompts().len(), 1, "the answer was no prompt");
    rig.in_order();
}

#[test]
fn files_and_outcomes_go_out() {
    let rig = Rig::new();
    let _daemon = rig.serve();
    rig.say(
        "demo: sh printf content > report.txt && telecoder notify --file report.txt --caption 'the report' 'see the file' && \
         telecoder notify --done --changed 'the parser' --next 'review it'",
    );
    let file = rig.fake.wait_for_send(WAIT_LIMIT, |sent| sent.document.is_some());
    assert_eq!(file.document, Some(("report.txt".into(), b"content".to_vec())));
    assert_eq!(file.text, "the report");
    rig.hears("Changed: the parser\nNext: review it");
    rig.in_order();
}

#[test]
fn an_update_that_comes_twice_is_one_prompt() {
    let rig = Rig::new();
    let daemon = rig.serve();
    rig.say("only once");
    eventually("it is taken", || (rig.prompts().len() == 1).then_some(()));
    rig.fake.wait_until_confirmed(WAIT_LIMIT);
    drop(daemon);
    rig.fake.repeat_update(
        json!({"update_id": 1000, "message": {"message_id": 1, "date": 0, "text": "only once",
        "chat": {"id": ME, "type": "private"}, "from": {"id": ME, "is_bot": false}}}),
    );
    let _daemon = rig.serve();
    rig.say("and then this");
    eventually("the next is taken", || {
        rig.prompts().contains(&"and then this".to_owned()).then_some(())
    });
    assert_eq!(rig.prompts(), ["only once", "and then this"]);
}

#[test]
fn trouble_of_the_server_passes() {
    let rig = Rig::new();
    rig.fake
        .fail("getUpdates", [Fault::Conflict, Fault::BadGateway, Fault::DropBefore]);
    rig.fake.fail(
        "sendMessage",
        [Fault::BadEntities, Fault::TooManyRequests { retry_after: 1 }],
    );
    let _daemon = rig.serve();
    rig.say("demo: notify through **it** all");
    rig.hears("through it all");
    rig.in_order();
}

#[test]
fn the_token_is_nowhere() {
    let rig = Rig::new();
    rig.fake.fail("getUpdates", [Fault::Unauthorized]);
    rig.fake.fail("sendMessage", [Fault::DropBefore, Fault::ServerError]);
    rig.env.cmd(&["health"]);
    let daemon = rig.serve();
    rig.env
        .cmd(&[
            "run",
            "--name",
            "s",
            "demo: sh env > env.txt; cat /proc/self/environ > environ.txt",
        ])
        .ok();
    rig.quiet();
    rig.fake.wait_for_calls(WAIT_LIMIT, "getUpdates", 1);
    assert!(!daemon.log().contains("fake-token"), "{}", daemon.log());
    let command_line = std::fs::read(format!("/proc/{}/cmdline", daemon.pid())).expect("it runs");
    assert!(!String::from_utf8_lossy(&command_line).contains("fake-token"));
    holds_no_token(&rig.env.data());
}

/// Looks through every file beneath a directory.
fn holds_no_token(dir: &Path) {
    for entry in std::fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        let meta = std::fs::symlink_metadata(&path).expect("it is there");
        if meta.is_dir() {
            holds_no_token(&path);
        } else if meta.is_file() {
            let content = std::fs::read(&path).expect("readable");
            let found = content.windows(10).any(|window| window == b"fake-token");
            assert!(!found, "the token is in {}", path.display());
        }
    }
}
