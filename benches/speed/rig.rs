//! The one installation that is measured.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::api;
use crate::fakes::telegram::{FakeTelegram, TOKEN};
use crate::support::{Daemon, TestEnv, WAIT_LIMIT};
use crate::tap::Tap;

/// Sessions that are alive when many are measured.
pub const SESSIONS: usize = 100;
/// Chats that take turns, so that no sample waits for the pace of its chat.
pub const CHATS: [i64; 8] = [11, 12, 13, 14, 15, 16, 17, 18];
/// The chat that talks to the reader.
pub const READER_CHAT: i64 = 21;
/// The session whose agent is the bench's reader.
pub const READER: &str = "reader";

pub struct Rig {
    // Dropped in this order: the daemon before the directory that it works in.
    pub daemon: Daemon,
    pub env: TestEnv,
    pub fake: FakeTelegram,
    /// What the reader's terminal brings.
    pub tap: Tap,
}

impl Rig {
    pub fn start() -> Self {
        let (env, fake) = (TestEnv::new(), FakeTelegram::start());
        let tap = Tap::new(env.root().join("tap"));
        for chat in CHATS.iter().chain([&READER_CHAT]) {
            fake.add_chat(*chat);
        }
        configure(&env, &fake, &tap);
        let rig = Self {
            daemon: env.serve(),
            env,
            fake,
            tap,
        };
        rig.begin_sessions();
        rig
    }

    pub fn socket(&self) -> PathBuf {
        self.env.api_sock()
    }

    /// The session of one of [`CHATS`].
    pub fn chat_session(chat: i64) -> String {
        format!("chat{chat}")
    }

    fn begin_sessions(&self) {
        let socket = self.socket();
        api::create(&socket, READER, READER);
        self.tap.wait_ready();
        self.bind(READER_CHAT, READER);
        for chat in CHATS {
            let name = Self::chat_session(chat);
            api::create(&socket, "demo", &name);
            self.bind(chat, &name);
        }
    }

    /// From now on the chat talks to the session, and the session to the chat.
    fn bind(&self, chat: i64, session: &str) {
        api::wait_idle(&self.socket(), session);
        self.fake.push_text(chat, chat, &format!("/switch {session}"));
        self.fake.wait_for_send(WAIT_LIMIT, |sent| sent.chat_id == chat);
    }

    /// Starts sessions of the bundled agent until there are [`SESSIONS`].
    pub fn fill_up(&self) {
        let socket = self.socket();
        let there = api::get(&socket, "/v1/sessions").as_array().map_or(0, Vec::len);
        let names: Vec<String> = (there..SESSIONS).map(|number| format!("fill{number}")).collect();
        for name in &names {
            api::create(&socket, "demo", name);
        }
        for name in &names {
            api::wait_idle(&socket, name);
        }
    }
}

fn configure(env: &TestEnv, fake: &FakeTelegram, tap: &Tap) {
    let token = env.root().join("token");
    std::fs::write(&token, TOKEN).expect("the token's file");
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).expect("its mode");
    let [program, flag, socket] = tap.command();
    let allow: Vec<i64> = CHATS.into_iter().chain([READER_CHAT]).collect();
    env.write_config(&format!(
        "default_agent = \"demo\"\nmax_active_sessions = {}\n\
         [agents.{READER}]\nkind = \"custom\"\ncommand = {program:?}\nargs = [{flag:?}, {socket:?}]\n\
         [telegram]\ntoken_file = {token:?}\napi_url = {:?}\nallow = {allow:?}\nhome_chat = {}\n",
        SESSIONS + 8,
        fake.api_url(),
        CHATS[0],
    ));
}
